"""The mission: what is produced in us-east is read at the same offsets in eu-west, byte for byte, and the other way round."""
import json
import time

import confluent_kafka
import pytest

import batch
import clients
import wire
from harness import assert_same_bytes, create_topic, link, wait_mirrored, wait_until

HEADERS = [("trace", b"7f"), ("empty", b""), ("null", None), ("trace", b"twice")]


def test_the_ready_line_names_the_ports_that_the_system_picked(ring):
    region = ring.region("us-east")
    region.kafka = region.admin = "127.0.0.1:0"
    region.start(await_ready=False)
    line = region.read_line(30)
    fields = dict(field.split("=") for field in line.split()[1:])
    assert line.startswith("ready region=us-east kafka=127.0.0.1:"), line
    with wire.Connection(fields["kafka"]) as connection:
        assert wire.FETCH in connection.api_versions()
    assert fields["kafka"] != fields["admin"] and not fields["admin"].endswith(":0")
    region.stop()


def test_every_codec_header_null_and_timestamp_arrives_unchanged(ring):
    us_east, eu_west = ring.pair()
    for codec in clients.CODECS:
        create_topic(us_east, f"all-{codec}", 3, retention_ms="-1")  # The records are from 2020.
        client = clients.producer(us_east.kafka, **{"compression.type": codec})
        for index in range(300):
            client.produce(
                f"all-{codec}", partition=index % 3, timestamp=1_600_000_000_000 + index,
                key=None if index % 5 == 0 else b"key-%d" % index,
                value=None if index % 7 == 0 else b"value-%d " % index * (index % 40 + 1),
                headers=HEADERS if index % 2 else None)
        assert client.flush(30) == 0
    for codec in clients.CODECS:
        topic = f"all-{codec}"
        wait_mirrored(us_east, eu_west, topic)
        dumps = assert_same_bytes(us_east, eu_west, topic)
        codecs = {one.codec for dump in dumps for one in dump.batches}
        assert clients.CODECS.index(codec) in codecs, f"{topic} holds only codecs {codecs}"
        source = clients.consume(us_east.kafka, topic, 300)
        assert source == clients.consume(eu_west.kafka, topic, 300)
        assert {record.timestamp for record in source} == {1_600_000_000_000 + index for index in range(300)}
        assert sum(record.key is None for record in source) == 60
        assert sum(record.value is None for record in source) == 43
        assert sum(record.headers == tuple(HEADERS) for record in source) == 150


def test_producer_ids_sequences_and_epochs_are_the_owners(ring):
    us_east, eu_west = ring.pair()
    create_topic(us_east, "orders")
    clients.produce(us_east.kafka, "orders", [b"%d" % index for index in range(2000)], **{"batch.num.messages": 100})
    wait_mirrored(us_east, eu_west, "orders")
    dump = assert_same_bytes(us_east, eu_west, "orders")[0]
    assert len(dump.batches) >= 20
    expected = 0
    for one in dump.batches:
        assert one.producer_id >= 0 and one.base_sequence == expected and one.crc_matches()
        assert one.leader_epoch & 0xFF == us_east.ordinal
        expected += one.record_count


def test_two_links_in_both_directions_mirror_no_record_twice(ring):
    us_east, eu_west = ring.pair()
    create_topic(us_east, "from-america", 2)
    create_topic(eu_west, "from-europe", 2)
    clients.produce(us_east.kafka, "from-america", [b"a%d" % index for index in range(1000)])
    clients.produce(eu_west.kafka, "from-europe", [b"e%d" % index for index in range(1000)])
    wait_mirrored(us_east, eu_west, "from-america")
    wait_mirrored(eu_west, us_east, "from-europe")
    time.sleep(2)  # Were there a loop, it would turn many times in this.
    for region in (us_east, eu_west):
        for topic in ("from-america", "from-europe"):
            with region.wire() as connection:
                ends = [connection.offset(topic, partition, wire.LATEST)[1] for partition in (0, 1)]
            assert sum(ends) == 1000, f"{topic} in {region.name}: {ends}"
    assert us_east.mirrors("from-eu-west", "from-america") == []
    assert eu_west.mirrors("from-us-east", "from-europe") == []


