"""Consumer groups with librdkafka and kafka-python, unmodified: every assignor, static members, rebalances, and a broker that dies."""
import time

import confluent_kafka
import confluent_kafka.admin
import kafka
import pytest

import clients
from group_clients import Member, all_read, covers
from harness import create_topic, wait_until


def committed(region, group: str, topic: str, partitions: int) -> list[int]:
    client = confluent_kafka.Consumer({"bootstrap.servers": region.kafka, "group.id": group, "log_level": 0})
    try:
        asked = [confluent_kafka.TopicPartition(topic, one) for one in range(partitions)]
        return [one.offset for one in client.committed(asked, timeout=10)]
    finally:
        client.close()


def test_the_advertised_versions_are_those_that_issue_4_promises(region):
    promised = {8: (2, 8), 9: (1, 8), 10: (0, 4), 11: (0, 7), 12: (0, 4), 13: (0, 4), 14: (0, 5), 15: (0, 5), 16: (0, 4), 42: (0, 2),
                47: (0, 0)}
    with region.wire() as connection:
        assert promised.items() <= connection.api_versions().items()


@pytest.mark.parametrize("assignor", ["range", "roundrobin", "cooperative-sticky"])
def test_a_group_shares_a_topic_through_joins_and_leaves_and_reads_all_of_it(region, assignor):
    topic = group = f"shared-{assignor}"
    create_topic(region, topic, 6)
    clients.produce(region.kafka, topic, [b"x"] * 3000)
    settings = {"partition.assignment.strategy": assignor}
    members = [Member(region.kafka, group, [topic], **settings)]
    wait_until(lambda: covers(members, topic, 6), "one member has all")
    members.append(Member(region.kafka, group, [topic], **settings))
    wait_until(lambda: covers(members, topic, 6) and all(len(one.assigned) == 3 for one in members), "two members share")
    clients.produce(region.kafka, topic, [b"y"] * 3000)
    members.append(Member(region.kafka, group, [topic], **settings))
    wait_until(lambda: covers(members, topic, 6) and all(len(one.assigned) == 2 for one in members), "three members share")
    members[0].stop()
    wait_until(lambda: covers(members[1:], topic, 6), "the others took over")
    clients.produce(region.kafka, topic, [b"z"] * 3000)
    wait_until(lambda: len(all_read(members)) == 9000, "everything is read")
    for member in members[1:]:
        member.stop()
    assert sum(committed(region, group, topic, 6)) == 9000
    assert not any(member.errors for member in members), [member.errors for member in members]
    described = region.cli_json("group", "describe", group)
    assert described["state"] == "Empty" and described["lagRecords"] == 0


def test_a_static_member_comes_back_to_its_partitions_without_a_rebalance(region):
    create_topic(region, "static", 4)
    first = Member(region.kafka, "static", ["static"], **{"group.instance.id": "a"})
    second = Member(region.kafka, "static", ["static"], **{"group.instance.id": "b"})
    wait_until(lambda: covers([first, second], "static", 4) and len(second.assigned) == 2, "two members share")
    had, assignments = set(second.assigned), first.assignments
    generation = region.cli_json("group", "describe", "static")["generation"]
    second.stop()  # librdkafka does not leave when it is static.
    again = Member(region.kafka, "static", ["static"], **{"group.instance.id": "b"})
    wait_until(lambda: again.assigned == had, "it has what it had")
    assert first.assignments == assignments
    assert region.cli_json("group", "describe", "static")["generation"] == generation
    first.stop()
    again.stop()


def test_a_second_process_with_the_same_name_fences_the_first(region):
    create_topic(region, "fenced", 2)
    first = Member(region.kafka, "fenced", ["fenced"], **{"group.instance.id": "one"})
    wait_until(lambda: len(first.assigned) == 2, "it has the topic")
    second = Member(region.kafka, "fenced", ["fenced"], **{"group.instance.id": "one"})
    wait_until(lambda: len(second.assigned) == 2, "the second has it now")
    wait_until(lambda: any("fenced" in error.lower() for error in first.errors), "the first is told that it is fenced")
    second.stop()


def test_a_member_that_dies_is_replaced_after_its_session(region):
    create_topic(region, "dies", 4)
    clients.produce(region.kafka, "dies", [b"x"] * 400)
    stuck = Member(region.kafka, "dies", ["dies"], **{"max.poll.interval.ms": 6000})
    wait_until(lambda: len(stuck.assigned) == 4, "it has all")
    other = Member(region.kafka, "dies", ["dies"])
    wait_until(lambda: covers([stuck, other], "dies", 4), "they share")
    stuck.stop(leave=False)
    wait_until(lambda: len(other.assigned) == 4, "the other has all", 40)
    other.stop()


