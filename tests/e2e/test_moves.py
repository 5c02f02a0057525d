"""Moves with more than two regions, more than one at once, again and again, and an old owner that dies at each of its steps."""
import contextlib
import http.client
import json
import os
import pathlib
import signal

import pytest
import yaml

import clients
from harness import Region, assert_same_bytes, create_topic, link, wait_mirrored, wait_until
from test_failover import LINK, owner, pair, reports, values, wait_connected

# Where the old owner dies, and how the move ends.
OWNER_STEPS = {"own.owner_fenced": "rolled_back", "own.owner_released": "rolled_back",
               "own.owner_lifted": "rolled_back", "own.owner_stepped_down": "done"}


def three(ring, apart: bool = False) -> tuple[Region, Region, Region]:
    """us-east, eu-west and ap-south, each with links from both others and a topic of us-east. `apart`: none from ap-south."""
    regions = us_east, eu_west, ap_south = [ring.region(name).listen_for_control()
                                            for name in ("us-east", "eu-west", "ap-south")]
    for region in regions:
        region.links = [link(other) for other in regions if other is not region and not (apart and other is ap_south)]
        region.start()
    create_topic(us_east, "orders", 2)
    wait_connected(*regions)
    for region in (eu_west, ap_south):
        wait_mirrored(us_east, region, "orders")
    return us_east, eu_west, ap_south


def lost_while_ap_south_is_ahead(us_east: Region, eu_west: Region, ap_south: Region) -> None:
    """us-east is gone; of its 100 records eu-west has 60, ap-south all."""
    clients.produce(us_east.kafka, "orders", [b"all-%d" % i for i in range(60)])
    for region in (eu_west, ap_south):
        wait_mirrored(us_east, region, "orders")
    eu_west.cli("mirror", "pause", "orders", "--link", LINK)
    eu_west.wait_state(LINK, "orders", "paused")
    clients.produce(us_east.kafka, "orders", [b"ahead-%d" % i for i in range(40)])
    wait_mirrored(us_east, ap_south, "orders")
    us_east.kill9()
    wait_until(lambda: eu_west.get(f"/v1/links/{LINK}")["state"] != "running", "the loss is seen", 30)
    eu_west.cli("mirror", "resume", "orders", "--link", LINK)


def quarantined(region: Region) -> list[int | None]:
    report = region.get(f"/v1/failovers/{reports(region)[0]['id']}")
    return [partition["quarantined"] for partition in report["partitions"]]


def wait_owner(name: str, *regions: Region) -> None:
    for region in regions:
        wait_until(lambda: owner(region, "orders")["owner"] == name, f"{region.name} knows that {name} is the owner", 30)


def test_a_forced_move_pulls_first_what_a_third_region_has_more_of(ring):
    us_east, eu_west, ap_south = three(ring)
    lost_while_ap_south_is_ahead(us_east, eu_west, ap_south)
    plan = eu_west.cli_json("failover", "plan", "--link", LINK)
    assert plan["topics"][0]["drainFrom"] == "ap-south", plan
    report = eu_west.cli_json("failover", "run", "--link", LINK, "--yes")
    assert report["outcome"] == "done", report
    assert sum(p["drained"] for p in report["partitions"]) == 40, report
    assert {p["drainedFrom"] for p in report["partitions"] if p["drained"]} == {"ap-south"}, report
    assert all(p["quarantined"] is None for p in report["partitions"]), "us-east has not returned"
    wait_owner("eu-west", ap_south)
    clients.produce(eu_west.kafka, "orders", [b"after-%d" % i for i in range(20)])
    assert len(values(eu_west, "orders")) == 120, "nothing that anybody had is lost"
    us_east.start()
    wait_owner("eu-west", us_east)
    for region in (ap_south, us_east):
        wait_mirrored(eu_west, region, "orders")
        assert_same_bytes(eu_west, region, "orders")
        assert region.get("/v1/quarantine")["tails"] == []
    wait_until(lambda: quarantined(eu_west) == [0, 0], "us-east has told that it had nothing more")


def test_records_that_no_link_reaches_block_a_forced_move_until_they_are_left_out_on_purpose(ring):
    us_east, eu_west, ap_south = three(ring, apart=True)
    lost_while_ap_south_is_ahead(us_east, eu_west, ap_south)
    blocked = eu_west.cli("failover", "plan", "--link", LINK, expect=3)
    assert "ahead_unlinked" in blocked.stdout and "ap-south" in blocked.stdout
    report = eu_west.cli_json("failover", "run", "--link", LINK, "--yes", "--accept", "orders")
    assert report["outcome"] == "done" and not any(p["drained"] for p in report["partitions"]), report
    us_east.start()
    wait_owner("eu-west", us_east, ap_south)
    for region in (us_east, ap_south):
        wait_mirrored(eu_west, region, "orders")
        assert_same_bytes(eu_west, region, "orders")
        assert region.metric("atoll_quarantine_records", topic="orders") == 40
    wait_until(lambda: None not in quarantined(eu_west), "us-east has told what it set aside")
    assert sum(quarantined(eu_west)) == 40


