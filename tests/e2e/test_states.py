"""Every state of a mirrored partition that isn't the good one has a name, a reason and a durable event."""
import shutil
import time

import batch
import clients
import fake_kafka
import wire
from harness import assert_same_bytes, create_topic, link, wait_mirrored, wait_until

LINK = "from-us-east"


def mirrored_pair(ring, topic: str, **link_spec):
    """us-east owns `topic` with 100 records; eu-west mirrors it and has them."""
    us_east, eu_west = ring.region("us-east").start(), ring.region("eu-west")
    eu_west.links = [link(us_east, **link_spec)]
    create_topic(us_east, topic)
    clients.produce(us_east.kafka, topic, [b"%d" % index for index in range(100)])
    eu_west.start()
    wait_mirrored(us_east, eu_west, topic)
    return us_east, eu_west


def ends(region, topic: str) -> tuple[int, int]:
    with region.wire() as connection:
        return connection.offset(topic, 0, wire.EARLIEST)[1], connection.offset(topic, 0, wire.LATEST)[1]


def pass_by(us_east, eu_west, topic: str) -> None:
    """While eu-west is down, us-east takes records 100..149 and trims everything below 130."""
    eu_west.stop()
    clients.produce(us_east.kafka, topic, [b"later"] * 50)
    with us_east.wire() as connection:
        assert connection.delete_records(topic, 0, 130) == wire.OK
    eu_west.start()


def test_a_deleted_source_topic_is_retired_and_its_data_kept(ring):
    us_east, eu_west = mirrored_pair(ring, "orders")
    with us_east.wire() as connection:
        assert connection.delete_topic("orders") == wire.OK
    eu_west.wait_state(LINK, "orders", "retired")
    assert len(clients.consume(eu_west.kafka, "orders", 100)) == 100
    wait_until(lambda: eu_west.events("retired", "orders"), "the event is kept")
    eu_west.restart()
    assert len(clients.consume(eu_west.kafka, "orders", 100)) == 100


def test_a_recreated_source_topic_is_another_generation_and_never_mixes(ring):
    us_east, eu_west = mirrored_pair(ring, "orders")
    old_id = eu_west.wait_state(LINK, "orders", "caught_up")["topicId"]
    eu_west.stop()
    with us_east.wire() as connection:
        assert connection.delete_topic("orders") == wire.OK
        wait_until(lambda: connection.create_topic("orders", 1) == wire.OK, "the topic is created again")
    clients.produce(us_east.kafka, "orders", [b"new-%d" % index for index in range(30)])
    eu_west.start()
    wait_mirrored(us_east, eu_west, "orders")
    assert_same_bytes(us_east, eu_west, "orders")
    values = {record.value for record in clients.consume(eu_west.kafka, "orders", 30)}
    assert values == {b"new-%d" % index for index in range(30)}
    assert eu_west.events("generation", "orders")
    frozen = [topic for topic in eu_west.get("/v1/topics")["topics"] if topic["frozen"]]
    assert [topic["topicId"] for topic in frozen] == [old_id], "the old generation is kept under its own id"


def test_a_gap_stops_the_partition_with_the_exact_range(ring):
    us_east, eu_west = mirrored_pair(ring, "orders")
    pass_by(us_east, eu_west, "orders")
    row = eu_west.wait_state(LINK, "orders", "gap")
    assert row["appliedEnd"] == 100
    event = eu_west.events("gap", "orders")[0]
    assert (event["partition"], event["first"], event["end"]) == (0, 100, 130)
    assert ends(eu_west, "orders") == (0, 100), "what was mirrored before stays readable"
    assert eu_west.metric("atoll_mirror_gap_records_total", link=LINK, topic="orders") == 30
    eu_west.restart()
    eu_west.wait_state(LINK, "orders", "gap")
    assert len(eu_west.events("gap", "orders")) == 1, "one gap is one event, however often the region starts"
    eu_west.cli("mirror", "skip", "orders", "--link", LINK)
    wait_until(lambda: ends(eu_west, "orders") == (130, 150), "the mirror begins anew at 130")


def test_a_gap_is_skipped_where_the_link_says_so_and_offsets_keep_their_meaning(ring):
    us_east, eu_west = mirrored_pair(ring, "orders", onGap="skip")
    pass_by(us_east, eu_west, "orders")
    wait_until(lambda: ends(eu_west, "orders") == (130, 150), "the mirror begins anew at 130")
    assert_same_bytes(us_east, eu_west, "orders")
    with eu_west.wire() as connection:
        assert connection.fetch("orders", 0, 110).error == wire.OFFSET_OUT_OF_RANGE
    event = eu_west.events("gap", "orders")[0]
    assert (event["first"], event["end"]) == (100, 130)


def test_a_mirror_in_contact_follows_the_owners_log_start(ring):
    us_east, eu_west = mirrored_pair(ring, "orders")
    with us_east.wire() as connection:
        assert connection.delete_records("orders", 0, 40) == wire.OK
    wait_until(lambda: ends(eu_west, "orders") == (40, 100), "the mirror's log starts at 40")
    assert eu_west.events("gap", "orders") == []


