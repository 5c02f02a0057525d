"""Consumer groups where regions die and topics are mirrored: an acknowledged commit is never lost, and a group may work on a mirror."""
import time

import confluent_kafka
import pytest

import clients
import wire
from harness import create_topic, wait_mirrored, wait_until


def consumer(region, group: str, **settings: object) -> confluent_kafka.Consumer:
    return confluent_kafka.Consumer({"bootstrap.servers": region.kafka, "group.id": group, "enable.auto.commit": False,
                                     "auto.offset.reset": "earliest", "session.timeout.ms": 6000, "socket.timeout.ms": 3000,
                                     "log_level": 0} | settings)


def committed(region, group: str, topic: str, partition: int = 0) -> int:
    client = consumer(region, group)
    try:
        return client.committed([confluent_kafka.TopicPartition(topic, partition)], timeout=10)[0].offset
    finally:
        client.close()


@pytest.mark.parametrize("point", ["checkpoint.writing", "checkpoint.written"])
def test_s1_an_acknowledged_commit_survives_a_crash_around_the_write_to_the_store(ring, point):
    region = ring.region("us-east").start()
    create_topic(region, "orders")
    region.restart(f"{point}=abort#150")
    acknowledged = 0
    with region.wire() as connection:
        for offset in range(1, 5000):
            try:
                assert connection.commit_offset("g", "orders", 0, offset) == wire.OK
            except (OSError, EOFError, ValueError):
                break
            acknowledged = offset
    region.await_exit(10)
    assert 0 < acknowledged < 4999
    region.start()
    # The one that got no answer may be there.
    assert committed(region, "g", "orders") in (acknowledged, acknowledged + 1)


def test_a_store_that_fails_refuses_commits_and_takes_them_again_when_it_is_well(ring):
    region = ring.region("us-east").start()
    create_topic(region, "orders")
    region.restart("checkpoint.writing=errno:EIO#100")
    refused = 0
    with region.wire() as connection:
        for offset in range(1, 500):
            while (error := connection.commit_offset("g", "orders", 0, offset)) != wire.OK:
                assert error == wire.COORDINATOR_NOT_AVAILABLE
                refused += 1
                time.sleep(0.01)
    assert refused > 0
    region.kill9()
    region.start()
    assert committed(region, "g", "orders") == 499


def test_a_group_works_on_a_mirror_and_its_commits_are_taken_there(ring):
    us_east, eu_west = ring.pair()
    create_topic(us_east, "orders", 2)
    clients.produce(us_east.kafka, "orders", [b"%d" % index for index in range(500)])
    wait_mirrored(us_east, eu_west, "orders")
    client = consumer(eu_west, "readers")
    client.subscribe(["orders"])
    values: set[bytes] = set()

    def read_all() -> bool:
        values.update(message.value() for message in client.consume(500, timeout=0.2) if message.error() is None)
        return len(values) == 500
    wait_until(read_all, "the group has read the mirror")
    client.commit(asynchronous=False)
    client.close()
    eu_west.kill9()
    eu_west.start()
    assert committed(eu_west, "readers", "orders") + committed(eu_west, "readers", "orders", 1) == 500
    # That the member left may not have reached the disk; then its session ends.
    wait_until(lambda: eu_west.cli_json("group", "describe", "readers")["state"] == "Empty", "nobody is in the group", 20)
    described = eu_west.cli_json("group", "describe", "readers")
    assert {one["lagRecords"] for one in described["offsets"]} == {0}
    assert [one["group"] for one in eu_west.cli_json("group", "list")["groups"]] == ["readers"]
    assert "readers" in eu_west.cli("group", "list").stdout
    assert "no group" in eu_west.cli("group", "describe", "who", expect=1).stderr


def test_inspect_shows_groups_and_their_offsets(ring):
    region = ring.region("us-east").start()
    create_topic(region, "orders")
    client = consumer(region, "g")
    client.commit(offsets=[confluent_kafka.TopicPartition("orders", 0, 42)], asynchronous=False)
    client.close()
    region.stop()
    shown = region.cli("checkpoint", "inspect", str(region.data)).stdout
    assert 'group-offset/g/orders/0 {"group": "g", "topic": "orders", "partition": 0, "offset": 42' in shown
