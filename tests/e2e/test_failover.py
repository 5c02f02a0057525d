"""Planned and forced moves between two real regions: nothing lost on purpose, every loss stated, crashes at every step."""
import http.client
import json
import time

import pytest

import batch
import clients
import wire
from harness import assert_same_bytes, create_topic, link, wait_mirrored, wait_until

LINK = "from-us-east"
PLANNED_STEPS = ["own.intent_logged", "own.fence_sent", "own.fence_acked", "own.drained", "own.groups_synced",
                 "own.released", "own.epoch_persisted", "own.peer_told", "own.transactions_aborted",
                 "own.groups_placed", "own.first_accept", "own.lifted"]
BACK = PLANNED_STEPS[:6] + ["own.lifted"]  # A crash there leads back.
FORCED_STEPS = ["own.intent_logged", "own.drained", "own.epoch_persisted", "own.peer_told",
                "own.transactions_aborted", "own.groups_placed", "own.first_accept"]


def owner(region, topic: str) -> dict:
    return region.get(f"/v1/ownership?topic={topic}")["topics"][0]


def wait_connected(*regions) -> None:
    for region in regions:
        for one in region.get("/v1/links")["links"]:
            name = one["name"]
            wait_until(lambda: region.metric("atoll_link_control_connected", link=name) == 1,
                       f"{region.name}: the control connection of {name}")


def reports(region) -> list[dict]:
    return region.get("/v1/failovers")["failovers"]


def ask_and_die(region, verb: str, topic: str) -> None:
    """Starts a move in a region that a failpoint will end, perhaps before it has answered."""
    try:
        status, body = region.api("POST", f"/v1/links/{LINK}/mirrors:{verb}", {"topics": [topic]})
        assert status in (202, 500), body
    except (OSError, http.client.HTTPException):
        pass
    assert region.await_exit(30) != 0


def values(region, topic: str) -> dict[bytes, tuple[int, int]]:
    return {record.value: (record.partition, record.offset) for record in clients.consume_all(region.kafka, topic)}


def pair(ring, topic: str = "orders", partitions: int = 3):
    us_east, eu_west = ring.pair(control=True)
    create_topic(us_east, topic, partitions)
    wait_connected(us_east, eu_west)
    eu_west.wait_state(LINK, topic, "caught_up")  # The topic is there a moment before its link plans with it.
    wait_mirrored(us_east, eu_west, topic)
    return us_east, eu_west


def test_a_planned_move_under_load_loses_and_repeats_nothing_and_goes_home_again(ring):
    us_east, eu_west = pair(ring)
    sent = clients.Background(us_east.kafka, "orders")
    time.sleep(1)
    report = eu_west.cli_json("promote", "--link", LINK, "orders", "--yes")
    assert report["outcome"] == "done", report
    assert all(p["lostKnown"] == 0 and p["lostAtMost"] == 0 for p in report["partitions"]), report
    print("nobody accepted for", report["unavailableSeconds"], "s")
    sent.abandon()
    wait_until(lambda: owner(us_east, "orders")["owner"] == "eu-west", "us-east knows the owner")
    assert owner(eu_west, "orders")["state"] == "serving"
    kept = values(eu_west, "orders")
    missing = {value: place for value, place in sent.acked.items() if kept.get(value) != place}
    assert not missing, f"{len(missing)} of {len(sent.acked)} acknowledged records are elsewhere or gone"
    # The new owner accepts, the former one mirrors, byte for byte.
    clients.produce(eu_west.kafka, "orders", [b"after-%d" % i for i in range(100)])
    wait_mirrored(eu_west, us_east, "orders")
    assert_same_bytes(eu_west, us_east, "orders")
    # Home again.
    us_east.wait_state("from-eu-west", "orders", "caught_up")
    home = us_east.cli_json("promote", "--link", "from-eu-west", "orders", "--yes")
    assert home["outcome"] == "done", home
    clients.produce(us_east.kafka, "orders", [b"home-%d" % i for i in range(100)])
    wait_mirrored(us_east, eu_west, "orders")
    assert_same_bytes(us_east, eu_west, "orders")
    lineage = owner(us_east, "orders")["lineage"]
    assert [stint["owner"] for stint in lineage] == ["us-east", "eu-west", "us-east"], lineage
    epochs = [stint["epoch"] for stint in lineage]
    assert epochs == sorted(epochs)


