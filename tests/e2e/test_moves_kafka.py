"""Moves away from a real Apache Kafka: planned once its producers are stopped, forced when it is gone, and no way back."""
import time

import clients
import wire
from harness import wait_until
from kafka_fixtures import LINK, create, source, target  # noqa: F401 (fixtures)
from test_failover import owner, reports, values


def findings(target, topic: str) -> set[str]:
    status, body = target.api("POST", f"/v1/links/{LINK}/mirrors:promote?dry_run=true", {"topics": [topic]})
    assert status == 200, body
    return {finding["code"] for finding in body["findings"]}


def plan(target, topic: str, expect: int) -> str:
    return target.cli("promote", "--link", LINK, topic, "--dry-run", expect=expect).stdout


def test_a_planned_move_wants_stopped_producers_and_says_before_that_there_is_no_way_back(source, target):
    create(source, "planned", 2)
    sent = clients.Background(source.address, "planned", per_second=400)
    wait_until(lambda: target.mirror(LINK, "planned").get("appliedEnd"), "it is mirrored")
    for _ in range(5):  # The mirror is at the source's end again and again: that is not enough.
        blocked = plan(target, "planned", expect=3)
        assert "still_written" in blocked and "stop the producers" in blocked, blocked
        time.sleep(0.1)
    sent.stop()
    wait_until(lambda: "still_written" not in findings(target, "planned"), "the ends stand still", 20)
    clean = plan(target, "planned", expect=0)
    assert "no_return" in clean and "make an Atoll region of it" in clean, clean
    report = target.cli_json("promote", "--link", LINK, "planned", "--yes")
    assert report["outcome"] == "done" and all(p["lostAtMost"] == 0 for p in report["partitions"]), report
    assert owner(target, "planned")["owner"] == "eu-west"
    clients.produce(target.kafka, "planned", [b"after-%d" % i for i in range(50)])
    kept = values(target, "planned")
    assert len(kept) == len(sent.acked) + 50
    assert all(kept[value] == place for value, place in sent.acked.items()), "the same records at the same offsets"
    refused = target.cli("return", "--link", LINK, "planned", "--yes", expect=1)
    assert "can't become a mirror" in refused.stderr and "make an Atoll region of it" in refused.stderr


def test_a_producer_that_was_forgotten_rolls_a_planned_move_back(source, target):
    create(source, "forgotten", 2)
    clients.produce(source.address, "forgotten", [b"before-%d" % i for i in range(50)])
    target.wait_state(LINK, "forgotten", "caught_up", 1)
    wait_until(lambda: "still_written" not in findings(target, "forgotten"), "the ends stand still", 20)
    status, body = target.api("POST", f"/v1/links/{LINK}/mirrors:promote?dry_run=true", {"topics": ["forgotten"]})
    assert status == 200 and not body["blocked"], body
    clients.produce(source.address, "forgotten", [b"late-%d" % i for i in range(50)])
    status, answer = target.api("POST", f"/v1/links/{LINK}/mirrors:promote",
                                {"topics": ["forgotten"], "planHash": body["hash"]})
    # Seen by the plan that is made anew, or by the move itself.
    if status == 202:
        wait_until(lambda: reports(target)[0]["outcome"] != "running", "the move has ended")
        assert reports(target)[0]["outcome"] == "rolled_back" and "still written" in reports(target)[0]["reason"]
    else:
        assert status == 409, answer
    assert owner(target, "forgotten")["owner"] == "kafka-east"


def test_a_forced_move_from_a_dead_kafka_states_what_it_knows(source, target):
    create(source, "forced", 2)
    acked = clients.produce(source.address, "forced", [b"before-%d" % i for i in range(50)])
    for partition in (0, 1):
        target.wait_state(LINK, "forced", "caught_up", partition)
    source.stop()
    try:
        wait_until(lambda: target.get(f"/v1/links/{LINK}")["state"] == "source_unavailable", "the loss is seen", 30)
        report = target.cli_json("failover", "run", "--link", LINK, "forced", "--yes")
        assert report["outcome"] == "done", report
        assert all(p["lostKnown"] == 0 and p["lostAtMost"] is None for p in report["partitions"]), report
        clients.produce(target.kafka, "forced", [b"after-%d" % i for i in range(50)])
        assert len(values(target, "forced")) == len(acked) + 50
    finally:
        source.start()
    # The cluster is back with a topic that is ours now: nothing is pulled and nothing is cut.
    wait_until(lambda: target.get(f"/v1/links/{LINK}")["state"] in ("running", "degraded"), "the source is heard", 30)
    assert owner(target, "forced")["owner"] == "eu-west" and len(values(target, "forced")) == 100
