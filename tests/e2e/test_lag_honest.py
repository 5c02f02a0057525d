"""S21: what is not known is never shown as 0. A silent source makes the lag grow."""
import time
from datetime import datetime, timezone

import pytest

import clients
import fake_kafka
from harness import create_topic, link, wait_mirrored, wait_until

LINK = "from-us-east"


def seconds_since(text: str) -> float:
    return (datetime.now(timezone.utc) - datetime.fromisoformat(text.replace("Z", "+00:00"))).total_seconds()


def test_a_caught_up_mirror_in_contact_shows_zero(ring):
    us_east, eu_west = ring.pair()
    create_topic(us_east, "orders")
    clients.produce(us_east.kafka, "orders", [b"x"] * 100)
    wait_mirrored(us_east, eu_west, "orders")
    row = eu_west.wait_state(LINK, "orders", "caught_up")
    assert (row["sourceEnd"], row["appliedEnd"], row["lagRecords"], row["lagBytes"], row["lagSeconds"]) == (100, 100, 0, 0, 0)
    assert seconds_since(row["lastContact"]) < 5
    assert eu_west.metric("atoll_mirror_lag_seconds", link=LINK, topic="orders", partition="0") == 0
    assert eu_west.metric("atoll_mirror_lag_records", link=LINK, topic="orders", partition="0") == 0
    assert eu_west.metric("atoll_link_rpo_target_seconds", link=LINK) == 30
    sent, received = (eu_west.metric(f"atoll_link_wire_{way}_bytes_total", link=LINK) for way in ("sent", "received"))
    assert 0 < sent < received
    eu_west.cli("status")


@pytest.mark.parametrize("caught_up", [True, False])
def test_a_killed_source_makes_the_lag_grow_and_never_zero(ring, caught_up):
    us_east, eu_west = ring.pair()
    create_topic(us_east, "orders")
    clients.produce(us_east.kafka, "orders", [b"x"] * 100)
    wait_mirrored(us_east, eu_west, "orders")
    eu_west.wait_state(LINK, "orders", "caught_up")
    if not caught_up:
        eu_west.cli("mirror", "pause", "orders", "--link", LINK)
        clients.produce(us_east.kafka, "orders", [b"y"] * 10)
        eu_west.cli("mirror", "resume", "orders", "--link", LINK)
    us_east.kill9()
    killed = time.monotonic()
    eu_west.wait_state(LINK, "orders", "source_unavailable")

    def samples():
        row = eu_west.mirror(LINK, "orders")
        return row, eu_west.metric("atoll_mirror_lag_seconds", link=LINK, topic="orders", partition="0")
    (early, early_metric), _ = samples(), time.sleep(2)  # The time that the lag must have grown by.
    late, late_metric = samples()
    for row, metric in ((early, early_metric), (late, late_metric)):
        assert row["lagSeconds"] is None or row["lagSeconds"] > 0, row
        assert metric is None or metric > 0
    assert late["lagSeconds"] - early["lagSeconds"] >= 1.5 and late_metric - early_metric >= 1.5
    assert late["lastContact"] == early["lastContact"]
    assert abs(seconds_since(late["lastContact"]) - (time.monotonic() - killed)) < 5
    contact = eu_west.metric("atoll_link_last_contact_timestamp_seconds", link=LINK)
    assert abs(time.time() - contact - (time.monotonic() - killed)) < 5
    assert eu_west.metric("atoll_link_rpo_seconds", link=LINK) >= late["lagSeconds"]
    eu_west.cli("status", expect=10)

    us_east.start()
    wait_mirrored(us_east, eu_west, "orders")
    wait_until(lambda: eu_west.mirror(LINK, "orders")["lagSeconds"] == 0, "the lag is 0 again after contact")


def test_a_source_never_heard_has_no_lag_at_all(ring):
    eu_west = ring.region("eu-west")
    eu_west.links = [link("127.0.0.1:9", region="us-east")]  # The discard port: nobody listens.
    eu_west.start()
    row = wait_until(lambda: eu_west.get("/v1/links")["links"], "the link is listed")[0]
    assert row["name"] == LINK and row["state"] != "running" and row["reason"]
    assert row["lastContact"] is None and row["rpoSeconds"] != 0
    assert eu_west.metric("atoll_mirror_lag_seconds", link=LINK) is None
    eu_west.cli("status", expect=10)


def test_a_peer_that_accepts_and_stays_silent_is_found_out(ring):
    with fake_kafka.FakeKafka("orders") as source:
        source.append(0, [b"a"])
        eu_west = ring.region("eu-west")
        eu_west.links = [link(source.address, kind="kafka")]
        eu_west.start()
        eu_west.wait_state("from-kafka-east", "orders", "caught_up")
        source.silent.set()
        eu_west.wait_state("from-kafka-east", "orders", "source_unavailable", timeout=60)
        assert eu_west.mirror("from-kafka-east", "orders")["lagSeconds"] != 0
        source.silent.clear()
        source.append(0, [b"b"])
        wait_until(lambda: eu_west.mirror("from-kafka-east", "orders")["appliedEnd"] == 2, "it goes on after that")
