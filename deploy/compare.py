#!/usr/bin/env python3
"""compare.py HOST:PORT HOST:PORT TOPIC...: are the topics the same in both regions, byte for byte and offset for offset?

Reads every partition of both by raw Fetch. Exit code 0: the same; 1: not, with the first difference.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))
import wire  # noqa: E402 (the test suite's own client; nothing to install)


def main(one: str, other: str, topics: list[str]) -> int:
    for topic in topics:
        with wire.Connection(one) as left, wire.Connection(other) as right:
            partitions = left.partitions(topic)
            if not partitions or partitions != right.partitions(topic):
                print(f"{topic}: partitions {partitions} against {right.partitions(topic)}", file=sys.stderr)
                return 1
        records = size = 0
        for partition in partitions:
            source, mirror = wire.dump(one, topic, partition), wire.dump(other, topic, partition)
            if difference := wire.first_difference(source, mirror):
                print(f"{topic}-{partition} differs: {difference}", file=sys.stderr)
                return 1
            records += sum(batch.record_count for batch in source.batches)
            size += len(source.data)
        print(f"{topic}: {len(partitions)} partitions, {records} records, {size} bytes: the same in both regions")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