def test_a_mirror_refuses_writes_names_the_owner_and_no_client_spins(ring):
    us_east, eu_west = ring.pair()
    create_topic(us_east, "orders")
    clients.produce(us_east.kafka, "orders", [b"one"])
    wait_mirrored(us_east, eu_west, "orders")
    with eu_west.wire() as connection:
        refused = connection.produce("orders", 0, batch.make([b"two"]))
        assert (refused.error, "us-east" in (refused.message or "")) == (wire.POLICY_VIOLATION, True), refused
        assert connection.offset("orders", 0, wire.LATEST) == (wire.OK, 1)

    errors = []
    client = clients.producer(eu_west.kafka)
    before = eu_west.metric("atoll_broker_requests_total", api="Produce")
    client.produce("orders", b"three", partition=0, on_delivery=lambda error, _: errors.append(error))
    assert client.flush(20) == 0
    assert [error.code() for error in errors] == [confluent_kafka.KafkaError.POLICY_VIOLATION]
    assert eu_west.metric("atoll_broker_requests_total", api="Produce") - before <= 2


def test_a_topic_that_grows_is_mirrored_from_the_start_of_its_new_partitions(ring):
    us_east, eu_west = ring.pair()
    create_topic(us_east, "grows", 1)
    clients.produce(us_east.kafka, "grows", [b"old"] * 10)
    wait_mirrored(us_east, eu_west, "grows")
    with us_east.wire() as connection:
        assert connection.create_partitions("grows", 3) == wire.OK
        for partition in (1, 2):
            wait_until(lambda one=partition: connection.produce("grows", one, batch.make([b"new"])).error == wire.OK,
                       f"partition {partition} takes records")
    wait_mirrored(us_east, eu_west, "grows")
    assert [dump.end for dump in assert_same_bytes(us_east, eu_west, "grows")] == [10, 1, 1]


def test_effective_configs_are_copied_to_the_mirror(ring):
    us_east, eu_west = ring.pair()
    create_topic(us_east, "kept", 1, retention_ms="123456789")
    clients.produce(us_east.kafka, "kept", [b"x"])
    wait_mirrored(us_east, eu_west, "kept")
    assert eu_west.cli_json("topic", "describe", "kept")["config"].get("retention.ms") == "123456789"
    with us_east.wire() as connection:
        assert connection.set_config("kept", "retention.ms", "98765432") == wire.OK
    wait_until(lambda: eu_west.cli_json("topic", "describe", "kept")["config"].get("retention.ms") == "98765432",
               "the changed retention arrives", 60, 0.5)


@pytest.mark.parametrize("rules, mirrored", [
    ([{"include": "orders", "match": "literal"}], {"orders"}),
    ([{"exclude": "tmp.", "match": "prefix"}, {"include": "*", "match": "glob"}], {"orders", "audit-1"}),
    ([{"include": "audit-[0-9]+", "match": "regex"}], {"audit-1"}),
])
def test_the_first_matching_rule_decides_which_topics_a_link_pulls(ring, rules, mirrored):
    us_east, eu_west = ring.region("us-east").start(), ring.region("eu-west")
    for topic in ("orders", "audit-1", "tmp.scratch"):
        create_topic(us_east, topic)
        clients.produce(us_east.kafka, topic, [topic.encode()])
    eu_west.links = [link(us_east, topics=rules)]
    eu_west.start()
    for topic in mirrored:
        wait_mirrored(us_east, eu_west, topic)
    wait_until(lambda: {row["topic"] for row in eu_west.mirrors("from-us-east")} == mirrored, f"the link shows {mirrored}")
    names = {topic["name"] for topic in json.loads(eu_west.cli("topic", "list", "-o", "json").stdout)["topics"]}
    assert names == mirrored


def test_all_survives_a_clean_restart_of_both(ring):
    us_east, eu_west = ring.pair()
    create_topic(us_east, "orders", 4)
    clients.produce(us_east.kafka, "orders", [b"%d" % index for index in range(5000)])
    wait_mirrored(us_east, eu_west, "orders")
    before = assert_same_bytes(us_east, eu_west, "orders")
    us_east.restart()
    eu_west.restart()
    after = assert_same_bytes(us_east, eu_west, "orders")
    assert [dump.data for dump in before] == [dump.data for dump in after]
    clients.produce(us_east.kafka, "orders", [b"again"] * 100)
    wait_mirrored(us_east, eu_west, "orders")
    assert_same_bytes(us_east, eu_west, "orders")
