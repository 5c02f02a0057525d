"""A small Kafka client that shows what clients hide: raw batches, error codes, frames cut short.

Only non-flexible versions, so that every request here is readable as it stands. Standard library only: deploy/compare.py
uses it on machines where nothing else is installed.
"""
from __future__ import annotations

import collections
import socket
import struct
import time
from dataclasses import dataclass, field

import batch

PRODUCE, FETCH, LIST_OFFSETS, METADATA, OFFSET_COMMIT, API_VERSIONS = 0, 1, 2, 3, 8, 18
CREATE_TOPICS, DELETE_TOPICS, DELETE_RECORDS, INIT_PRODUCER_ID = 19, 20, 21, 22
OFFSET_FOR_LEADER_EPOCH, CREATE_PARTITIONS, INCREMENTAL_ALTER_CONFIGS = 23, 37, 44
OK, OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER = 0, 1, 2, 3, 6
MESSAGE_TOO_LARGE, INVALID_REQUIRED_ACKS, UNSUPPORTED_VERSION, TOPIC_ALREADY_EXISTS = 10, 21, 35, 36
COORDINATOR_NOT_AVAILABLE = 15
INVALID_REQUEST, POLICY_VIOLATION, OUT_OF_ORDER_SEQUENCE, KAFKA_STORAGE_ERROR, INVALID_RECORD = 42, 44, 45, 56, 87
LATEST, EARLIEST = -1, -2


