"""A region that mirrors 1,000 partitions: what a scrape of it costs, and how soon its state stream tells of a change."""
from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Iterator

from measure import LINK, cpu_seconds, folder, save
import batch
from harness import Region, create_topic, link, wait_until
from websocket import PING, PONG, WebSocket

PARTITIONS = 10
LOOK = 20.0  # Seconds over which CPU and stalls are counted.


@contextlib.contextmanager
def thousand_mirrors() -> Iterator[tuple[Region, Region, list[str]]]:
    """us-east, eu-west which mirrors 1,000 partitions of it with ten records each, and the 100 topics."""
    with folder() as at:
        source, target = Region(at, "us-east", 1), Region(at, "eu-west", 2)
        try:
            source.listen_for_control().start()
            target.links = [link(source)]
            target.start()
            topics = [f"topic-with-a-name-of-usual-length-{number:03}" for number in range(100)]
            for topic in topics:
                create_topic(source, topic, PARTITIONS)
                with source.wire() as connection:
                    for partition in range(PARTITIONS):
                        connection.produce(topic, partition, batch.make([b"x" * 100] * 10))
            wait_until(lambda: sum(row["state"] == "caught_up" for row in target.mirrors(LINK)) == 1000, "all is mirrored", 120)
            yield source, target, topics
        finally:
            target.discard()
            source.discard()


def scrape(runs: int) -> None:
    """/metrics of the mirroring region, with a group that lags on each partition: time and size of one scrape."""
    with thousand_mirrors() as (_, target, topics):
        with target.wire() as connection:
            for topic in topics:
                for partition in range(PARTITIONS):
                    connection.commit_offset("billing", topic, partition, 5)
        for run in range(runs):
            for page in ("/metrics", "/metrics/kafka_exporter"):
                times = []
                for _ in range(20):
                    began = time.monotonic()
                    text = target.get(page)
                    times.append(1000 * (time.monotonic() - began))
                times.sort()
                series = sum(not line.startswith("#") for line in text.splitlines())
                save("scrape", {"run": run, "page": page, "p50_ms": round(times[10], 1), "max_ms": round(times[-1], 1),
                                "mib": round(len(text) / (1 << 20), 2), "series": series})


def used(target: Region) -> dict[str, object]:
    """CPU of the region over LOOK seconds, and how often a handler held which of its reactors for more than 10 ms meanwhile. The look
    itself is a scrape."""
    def stalls() -> dict[str, float]:
        return {dict(labels)["reactor"]: value for (name, labels), value in target.series().items() if name == "atoll_reactor_stalls_total"}

    before, cpu = stalls(), cpu_seconds(target.process.pid)
    time.sleep(LOOK)
    spent = 1000 * (cpu_seconds(target.process.pid) - cpu) / LOOK
    return {"cpu_ms_per_s": round(spent, 1), "stalls": {name: count - before[name] for name, count in stalls().items() if count > before[name]}}


def told(reader: WebSocket, topic: str, end: int) -> None:
    """Reads until the reader has been told that partition 0 of the topic is here up to `end`."""
    while True:
        opcode, payload = reader.receive()
        if opcode == PING:
            reader.send(payload, PONG)
            continue
        message = json.loads(payload)
        if message["section"] == "mirrors" and any((row["topic"], row["partition"], row["appliedEnd"]) == (topic, 0, end)
                                                   for row in message["set"].values()):
            return


def one_stream(run: int, source: Region, target: Region, topic: str, unread: dict[str, object]) -> None:
    with WebSocket(target.admin) as reader:
        assert reader.shake("/v1/stream", "") == 101
        told(reader, topic, 10)
        delays = []
        for number in range(20):
            time.sleep(random.uniform(0, 2))  # Anywhere between two looks.
            with source.wire() as connection:
                assert connection.produce(topic, 0, batch.make([b"now"])).error == 0
            began = time.monotonic()
            told(reader, topic, 11 + number)
            delays.append(1000 * (time.monotonic() - began))
        drain = threading.Thread(target=reader.ends)
        drain.start()
        read = used(target)
        reader.socket.shutdown(socket.SHUT_RDWR)
        drain.join()
    delays.sort()
    save("stream", {"run": run, "told_p50_ms": round(delays[10]), "told_max_ms": round(delays[-1]), "read": read, "unread": unread})


def stream(runs: int) -> None:
    """/v1/stream, all sections: from a record's acknowledgement at the source until a reader is told that it is here; CPU and stalls
    of reactors while somebody reads, and while nobody does."""
    with thousand_mirrors() as (source, target, topics):
        unread = used(target)
        for run in range(runs):
            one_stream(run, source, target, topics[run], unread)