def test_a_group_and_its_offsets_survive_kill_9_of_the_broker(ring):
    region = ring.region("us-east").start()
    create_topic(region, "killed", 4)
    members = [Member(region.kafka, "killed", ["killed"], commit_every=20) for _ in range(2)]
    wait_until(lambda: covers(members, "killed", 4), "they share")
    background = clients.Background(region.kafka, "killed", per_second=1000)
    wait_until(lambda: len(all_read(members)) > 1000, "they read")
    before = region.cli_json("group", "describe", "killed")
    region.kill9()
    at_kill = all_read(members)
    region.start()
    after = region.cli_json("group", "describe", "killed")
    assert {one["memberId"] for one in after["members"]} == {one["memberId"] for one in before["members"]}
    assert after["generation"] == before["generation"]
    durable = {(one["topic"], one["partition"]): one["committed"] for one in after["offsets"]}
    for one in before["offsets"]:
        assert durable[one["topic"], one["partition"]] >= one["committed"]
    wait_until(lambda: len(all_read(members)) > len(at_kill) + 1000, "they go on")
    background.stop()
    wait_until(lambda: len(all_read(members)) >= len(background.acked), "everything acknowledged is read")
    for member in members:
        member.stop()
    assert sum(committed(region, "killed", "killed", 4)) >= len(background.acked)


def test_committed_offsets_carry_metadata_and_survive_an_orderly_restart(ring):
    region = ring.region("us-east").start()
    create_topic(region, "kept", 2)
    client = confluent_kafka.Consumer({"bootstrap.servers": region.kafka, "group.id": "simple", "log_level": 0})
    client.commit(offsets=[confluent_kafka.TopicPartition("kept", 1, 7, "where I was")], asynchronous=False)
    client.close()
    region.restart()
    client = confluent_kafka.Consumer({"bootstrap.servers": region.kafka, "group.id": "simple", "log_level": 0})
    none, kept = client.committed([confluent_kafka.TopicPartition("kept", 0), confluent_kafka.TopicPartition("kept", 1)], timeout=10)
    assert (none.offset, kept.offset, kept.metadata) == (confluent_kafka.OFFSET_INVALID, 7, "where I was")
    client.close()


def test_offsets_of_a_deleted_topic_are_gone_when_it_is_made_again(region):
    create_topic(region, "again")
    client = confluent_kafka.Consumer({"bootstrap.servers": region.kafka, "group.id": "again", "log_level": 0})
    client.commit(offsets=[confluent_kafka.TopicPartition("again", 0, 3)], asynchronous=False)
    client.close()
    assert committed(region, "again", "again", 1) == [3]
    region.cli("topic", "delete", "again", "--yes")
    create_topic(region, "again")
    wait_until(lambda: committed(region, "again", "again", 1) == [confluent_kafka.OFFSET_INVALID], "the offset is gone")


def test_kafka_python_shares_a_topic_in_a_group(region):
    create_topic(region, "kp-group", 4)
    clients.produce(region.kafka, "kp-group", [b"%d" % index for index in range(1000)])

    def consumer() -> kafka.KafkaConsumer:
        return kafka.KafkaConsumer("kp-group", bootstrap_servers=region.kafka, group_id="kp-group", auto_offset_reset="earliest",
                                   enable_auto_commit=False, session_timeout_ms=6000, heartbeat_interval_ms=300)
    both = [consumer(), consumer()]
    values: list[bytes] = []
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and (len(set(values)) < 1000 or any(len(one.assignment()) != 2 for one in both)):
        for one in both:
            values += [record.value for records in one.poll(200).values() for record in records]
    assert len(set(values)) == 1000 and [len(one.assignment()) for one in both] == [2, 2]
    for one in both:
        one.commit()
        one.close()
    assert sum(committed(region, "kp-group", "kp-group", 4)) == 1000


def test_lag_is_a_metric_and_vanishes_with_the_group(region):
    create_topic(region, "lagging")
    clients.produce(region.kafka, "lagging", [b"x"] * 100)
    client = confluent_kafka.Consumer({"bootstrap.servers": region.kafka, "group.id": "lagging", "log_level": 0})
    client.commit(offsets=[confluent_kafka.TopicPartition("lagging", 0, 40)], asynchronous=False)
    client.close()
    assert region.metric("atoll_group_lag_records", group="lagging", topic="lagging", partition="0") == 60
    assert 0 < region.metric("atoll_group_lag_seconds", group="lagging") < 60
    assert region.metric("atoll_group_state", state="Empty") >= 1
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": region.kafka})
    for future in admin.delete_consumer_groups(["lagging"]).values():
        future.result(20)
    assert region.metric("atoll_group_lag_records", group="lagging") is None
    assert region.metric("atoll_group_members", group="lagging") is None