@pytest.mark.parametrize("step", OWNER_STEPS)
def test_a_crash_of_the_old_owner_at_every_step_resumes_or_rolls_back(ring, step):
    us_east, eu_west = pair(ring, partitions=1)
    clients.produce(us_east.kafka, "orders", [b"before-%d" % i for i in range(50)])
    wait_mirrored(us_east, eu_west, "orders")
    us_east.restart(f"{step}=abort")
    if step == "own.owner_lifted":
        eu_west.restart("own.drained=errno:EIO")
    wait_connected(us_east, eu_west)
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("state") == "caught_up", "the mirror is up again")
    status, body = eu_west.api("POST", f"/v1/links/{LINK}/mirrors:promote", {"topics": ["orders"]})
    assert status == 202, body
    assert us_east.await_exit(30) != 0, f"{step} was not crossed"
    us_east.start()
    wait_until(lambda: reports(eu_west)[0]["outcome"] != "running", "the move has ended", 90)
    assert reports(eu_west)[0]["outcome"] == OWNER_STEPS[step], reports(eu_west)[0]
    new, old = (eu_west, us_east) if OWNER_STEPS[step] == "done" else (us_east, eu_west)
    wait_owner(new.name, old, new)
    wait_until(lambda: owner(new, "orders")["held"] == "", f"{new.name} accepts", 30)
    clients.produce(new.kafka, "orders", [b"after-%d" % i for i in range(50)])
    wait_mirrored(new, old, "orders")
    assert_same_bytes(new, old, "orders")
    assert len(values(new, "orders")) == 100


def is_stopped(region: Region) -> bool:
    stat = pathlib.Path(f"/proc/{region.process.pid}/stat").read_text()
    return stat.rsplit(")", 1)[1].split()[0] == "T"


def test_a_second_failover_elsewhere_during_the_first_leaves_one_owner(ring):
    us_east, eu_west, ap_south = three(ring)
    clients.produce(us_east.kafka, "orders", [b"before-%d" % i for i in range(50)])
    eu_west.restart("own.epoch_persisted=pause")
    wait_connected(*ring.regions)
    for region in (eu_west, ap_south):
        wait_mirrored(us_east, region, "orders")
    us_east.kill9()
    for region in (eu_west, ap_south):
        wait_until(lambda: region.get(f"/v1/links/{LINK}")["state"] == "source_unavailable", "the loss is seen", 30)
    # It has minted and told nobody yet.
    host, port = eu_west.admin.rsplit(":", 1)
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=2)) as connection:
        connection.request("POST", f"/v1/links/{LINK}/mirrors:failover", json.dumps({"topics": ["orders"]}))
        wait_until(lambda: is_stopped(eu_west), "eu-west stands still behind its mint")
    try:
        assert ap_south.cli_json("failover", "run", "--link", LINK, "--yes")["outcome"] == "done"
    finally:
        os.kill(eu_west.process.pid, signal.SIGCONT)
    wait_owner("ap-south", ap_south, eu_west)
    wait_until(lambda: reports(eu_west)[0]["outcome"] != "running", "the first move has ended")
    clients.produce(ap_south.kafka, "orders", [b"after-%d" % i for i in range(50)])
    us_east.start()
    wait_owner("ap-south", us_east)
    for region in (us_east, eu_west):
        wait_mirrored(ap_south, region, "orders")
        assert_same_bytes(ap_south, region, "orders")
    assert len(values(ap_south, "orders")) == 100
    epochs = {region.name: owner(region, "orders")["epoch"] for region in ring.regions}
    assert len(set(epochs.values())) == 1, epochs


def test_a_second_move_of_a_topic_that_is_moving_is_refused(ring):
    us_east, eu_west = pair(ring, partitions=1)
    eu_west.restart("own.drained=delay:1500ms")
    wait_connected(us_east, eu_west)
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("state") == "caught_up", "the mirror is up again")
    path = f"/v1/links/{LINK}/mirrors:promote"
    assert eu_west.api("POST", path, {"topics": ["orders"]})[0] == 202
    status, body = eu_west.api("POST", path, {"topics": ["orders"]})
    assert status == 409 and "in hand" in body["error"]["message"], body
    wait_until(lambda: reports(eu_west)[0]["outcome"] == "done", "the first goes on")
    assert len(reports(eu_west)) == 1


