"""What must hold after any crash: S1 no acknowledged record lost, S2 none twice, S3 the mirror byte-equal."""
from __future__ import annotations

import clients
from harness import Region, assert_same_bytes, wait_mirrored


def check(owner: Region, mirror: Region, topic: str, sent: clients.Background) -> int:
    """Both regions serve, and `sent`, the topic's first producer, has stopped. The number of records that it holds."""
    assert not sent.failed, f"{len(sent.failed)} records of an idempotent producer failed: {sent.failed[:3]}"
    wait_mirrored(owner, mirror, topic, timeout=90)
    dumps = assert_same_bytes(owner, mirror, topic)
    count = sum(one.record_count for dump in dumps for one in dump.batches)
    for dump in dumps:
        position = dump.start
        for one in dump.batches:
            assert one.base_offset == position, f"{topic}: a hole or an overlap at {position}: {one.base_offset}"
            position = one.next_offset
    records = clients.consume(mirror.kafka, topic, count)
    places = {record.value: (record.partition, record.offset) for record in records}
    assert len(places) == count, f"{count - len(places)} records stand twice"
    lost = [value for value, place in sent.acked.items() if places.get(value) != place]
    assert not lost, f"{len(lost)} acknowledged records lost or moved: {lost[:3]}"
    return count
