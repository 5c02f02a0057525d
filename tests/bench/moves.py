"""Moves: how long nobody can write while a topic changes its region."""
from __future__ import annotations

import time

from measure import LINK, Load, Pair, save
from harness import create_topic, wait_mirrored, wait_until


def moved_after(load: dict, began: float) -> dict[str, float]:
    """Seconds from `began` (wall clock) to the first and to the last partition's first record in the other region."""
    return {f"{which}_accepted_s": round(load[f"{which}_moved_unix_ms"] / 1e3 - began, 3) for which in ("first", "last")}


def gap(runs: int) -> None:
    """A planned move of 12 partitions under 10,000 msg/s of 1 KiB, fsync in both regions: each partition's longest time without
    an accepted write, seen by producers that try the other region whenever one refuses."""
    for run in range(runs):
        with Pair("fsync", control=True) as pair:
            create_topic(pair.east, "orders", 12)
            wait_until(lambda: len(pair.west.mirrors(LINK, "orders")) == 12, "the topic is mirrored")
            load = Load(pair.east, "writes", pair.west.kafka, "-topic", "orders", "-partitions", "12", "-rate", "10000",
                        "-every", "10ms", "-time", "20s")
            time.sleep(8)
            began = time.time()
            report = pair.west.cli_json("promote", "--link", LINK, "--yes")
            command = time.time() - began
            result = load.result()
            assert report["outcome"] == "done" and result["moved"] == 12, (report, result)
            save("gap", {"run": run, "command_s": round(command, 3), **moved_after(result, began), **result})


def forced(runs: int) -> None:
    """us-east dies with 1,000 partitions; from the command in eu-west to the first record accepted, and to one in each."""
    count = 1000
    for run in range(runs):
        with Pair("fsync", control=True) as pair:
            create_topic(pair.east, "many", count)
            wait_until(lambda: len(pair.west.mirrors(LINK, "many")) == count, "the topic is mirrored")
            load = Load(pair.east, "writes", pair.west.kafka, "-topic", "many", "-partitions", str(count), "-rate", str(count),
                        "-every", "1s", "-connections", "50", "-time", "40s")
            time.sleep(5)
            wait_mirrored(pair.east, pair.west, "many")
            pair.east.kill9()
            wait_until(lambda: pair.west.get(f"/v1/links/{LINK}")["state"] == "source_unavailable", "the loss is seen")
            began = time.time()
            report = pair.west.cli_json("failover", "run", "--link", LINK, "--yes")
            command = time.time() - began
            result = load.result()
            assert report["outcome"] == "done" and result["moved"] == count, (report["outcome"], result)
            save("forced", {"run": run, "command_s": round(command, 3), **moved_after(result, began),
                            "partitions": count, "moved": result["moved"]})
