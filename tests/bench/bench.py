#!/usr/bin/env python3
"""Atoll measured, beside its peers on the same machine. One JSON line per run on stdout and in RESULTS/<section>.jsonl.

  tests/bench/bench.py SECTION... [--runs N]
      sections: catchup catchup-lz4 catchup-100b fanin steady produce durable consume many wan peers
                scrape stream (thousand.py), gap forced (moves.py), groups synced translation (offsets.py)

Needs the peer kit (Apache Kafka, MirrorMaker 2, kprobe): KIT names its folder (default ../shared/bench/kafka, fetched by its
get-kafka.sh into KAFKA_PEER_DIR). CPU-s/GB is user + system seconds of the processes named per 10^9 bytes of record values.
"""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import moves
import offsets
import thousand
from measure import (KIT, LINK, PEER, RESULTS, Pair, cpu_seconds, folder, probe, resident_mib, save)
from harness import Region, link, wait_until


def one_catchup(pair: Pair, section: str, topic: str, records: int, size: int, codec: str, run: str,
                target: str | None = None) -> None:
    """`target`: the topic that the link merges into, instead of mirroring."""
    partitions = 8
    pair.pause(True)
    probe("create", b=pair.east.kafka, t=topic, p=partitions)
    if target is not None:
        probe("create", b=pair.west.kafka, t=target, p=partitions)
    probe("load", b=pair.east.kafka, t=topic, p=partitions, n=records, size=size, codec=codec)
    time.sleep(2)
    stored = sum(p["sizeBytes"] for p in pair.east.get(f"/v1/topics/{topic}")["partitions"])
    before, start = pair.cpu(), time.monotonic()
    pair.pause(False)
    done = probe("catchup", dst=pair.west.kafka, t=target or topic, n=records, size=size, max_s=120)
    seconds, after = time.monotonic() - start, pair.cpu()
    gigabytes = records * size / 1e9
    save(section, {"run": run, "records": records, "size": size, "codec": codec, "partitions": partitions,
                   "complete": done["complete"], "stored_gb": round(stored / 1e9, 3), "seconds": round(seconds, 3),
                   "mb_s": round(gigabytes * 1e3 / seconds, 1), "mb_s_after_first": done["mb_s_after_first"],
                   "cpu_s_gb": {"source": round((after[0] - before[0]) / gigabytes, 3),
                                "mirror_and_target": round((after[1] - before[1]) / gigabytes, 3)},
                   "rss_mib": {"source": resident_mib(pair.east.process.pid), "target": resident_mib(pair.west.process.pid)}})
    pair.drop(topic)
    if target is not None:
        pair.drop(target)


def catchup(runs: int, section: str = "catchup", records: int = 1_000_000, size: int = 1024, codec: str = "none") -> None:
    with Pair("os") as pair:
        one_catchup(pair, section, "warm", records, size, codec, "warm-up, not counted")
        for run in range(runs):
            one_catchup(pair, section, f"catchup-{run}", records, size, codec, str(run))


def fanin(runs: int) -> None:
    """The same catch-up, merged and mirrored in turns: fan-in should reach half the mirror's rate."""
    for run in range(runs):
        for section, spec in (("fanin", {"target": {"topic": "all"}}), ("fanin-mirror", {})):
            with Pair("os", **spec) as pair:
                one_catchup(pair, section, "orders", 1_000_000, 1024, "none", str(run), "all" if spec else None)


def steady(runs: int) -> None:
    """1,000 msg/s of 1 KiB, fsync on both sides: intended send in us-east to readable in eu-west."""
    with Pair("fsync") as pair:
        probe("create", b=pair.east.kafka, t="steady", p=8)
        wait_until(lambda: len(pair.west.mirrors(LINK, "steady")) == 8, "the topic is mirrored")
        for run in range(runs):
            pids = f"source={pair.east.process.pid},target={pair.west.process.pid}"
            save("steady", {**probe("lag", b=pair.east.kafka, dst=pair.west.kafka, t="steady", p=8, rate=1000, s=60, warm=5,
                                    pids=pids), "run": run})


