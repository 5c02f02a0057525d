"""kcat, librdkafka and kafka-python, unmodified: produce, consume, seek by time and administer, each with the others' records."""
import json
import time

import confluent_kafka
import kafka
import pytest
from confluent_kafka import admin
from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic

import clients
import wire
from harness import create_topic, wait_until

START = int(time.time() * 1000) - 86_400_000  # Yesterday: retention goes by the records' time.


def admin_client(region) -> admin.AdminClient:
    return admin.AdminClient({"bootstrap.servers": region.kafka})


def results(futures: dict) -> dict:
    return {key: future.result(20) for key, future in futures.items()}


@pytest.mark.parametrize("codec", clients.CODECS)
def test_kcat_produces_and_consumes_every_codec(region, codec):
    topic = f"kcat-{codec}"
    create_topic(region, topic, 2)
    lines = b"".join(b"key-%d:value %d %s\n" % (index, index, b"z" * (index % 90)) for index in range(2000))
    clients.kcat("-P", "-b", region.kafka, "-t", topic, "-z", codec, "-K", ":", "-H", "source=kcat", stdin=lines)
    read = clients.kcat("-C", "-b", region.kafka, "-t", topic, "-e", "-f", "%k:%s\n")
    assert sorted(read.splitlines()) == sorted(lines.splitlines())
    found = [json.loads(line) for line in clients.kcat("-C", "-b", region.kafka, "-t", topic, "-e", "-J", "-c", "10").splitlines()]
    assert all(record["headers"] == ["source", "kcat"] for record in found)


def test_kcat_lists_topics_and_asks_for_offsets_by_time(region):
    create_topic(region, "kcat-times")
    client = clients.producer(region.kafka)
    for index in range(100):
        client.produce("kcat-times", b"%d" % index, timestamp=START + index * 1000)
    assert client.flush(20) == 0
    listing = json.loads(clients.kcat("-L", "-J", "-b", region.kafka, "-t", "kcat-times"))
    assert listing["topics"][0]["partitions"][0]["leader"] == listing["brokers"][0]["id"] == region.ordinal
    for wanted, offset in ((START, 0), (START + 41_500, 42), (START + 42_000, 42), (START + 99_001, -1)):
        answer = clients.kcat("-Q", "-b", region.kafka, "-t", f"kcat-times:0:{wanted}").decode()
        assert answer.split()[-1] in (str(offset), str(100 if offset < 0 else offset)), (wanted, answer)
    tail = clients.kcat("-C", "-b", region.kafka, "-t", "kcat-times", "-o", f"s@{START + 90_000}", "-e", "-f", "%o ")
    assert tail.split() == [b"%d" % index for index in range(90, 100)]
    assert clients.kcat("-C", "-b", region.kafka, "-t", "kcat-times", "-o", "-3", "-e", "-f", "%o ") == b"97 98 99 "


@pytest.mark.parametrize("acks", [0, 1, -1])
def test_librdkafka_produces_with_every_acks(region, acks):
    topic = f"acks{acks}"
    create_topic(region, topic)
    clients.produce(region.kafka, topic, [b"x"] * 500, **{"enable.idempotence": False, "acks": acks})
    assert [record.offset for record in clients.consume(region.kafka, topic, 500)] == list(range(500))


def test_librdkafka_waits_for_new_records_and_is_woken(region):
    create_topic(region, "woken")
    consumer = confluent_kafka.Consumer({"bootstrap.servers": region.kafka, "group.id": "unused", "fetch.wait.max.ms": 5000})
    consumer.assign([confluent_kafka.TopicPartition("woken", 0, 0)])
    assert consumer.poll(1.5) is None
    began = time.monotonic()
    clients.produce(region.kafka, "woken", [b"now"], **{"linger.ms": 0})
    message = consumer.poll(5)
    assert message.value() == b"now" and time.monotonic() - began < 2
    consumer.close()


def test_librdkafka_administers_topics(region):
    client = admin_client(region)
    results(client.create_topics([admin.NewTopic("rd-admin", 2, config={"retention.ms": "1234567"})]))
    assert len(client.list_topics("rd-admin", timeout=10).topics["rd-admin"].partitions) == 2
    with pytest.raises(confluent_kafka.KafkaException, match="TOPIC_ALREADY_EXISTS|already exists"):
        results(client.create_topics([admin.NewTopic("rd-admin", 2)]))
    results(client.create_partitions([admin.NewPartitions("rd-admin", 5)]))
    resource = admin.ConfigResource(admin.RESOURCE_TOPIC, "rd-admin")
    (config,) = results(client.describe_configs([resource])).values()
    assert config["retention.ms"].value == "1234567" and not config["retention.ms"].is_default
    change = admin.ConfigEntry("retention.ms", "7654321", incremental_operation=admin.AlterConfigOpType.SET)
    results(client.incremental_alter_configs([admin.ConfigResource(admin.RESOURCE_TOPIC, "rd-admin", incremental_configs=[change])]))
    (config,) = results(client.describe_configs([resource])).values()
    assert config["retention.ms"].value == "7654321"
    assert client.describe_cluster().result(20).controller.id == region.ordinal
    results(client.delete_topics(["rd-admin"]))
    assert "rd-admin" not in client.list_topics(timeout=10).topics