def test_a_source_restored_from_an_older_disk_is_diverged(ring):
    us_east, eu_west = mirrored_pair(ring, "orders")
    us_east.stop()
    shutil.copytree(us_east.data, us_east.directory / "older")
    us_east.start()
    clients.produce(us_east.kafka, "orders", [b"seen by the mirror"] * 20)
    wait_mirrored(us_east, eu_west, "orders")
    us_east.stop()
    shutil.rmtree(us_east.data)
    (us_east.directory / "older").rename(us_east.data)
    us_east.start()
    clients.produce(us_east.kafka, "orders", [b"another history"] * 40)
    row = eu_west.wait_state(LINK, "orders", "diverged")
    assert row["appliedEnd"] == 120
    event = eu_west.events("divergence", "orders")[0]
    assert event["first"] == 100, "the first bad offset is named"
    values = [record.value for record in clients.consume(eu_west.kafka, "orders", 120)]
    assert values[100:] == [b"seen by the mirror"] * 20, "nothing of the other history was mixed in"
    assert eu_west.metric("atoll_mirror_divergence_total", link=LINK, topic="orders") >= 1


def test_a_name_that_both_regions_created_is_a_conflict_and_touches_neither(ring):
    us_east, eu_west = ring.region("us-east").start(), ring.region("eu-west").start()
    for region, value in ((us_east, b"american"), (eu_west, b"european")):
        create_topic(region, "orders")
        clients.produce(region.kafka, "orders", [value] * 10)
    eu_west.links = [link(us_east)]
    eu_west.restart()
    row = eu_west.wait_state(LINK, "orders", "conflict")
    assert row["reason"]
    assert eu_west.events("conflict", "orders")
    assert {record.value for record in clients.consume(eu_west.kafka, "orders", 10)} == {b"european"}
    clients.produce(eu_west.kafka, "orders", [b"european"])
    assert {record.value for record in clients.consume(us_east.kafka, "orders", 10)} == {b"american"}


def test_a_bad_batch_halts_its_partition_and_no_other(ring):
    with fake_kafka.FakeKafka("poisoned", 2) as source:
        source.append(0, [b"a", b"b"])
        good = batch.make([b"c"], base_offset=2, epoch=0)
        source.logs[0].append(batch.flip(good, len(good) - 2))
        source.append(1, [b"x"])
        eu_west = ring.region("eu-west")
        eu_west.links = [link(source.address, kind="kafka", name="from-liar")]
        eu_west.start()
        row = eu_west.wait_state("from-liar", "poisoned", "halted")
        assert "2" in row["reason"], row
        # What came before the bad batch in the same answer may still be on its way to the disk.
        wait_until(lambda: eu_west.mirror("from-liar", "poisoned")["appliedEnd"] == 2, "the good batch is applied")
        source.append(1, [b"y", b"z"])
        wait_until(lambda: eu_west.mirror("from-liar", "poisoned", 1).get("appliedEnd") == 3, "partition 1 goes on")
        event = eu_west.events("halted", "poisoned")[0]
        assert (event["partition"], event["first"]) == (0, 2)
        assert ends(eu_west, "poisoned") == (0, 2)
        assert eu_west.metric("atoll_mirror_errors_total", link="from-liar") >= 1


def test_pause_and_resume_of_a_topic_and_of_a_link_survive_restarts(ring):
    us_east, eu_west = mirrored_pair(ring, "orders")
    create_topic(us_east, "audit")
    clients.produce(us_east.kafka, "audit", [b"1"])
    wait_mirrored(us_east, eu_west, "audit")

    eu_west.cli("mirror", "pause", "orders", "--link", LINK)
    eu_west.wait_state(LINK, "orders", "paused")
    eu_west.restart()
    eu_west.wait_state(LINK, "orders", "paused")
    for topic in ("orders", "audit"):
        clients.produce(us_east.kafka, topic, [b"while paused"] * 5)
    wait_mirrored(us_east, eu_west, "audit")
    assert ends(eu_west, "orders") == (0, 100)
    eu_west.cli("mirror", "resume", "orders", "--link", LINK)
    wait_mirrored(us_east, eu_west, "orders")

    eu_west.cli("link", "pause", LINK)
    eu_west.wait_state(LINK, "audit", "paused")
    eu_west.restart()
    clients.produce(us_east.kafka, "audit", [b"link paused"])
    time.sleep(1.5)  # A link that ignored its pause would have the record by now.
    assert ends(eu_west, "audit") == (0, 6)
    eu_west.cli("link", "resume", LINK)
    wait_mirrored(us_east, eu_west, "audit")
    assert_same_bytes(us_east, eu_west, "audit")


def test_a_deleted_or_rolled_back_checkpoint_store_loses_to_the_log(ring):
    us_east, eu_west = mirrored_pair(ring, "orders")
    eu_west.stop()
    stores = [path for path in eu_west.data.iterdir() if (path / "CURRENT").exists()]
    assert len(stores) == 1, f"one RocksDB in {list(eu_west.data.iterdir())}"
    older = eu_west.directory / "older-store"
    shutil.copytree(stores[0], older)
    eu_west.start()
    clients.produce(us_east.kafka, "orders", [b"later"] * 50)
    wait_mirrored(us_east, eu_west, "orders")
    eu_west.stop()
    shutil.rmtree(stores[0])
    shutil.copytree(older, stores[0])  # Rolled back: it claims less than the log holds.
    eu_west.start()
    assert ends(eu_west, "orders") == (0, 150)
    clients.produce(us_east.kafka, "orders", [b"last"] * 5)
    wait_mirrored(us_east, eu_west, "orders")
    assert_same_bytes(us_east, eu_west, "orders")

    eu_west.stop()
    shutil.rmtree(stores[0])  # Gone.
    eu_west.start()
    clients.produce(us_east.kafka, "orders", [b"after all"] * 5)
    wait_mirrored(us_east, eu_west, "orders")
    assert_same_bytes(us_east, eu_west, "orders")
