"""Fan-in: several sources' topics merged into one, each record once, every offset exactly translated."""
import collections

import confluent_kafka
import pytest

import clients
import real_kafka
import wire
from harness import assert_same_bytes, create_topic, link, wait_mirrored, wait_until

ALL = "orders-all"


def merging(source, **spec):
    """A link that merges `orders` of `source` into ALL."""
    return link(source, topics=[{"include": "orders", "match": "literal"}], target={"topic": ALL}, **spec)


@pytest.fixture
def regions(ring):
    """us-east and ap-south own `orders`, of two partitions; eu-west merges both."""
    us_east, ap_south, eu_west = (ring.region(name) for name in ("us-east", "ap-south", "eu-west"))
    for owner in (us_east, ap_south):
        owner.start()
        create_topic(owner, "orders", 2)
    eu_west.links = [merging(us_east), merging(ap_south)]
    return us_east, ap_south, eu_west


def merged(region, count: int, timeout: float = 60) -> list[clients.Record]:
    """Everything in ALL, once there are `count` records."""
    def end() -> int:
        with region.wire() as connection:
            return sum(connection.offset(ALL, one, wire.LATEST)[1] for one in connection.partitions(ALL))
    wait_until(lambda: end() >= count, f"{ALL} has {count} records", timeout)
    return clients.consume(region.kafka, ALL, count)


def translate(region, link_name: str, partition: int, offset: int, topic: str = "orders", **more: str):
    query = "".join(f"&{key}={value}" for key, value in more.items())
    return region.get(f"/v1/links/{link_name}/translate?topic={topic}&partition={partition}&offset={offset}{query}")