def test_a_forced_move_states_its_loss_and_the_old_region_comes_back_as_a_mirror(ring):
    us_east, eu_west = pair(ring)
    sent = clients.Background(us_east.kafka, "orders")
    time.sleep(1)
    us_east.kill9()
    sent.abandon()
    wait_until(lambda: eu_west.get(f"/v1/links/{LINK}")["state"] == "source_unavailable", "the loss is seen", 30)
    plan = eu_west.cli_json("failover", "plan", "--link", LINK)
    assert not plan["blocked"] and plan["topics"][0]["lostAtMost"] is None, plan
    report = eu_west.cli_json("failover", "run", "--link", LINK, "--yes")
    assert report["outcome"] == "done", report
    cut = {p["partition"]: p["cut"] for p in report["partitions"]}
    clients.produce(eu_west.kafka, "orders", [b"after-%d" % i for i in range(100)])
    us_east.start()
    wait_until(lambda: owner(us_east, "orders")["owner"] == "eu-west", "us-east steps down", 30)
    wait_mirrored(eu_west, us_east, "orders")
    assert_same_bytes(eu_west, us_east, "orders")
    # S11: what was acknowledged is below the cut, or kept aside at or above it.
    kept = values(eu_west, "orders")
    aside = {}
    for tail in us_east.cli_json("quarantine", "list")["tails"]:
        for line in us_east.cli("quarantine", "export", tail["id"]).stdout.splitlines():
            record = json.loads(line)
            aside[record["value"].encode()] = (tail["partition"], record["offset"])
    for value, (partition, offset) in sent.acked.items():
        where = kept if offset < cut[partition] else aside
        assert where.get(value) == (partition, offset), f"{value[:20]} at {partition}:{offset}, cut {cut[partition]}"
    counted = us_east.metric("atoll_quarantine_records", topic="orders") or 0
    assert counted == len(aside)

    def told() -> bool:
        partitions = eu_west.get(f"/v1/failovers/{report['id']}")["partitions"]
        return all(p["quarantined"] is not None for p in partitions) and sum(p["quarantined"] for p in partitions) == counted
    wait_until(told, "the report at the new owner counts what us-east set aside")


@pytest.mark.parametrize("step", PLANNED_STEPS)
def test_a_crash_of_the_target_at_every_step_of_a_planned_move_resumes_or_rolls_back(ring, step):
    us_east, eu_west = pair(ring, partitions=1)
    clients.produce(us_east.kafka, "orders", [b"before-%d" % i for i in range(50)])
    wait_mirrored(us_east, eu_west, "orders")
    eu_west.stop()
    way_back = ",own.drained=errno:EIO" if step == "own.lifted" else ""
    eu_west.start(failpoints=f"{step}=abort{way_back}")
    wait_connected(us_east, eu_west)
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("state") == "caught_up", "the mirror is up again")
    ask_and_die(eu_west, "promote", "orders")
    eu_west.start()
    wait_until(lambda: reports(eu_west)[0]["outcome"] != "running", "the move has ended", 90)
    outcome = reports(eu_west)[0]["outcome"]
    expected = "rolled_back" if step in BACK else "done"
    assert outcome == expected, reports(eu_west)[0]
    new = eu_west if outcome == "done" else us_east
    old = us_east if new is eu_west else eu_west
    wait_until(lambda: owner(old, "orders")["owner"] == new.name, f"{old.name} knows the owner", 30)
    clients.produce(new.kafka, "orders", [b"after-%d" % i for i in range(50)])
    wait_mirrored(new, old, "orders")
    assert_same_bytes(new, old, "orders")
    assert len(values(new, "orders")) == 100


@pytest.mark.parametrize("step", FORCED_STEPS)
def test_a_crash_of_the_target_at_every_step_of_a_forced_move_resumes_or_changes_nothing(ring, step):
    us_east, eu_west = pair(ring, partitions=1)
    clients.produce(us_east.kafka, "orders", [b"before-%d" % i for i in range(50)])
    wait_mirrored(us_east, eu_west, "orders")
    us_east.kill9()
    eu_west.stop()
    eu_west.start(failpoints=f"{step}=abort")
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("state") == "source_unavailable", "the loss is seen")
    ask_and_die(eu_west, "failover", "orders")
    eu_west.start()
    wait_until(lambda: reports(eu_west)[0]["outcome"] != "running", "the move has ended", 60)
    if step in FORCED_STEPS[:2]:
        assert reports(eu_west)[0]["outcome"] == "rolled_back"
        assert owner(eu_west, "orders")["owner"] == "us-east"
        wait_until(lambda: eu_west.mirror(LINK, "orders").get("state") == "source_unavailable", "the loss is seen again")
        assert eu_west.cli_json("failover", "run", "--link", LINK, "--yes")["outcome"] == "done"
    assert reports(eu_west)[0]["outcome"] == "done"
    clients.produce(eu_west.kafka, "orders", [b"after-%d" % i for i in range(50)])
    us_east.start()
    wait_until(lambda: owner(us_east, "orders")["owner"] == "eu-west", "us-east steps down", 30)
    wait_mirrored(eu_west, us_east, "orders")
    assert_same_bytes(eu_west, us_east, "orders")