def test_librdkafka_lists_offsets_and_deletes_records(region):
    create_topic(region, "rd-trim")
    clients.produce(region.kafka, "rd-trim", [b"x"] * 100)
    client = admin_client(region)
    partition = confluent_kafka.TopicPartition("rd-trim", 0)
    (latest,) = results(client.list_offsets({partition: admin.OffsetSpec.latest()})).values()
    assert latest.offset == 100
    results(client.delete_records([confluent_kafka.TopicPartition("rd-trim", 0, 60)]))
    (earliest,) = results(client.list_offsets({partition: admin.OffsetSpec.earliest()})).values()
    assert earliest.offset == 60
    assert [record.offset for record in clients.consume(region.kafka, "rd-trim", 40)] == list(range(60, 100))


@pytest.mark.parametrize("codec", clients.CODECS)
def test_kafka_python_produces_for_librdkafka_and_the_other_way_round(region, codec):
    for topic in (f"kp-{codec}", f"rd-{codec}"):
        create_topic(region, topic, 3)
    client = kafka.KafkaProducer(bootstrap_servers=region.kafka, compression_type=None if codec == "none" else codec, acks="all")
    for index in range(600):
        client.send(f"kp-{codec}", key=None if index % 5 == 0 and index % 7 else b"k%d" % index, partition=index % 3,
                    value=None if index % 7 == 0 else b"v%d " % index * 9, headers=[("n", b"%d" % index)],
                    timestamp_ms=START + index)
    client.flush(30)
    client.close()
    records = clients.consume(region.kafka, f"kp-{codec}", 600)
    assert records == clients.kafka_python_consume(region.kafka, f"kp-{codec}", 600)
    assert {record.timestamp for record in records} == {START + index for index in range(600)}
    assert sum(record.value is None for record in records) == 86
    clients.produce(region.kafka, f"rd-{codec}", [b"%d" % index for index in range(600)], **{"compression.type": codec})
    assert clients.consume(region.kafka, f"rd-{codec}", 600) == clients.kafka_python_consume(region.kafka, f"rd-{codec}", 600)


def test_kafka_python_administers_topics_and_finds_offsets_by_time(region):
    client = KafkaAdminClient(bootstrap_servers=region.kafka)
    client.create_topics([NewTopic("kp-admin", 2, 1)])
    client.create_partitions({"kp-admin": NewPartitions(4)})
    wait_until(lambda: "kp-admin" in client.list_topics(), "kp-admin is listed")
    with region.wire() as connection:
        assert connection.partitions("kp-admin") == [0, 1, 2, 3]
    producer = clients.producer(region.kafka)
    for index in range(50):
        producer.produce("kp-admin", b"%d" % index, partition=1, timestamp=START + index * 10)
    assert producer.flush(20) == 0
    consumer = kafka.KafkaConsumer(bootstrap_servers=region.kafka, group_id=None)
    partition = kafka.TopicPartition("kp-admin", 1)
    found = consumer.offsets_for_times({partition: START + 95})[partition]
    assert (found.offset, found.timestamp) == (10, START + 100)
    assert consumer.offsets_for_times({partition: START + 1000})[partition] is None
    assert consumer.beginning_offsets([partition]) == {partition: 0} and consumer.end_offsets([partition]) == {partition: 50}
    consumer.close()
    client.delete_topics(["kp-admin"])
    client.close()
    with region.wire() as connection:
        assert connection.partitions("kp-admin") == []


def test_the_advertised_versions_are_those_that_issue_3_promises(region):
    promised = {
        wire.PRODUCE: (0, 9), wire.FETCH: (4, 12), wire.LIST_OFFSETS: (1, 7), wire.METADATA: (0, 12), 10: (0, 4),
        wire.API_VERSIONS: (0, 4), wire.CREATE_TOPICS: (2, 7), wire.DELETE_TOPICS: (1, 6), wire.DELETE_RECORDS: (0, 2),
        wire.INIT_PRODUCER_ID: (0, 4), wire.OFFSET_FOR_LEADER_EPOCH: (2, 4), 32: (1, 4), wire.CREATE_PARTITIONS: (0, 3),
        wire.INCREMENTAL_ALTER_CONFIGS: (0, 1), 60: (0, 0)}
    with region.wire() as connection:
        assert promised.items() <= connection.api_versions().items()


def test_a_transactional_producer_is_refused_with_a_clear_error(region):
    client = confluent_kafka.Producer({"bootstrap.servers": region.kafka, "transactional.id": "t", "log_level": 0})
    with pytest.raises(confluent_kafka.KafkaException):
        client.init_transactions(10)