def check_merged(target, sent: dict[str, dict[bytes, tuple[int, int]]]) -> None:
    """Each acknowledged record of each region is in ALL once, and every offset translates to it and back."""
    wanted = collections.Counter(value for acked in sent.values() for value in acked)
    records = merged(target, wanted.total())
    times = collections.Counter(record.value for record in records)
    assert (doubled := times - wanted) == {}, f"doubled: {list(doubled)[:3]}"
    assert (lost := wanted - times) == {}, f"{lost.total()} lost, like {list(lost)[:3]}"
    values = {(record.partition, record.offset): record.value for record in records}
    for region, acked in sent.items():
        name = f"from-{region}"
        for value, (partition, offset) in list(acked.items())[::max(1, len(acked) // 50)]:
            answer = translate(target, name, partition, offset)
            assert answer["answer"] == "exact" and answer["localTopic"] == ALL, answer
            here = answer["localPartition"], answer["target"]
            assert values[here] == value, answer
            back = translate(target, name, *here, topic=ALL, reverse="true")["sources"]
            assert [(one["partition"], one["target"]) for one in back] == [(partition, offset)]


def test_two_sources_become_one_topic_and_every_offset_is_known(regions):
    us_east, ap_south, eu_west = regions
    eu_west.start()
    sent = {}
    for region in (us_east, ap_south):
        values = [b"%s-%d" % (region.name.encode(), index) for index in range(1000)]
        sent[region.name] = dict(zip(values, clients.produce(region.kafka, "orders", values,
                                                             **{"compression.type": "lz4"})))
    check_merged(eu_west, sent)
    with eu_west.wire() as connection:
        assert len(connection.partitions(ALL)) == 2
    # Nobody else writes there, and the error says where to.
    with pytest.raises(AssertionError, match="refused"):
        clients.produce(eu_west.kafka, ALL, [b"mine"], **{"message.timeout.ms": 5000})
    # A link shows what flows where; the mirror's numbers are the source's.
    row = eu_west.wait_state("from-us-east", "orders", "caught_up")
    assert row["appliedEnd"] == row["sourceEnd"]
    topics = eu_west.get("/v1/links/from-us-east/topics")["topics"]
    assert [(topic["sourceTopic"], topic["localTopic"]) for topic in topics] == [("orders", ALL)]


def test_the_five_answers_on_the_command_line(regions):
    us_east, _, eu_west = regions
    clients.produce(us_east.kafka, "orders", [b"%d" % index for index in range(100)], **{"partitioner": "consistent"})
    eu_west.start()
    merged(eu_west, 100)
    with us_east.wire() as connection:
        _, end = connection.offset("orders", 0, wire.LATEST)
    arguments = ("group", "translate", "--link", "from-us-east", "--topic", "orders", "--partition", "0", "--offset")
    assert eu_west.cli_json(*arguments, "0")["answer"] == "exact"
    late = eu_west.cli(*arguments, str(end + 5), expect=3).stdout
    assert late == f"not mirrored yet: mirrored up to {end}\n"
    assert "unknown" in eu_west.cli("group", "translate", "--link", "from-us-east", "--topic", "other", "--partition",
                                    "0", "--offset", "1", expect=3).stdout
    assert eu_west.cli("group", "translate", "--link", "nowhere", "--topic", "orders", "--partition", "0",
                       "--offset", "1", expect=1).stderr
    assert eu_west.cli("group", "translate", "--link", "from-us-east", "--topic", "orders", expect=2).stderr


def test_a_kill_at_any_step_of_a_merge_loses_and_doubles_nothing(regions):
    us_east, ap_south, eu_west = regions
    eu_west.storage = {"durability": "fsync", "segmentBytes": "256KiB"}
    senders = {region.name: clients.Background(region.kafka, "orders", per_second=1500, size=300)
               for region in (us_east, ap_south)}
    try:
        for step, point in enumerate(["append.written", "fanin.written", "fanin.noted", "append.fsynced",
                                      "fanin.flushed"] * 2):
            eu_west.start(f"{point}=abort#{5 + 12 * step}", await_ready=False)
            wait_until(lambda: not eu_west.running(), f"eu-west died at {point}")
            eu_west.await_exit(5)
    finally:
        for sender in senders.values():
            sender.stop()
    eu_west.start()
    check_merged(eu_west, {name: sender.acked for name, sender in senders.items()})
    eu_west.kill9()
    eu_west.start()
    check_merged(eu_west, {name: sender.acked for name, sender in senders.items()})


def test_a_prefix_gives_a_topic_of_its_own_at_identical_offsets(ring):
    us_east, eu_west = ring.region("us-east").start(), ring.region("eu-west")
    create_topic(us_east, "orders")
    eu_west.links = [link(us_east), link(us_east, name="prefixed", naming={"prefix": "us-east."})]
    clients.produce(us_east.kafka, "orders", [b"%d" % index for index in range(200)])
    eu_west.start()
    wait_mirrored(us_east, eu_west, "orders")
    row = eu_west.wait_state("prefixed", "us-east.orders", "caught_up")
    plain = eu_west.wait_state("from-us-east", "orders", "caught_up")
    assert row["topicId"] != plain["topicId"]
    with us_east.wire() as connection:
        _, end = connection.offset("orders", 0, wire.LATEST)
    left, right = wire.dump(us_east.kafka, "orders", 0), wire.dump(eu_west.kafka, "us-east.orders", 0)
    assert (difference := wire.first_difference(left, right)) is None, difference
    assert_same_bytes(us_east, eu_west, "orders")
    answer = translate(eu_west, "prefixed", 0, end)
    assert (answer["answer"], answer["localTopic"], answer["target"]) == ("exact", "us-east.orders", end)
    back = translate(eu_west, "prefixed", 0, 7, topic="us-east.orders", reverse="true")["sources"]
    assert [(one["topic"], one["target"]) for one in back] == [("orders", 7)]
    # The same topic, with the same id, after a restart; a recreated one never mixes with it.
    eu_west.restart()
    assert eu_west.wait_state("prefixed", "us-east.orders", "caught_up")["topicId"] == row["topicId"]
    eu_west.stop()
    with us_east.wire() as connection:
        assert connection.delete_topic("orders") == wire.OK
        wait_until(lambda: connection.create_topic("orders", 1) == wire.OK, "orders is made again")
    clients.produce(us_east.kafka, "orders", [b"new"])
    eu_west.start()
    wait_until(lambda: eu_west.mirror("prefixed", "us-east.orders").get("topicId") not in (None, row["topicId"]),
               "the new generation is mirrored")
    eu_west.wait_state("prefixed", "us-east.orders", "caught_up")
    assert [record.value for record in clients.consume(eu_west.kafka, "us-east.orders", 1)] == [b"new"]


def test_aborted_transactions_of_a_kafka_source_stay_out(ring, tmp_path):
    if reason := real_kafka.missing():
        pytest.skip(reason)
    kafka = real_kafka.RealKafka(tmp_path / "kafka").start()
    try:
        with wire.Connection(kafka.address) as connection:
            assert connection.create_topic("orders", 1) == wire.OK
            wait_until(lambda: connection.offset("orders", 0, wire.LATEST)[0] == wire.OK, "orders is there")
        sender = confluent_kafka.Producer({"bootstrap.servers": kafka.address, "transactional.id": "t", "log_level": 0})
        sender.init_transactions(60)
        wanted = []
        for number in range(40):
            sender.begin_transaction()
            values = [b"%d-%d" % (number, index) for index in range(5)]
            for value in values:
                sender.produce("orders", value, partition=0)
            sender.flush(30)
            if number % 3 == 0:
                sender.abort_transaction(30)
            else:
                sender.commit_transaction(30)
                wanted += values
        target = ring.region("eu-west", 2)
        target.links = [link(kafka.address, kind="kafka", topics=[{"include": "orders", "match": "literal"}],
                             target={"topic": ALL})]
        target.start()
        records = merged(target, len(wanted))
        assert [record.value for record in records] == wanted
        target.wait_state("from-kafka-east", "orders", "caught_up")
        assert len(clients.consume(target.kafka, ALL, len(wanted), committed=False)) == len(wanted)
        # The end, behind markers, stands for the end.
        with wire.Connection(kafka.address) as connection:
            _, end = connection.offset("orders", 0, wire.LATEST)
        assert translate(target, "from-kafka-east", 0, end)["target"] == len(wanted)
    finally:
        kafka.stop()