PRODUCE = """
for run in range({runs}):
    for partitions in (1, 8):
        for batch in ("16K", "128K/5ms"):
            bench.one_produce({section!r}, partitions, 1024, "all", batch, n={records})
"""
def kit(statements: str, region: Region) -> None:
    """Calls of the kit's own bench.py with a region standing in for its Kafka."""
    environment = os.environ | {"KAFKA_PEER_DIR": str(PEER), "SRC": region.kafka, "SRC_PID": str(region.process.pid),
                                "RESULTS": str(RESULTS), "QUIET_S": "5", "PYTHONPATH": str(KIT)}
    (PEER / "run").mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-P", "-c", "import bench\n" + statements], env=environment, check=True)


def alone(durability: str, statements: str) -> None:
    with folder() as at:
        region = Region(at, "us-east", 1)
        region.storage = {"durability": durability}
        try:
            kit(statements, region.start())
        finally:
            region.discard()


def consume(runs: int) -> None:
    """Cached data read by kcat without a group (ConsumerPerformance needs groups); the broker's CPU is what counts."""
    records, size = 1_000_000, 1024
    with folder() as at:
        region = Region(at, "us-east", 1)
        region.storage = {"durability": "os"}
        region.start()
        try:
            for partitions in (1, 8):
                topic = f"consume-{partitions}"
                probe("create", b=region.kafka, t=topic, p=partitions)
                probe("load", b=region.kafka, t=topic, p=partitions, n=records, size=size)
                for run in range(runs):
                    before, start = cpu_seconds(region.process.pid), time.monotonic()
                    subprocess.run(["kcat", "-C", "-b", region.kafka, "-t", topic, "-e", "-q", "-o", "beginning"], check=True,
                                   stdout=subprocess.DEVNULL)
                    seconds, spent = time.monotonic() - start, cpu_seconds(region.process.pid) - before
                    gigabytes = records * size / 1e9
                    save("consume", {"run": run, "partitions": partitions, "size": size, "mb_s": round(gigabytes * 1e3 / seconds, 1),
                                     "broker_cpu_s_gb": round(spent / gigabytes, 3)})
        finally:
            region.discard()


def many(runs: int) -> None:
    """1,000 partitions of 20 records: recovery after kill -9, idle CPU and memory of broker and mirror."""
    count = 1000
    with Pair("fsync") as pair:
        start = time.monotonic()
        probe("create", b=pair.east.kafka, t="many", p=count)
        created = time.monotonic() - start
        probe("load", b=pair.east.kafka, t="many", p=count, n=count * 20, size=1024, batch=4096)
        probe("catchup", dst=pair.west.kafka, t="many", n=count * 20, size=1024, max_s=120)
        for run in range(runs):
            pair.west.kill9()
            start = time.monotonic()
            pair.west.start()
            ready = time.monotonic() - start
            spent = cpu_seconds(pair.west.process.pid)
            ends = probe("ends", b=pair.west.kafka, t="many")["sum"]
            answered = time.monotonic() - start
            wait_until(lambda: all(row["state"] == "caught_up" for row in pair.west.mirrors(LINK, "many")), "caught up again")
            save("many", {"run": run, "partitions": count, "create_s": round(created, 2), "ready_s": round(ready, 3),
                          "all_answer_s": round(answered, 3), "cpu_s": spent, "records": ends})
        time.sleep(15)
        before, start = pair.cpu(), time.monotonic()
        time.sleep(30)
        after, seconds = pair.cpu(), time.monotonic() - start
        save("many", {"idle_percent_of_core": {"source": round((after[0] - before[0]) / seconds * 100, 2),
                                               "mirror_and_target": round((after[1] - before[1]) / seconds * 100, 2)},
                      "rss_mib": {"source": resident_mib(pair.east.process.pid), "target": resident_mib(pair.west.process.pid)}})


def wan(runs: int) -> None:
    """From a real Kafka over 100 ms and 1 Gbit/s, in two namespaces; nothing tuned on our side."""
    for stock in (True, False):
        subprocess.run([KIT / "wan" / "wan.sh", "up", "100", "1000", "200"], check=True, stdout=subprocess.DEVNULL)
        try:
            for partitions in (8, 1):
                wan_source(runs, stock, partitions)
        finally:
            subprocess.run([KIT / "stop.sh", "east"], check=False)
            subprocess.run([KIT / "wan" / "wan.sh", "down"], check=False, stdout=subprocess.DEVNULL)


