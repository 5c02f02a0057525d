"""A link whose source is a real Apache Kafka: the same bytes at the same offsets, holes of compaction included."""
import time

import batch
import clients
import wire
from harness import wait_until
from kafka_fixtures import LINK, create, source, target  # noqa: F401 (fixtures)


def wait_equal(source, target, topic: str, timeout: float = 60) -> list[wire.Dump]:
    def ends(address: str) -> list[tuple[int, int]]:
        with wire.Connection(address) as connection:
            return [connection.offset(topic, one, wire.LATEST) for one in connection.partitions(topic)]
    wait_until(lambda: ends(target.kafka) and ends(target.kafka) == ends(source.address), f"{topic} is whole", timeout)
    with wire.Connection(source.address) as connection:
        partitions = connection.partitions(topic)
    dumps = [(wire.dump(source.address, topic, one), wire.dump(target.kafka, topic, one)) for one in partitions]
    for partition, (left, right) in enumerate(dumps):
        assert (difference := wire.first_difference(left, right)) is None, f"{topic}-{partition}: {difference}"
    return [left for left, _ in dumps]


def test_every_codec_arrives_byte_for_byte(source, target):
    for codec in clients.CODECS:
        create(source, f"codec-{codec}", 2)
        clients.produce(source.address, f"codec-{codec}", [b"%d %s" % (index, b"abc" * 50) for index in range(1000)],
                        **{"compression.type": codec})
    for codec in clients.CODECS:
        wait_equal(source, target, f"codec-{codec}")
        assert clients.consume(source.address, f"codec-{codec}", 1000) == clients.consume(target.kafka, f"codec-{codec}", 1000)


def test_a_compacted_topic_keeps_its_holes(source, target):
    target.stop()  # The link is to meet the topic as the cleaner leaves it.
    create(source, "compacted", 1, cleanup_policy="compact", segment_ms="200", min_cleanable_dirty_ratio="0.01",
           delete_retention_ms="100", max_compaction_lag_ms="500")
    client = clients.producer(source.address, **{"batch.num.messages": 7})
    for index in range(400):
        client.produce("compacted", b"%d" % index, key=b"key-%d" % (index % 9))
        if index % 50 == 49:
            assert client.flush(30) == 0
            time.sleep(0.3)

    def holes() -> int:
        batches = wire.dump(source.address, "compacted", 0).batches
        return batches[-1].next_offset - sum(one.record_count for one in batches)
    wait_until(lambda: holes() > 200, "Kafka's cleaner makes holes", 60, 0.5)
    target.start()
    dumps = wait_equal_whole(source, target, "compacted")
    assert sum(one.record_count for one in dumps.batches) < 200
    records = clients.consume(target.kafka, "compacted", sum(one.record_count for one in dumps.batches))
    assert {record.key for record in records} == {b"key-%d" % index for index in range(9)}


def wait_equal_whole(source, target, topic: str) -> wire.Dump:
    """As wait_equal, for a source that may be cleaned once more while it is compared."""
    for _ in range(5):
        try:
            return wait_equal(source, target, topic)[0]
        except AssertionError as error:
            last = error
    raise last


def test_transactions_of_the_source_are_served_rightly_to_read_committed_readers(source, target):
    create(source, "transactions", 1)
    client = clients.producer(source.address, **{"transactional.id": "t1"})
    client.init_transactions(30)
    for number, commit in enumerate((True, False, True)):
        client.begin_transaction()
        for index in range(20):
            client.produce("transactions", b"%d-%d" % (number, index))
        assert client.flush(30) == 0
        client.commit_transaction(30) if commit else client.abort_transaction(30)
    wait_equal(source, target, "transactions")
    committed = clients.consume(source.address, "transactions", 40)
    assert clients.consume(target.kafka, "transactions", 40) == committed
    assert clients.consume(target.kafka, "transactions", 60, committed=False) == \
        clients.consume(source.address, "transactions", 60, committed=False)
    with wire.Connection(source.address) as left, wire.Connection(target.kafka) as right:
        one = left.fetch("transactions", 0, 0, committed=True)
        other = right.fetch("transactions", 0, 0, committed=True)
        assert (one.aborted, one.last_stable_offset) == (other.aborted, other.last_stable_offset)


def test_a_restarted_kafka_is_caught_up_with_and_the_mirror_stays_read_only(source, target):
    create(source, "orders", 2)
    clients.produce(source.address, "orders", [b"before"] * 500)
    wait_equal(source, target, "orders")
    source.stop()
    target.wait_state(LINK, "orders", "source_unavailable")
    source.start()
    clients.produce(source.address, "orders", [b"after"] * 500)
    wait_equal(source, target, "orders")
    with target.wire() as connection:
        assert connection.produce("orders", 0, batch.make([b"no"])).error == wire.POLICY_VIOLATION
