"""Consumer groups with Apache Kafka's own Java clients and tools: kafka-consumer-groups with all its verbs, unmodified."""
import re
import subprocess

import pytest

import clients
import real_kafka
from harness import create_topic, killed_at_end, wait_until
from real_kafka import run_tool

GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
PERFORMANCE = "org.apache.kafka.tools.ConsumerPerformance"


@pytest.fixture(autouse=True, scope="module")
def kafka_jars():
    if reason := real_kafka.missing():
        pytest.fail(reason)


def groups(region, *arguments: str) -> str:
    return run_tool(GROUPS, "--bootstrap-server", region.kafka, *arguments)


def consume(region, group: str, topic: str, count: int) -> list[str]:
    return run_tool(CONSUMER, "--bootstrap-server", region.kafka, "--topic", topic, "--group", group, "--from-beginning",
                    "--max-messages", str(count), "--timeout-ms", "30000").splitlines()


def has_read(region, group: str, count: int) -> bool:
    status, described = region.api("GET", f"/v1/groups?group={group}")
    return status == 200 and sum(one["committed"] for one in described["offsets"]) == count


def rows(output: str, topic: str) -> dict[int, list[str]]:
    """--describe's lines by partition: CURRENT-OFFSET, LOG-END-OFFSET, LAG."""
    found = re.findall(rf"^\S*\s+{topic}\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S+)", output, re.MULTILINE)
    return {int(partition): rest for partition, *rest in found}


def positions(output: str, topic: str) -> dict[int, int]:
    """--reset-offsets' lines: NEW-OFFSET by partition."""
    return {int(partition): int(offset) for partition, offset in re.findall(rf"{topic}\s+(\d+)\s+(\d+)", output)}


def test_the_console_consumer_goes_on_where_its_group_was(region):
    create_topic(region, "java-group", 2)
    clients.produce(region.kafka, "java-group", [b"%d" % index for index in range(200)])
    first = consume(region, "java-group", "java-group", 120)
    second = consume(region, "java-group", "java-group", 80)
    assert sorted(first + second, key=int) == [str(index) for index in range(200)]
    described = groups(region, "--describe", "--group", "java-group")
    assert {lag for _, _, lag in rows(described, "java-group").values()} == {"0"}


def test_consumer_performance_reads_in_a_group(region):
    create_topic(region, "java-perf", 3)
    clients.produce(region.kafka, "java-perf", [b"x" * 100] * 20_000)
    output = run_tool(PERFORMANCE, "--bootstrap-server", region.kafka, "--topic", "java-perf", "--messages", "20000",
                      "--group", "java-perf", "--timeout", "30000")
    assert re.search(r",\s*20000,", output), output


def test_the_tool_lists_and_describes_groups_with_members_state_and_offsets(region):
    create_topic(region, "described", 2)
    clients.produce(region.kafka, "described", [b"%d" % index for index in range(100)])
    command = real_kafka.java(CONSUMER, "--bootstrap-server", region.kafka, "--topic", "described", "--group", "described",
                              "--from-beginning")
    with killed_at_end(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        wait_until(lambda: has_read(region, "described", 100), "it has read all and committed")
        assert "described" in groups(region, "--list").splitlines()
        assert re.search(r"described\s+Stable", groups(region, "--list", "--state"))
        assert "described" in groups(region, "--list", "--state", "stable")
        state = groups(region, "--describe", "--group", "described", "--state")
        assert re.search(rf"described\s+127\.0\.0\.1:\d+\s+\({region.ordinal}\)\s+range\s+Stable\s+1", state), state
        members = groups(region, "--describe", "--group", "described", "--members", "--verbose")
        assert re.search(r"described\s+console-consumer-\S+\s+/127\.0\.0\.1\s+console-consumer\s+2\s+-\s+described:0,1\s", members), members
        offsets = rows(groups(region, "--describe", "--group", "described", "--offsets"), "described")
        assert sum(int(current) for current, _, _ in offsets.values()) == 100
        assert {lag for _, _, lag in offsets.values()} == {"0"}
        refused = groups(region, "--delete", "--group", "described")
        assert "not empty" in refused.lower() or "GroupNotEmpty" in refused, refused
        refused = groups(region, "--delete-offsets", "--group", "described", "--topic", "described")
        assert "subscribed" in refused.lower(), refused


def test_the_tool_resets_offsets_by_every_rule(region):
    create_topic(region, "reset", 2, retention_ms="-1")  # The records are from 2025.
    client = clients.producer(region.kafka)
    start = 1_750_000_000_000
    for index in range(200):
        client.produce("reset", b"%d" % index, partition=index % 2, timestamp=start + index * 1000)
    assert client.flush(20) == 0
    consume(region, "reset", "reset", 200)
    rules = {
        ("--to-earliest",): [0, 0], ("--to-latest",): [100, 100], ("--to-offset", "42"): [42, 42], ("--shift-by", "-2"): [40, 40],
        ("--to-current",): [40, 40], ("--to-datetime", "2025-06-15T15:08:20.000"): [50, 50],
    }
    for rule, expected in rules.items():
        planned = groups(region, "--reset-offsets", "--group", "reset", "--topic", "reset", *rule, "--dry-run")
        assert list(positions(planned, "reset").values()) == expected, (rule, planned)
        groups(region, "--reset-offsets", "--group", "reset", "--topic", "reset", *rule, "--execute")
        shown = rows(groups(region, "--describe", "--group", "reset"), "reset")
        assert [int(shown[partition][0]) for partition in (0, 1)] == expected, rule
    by_duration = groups(region, "--reset-offsets", "--group", "reset", "--topic", "reset", "--by-duration", "PT1S", "--dry-run")
    assert list(positions(by_duration, "reset").values()) == [100, 100], by_duration
    one = groups(region, "--reset-offsets", "--group", "reset", "--topic", "reset:1", "--to-earliest", "--execute")
    assert positions(one, "reset") == {1: 0}
    assert len(consume(region, "reset", "reset", 150)) == 150


def test_the_tool_resets_offsets_from_a_file(region, tmp_path):
    create_topic(region, "from-file", 2)
    clients.produce(region.kafka, "from-file", [b"x"] * 100)
    export = groups(region, "--reset-offsets", "--group", "from-file", "--topic", "from-file", "--to-latest", "--export", "--dry-run")
    assert sorted(re.findall(r'"?from-file"?,(\d),\d+', export)) == ["0", "1"], export
    plan = tmp_path / "plan.csv"
    plan.write_text("from-file,0,5\nfrom-file,1,6\n")
    groups(region, "--reset-offsets", "--group", "from-file", "--from-file", str(plan), "--execute")
    shown = rows(groups(region, "--describe", "--group", "from-file"), "from-file")
    assert [int(shown[partition][0]) for partition in (0, 1)] == [5, 6]


def test_the_tool_deletes_offsets_and_groups(region):
    create_topic(region, "removed", 2)
    clients.produce(region.kafka, "removed", [b"x"] * 100)
    consume(region, "removed", "removed", 100)
    groups(region, "--delete-offsets", "--group", "removed", "--topic", "removed:1")
    assert list(rows(groups(region, "--describe", "--group", "removed"), "removed")) == [0]
    assert "successful" in groups(region, "--delete", "--group", "removed")
    assert "removed" not in groups(region, "--list").splitlines()
    assert "GroupIdNotFound" in groups(region, "--delete", "--group", "removed")