def test_a_link_is_not_changed_while_a_move_goes_by_it(ring):
    us_east, eu_west = pair(ring, partitions=1)
    eu_west.restart("own.drained=delay:1500ms")
    wait_connected(us_east, eu_west)
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("state") == "caught_up", "the mirror is up again")
    before = eu_west.config.read_text()
    region, only = yaml.safe_load_all(before)
    only["spec"]["topics"] = [{"include": "audit"}]
    changed = yaml.safe_dump_all([region, only])
    assert eu_west.api("POST", f"/v1/links/{LINK}/mirrors:promote", {"topics": ["orders"]})[0] == 202
    eu_west.config.write_text(changed)
    status, body = eu_west.api("POST", "/-/reload")
    assert status == 409 and f"move {reports(eu_west)[0]['id']} by link `{LINK}` runs" in body["error"]["message"], body
    assert reports(eu_west)[0]["outcome"] == "running"
    wait_until(lambda: reports(eu_west)[0]["outcome"] == "done", "the move goes on by the link as it was")
    assert eu_west.api("POST", "/-/reload")[0] == 200


def test_over_and_home_and_over_again_with_lagging_mirrors_accounts_for_every_record(ring):
    us_east, eu_west = pair(ring, partitions=2)
    for region in (us_east, eu_west):
        region.restart("mirror.appended=delay:30ms")
    wait_connected(us_east, eu_west)
    acked: dict[bytes, tuple[int, int]] = {}

    def send(region: Region, name: bytes) -> None:
        for part in range(4):  # Several batches, so that the mirror has something to be behind with.
            batch = [b"%b-%d-%d" % (name, part, i) for i in range(50)]
            acked.update(zip(batch, clients.produce(region.kafka, "orders", batch), strict=True))

    for number, (old, new) in enumerate([(us_east, eu_west), (eu_west, us_east)]):
        send(old, b"stint-%d" % number)
        done = new.cli_json("promote", "--link", f"from-{old.name}", "orders", "--yes")
        assert done["outcome"] == "done" and all(p["lostAtMost"] == 0 for p in done["partitions"]), done
        wait_owner(new.name, old, new)
    eu_west.wait_state(LINK, "orders", "caught_up", 0)
    send(us_east, b"last")
    us_east.kill9()
    wait_until(lambda: eu_west.get(f"/v1/links/{LINK}")["state"] != "running", "the loss is seen", 30)
    assert eu_west.cli_json("failover", "run", "--link", LINK, "--yes")["outcome"] == "done"
    send(eu_west, b"after")
    us_east.start()
    wait_owner("eu-west", us_east, eu_west)
    wait_mirrored(eu_west, us_east, "orders")
    assert_same_bytes(eu_west, us_east, "orders")
    kept = values(eu_west, "orders")
    aside = {record["value"].encode(): (tail["partition"], record["offset"])
             for tail in us_east.get("/v1/quarantine")["tails"]
             for record in map(json.loads, us_east.cli("quarantine", "export", tail["id"]).stdout.splitlines())}
    assert kept | aside == acked and not kept.keys() & aside.keys()
    lineage = [stint["owner"] for stint in owner(eu_west, "orders")["lineage"]]
    assert [name for i, name in enumerate(lineage) if i == 0 or lineage[i - 1] != name] == [
        "us-east", "eu-west", "us-east", "eu-west"], lineage
    wait_until(lambda: None not in quarantined(eu_west), "us-east has told what it set aside")
    assert sum(quarantined(eu_west)) == len(aside)


def test_a_drill_says_what_a_failover_would_take_and_changes_nothing(ring):
    us_east, eu_west = pair(ring, partitions=2)
    clients.produce(us_east.kafka, "orders", [b"before-%d" % i for i in range(50)])
    wait_mirrored(us_east, eu_west, "orders")
    for partition in (0, 1):
        eu_west.wait_state(LINK, "orders", "caught_up", partition)
    before = owner(eu_west, "orders"), owner(us_east, "orders")
    drill = eu_west.cli_json("failover", "drill", "--link", LINK, "orders")
    assert drill["ready"] and [step["step"] for step in drill["steps"]] == ["contact", "drain", "groups", "settle", "serve"]
    assert 0 < drill["unavailableSeconds"] < 5, drill
    assert drill["plan"]["topics"][0]["lostKnown"] == 0, drill
    assert "ready" in eu_west.cli("failover", "drill", "--link", LINK, "orders").stdout
    assert (owner(eu_west, "orders"), owner(us_east, "orders")) == before and reports(eu_west) == []
    clients.produce(us_east.kafka, "orders", [b"after-%d" % i for i in range(50)])  # Nobody was fenced.
    wait_mirrored(us_east, eu_west, "orders")
    assert_same_bytes(us_east, eu_west, "orders")
    us_east.kill9()
    wait_until(lambda: eu_west.get(f"/v1/links/{LINK}")["state"] == "source_unavailable", "the loss is seen", 30)
    assert "NOT READY" in eu_west.cli("failover", "drill", "--link", LINK, "orders", expect=3).stdout
