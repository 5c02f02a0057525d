"""Real clients in a few lines each: librdkafka, kafka-python and kcat, without consumer groups."""
from __future__ import annotations

import dataclasses
import subprocess
import threading
import time

import confluent_kafka
import kafka

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@dataclasses.dataclass(frozen=True, order=True)
class Record:
    """What a consumer sees of one record."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: tuple[tuple[str, bytes | None], ...] = ()


def producer(address: str, **settings: object) -> confluent_kafka.Producer:
    """An idempotent librdkafka producer that lives through a restart of its broker."""
    return confluent_kafka.Producer({
        "bootstrap.servers": address, "enable.idempotence": True, "acks": "all", "linger.ms": 5,
        "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 50,
        "message.timeout.ms": 60_000, "socket.timeout.ms": 5_000, "log_level": 0} | settings)


def produce(address: str, topic: str, values: list[bytes], **settings: object) -> list[tuple[int, int]]:
    """Sends all, spread over the partitions; the (partition, offset) of each, in order. Fails if one is refused."""
    places: list[tuple[int, int] | None] = [None] * len(values)
    errors: list[str] = []

    def delivered(index: int):
        def note(error: confluent_kafka.KafkaError | None, message: confluent_kafka.Message) -> None:
            if error is not None:
                errors.append(str(error))
            else:
                places[index] = (message.partition(), message.offset())
        return note

    client = producer(address, **settings)
    for index, value in enumerate(values):
        while True:
            try:
                client.produce(topic, value, key=str(index).encode(), on_delivery=delivered(index))
                break
            except BufferError:
                client.poll(0.1)
        client.poll(0)
    assert client.flush(60) == 0 and not errors, f"{len(errors)} of {len(values)} refused: {errors[:3]}"
    return places


class Background:
    """A producer that goes on until it is stopped: `acked` holds value -> (partition, offset) of what was acknowledged."""

    def __init__(self, address: str, topic: str, per_second: int = 2000, size: int = 200) -> None:
        self.acked: dict[bytes, tuple[int, int]] = {}
        self.failed: list[str] = []
        self.sent = 0
        self._topic, self._pause, self._pad = topic, 20 / per_second, b"." * size
        self._client = producer(address)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _delivered(self, error: confluent_kafka.KafkaError | None, message: confluent_kafka.Message) -> None:
        if error is None:
            self.acked[message.value()] = (message.partition(), message.offset())
        else:
            self.failed.append(str(error))

    def _run(self) -> None:
        while not self._stop.is_set():
            for _ in range(20):
                try:
                    self._client.produce(self._topic, b"%d %b" % (self.sent, self._pad), on_delivery=self._delivered)
                except BufferError:
                    break
                self.sent += 1
            self._client.poll(self._pause)
            time.sleep(self._pause / 2)

    def abandon(self) -> None:
        """Stops sending; what has no answer yet gets none any more (its region is gone, or refuses)."""
        self._stop.set()
        self._thread.join()
        self._client.purge()
        self._client.flush(5)

    def stop(self, timeout: float = 60) -> None:
        """Stops sending and waits for every answer."""
        self._stop.set()
        self._thread.join()
        assert self._client.flush(timeout) == 0, "the producer got no answer to some records"


def consume(address: str, topic: str, count: int, timeout: float = 30, committed: bool = True) -> list[Record]:
    """Reads `count` records from the start with librdkafka, by partition and offset. CRCs are checked by the client."""
    client = confluent_kafka.Consumer({
        "bootstrap.servers": address, "group.id": "unused", "enable.auto.commit": False, "check.crcs": True,
        "isolation.level": "read_committed" if committed else "read_uncommitted", "log_level": 0})
    try:
        partitions = client.list_topics(topic, timeout=10).topics[topic].partitions
        client.assign([confluent_kafka.TopicPartition(topic, one, confluent_kafka.OFFSET_BEGINNING) for one in partitions])
        found: list[Record] = []
        deadline = time.monotonic() + timeout
        while len(found) < count and time.monotonic() < deadline:
            for message in client.consume(5000, timeout=0.3):
                assert message.error() is None, message.error()
                found.append(Record(message.partition(), message.offset(), message.key(), message.value(),
                                    message.timestamp()[1], tuple(message.headers() or ())))
        assert len(found) == count, f"{address} {topic}: {len(found)} of {count} records within {timeout} s"
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        client.close()


def consume_all(address: str, topic: str, timeout: float = 60) -> list[Record]:
    """All that the topic holds now."""
    client = confluent_kafka.Consumer({"bootstrap.servers": address, "group.id": "unused", "log_level": 0})
    try:
        partitions = client.list_topics(topic, timeout=10).topics[topic].partitions
        ends = [client.get_watermark_offsets(confluent_kafka.TopicPartition(topic, one), timeout=10) for one in partitions]
    finally:
        client.close()
    return consume(address, topic, sum(high - low for low, high in ends), timeout)


def kafka_python_consume(address: str, topic: str, count: int, timeout: float = 30) -> list[Record]:
    client = kafka.KafkaConsumer(bootstrap_servers=address, group_id=None, enable_auto_commit=False, check_crcs=True)
    try:
        partitions = client.partitions_for_topic(topic) or set()
        client.assign([kafka.TopicPartition(topic, one) for one in partitions])
        client.seek_to_beginning()
        found: list[Record] = []
        deadline = time.monotonic() + timeout
        while len(found) < count and time.monotonic() < deadline:
            for records in client.poll(300).values():
                found += [Record(one.partition, one.offset, one.key, one.value, one.timestamp, tuple(one.headers))
                          for one in records]
        assert len(found) == count, f"{address} {topic}: {len(found)} of {count} records within {timeout} s"
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        client.close()


def kcat(*arguments: str, stdin: bytes | None = None, timeout: float = 60) -> bytes:
    """What kcat printed; fails with its errors."""
    done = subprocess.run(["kcat", "-q", *arguments], input=stdin, capture_output=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"kcat {arguments}: {done.stderr.decode()}"
    return done.stdout