def test_an_owner_that_crashes_while_fenced_does_not_accept_behind_the_cut(ring):
    us_east, eu_west = pair(ring, partitions=1)
    clients.produce(us_east.kafka, "orders", [b"before-%d" % i for i in range(50)])
    wait_mirrored(us_east, eu_west, "orders")
    eu_west.stop()
    eu_west.start(failpoints="own.epoch_persisted=pause")
    wait_connected(us_east, eu_west)
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("state") == "caught_up", "the mirror is up again")
    status, _ = eu_west.api("POST", f"/v1/links/{LINK}/mirrors:promote", {"topics": ["orders"]})
    assert status == 202
    wait_until(lambda: owner(us_east, "orders")["state"] == "fenced", "the fence is released")
    us_east.kill9()
    us_east.start()
    assert owner(us_east, "orders")["state"] == "fenced"
    with us_east.wire() as connection:
        late = connection.produce("orders", 0, batch.make([b"late"]))
        assert late.error == 6, late  # NOT_LEADER_OR_FOLLOWER
    eu_west.kill9()
    eu_west.start()
    wait_until(lambda: owner(us_east, "orders")["owner"] == "eu-west", "us-east steps down", 30)
    wait_mirrored(eu_west, us_east, "orders")
    assert_same_bytes(eu_west, us_east, "orders")


def test_plans_that_are_stale_or_blocked_are_refused_and_say_what_to_do(ring):
    us_east, eu_west = pair(ring, partitions=1)
    blocked = eu_west.cli("failover", "plan", "--link", LINK, expect=3)
    assert "atoll promote" in blocked.stdout
    status, body = eu_west.api("POST", f"/v1/links/{LINK}/mirrors:promote",
                               {"topics": ["orders"], "planHash": "0123456789abcdef"})
    assert status == 409 and "stale" in body["error"]["message"], body
    assert eu_west.cli("promote", "--link", "nowhere", "--dry-run", expect=1).stderr
    assert eu_west.cli("promote", "--link", LINK, "--dry-run", "nosuch", expect=3).stdout
    assert eu_west.cli("promote", "--link", LINK, "orders", expect=2).stderr  # No terminal, no --yes.
    us_east.kill9()
    wait_until(lambda: eu_west.get(f"/v1/links/{LINK}")["state"] == "source_unavailable", "the loss is seen", 30)
    assert "source_unreachable" in eu_west.cli("promote", "--link", LINK, "--dry-run", expect=3).stdout


def test_a_plan_of_topics_that_are_not_mirrored_is_answered_though_the_link_knows_groups(ring):
    us_east, eu_west = pair(ring)
    with us_east.wire() as connection:
        assert connection.commit_offset("workers", "orders", 0, 0) == wire.OK
    wait_until(lambda: eu_west.get(f"/v1/links/{LINK}/groups")["groups"], "eu-west knows the group")
    findings = json.loads(eu_west.cli("failover", "plan", "--link", LINK, "invoices", "-o", "json", expect=3).stdout)["findings"]
    assert [finding["code"] for finding in findings if finding["topic"] == "invoices"] == ["not_mirrored"], findings
    assert eu_west.running()


def test_a_move_that_cannot_drain_in_time_is_rolled_back(ring):
    us_east, eu_west = pair(ring, partitions=1)
    eu_west.stop()
    eu_west.start(failpoints="mirror.appended=delay:3000ms")
    wait_connected(us_east, eu_west)
    sent = clients.Background(us_east.kafka, "orders", per_second=4000)
    time.sleep(2)
    report = eu_west.cli("promote", "--link", LINK, "orders", "--yes", "--deadline", "1", "-o", "json", expect=1)
    assert '"rolled_back"' in report.stdout
    wait_until(lambda: owner(us_east, "orders")["held"] == "", "the fence is lifted", 20)
    before = len(sent.acked)
    wait_until(lambda: len(sent.acked) > before, "us-east accepts again", 30)
    sent.stop()
    assert owner(us_east, "orders")["owner"] == "us-east"


def test_names_that_a_rule_gives_to_another_region_cannot_be_created_here(ring):
    us_east, eu_west = ring.region("us-east"), ring.region("eu-west")
    eu_west.spec = {"ownership": [{"topics": "orders*", "owner": "us-east"}]}
    eu_west.links = [link(us_east)]
    us_east.start(), eu_west.start()
    with eu_west.wire() as connection:
        assert connection.create_topic("orders", 1) == 44  # POLICY_VIOLATION
        assert connection.create_topic("audit", 1) == 0
    create_topic(us_east, "orders")
    wait_mirrored(us_east, eu_west, "orders")
