"""Consumer groups' offsets in the other region: as they were committed, never ahead of the records, never over a group at work."""
import contextlib
import time

import confluent_kafka
import pytest

import clients
import real_kafka
import wire
from harness import create_topic, link, wait_mirrored, wait_until

LINK = "from-us-east"


@contextlib.contextmanager
def member(region_or_address, group: str, topic: str = "orders"):
    """A member of the group with an assignment."""
    address = region_or_address if isinstance(region_or_address, str) else region_or_address.kafka
    client = confluent_kafka.Consumer({
        "bootstrap.servers": address, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
        "session.timeout.ms": 6000, "log_level": 0})
    try:
        client.subscribe([topic])
        wait_until(lambda: client.poll(0.1) is not None or client.assignment(), f"{group} has an assignment")
        yield client
    finally:
        client.close()


LOOKS_FOR_COORDINATOR = {confluent_kafka.KafkaError.NOT_COORDINATOR, confluent_kafka.KafkaError.COORDINATOR_NOT_AVAILABLE,
                         confluent_kafka.KafkaError.COORDINATOR_LOAD_IN_PROGRESS}


def commit(region_or_address, group: str, offset: int, partition: int = 0, topic: str = "orders") -> None:
    """As a simple consumer: no member, one offset. A real Kafka may look for its coordinator for a while."""
    address = region_or_address if isinstance(region_or_address, str) else region_or_address.kafka
    client = confluent_kafka.Consumer({"bootstrap.servers": address, "group.id": group, "log_level": 0})
    def committed_once() -> bool:
        try:
            done = client.commit(offsets=[confluent_kafka.TopicPartition(topic, partition, offset)], asynchronous=False)
        except confluent_kafka.KafkaException as error:
            if error.args[0].code() not in LOOKS_FOR_COORDINATOR:
                raise
            return False
        assert all(one.error is None for one in done), done
        return True
    try:
        wait_until(committed_once, f"{group} commits {offset}", step=0.5)
    finally:
        client.close()


def committed(region, group: str, partition: int = 0, topic: str = "orders") -> int:
    client = confluent_kafka.Consumer({"bootstrap.servers": region.kafka, "group.id": group, "log_level": 0})
    try:
        return client.committed([confluent_kafka.TopicPartition(topic, partition)], timeout=10)[0].offset
    finally:
        client.close()


def known(region, group: str, name: str = LINK) -> dict[str, object]:
    rows = region.get(f"/v1/links/{name}/groups?group={group}")["groups"]
    return rows[0] if rows else {}


@pytest.fixture(params=["control", "polled"])
def regions(ring, request):
    """us-east owns `orders` with 1,000 records; eu-west mirrors it, with a control connection or by polling."""
    us_east, eu_west = ring.region("us-east"), ring.region("eu-west")
    if request.param == "control":
        us_east.listen_for_control()
    us_east.start()
    eu_west.links = [link(us_east, groups={"pollInterval": "1s"})]
    create_topic(us_east, "orders")
    clients.produce(us_east.kafka, "orders", [b"%d" % index for index in range(1000)])
    eu_west.start()
    wait_mirrored(us_east, eu_west, "orders")
    return us_east, eu_west


def test_what_a_group_commits_is_soon_the_same_in_the_mirror(regions):
    us_east, eu_west = regions
    with member(us_east, "app") as consumer:
        for offset in (10, 500, 1000):
            consumer.commit(offsets=[confluent_kafka.TopicPartition("orders", 0, offset)], asynchronous=False)
            wait_until(lambda: committed(eu_west, "app") == offset, f"app stands at {offset} in eu-west")
    row = known(eu_west, "app")
    assert (row["state"], row["here"], row["committedAtSource"]) == ("placed", 1000, 1000)
    assert "placed" in eu_west.cli("group", "translate", "--link", LINK, "--group", "app").stdout
    assert eu_west.metric("atoll_offset_sync_groups", link=LINK, state="placed") == 1
    # Known after the source's death and a restart.
    us_east.kill9()
    time.sleep(0.5)
    eu_west.restart()
    row = known(eu_west, "app")
    assert (row["here"], row["committedAtSource"]) == (1000, 1000) and row["knownAt"]
    assert committed(eu_west, "app") == 1000


def test_a_lagging_mirror_holds_the_offset_until_it_has_the_records(regions):
    us_east, eu_west = regions
    eu_west.wait_state(LINK, "orders", "caught_up")
    eu_west.cli("mirror", "pause", "orders", "--link", LINK)
    eu_west.wait_state(LINK, "orders", "paused")
    clients.produce(us_east.kafka, "orders", [b"more"] * 100)
    commit(us_east, "ahead", 1050)
    wait_until(lambda: known(eu_west, "ahead").get("state") == "held", "the offset is held")
    assert committed(eu_west, "ahead") == confluent_kafka.OFFSET_INVALID
    assert "not mirrored yet: mirrored up to 1000" in eu_west.cli(
        "group", "translate", "--link", LINK, "--group", "ahead", expect=3).stdout
    eu_west.cli("mirror", "resume", "orders", "--link", LINK)
    wait_until(lambda: committed(eu_west, "ahead") == 1050, "the offset is placed with its records")


def test_a_group_at_work_here_is_never_overwritten(regions):
    us_east, eu_west = regions
    with member(eu_west, "busy") as consumer:
        consumer.commit(offsets=[confluent_kafka.TopicPartition("orders", 0, 7)], asynchronous=False)
        commit(us_east, "busy", 900)
        wait_until(lambda: known(eu_west, "busy").get("state") == "conflict", "the conflict is shown")
        assert "members" in known(eu_west, "busy")["reason"]
        assert committed(eu_west, "busy") == 7
    # It has left: the source's offset is ahead, and placed.
    wait_until(lambda: committed(eu_west, "busy") == 900, "the offset is placed once the group is gone")


def test_an_offset_never_moves_back_by_itself(regions):
    us_east, eu_west = regions
    commit(us_east, "app", 800)
    wait_until(lambda: committed(eu_west, "app") == 800, "app stands at 800")
    commit(us_east, "app", 100)
    wait_until(lambda: known(eu_west, "app").get("state") == "conflict", "the conflict is shown")
    assert committed(eu_west, "app") == 800


def test_groups_of_a_kafka_cluster_are_polled(ring, tmp_path):
    if reason := real_kafka.missing():
        pytest.skip(reason)
    kafka = real_kafka.RealKafka(tmp_path / "kafka").start()
    try:
        with wire.Connection(kafka.address) as connection:
            assert connection.create_topic("orders", 1) == wire.OK
            wait_until(lambda: connection.offset("orders", 0, wire.LATEST)[0] == wire.OK, "orders is there")
        clients.produce(kafka.address, "orders", [b"%d" % index for index in range(100)])
        target = ring.region("eu-west", 2)
        target.links = [link(kafka.address, kind="kafka", groups={"pollInterval": "1s"},
                             topics=[{"include": "orders", "match": "literal"}])]
        target.start()
        target.wait_state("from-kafka-east", "orders", "caught_up")
        commit(kafka.address, "app", 42)
        wait_until(lambda: committed(target, "app") == 42, "app stands at 42 here")
        assert known(target, "app", "from-kafka-east")["state"] == "placed"
    finally:
        kafka.stop()
