"""Consumer groups: commits, members, and how exactly and how soon the other region knows what was committed."""
from __future__ import annotations

import bisect
import concurrent.futures
import os
import random
import subprocess
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from measure import KIT, LINK, PEER, Load, Pair, folder, probe, resident_mib, save
from harness import Region, create_topic, link, wait_mirrored


def groups(runs: int) -> None:
    """Committed offsets per second, each durable when acknowledged, and what 10,000 members cost that only heartbeat."""
    for run in range(runs):
        with folder() as at:
            region = Region(at, "us-east", 1)
            region.groups = {"initialRebalanceDelay": "1s"}
            region.start()
            try:
                create_topic(region, "bench")
                for connections in (1, 64, 512):
                    save("groups", {"run": run} | Load(region, "commits", "-connections", str(connections)).result())
                result = Load(region, "members", "-time", "20s").result()
                save("groups", {"run": run} | result | {"rss_mib": resident_mib(region.process.pid)})
            finally:
                region.discard()


def synced(runs: int) -> None:
    """1,000 groups, 16 commits at once at the owner; from its acknowledgement to the mirror's own answer."""
    for run in range(runs):  # A pair each: the mirror moves no group's offset back to where another run begins.
        with Pair("fsync", control=True) as pair:
            create_topic(pair.east, "bench")
            # A position beyond the mirror's end waits for it.
            probe("load", b=pair.east.kafka, t="bench", p=1, n=100_000, size=100)
            wait_mirrored(pair.east, pair.west, "bench")
            save("synced", {"run": run} | Load(pair.east, "synced", pair.west.kafka, "-groups", "1000", "-connections", "16",
                                               "-time", "20s").result())


TRANSACTION = 1000  # Records of each; every tenth is aborted. Its marker is the hole that breaks offset arithmetic.


def load_with_holes(address: str, topic: str, records: int) -> None:
    producer = Producer({"bootstrap.servers": address, "transactional.id": "bench", "linger.ms": 20,
                         "queue.buffering.max.messages": 10 * TRANSACTION})
    producer.init_transactions()
    for first in range(0, records, TRANSACTION):
        producer.begin_transaction()
        for number in range(first, first + TRANSACTION):
            producer.produce(topic, number.to_bytes(8, "big"), partition=0)
        if first // TRANSACTION % 10 == 9:
            producer.flush()
            producer.abort_transaction()
        else:
            producer.commit_transaction()


def offsets_of_records(address: str, topic: str, records: int) -> list[int]:
    """Where each record of partition 0 lies, aborted ones too: they are copied like any other."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "dump", "isolation.level": "read_uncommitted",
                         "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[int] = []
    deadline = time.monotonic() + 120
    while len(found) < records and time.monotonic() < deadline:
        for message in consumer.consume(10_000, timeout=1):
            assert message.error() is None and int.from_bytes(message.value(), "big") == len(found), message.error()
            found.append(message.offset())
    consumer.close()
    assert len(found) == records, f"{address} has {len(found)} of {records} records"
    return found


def commit(address: str, topic: str, positions: dict[str, int]) -> None:
    admin = AdminClient({"bootstrap.servers": address})

    def one(group: str, position: int) -> None:
        request = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, position)])
        admin.alter_consumer_group_offsets([request])[group].result(60)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(one, *item) for item in positions.items()]:
            done.result()


def committed(address: str, topic: str, groups: list[str]) -> dict[str, int]:
    """Each group's position, without those that have none."""
    admin = AdminClient({"bootstrap.servers": address})

    def one(group: str) -> int:
        request = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
        return admin.list_consumer_group_offsets([request])[group].result(60).topic_partitions[0].offset
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return {group: offset for group, offset in zip(groups, pool.map(one, groups)) if offset >= 0}


def errors(source: list[int], target: list[int], there: dict[str, int], here: dict[str, int]) -> dict:
    """In records that exist: how far from its place at the source a group would go on at the target. Above 0: it reads again."""
    off = sorted(bisect.bisect_left(source, position) - bisect.bisect_left(target, here[group])
                 for group, position in there.items() if group in here)
    if not off:
        return {"translated": 0}
    return {"translated": len(off), "exact": off.count(0), "rereads_p50": off[len(off) // 2],
            "rereads_p99": off[len(off) * 99 // 100], "rereads_max": off[-1], "skips_max": max(0, -off[0])}


def translation(runs: int) -> None:
    """A real Kafka with transaction markers between its records and 1,000 groups at lags of 1, 1,000, 1,000,000 and between;
    Atoll and MirrorMaker 2 (its defaults, and its fastest settings) translate their positions in the same run."""
    topic, records = "orders", 1_100_000
    environment = os.environ | {"KAFKA_PEER_DIR": str(PEER)}

    def peer(script: str, *arguments: str) -> None:
        with (PEER / "log" / f"{script}-{arguments[0]}.log").open("w") as log:
            subprocess.run([KIT / script, *arguments], check=True, env=environment, stdout=log)
    source, fast, usual = "127.0.0.1:19092", "127.0.0.1:19192", "127.0.0.1:19292"
    for run in range(runs):
        with folder() as at:
            west = Region(at, "eu-west", 2)
            west.storage = {"durability": "os"}
            west.links = [link(source, name="from-kafka", kind="kafka")]
            try:
                for name, address in (("east", source), ("west", fast), ("west2", usual)):
                    peer("start-cluster.sh", name, address.rsplit(":", 1)[1])
                admin = AdminClient({"bootstrap.servers": source})  # Its futures live as long as it does.
                admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
                west.start()
                choose = random.Random(run)
                lags = [1, 1000, 1_000_000] * 100 + [choose.randrange(1, 1_000_000) for _ in range(700)]
                names = [f"group-{number}" for number in range(len(lags))]
                commit(source, topic, dict.fromkeys(names, 0))  # MirrorMaker 2 looks for new groups every ten minutes.
                quick = ["--set", "emit.checkpoints.interval.seconds=1", "--set", "sync.group.offsets.interval.seconds=1",
                         "--set", "offset.lag.max=0", "--set", "refresh.groups.interval.seconds=5"]
                peer("start-mm2.sh", "mm2fast", source, fast, "--topics", topic, "--variant", "lowlat", "--alias", "east", *quick)
                peer("start-mm2.sh", "mm2", source, usual, "--topics", topic, "--alias", "east")
                load_with_holes(source, topic, records)
                ends = offsets_of_records(source, topic, records)
                positions = {name: ends[records - lag] for name, lag in zip(names, lags)}
                began = time.monotonic()
                commit(source, topic, positions)
                targets = {"atoll": west.kafka, "mm2": usual, "mm2, fastest settings": fast}
                last: dict[str, dict[str, int]] = {name: {} for name in targets}
                complete: dict[str, float] = {}
                while len(complete) < len(targets) and time.monotonic() - began < 240:
                    for name, address in targets.items():
                        if name not in complete:
                            last[name] = committed(address, topic, list(positions))
                            if len(last[name]) == len(positions) and min(last[name].values()) > 0:
                                complete[name] = round(time.monotonic() - began, 1)
                    time.sleep(1)
                copies = {name: offsets_of_records(address, topic, records) for name, address in targets.items()}
                for name in targets:
                    save("translation", {"run": run, "who": name, "groups": len(positions), "all_translated_s": complete.get(name),
                                         **errors(ends, copies[name], positions, last[name])})
            finally:
                west.discard()
                subprocess.run([KIT / "stop.sh", "mm2", "mm2fast", "east", "west", "west2"], env=environment, check=False)