def wan_source(runs: int, stock: bool, partitions: int) -> None:
    records = 100_000 * partitions if stock else 1_200_000
    settings = [] if stock else ["--set", "socket.send.buffer.bytes=-1", "--set", "socket.receive.buffer.bytes=-1"]
    log = (PEER / "log" / "start-east.log").open("w")
    subprocess.run([KIT / "start-cluster.sh", "east", "19092", "--host", "10.99.0.1", *settings], check=True, stdout=log,
                   env=os.environ | {"NETNS": "beast", "KAFKA_PEER_DIR": str(PEER)})
    east = ("ip", "netns", "exec", "beast")
    topic = f"wan{partitions}"
    probe("create", east, b="10.99.0.1:19092", t=topic, p=partitions)
    probe("load", east, b="10.99.0.1:19092", t=topic, p=partitions, n=records)
    for run in range(runs):
        with folder() as at:
            west = Region(at, "eu-west", 2)
            west.storage = {"durability": "os"}
            west.links = [link("10.99.0.1:19092", name="from-kafka", kind="kafka")]
            west.namespace = "bwest"
            west.start()
            try:
                before, start = cpu_seconds(west.process.pid), time.monotonic()
                done = probe("catchup", ("ip", "netns", "exec", "bwest"), dst=west.kafka, t=topic, n=records, size=1024, max_s=30)
                seconds, gigabytes = time.monotonic() - start, done["records"] * 1024 / 1e9
                save("wan", {"run": run, "source": "stock buffers" if stock else "buffers auto", "partitions": partitions,
                             "complete": done["complete"], "mb_s_after_first": done["mb_s_after_first"],
                             "mb_s": round(gigabytes * 1e3 / seconds, 1), "rss_mib": resident_mib(west.process.pid),
                             "cpu_s_gb": round((cpu_seconds(west.process.pid) - before) / gigabytes, 3)})
            finally:
                west.discard()


def peers(runs: int) -> None:
    """Kafka and MirrorMaker 2 in the same sitting, by the kit: catch-up (1 KiB) and steady lag."""
    environment = os.environ | {"KAFKA_PEER_DIR": str(PEER), "RESULTS": str(RESULTS / "peers"), "QUIET_S": "20"}
    for name, port in (("east", "19092"), ("west", "19192")):
        with (PEER / "log" / f"start-{name}.log").open("w") as log:
            subprocess.run([KIT / "start-cluster.sh", name, port], check=True, env=environment, stdout=log)
    try:
        for section, only in (("catchup", "1024/none"), ("steady", "lowlat"), ("produce", ""), ("consume", "")):
            subprocess.run([sys.executable, KIT / "bench.py", section, "--runs", str(runs), "--only", only], env=environment,
                           check=True)
    finally:
        subprocess.run([KIT / "stop.sh", "mm2", "east", "west"], env=environment, check=False)


SECTIONS = {
    "catchup": catchup,
    "catchup-lz4": lambda runs: catchup(runs, "catchup-lz4", codec="lz4"),
    "catchup-100b": lambda runs: catchup(runs, "catchup-100b", records=4_000_000, size=100),
    "fanin": fanin,
    "steady": steady,
    "produce": lambda runs: alone("os", PRODUCE.format(runs=runs, section="produce", records=500_000)),
    "durable": lambda runs: alone("fsync", PRODUCE.format(runs=runs, section="durable", records=200_000)),
    "consume": consume,
    "many": many,
    "wan": wan,
    "peers": peers,
    "scrape": thousand.scrape,
    "stream": thousand.stream,
    "gap": moves.gap,
    "forced": moves.forced,
    "groups": offsets.groups,
    "synced": offsets.synced,
    "translation": offsets.translation,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", nargs="+", choices=SECTIONS)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for section in options.section:
        SECTIONS[section](options.runs)


if __name__ == "__main__":
    main()
