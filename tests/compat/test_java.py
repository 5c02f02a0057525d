"""Apache Kafka's own Java clients and tools (4.x, from Maven), unmodified; its dump tool reads our segments."""
import re

import pytest

import clients
import real_kafka
from harness import create_topic
from real_kafka import run_tool

TOPICS = "org.apache.kafka.tools.TopicCommand"
CONFIGS = "kafka.admin.ConfigCommand"
OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
DUMP = "org.apache.kafka.tools.DumpLogSegments"
PERFORMANCE = "org.apache.kafka.tools.ProducerPerformance"


@pytest.fixture(autouse=True, scope="module")
def kafka_jars():
    if reason := real_kafka.missing():
        pytest.fail(reason)


def console_consume(region, topic: str, count: int, *properties: str) -> list[str]:
    return run_tool(CONSUMER, "--bootstrap-server", region.kafka, "--topic", topic, "--partition", "0", "--offset", "earliest",
                    "--max-messages", str(count), "--timeout-ms", "30000", *properties).splitlines()


@pytest.mark.parametrize("codec", clients.CODECS)
def test_the_console_producer_and_consumer_speak_every_codec(region, codec):
    topic = f"java-{codec}"
    create_topic(region, topic)
    lines = [f"k{index}\tvalue {index} " + "j" * (index % 70) for index in range(500)]
    run_tool(PRODUCER, "--bootstrap-server", region.kafka, "--topic", topic, "--compression-codec", codec,
             "--reader-property", "parse.key=true", stdin="\n".join(lines).encode() + b"\n")
    shown = console_consume(region, topic, 500, "--formatter-property", "print.key=true")
    assert shown == lines
    records = clients.consume(region.kafka, topic, 500)
    assert [record.value.decode() for record in records] == [line.split("\t")[1] for line in lines]


def test_the_console_consumer_prints_what_librdkafka_wrote(region):
    create_topic(region, "for-java", retention_ms="-1")  # The record is from 2022.
    client = clients.producer(region.kafka, **{"compression.type": "zstd"})
    client.produce("for-java", b"value", key=b"key", headers=[("h", b"1")], timestamp=1_650_000_000_123)
    client.produce("for-java", None, key=None)
    assert client.flush(20) == 0
    shown = console_consume(region, "for-java", 2, "--formatter-property", "print.key=true", "--formatter-property",
                            "print.headers=true", "--formatter-property", "print.timestamp=true")
    assert shown[0] == "CreateTime:1650000000123\th:1\tkey\tvalue"
    assert shown[1].endswith("\tNO_HEADERS\tnull\tnull")


def test_kafka_topics_creates_describes_alters_and_deletes(region):
    server = ("--bootstrap-server", region.kafka)
    run_tool(TOPICS, *server, "--create", "--topic", "java-admin", "--partitions", "3", "--config", "retention.ms=600000")
    described = run_tool(TOPICS, *server, "--describe", "--topic", "java-admin")
    assert "PartitionCount: 3" in described and "retention.ms=600000" in described
    assert re.search(r"Partition: 2\s+Leader: 1\s+Replicas: 1\s+Isr: 1", described)
    run_tool(TOPICS, *server, "--alter", "--topic", "java-admin", "--partitions", "5")
    assert "PartitionCount: 5" in run_tool(TOPICS, *server, "--describe", "--topic", "java-admin")
    assert "java-admin" in run_tool(TOPICS, *server, "--list").splitlines()
    run_tool(TOPICS, *server, "--delete", "--topic", "java-admin")
    assert "java-admin" not in run_tool(TOPICS, *server, "--list").splitlines()


def test_kafka_configs_sets_and_deletes(region):
    create_topic(region, "java-configs")
    entity = ("--bootstrap-server", region.kafka, "--entity-type", "topics", "--entity-name", "java-configs")
    run_tool(CONFIGS, *entity, "--alter", "--add-config", "retention.ms=424242,segment.bytes=2097152")
    described = run_tool(CONFIGS, *entity, "--describe")
    assert "retention.ms=424242" in described and "segment.bytes=2097152" in described
    run_tool(CONFIGS, *entity, "--alter", "--delete-config", "retention.ms")
    assert "retention.ms=424242" not in run_tool(CONFIGS, *entity, "--describe")


def test_kafka_get_offsets_knows_ends_starts_and_times(region):
    create_topic(region, "java-offsets", 2)
    clients.produce(region.kafka, "java-offsets", [b"x"] * 40)

    def total(time: str) -> int:
        output = run_tool(OFFSETS, "--bootstrap-server", region.kafka, "--topic", "java-offsets", "--time", time)
        return sum(int(line.rsplit(":", 1)[1]) for line in output.split())
    assert (total("latest"), total("earliest"), total("1")) == (40, 0, 0)


def test_an_idempotent_java_producer_with_default_settings_loses_nothing(region):
    create_topic(region, "java-many", 4)
    output = run_tool(PERFORMANCE, "--topic", "java-many", "--num-records", "50000", "--record-size", "200", "--throughput",
                      "-1", "--producer-props", f"bootstrap.servers={region.kafka}")
    assert "50000 records sent" in output
    clients.consume(region.kafka, "java-many", 50000)


def test_kafkas_own_dump_tool_reads_the_segments(ring):
    region = ring.region("us-east")
    region.storage = {"durability": "fsync", "segmentBytes": "1MiB"}
    region.start()
    create_topic(region, "dumped")
    clients.produce(region.kafka, "dumped", [b"%d %s" % (index, b"d" * 500) for index in range(5000)],
                    **{"batch.num.messages": 50})  # Several batches per segment: the first one has no index entry.
    clients.produce(region.kafka, "dumped", [b"squeezed"] * 1000, **{"compression.type": "lz4"})
    region.stop()
    folder = next(region.data.glob("topics/dumped.*/0"))
    segments = sorted(folder.glob("*.log"))
    assert len(segments) >= 2
    files = ",".join(str(path) for path in segments)
    shown = run_tool(DUMP, "--deep-iteration", "--files", files)
    offsets = [int(offset) for offset in re.findall(r"^\| offset: (\d+)", shown, re.MULTILINE)]
    assert offsets == list(range(6000))
    assert "isvalid: true" in shown and "isvalid: false" not in shown and "compresscodec: lz4" in shown
    indexes = sorted([*folder.glob("*.index"), *folder.glob("*.timeindex")])
    checked = run_tool(DUMP, "--index-sanity-check", "--files", ",".join(map(str, indexes)))
    assert checked.count("passed sanity check") == len(indexes) and "Found" not in checked, checked
    verified = run_tool(DUMP, "--verify-index-only", "--files", ",".join(str(path) for path in sorted(folder.glob("*.index"))))
    assert "Mismatch" not in verified and "Non-consecutive" not in verified, verified