class Writer:
    def __init__(self) -> None:
        self.data = bytearray()

    def ints(self, layout: str, *values: int) -> Writer:
        self.data += struct.pack(">" + layout, *values)
        return self

    def string(self, text: str | None) -> Writer:
        if text is None:
            return self.ints("h", -1)
        self.ints("h", len(text.encode()))
        self.data += text.encode()
        return self

    def blob(self, data: bytes | None) -> Writer:
        self.ints("i", -1 if data is None else len(data))
        self.data += data or b""
        return self


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def ints(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(">" + layout, self.data, self.at)
        self.at += struct.calcsize(">" + layout)
        return values

    def int(self, layout: str) -> int:
        return self.ints(layout)[0]

    def string(self) -> str | None:
        length = self.int("h")
        return None if length < 0 else self._take(length).decode()

    def blob(self) -> bytes:
        return self._take(max(0, self.int("i")))

    def count(self) -> range:
        return range(max(0, self.int("i")))

    def _take(self, length: int) -> bytes:
        if self.at + length > len(self.data):
            raise ValueError(f"{length} bytes wanted at {self.at} of {len(self.data)}")
        self.at += length
        return self.data[self.at - length:self.at]


@dataclass
class Fetched:
    error: int
    high_watermark: int
    last_stable_offset: int
    log_start: int
    aborted: list[tuple[int, int]]
    records: bytes


@dataclass
class Produced:
    error: int
    base_offset: int
    message: str | None


@dataclass
class Dump:
    """Everything of one partition that a client may read."""

    start: int
    end: int
    data: bytes
    batches: list[batch.Batch] = field(repr=False, default_factory=list)


class Connection:
    """One connection; answers come in the order of the requests. `address` is host:port."""

    def __init__(self, address: str, timeout: float = 20.0) -> None:
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._correlation = 0
        self._unanswered: collections.deque[int] = collections.deque()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def frame(self, key: int, version: int, body: bytes) -> bytes:
        self._correlation += 1
        head = Writer().ints("hhi", key, version, self._correlation).string("atoll-wire")
        return struct.pack(">i", len(head.data) + len(body)) + bytes(head.data) + body

    def call(self, key: int, version: int, body: Writer) -> Reader:
        self.send(key, version, body)
        return self.receive_answer()

    def send(self, key: int, version: int, body: Writer) -> None:
        """Several may be sent before the first answer is received."""
        self.socket.sendall(self.frame(key, version, bytes(body.data)))
        self._unanswered.append(self._correlation)

    def receive_answer(self) -> Reader:
        """The answer to the oldest request that has none."""
        answer = Reader(self.receive())
        request = self._unanswered.popleft()
        if (correlation := answer.int("i")) != request:
            raise ValueError(f"answer {correlation} to request {request}")
        return answer

    def receive(self) -> bytes:
        """The next frame without its length. ConnectionError when the peer closes."""
        return self._exactly(struct.unpack(">i", self._exactly(4))[0])

    def _exactly(self, count: int) -> bytes:
        chunks = bytearray()
        while len(chunks) < count:
            chunk = self.socket.recv(min(1 << 20, count - len(chunks)))
            if not chunk:
                raise ConnectionError(f"closed after {len(chunks)} of {count} bytes")
            chunks += chunk
        return bytes(chunks)

    # --- one function per API ---

    def api_versions(self) -> dict[int, tuple[int, int]]:
        answer = self.call(API_VERSIONS, 0, Writer())
        if error := answer.int("h"):
            raise ValueError(f"ApiVersions: error {error}")
        return {key: (low, high) for key, low, high in (answer.ints("hhh") for _ in answer.count())}

    def partitions(self, topic: str) -> list[int]:
        """The topic's partitions, sorted; empty when there is no such topic."""
        answer = self.call(METADATA, 4, Writer().ints("i", 1).string(topic).ints("b", 0))
        answer.int("i")  # throttle
        for _ in answer.count():
            answer.int("i"), answer.string(), answer.int("i"), answer.string()  # broker: id, host, port, rack
        answer.string(), answer.int("i"), answer.int("i")  # cluster id, controller, one topic
        error = answer.int("h")
        answer.string(), answer.int("b")  # name, internal
        found = []
        for _ in answer.count():
            found.append(answer.ints("hii")[1])
            for _ in range(2):  # replicas, in-sync replicas
                answer.ints(f"{len(answer.count())}i")
        return sorted(found) if error == OK else []

    def offset(self, topic: str, partition: int, timestamp: int) -> tuple[int, int]:
        """(error, offset) of the first record at or after `timestamp`, or of EARLIEST / LATEST."""
        body = Writer().ints("i", -1).ints("i", 1).string(topic).ints("iiq", 1, partition, timestamp)
        answer = self.call(LIST_OFFSETS, 1, body)
        answer.int("i"), answer.string(), answer.int("i")
        _, error, _, found = answer.ints("ihqq")
        return error, found

    def fetch(self, topic: str, partition: int, offset: int, *, max_bytes: int = 16 << 20, wait_ms: int = 0,
              min_bytes: int = 1, committed: bool = False) -> Fetched:
        self.send_fetch(topic, partition, offset, max_bytes, wait_ms, min_bytes, committed)
        return self.receive_fetched()

    def send_fetch(self, topic: str, partition: int, offset: int, max_bytes: int = 16 << 20, wait_ms: int = 0,
                   min_bytes: int = 1, committed: bool = False) -> None:
        body = Writer().ints("iiiibii", -1, wait_ms, min_bytes, max_bytes, int(committed), 0, -1)  # no session
        body.ints("i", 1).string(topic).ints("iiiqqi", 1, partition, -1, offset, -1, max_bytes)
        self.send(FETCH, 11, body.ints("i", 0).string(""))

    def receive_fetched(self) -> Fetched:
        answer = self.receive_answer()
        throttle, error, session, topics = answer.ints("ihii")
        if error != OK or topics != 1:
            return Fetched(error or UNKNOWN_TOPIC_OR_PARTITION, -1, -1, -1, [], b"")
        answer.string(), answer.int("i"), answer.int("i")
        error, high_watermark, stable, log_start = answer.ints("hqqq")
        aborted = [answer.ints("qq") for _ in answer.count()]
        answer.int("i")  # preferred replica
        return Fetched(error, high_watermark, stable, log_start, aborted, answer.blob())

    def produce(self, topic: str, partition: int, records: bytes, acks: int = -1) -> Produced:
        self.send_produce(topic, partition, records, acks)
        return self.receive_produced()

    def send_produce(self, topic: str, partition: int, records: bytes, acks: int = -1) -> None:
        body = Writer().string(None).ints("hii", acks, 10_000, 1).string(topic).ints("ii", 1, partition)
        self.send(PRODUCE, 8, body.blob(records))

    def receive_produced(self) -> Produced:
        answer = self.receive_answer()
        answer.int("i"), answer.string(), answer.int("i")
        _, error, base_offset, _, _ = answer.ints("ihqqq")
        for _ in answer.count():  # record errors
            answer.int("i"), answer.string()
        return Produced(error, base_offset, answer.string())

    def create_topic(self, topic: str, partitions: int = 1, **configs: str) -> int:
        body = Writer().ints("i", 1).string(topic).ints("ihi", partitions, 1, 0).ints("i", len(configs))
        for name, value in configs.items():
            body.string(name.replace("_", ".")).string(value)
        answer = self.call(CREATE_TOPICS, 4, body.ints("ib", 10_000, 0))
        answer.ints("ii"), answer.string()
        return answer.int("h")

    def delete_topic(self, topic: str) -> int:
        answer = self.call(DELETE_TOPICS, 3, Writer().ints("i", 1).string(topic).ints("i", 10_000))
        answer.ints("ii"), answer.string()
        return answer.int("h")

    def delete_records(self, topic: str, partition: int, before: int) -> int:
        body = Writer().ints("i", 1).string(topic).ints("iiqi", 1, partition, before, 10_000)
        answer = self.call(DELETE_RECORDS, 1, body)
        answer.ints("ii"), answer.string(), answer.int("i")
        return answer.ints("iqh")[2]

    def commit_offset(self, group: str, topic: str, partition: int, offset: int) -> int:
        """As a simple consumer: no generation, no member id."""
        body = Writer().string(group).ints("i", -1).string("").ints("qi", -1, 1).string(topic)
        answer = self.call(OFFSET_COMMIT, 2, body.ints("iiq", 1, partition, offset).string(""))
        answer.int("i"), answer.string(), answer.int("i")
        return answer.ints("ih")[1]

    def init_producer_id(self) -> tuple[int, int, int]:
        """(error, producer id, epoch) of a new idempotent producer."""
        answer = self.call(INIT_PRODUCER_ID, 1, Writer().string(None).ints("i", 60_000))
        answer.int("i")
        return answer.ints("hqh")

    def create_partitions(self, topic: str, count: int) -> int:
        body = Writer().ints("i", 1).string(topic).ints("iiib", count, -1, 10_000, 0)
        answer = self.call(CREATE_PARTITIONS, 1, body)
        answer.ints("ii"), answer.string()
        return answer.int("h")

    def set_config(self, topic: str, name: str, value: str) -> int:
        body = Writer().ints("ib", 1, 2).string(topic).ints("i", 1).string(name).ints("b", 0).string(value)
        return self.call(INCREMENTAL_ALTER_CONFIGS, 0, body.ints("b", 0)).ints("iih")[2]

    def epoch_end(self, topic: str, partition: int, epoch: int) -> tuple[int, int, int]:
        """(error, epoch, end offset) of the largest epoch at or below `epoch`."""
        body = Writer().ints("i", -1).ints("i", 1).string(topic).ints("iiii", 1, partition, -1, epoch)
        answer = self.call(OFFSET_FOR_LEADER_EPOCH, 3, body)
        answer.ints("ii"), answer.string(), answer.int("i")
        error, _, found, end = answer.ints("hiiq")
        return error, found, end


def dump(address: str, topic: str, partition: int, timeout: float = 60.0) -> Dump:
    """The batches of [log start, high watermark) as they come from the broker, byte for byte."""
    deadline = time.monotonic() + timeout
    with Connection(address) as connection:
        error, start = connection.offset(topic, partition, EARLIEST)
        if error != OK:
            raise ValueError(f"{address} {topic}-{partition}: ListOffsets error {error}")
        error, end = connection.offset(topic, partition, LATEST)
        position, chunks, batches = start, [], []
        while position < end:
            got = connection.fetch(topic, partition, position, wait_ms=200)
            if got.error != OK:
                raise ValueError(f"{address} {topic}-{partition} at {position}: Fetch error {got.error}")
            whole = batch.split(got.records)
            if whole:
                batches += whole
                chunks += [one.data for one in whole]
                position = whole[-1].next_offset
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{address} {topic}-{partition}: nothing from {position} of {end}")
        return Dump(start, end, b"".join(chunks), batches)


def first_difference(left: Dump, right: Dump) -> str | None:
    """None when both hold the same batches at the same offsets; else where they part."""
    if (left.start, left.end) != (right.start, right.end):
        return f"one is [{left.start}, {left.end}), the other [{right.start}, {right.end})"
    if left.data == right.data:
        return None
    for one, other in zip(left.batches, right.batches):
        if one.data != other.data:
            return f"batch at {one.base_offset} against {other.base_offset}: {one.data[:61].hex()} / {other.data[:61].hex()}"
    return f"{len(left.batches)} batches against {len(right.batches)}"
