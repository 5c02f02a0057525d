"""A Kafka source that lies on demand: one topic whose batches are whatever bytes a test puts there.

Serves what a mirror asks of a source: ApiVersions, Metadata, DescribeConfigs, ListOffsets, OffsetForLeaderEpoch and Fetch
(without sessions). A thread per connection; standard library only.
"""
from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import uuid

import batch
import wire
from ports import free_port
from wire import Reader, Writer

DESCRIBE_CONFIGS = 32
VERSIONS = {wire.FETCH: (4, 11), wire.LIST_OFFSETS: (1, 5), wire.METADATA: (10, 12), wire.API_VERSIONS: (0, 3),
            wire.OFFSET_FOR_LEADER_EPOCH: (2, 3), DESCRIBE_CONFIGS: (1, 3)}
FLEXIBLE_FROM = {wire.METADATA: 9, wire.API_VERSIONS: 3}


def _compact(text: str) -> bytes:
    return bytes([len(text) + 1]) + text.encode()


class FakeKafka:
    """`logs[partition]` is a list of batches (bytes) at rising offsets; a test may change it at any time."""

    def __init__(self, topic: str, partitions: int = 1, epoch: int = 0, node: int = 1) -> None:
        self.topic, self.epoch = topic, epoch
        self.node = node  # The only broker; a region's is its ordinal.
        self.topic_id = uuid.uuid4()
        self.logs: list[list[bytes]] = [[] for _ in range(partitions)]
        self.fetches = 0
        self.silent = threading.Event()  # Set: requests are read and not answered, as a half-open peer does.
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"
        self._open: set[socket.socket] = set()
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def append(self, partition: int, values: list[bytes]) -> int:
        """A good batch at the end; its base offset."""
        base = self.end(partition)
        self.logs[partition].append(batch.make(list(values), base_offset=base, epoch=self.epoch))
        return base

    def move_to(self, node: int, epoch: int, cut: int) -> None:
        """Another region owns the topic now, and had everything below `cut`."""
        for log in self.logs:
            log[:] = [one for one in log if struct.unpack_from(">q", one)[0] < cut]
        self.node, self.epoch = node, epoch
        for connection in list(self._open):
            with contextlib.suppress(OSError):  # Closed by its own thread meanwhile.
                connection.shutdown(socket.SHUT_RDWR)

    def end(self, partition: int) -> int:
        if not self.logs[partition]:
            return 0
        last = self.logs[partition][-1]  # Read from the header's place: the batch may be a bad one.
        return struct.unpack_from(">q", last)[0] + struct.unpack_from(">i", last, 23)[0] + 1

    def stop(self) -> None:
        self._stopped.set()
        self._listener.close()
        for connection in list(self._open):
            connection.close()

    def __enter__(self) -> FakeKafka:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- serving ---

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while len(size := stream.read(4)) == 4:
                    request = Reader(stream.read(struct.unpack(">i", size)[0]))
                    key, version, correlation = request.ints("hhi")
                    request.string()  # client id
                    if self.silent.is_set():
                        continue
                    answer = Writer().ints("i", correlation)
                    if version >= FLEXIBLE_FROM.get(key, 99) and key != wire.API_VERSIONS:
                        request.int("b"), answer.ints("b", 0)  # no tagged fields
                    self._answer(key, version, request, answer)
                    connection.sendall(struct.pack(">i", len(answer.data)) + answer.data)
        except (OSError, ValueError, struct.error):
            pass  # The peer or the test closed it.
        finally:
            self._open.discard(connection)

    def _answer(self, key: int, version: int, request: Reader, out: Writer) -> None:
        if key not in VERSIONS:
            raise ValueError(f"nobody said that API {key} is here")
        {wire.API_VERSIONS: self._api_versions, wire.METADATA: self._metadata, wire.FETCH: self._fetch,
         wire.LIST_OFFSETS: self._list_offsets, wire.OFFSET_FOR_LEADER_EPOCH: self._epoch_end,
         DESCRIBE_CONFIGS: self._describe_configs}[key](version, request, out)

    def _api_versions(self, version: int, _: Reader, out: Writer) -> None:
        known = version <= VERSIONS[wire.API_VERSIONS][1]
        flexible = known and version >= 3
        out.ints("h", wire.OK if known else wire.UNSUPPORTED_VERSION)
        out.ints("b", len(VERSIONS) + 1) if flexible else out.ints("i", len(VERSIONS))
        for key, (low, high) in VERSIONS.items():
            out.ints("hhh", key, low, high)
            if flexible:
                out.ints("b", 0)
        if known and version >= 1:
            out.ints("i", 0)
        if flexible:
            out.ints("b", 0)

    def _metadata(self, version: int, _: Reader, out: Writer) -> None:
        out.ints("ib", 0, 2).ints("i", self.node)  # throttle, one broker
        out.data += _compact("127.0.0.1")
        out.ints("ibb", self._port, 0, 0)
        out.data += _compact("fake-cluster")
        out.ints("ib", self.node, 2).ints("h", wire.OK)  # controller, one topic
        out.data += _compact(self.topic) + self.topic_id.bytes
        out.ints("bb", 0, len(self.logs) + 1)
        for partition in range(len(self.logs)):
            out.ints("hiii", wire.OK, partition, self.node, self.epoch)
            out.ints("bi", 2, self.node).ints("bi", 2, self.node).ints("bb", 1, 0)  # replicas, in sync, offline, tags
        out.ints("ib", -2147483648, 0)
        if version == 10:
            out.ints("i", -2147483648)
        out.ints("b", 0)

    def _describe_configs(self, version: int, request: Reader, out: Writer) -> None:
        resources = [(request.int("b"), request.string(), [request.string() for _ in request.count()])[:2]
                     for _ in request.count()]
        out.ints("ii", 0, len(resources))
        for kind, name in resources:
            out.ints("h", wire.OK).string(None).ints("b", kind).string(name).ints("i", 0)

    def _list_offsets(self, version: int, request: Reader, out: Writer) -> None:
        request.int("i")
        if version >= 2:
            request.int("b"), out.ints("i", 0)
        out.ints("i", 1).string(self.topic)
        for _ in request.count():
            request.string()
            wanted = [request.ints("iiq" if version >= 4 else "iq") for _ in request.count()]
            out.ints("i", len(wanted))
            for partition, *_, timestamp in wanted:
                found = self.end(partition) if timestamp == wire.LATEST else 0
                out.ints("ihqq", partition, wire.OK, -1, found)
                if version >= 4:
                    out.ints("i", self.epoch)

    def _epoch_end(self, version: int, request: Reader, out: Writer) -> None:
        if version >= 3:
            request.int("i")
        out.ints("ii", 0, 1).string(self.topic)
        for _ in request.count():
            request.string()
            wanted = [request.ints("iii") for _ in request.count()]
            out.ints("i", len(wanted))
            for partition, _, asked in wanted:
                out.ints("hiiq", wire.OK, partition, *self._end_of(partition, asked))

    def _end_of(self, partition: int, asked: int) -> tuple[int, int]:
        """Kafka's rule: the largest epoch up to the one asked for, and where the next one begins."""
        starts: dict[int, int] = {}
        for one in self.logs[partition]:
            base, _, epoch = struct.unpack_from(">qii", one)
            starts.setdefault(epoch, base)
        known = max((epoch for epoch in starts if epoch <= asked), default=None)
        higher = min((start for epoch, start in starts.items() if epoch > asked), default=self.end(partition))
        return (self.epoch, self.end(partition)) if known is None else (known, higher)

    def _fetch(self, version: int, request: Reader, out: Writer) -> None:
        self.fetches += 1
        _, wait_ms, _, _, _ = request.ints("iiiib")
        if version >= 7:
            request.ints("ii")
        wanted = []
        for _ in request.count():
            request.string()
            layout = {4: "iqi", 5: "iqqi"}.get(version, "iqqi" if version < 9 else "iiqqi")
            for _ in request.count():
                partition, *rest = request.ints(layout)
                wanted.append((partition, rest[1] if version >= 9 else rest[0]))
        found = [(partition, self._from(partition, offset)) for partition, offset in wanted]
        if not any(data for _, data in found):
            self._stopped.wait(min(wait_ms, 200) / 1000)
        out.ints("i", 0)
        if version >= 7:
            out.ints("hi", wire.OK, 0)
        out.ints("i", 1).string(self.topic).ints("i", len(found))
        for partition, data in found:
            out.ints("ihqq", partition, wire.OK, self.end(partition), self.end(partition))
            if version >= 5:
                out.ints("q", 0)
            out.ints("i", -1)
            if version >= 11:
                out.ints("i", -1)
            out.blob(data)

    def _from(self, partition: int, offset: int) -> bytes:
        """All batches from the one that holds `offset`."""
        chunks = []
        for one in self.logs[partition]:
            base, delta = struct.unpack_from(">q", one)[0], struct.unpack_from(">i", one, 23)[0]
            if base + delta >= offset:
                chunks.append(one)
        return b"".join(chunks)


def wait_for_fetches(source: FakeKafka, more: int, timeout: float = 20) -> None:
    """Until the source has been asked `more` times again: what was there has been seen."""
    goal, deadline = source.fetches + more, time.monotonic() + timeout
    while source.fetches < goal:
        assert time.monotonic() < deadline, f"only {source.fetches} fetches, wanted {goal}"
        time.sleep(0.02)
