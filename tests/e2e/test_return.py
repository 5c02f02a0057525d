"""S11, S12 with real regions: a forced move, the old region back, and a crash at each step of its return."""
import json

import pytest

import clients
import wire
from harness import Region, assert_same_bytes, create_topic, wait_mirrored, wait_until
from test_failover import LINK, owner, wait_connected
from test_failpoints import list_failpoints
from test_states import ends

RETURN_POINTS = [point for point in list_failpoints() if point.startswith(("back.", "truncate."))]


def everything(region: Region) -> dict[bytes, tuple[int, int]]:
    return {record.value: (record.partition, record.offset) for record in clients.consume_all(region.kafka, "orders")}


def aside(region: Region) -> list[tuple[bytes, tuple[int, int]]]:
    return [(record["value"].encode(), (tail["partition"], record["offset"]))
            for tail in region.get("/v1/quarantine")["tails"]
            for record in map(json.loads, region.cli("quarantine", "export", tail["id"]).stdout.splitlines())]


def lost_with_a_tail(ring) -> tuple[Region, Region, dict[bytes, tuple[int, int]]]:
    """us-east dies with 40 of 100 records that eu-west, paused, never saw; eu-west takes over and writes 30 of its own."""
    us_east, eu_west = ring.pair(control=True)
    create_topic(us_east, "orders")
    wait_connected(us_east, eu_west)
    acked = {}

    def send(region: Region, name: str, count: int) -> None:
        batch = [b"%s-%d" % (name.encode(), number) for number in range(count)]
        acked.update(zip(batch, clients.produce(region.kafka, "orders", batch), strict=True))
    send(us_east, "known", 60)
    wait_mirrored(us_east, eu_west, "orders")
    eu_west.wait_state(LINK, "orders", "caught_up")
    eu_west.cli("mirror", "pause", "orders", "--link", LINK)
    eu_west.wait_state(LINK, "orders", "paused")
    send(us_east, "unseen", 40)
    us_east.kill9()
    wait_until(lambda: eu_west.get(f"/v1/links/{LINK}")["state"] != "running", "the loss is seen", 30)
    eu_west.cli("mirror", "resume", "orders", "--link", LINK)
    wait_until(lambda: eu_west.cli_json("failover", "run", "--link", LINK, "--yes")["outcome"] == "done", "the move is done")
    send(eu_west, "after", 30)
    return us_east, eu_west, acked


def check_returned(us_east: Region, eu_west: Region, acked: dict[bytes, tuple[int, int]]) -> str:
    """Both logs are one, and with the quarantine they are what was acknowledged, exactly. The tail's id."""
    wait_until(lambda: owner(us_east, "orders")["owner"] == "eu-west", "us-east steps down", 30)
    wait_mirrored(eu_west, us_east, "orders")
    assert_same_bytes(eu_west, us_east, "orders")
    kept, tail = everything(eu_west), aside(us_east)
    assert len(tail) == 40 and all(value.startswith(b"unseen") for value, _ in tail)
    assert kept | dict(tail) == acked and not kept.keys() & dict(tail).keys()
    assert us_east.metric("atoll_quarantine_records", topic="orders") == 40
    (event,) = us_east.events("quarantined", "orders")
    assert (event["first"], event["end"]) == (60, 100)
    assert not us_east.events("divergence", "orders")
    (one,) = us_east.get("/v1/quarantine")["tails"]
    return one["id"]


def test_a_returned_region_has_its_tail_aside_and_gives_it_back_once(ring):
    us_east, eu_west, acked = lost_with_a_tail(ring)
    us_east.start()
    tail = check_returned(us_east, eu_west, acked)
    # To the present owner, which is the other region.
    done = us_east.cli_json("quarantine", "reinject", tail, "--yes")
    assert (done["owner"], done["produced"], done["done"]) == ("eu-west", 40, True)
    us_east.cli("quarantine", "reinject", tail, "--yes")
    wait_mirrored(eu_west, us_east, "orders")
    assert_same_bytes(eu_west, us_east, "orders")
    records = clients.consume_all(us_east.kafka, "orders")
    assert sorted(record.value for record in records) == sorted(acked)
    again = [dict(record.headers) for record in records if record.value.startswith(b"unseen")]
    assert {headers["atoll.origin.region"] for headers in again} == {b"us-east"}
    assert sorted(int(headers["atoll.origin.offset"]) for headers in again) == list(range(60, 100))


def test_what_the_new_owner_has_deleted_behind_the_cut_is_set_aside_all_the_same(ring):
    """S11: its log begins above the cut, so that its epochs tell nothing of where it took over."""
    us_east, eu_west, acked = lost_with_a_tail(ring)
    with eu_west.wire() as connection:
        assert connection.delete_records("orders", 0, 75) == wire.OK
    us_east.start()
    # What eu-west had at [60, 75) never came to us-east: a gap, of which an operator decides.
    us_east.wait_state("from-eu-west", "orders", "gap")
    assert {value for value, _ in aside(us_east)} == {value for value in acked if value.startswith(b"unseen")}
    us_east.cli("mirror", "skip", "orders", "--link", "from-eu-west")
    wait_until(lambda: ends(us_east, "orders") == (75, 90), "the mirror is where its owner is")
    assert_same_bytes(eu_west, us_east, "orders")
    assert [(event["first"], event["end"]) for event in us_east.events("quarantined", "orders")] == [(60, 100)]
    assert {(event["first"], event["end"]) for event in us_east.events("gap", "orders")} == {(60, 75)}


@pytest.mark.parametrize("point", RETURN_POINTS)
def test_a_crash_at_any_step_of_a_return_repeats_to_the_same_result(ring, point):
    us_east, eu_west, acked = lost_with_a_tail(ring)
    us_east.start(f"{point}=abort")
    assert us_east.await_exit(60) != 0, f"{point} was not crossed"
    us_east.start()
    check_returned(us_east, eu_west, acked)
