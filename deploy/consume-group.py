#!/usr/bin/env python3
"""consume-group.py HOST:PORT TOPIC GROUP FILE [--to-end]: a member of a consumer group; appends one line per record to FILE.

Commits every half second. With --to-end it stops at the ends that the partitions have when it starts, else when it is killed.
"""
import sys
import time

import confluent_kafka


def main(address: str, topic: str, group: str, path: str, to_end: bool) -> int:
    client = confluent_kafka.Consumer({
        "bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "session.timeout.ms": 10000, "log_level": 0})
    client.subscribe([topic])
    ends: dict[int, int] = {}
    if to_end:
        for partition in client.list_topics(topic, timeout=10).topics[topic].partitions:
            _, ends[partition] = client.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), timeout=10)
    committed = time.monotonic()
    deadline = committed + 60
    with open(path, "a", encoding="utf-8") as out:
        while not to_end or time.monotonic() < deadline:
            for message in client.consume(2000, timeout=0.2):
                if message.error() is None:
                    out.write(f"{message.partition()} {message.offset()}\n")
            out.flush()
            if time.monotonic() - committed > 0.5 and client.assignment():
                committed = time.monotonic()
                places = client.position(client.assignment())
                known = [place for place in places if place.offset >= 0]
                if known:
                    client.commit(offsets=known, asynchronous=False)
                if to_end and all(place.offset >= ends[place.partition] for place in known) and len(known) == len(ends):
                    client.close()
                    return 0
    print("the group did not reach the end within 60 s", file=sys.stderr)
    return 1


if __name__ == "__main__":
    flags = [one for one in sys.argv[1:] if one.startswith("--")]
    plain = [one for one in sys.argv[1:] if not one.startswith("--")]
    if len(plain) != 4 or flags not in ([], ["--to-end"]):
        sys.exit(__doc__)
    sys.exit(main(*plain, to_end=bool(flags)))
