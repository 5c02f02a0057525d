"""The control plane between real regions: who is connected and how far away, who is refused and why, and that nothing which
happens on its port disturbs the data."""
import contextlib
import os
import random
import shutil
import time

import pytest

import clients
import websocket
from harness import assert_same_bytes, create_topic, link, wait_mirrored, wait_until
from ports import free_port

MIB = 1 << 20


def control(region, link_name):
    return region.get(f"/v1/links/{link_name}")["control"]


def wait_connected(region, link_name):
    return wait_until(lambda: control(region, link_name)["connected"], f"{link_name} is connected")


def wait_reason(region, link_name, words, timeout=30):
    def told():
        now = control(region, link_name)
        return not now["connected"] and words in now["reason"] and now
    return wait_until(told, f"{link_name} is not connected because: {words}", timeout)


def produce_and_wait(source, target, topic):
    create_topic(source, topic, 2)
    clients.produce(source.kafka, topic, [b"%d" % index for index in range(200)])
    wait_mirrored(source, target, topic)
    assert_same_bytes(source, target, topic)


def test_regions_are_connected_both_ways_with_round_trip_and_positions(ring):
    us_east, eu_west = ring.pair(control=True)
    for region, name in ((us_east, "from-eu-west"), (eu_west, "from-us-east")):
        wait_connected(region, name)
        count = wait_until(lambda: region.metric("atoll_link_rtt_seconds_count", link=name), "a round trip was measured")
        assert 0 < region.metric("atoll_link_rtt_seconds_sum", link=name) / count < 5
        assert region.metric("atoll_link_control_connected", link=name) == 1
        status = control(region, name)
        assert status["configured"] and status["reason"] == "" and status["lastHeard"], status
        assert "control: connected  rtt " in region.cli("link", "status", name).stdout
    peers = us_east.get("/v1/peers")["peers"]
    assert [(peer["region"], peer["ordinal"], peer["link"]) for peer in peers] == [("eu-west", 2, "from-eu-west")]
    assert us_east.get("/v1/status")["control"] == us_east.control

    produce_and_wait(us_east, eu_west, "orders")
    with us_east.wire() as connection:
        ends = {partition: connection.offset("orders", partition, -1)[1] for partition in (0, 1)}
    def positions():
        regions = us_east.get("/v1/positions?topic=orders")["regions"]
        return {row["partition"]: row["appliedEnd"] for region in regions for row in region["partitions"]}
    wait_until(lambda: positions() == ends, "us-east knows how far eu-west is")
    region, = us_east.get("/v1/positions")["regions"]
    assert (region["region"], region["connected"]) == ("eu-west", True) and region["lastHeard"]
    assert us_east.metric("atoll_region_applied_offset", region="eu-west", topic="orders") == sum(ends.values())


def test_a_killed_region_is_missed_and_found_again(ring):
    us_east, eu_west = ring.pair(control=True)
    wait_connected(us_east, "from-eu-west")
    produce_and_wait(us_east, eu_west, "orders")
    wait_until(lambda: us_east.metric("atoll_region_applied_offset", region="eu-west"), "positions arrived")
    eu_west.kill9()
    wait_until(lambda: not control(us_east, "from-eu-west")["connected"], "the loss is noticed", 10)
    status = control(us_east, "from-eu-west")
    assert status["reason"] and status["lastHeard"] and status["rttSeconds"] is None, status
    assert us_east.metric("atoll_link_rtt_seconds_count", link="from-eu-west") is None
    assert us_east.metric("atoll_link_control_connected", link="from-eu-west") == 0
    assert us_east.metric("atoll_region_applied_offset", region="eu-west") is None
    assert "control: not connected to " + eu_west.control in us_east.cli("link", "status", "from-eu-west").stdout
    region, = us_east.get("/v1/positions")["regions"]  # Kept, and said to be old.
    assert not region["connected"] and len(region["partitions"]) == 2
    eu_west.start()
    wait_connected(us_east, "from-eu-west")
    wait_connected(eu_west, "from-us-east")
    wait_until(lambda: us_east.metric("atoll_region_applied_offset", region="eu-west"), "positions arrive again")


def test_without_control_addresses_all_is_mirrored_and_status_says_polling(ring):
    us_east, eu_west = ring.pair()
    produce_and_wait(us_east, eu_west, "orders")
    assert control(eu_west, "from-us-east") == {
        "configured": False, "address": None, "connected": False, "reason": "not configured, polling",
        "rttSeconds": None, "lastHeard": None}
    assert "control: not configured, polling" in eu_west.cli("link", "status", "from-us-east").stdout
    assert eu_west.metric("atoll_link_control_connected") is None


def test_all_is_mirrored_when_the_control_port_is_closed(ring):
    us_east, eu_west = ring.region("us-east"), ring.region("eu-west")
    eu_west.links = [link(us_east, control=f"127.0.0.1:{free_port()}")]
    us_east.start(), eu_west.start()
    produce_and_wait(us_east, eu_west, "orders")
    assert wait_reason(eu_west, "from-us-east", "refused")["configured"]
    assert eu_west.get("/v1/links/from-us-east")["state"] == "running"


def test_a_link_to_itself_is_refused(ring):
    us_east = ring.region("us-east").listen_for_control()
    us_east.links = [link(us_east, region="elsewhere")]
    us_east.start()
    wait_reason(us_east, "from-elsewhere", "`us-east` is this region's own name")


def test_a_region_with_our_ordinal_is_refused_on_both_sides(ring):
    us_east, eu_west = ring.region("us-east", 7).listen_for_control(), ring.region("eu-west", 7)
    eu_west.links = [link(us_east)]
    us_east.start(), eu_west.start()
    wait_reason(eu_west, "from-us-east", "`eu-west` has ordinal 7 as `us-east` has")
    peer, = us_east.get("/v1/peers")["peers"]
    assert peer["region"] == "eu-west" and "ordinal 7" in peer["reason"]


def test_another_region_than_the_links_is_refused(ring):
    us_east, eu_west = ring.region("us-east").listen_for_control(), ring.region("eu-west")
    eu_west.links = [link(us_east, region="us-north")]
    us_east.start(), eu_west.start()
    wait_reason(eu_west, "from-us-north", "the region there is `us-east`, the link's `source.region` is `us-north`")


def test_a_copied_data_folder_is_refused_and_the_original_stays_connected(ring):
    us_east = ring.region("us-east").listen_for_control()
    eu_west = ring.region("eu-west").listen_for_control()
    eu_west.links = [link(us_east)]
    us_east.start().stop()
    (ring.directory / "copy").mkdir()
    ring.directory = ring.directory / "copy"
    copy = ring.region("us-east", us_east.ordinal)
    shutil.copytree(us_east.data, copy.data)
    us_east.start(), eu_west.start()
    wait_connected(eu_west, "from-us-east")
    copy.links = [link(eu_west), link(us_east, region="elsewhere")]
    copy.start()
    wait_reason(copy, "from-eu-west", "is this a copy of that region?")
    wait_reason(copy, "from-elsewhere", "a copy of it")
    assert control(eu_west, "from-us-east")["connected"]
    assert control(eu_west, "from-us-east")["address"] == us_east.control


@pytest.fixture
def besieged(ring):
    """us-east, whose control port is attacked, and eu-west, which must not notice."""
    us_east, eu_west = ring.pair(control=True)
    wait_connected(us_east, "from-eu-west")
    wait_connected(eu_west, "from-us-east")
    lost = us_east.log_tail(10_000).count("connection with eu-west is over")
    yield us_east
    assert us_east.running(), us_east.log_tail()
    assert us_east.log_tail(10_000).count("connection with eu-west is over") == lost, us_east.log_tail()
    produce_and_wait(us_east, eu_west, "after")


def test_random_bytes_at_the_control_port(besieged):
    seed = int(os.environ.get("ATOLL_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"ATOLL_SEED={seed}")
    dice = random.Random(seed)
    for _ in range(100):
        with websocket.WebSocket(besieged.control) as stranger, contextlib.suppress(ConnectionError):
            stranger.socket.sendall(dice.randbytes(dice.randrange(1, 400)) + b"\r\n\r\n")
            stranger.ends()
    for _ in range(100):
        with websocket.WebSocket(besieged.control) as stranger, contextlib.suppress(ConnectionError):
            assert stranger.shake() == 101
            if dice.randrange(2):
                stranger.send(websocket.hello("stranger", 99))
            for _ in range(3):
                stranger.send(dice.randbytes(dice.randrange(200)))
            stranger.ends()


def test_other_requests_are_answered_400(besieged):
    for path, protocol in (("/", "atoll.control.v1"), ("/v1/control", "chat"), ("/v1/control", "")):
        with websocket.WebSocket(besieged.control) as stranger:
            assert stranger.shake(path, protocol) == 400
    with websocket.WebSocket(besieged.control) as stranger:
        stranger.socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stranger.ends().startswith(b"HTTP/1.1 400")


def test_announced_giants_cost_nothing_and_large_frames_are_cut_off(besieged):
    before = besieged.resident_bytes()
    held = []
    for index in range(40):
        stranger = websocket.WebSocket(besieged.control)
        assert stranger.shake() == 101
        stranger.send(b"x" * 1024, announced=(8 if index % 2 else 8192) * MIB)
        held.append(stranger)
    time.sleep(1)
    grown = besieged.resident_bytes() - before
    for stranger in held:
        stranger.ends()
        stranger.socket.close()
    assert grown < 60 * MIB, f"grew by {grown / MIB:.0f} MiB"
    # Two bytes a row on the wire would be hundreds of megabytes as objects.
    with websocket.WebSocket(besieged.control) as stranger, contextlib.suppress(ConnectionError):
        stranger.shake()
        stranger.send(websocket.hello("stranger", 99))
        stranger.send(websocket.message((1, 1), (15, b"\x0A\x00" * (3 * MIB))))
        assert b"more than 100000 rows" in stranger.ends()
    assert besieged.resident_bytes() - before < 100 * MIB


def test_slow_handshakes_end_and_do_not_keep_others_out(besieged):
    began = time.monotonic()
    slow = [websocket.WebSocket(besieged.control) for _ in range(40)]
    for stranger in slow:
        stranger.socket.sendall(b"GET /v1/con")
    with websocket.WebSocket(besieged.control) as another:
        assert another.shake() == 101
    for stranger in slow:
        stranger.ends()
    assert time.monotonic() - began < 15


def test_a_flood_is_cut_off_with_its_reason(besieged):
    with websocket.WebSocket(besieged.control) as stranger:
        assert stranger.shake() == 101
        stranger.send(websocket.hello("stranger", 99))
        empty = websocket.message((1, 1), (15, b""))
        with contextlib.suppress(ConnectionError):
            for _ in range(100_000):
                stranger.send(empty)
    def flooded():
        peers = {peer["region"]: peer for peer in besieged.get("/v1/peers")["peers"]}
        return "messages a second" in peers["stranger"]["reason"]
    wait_until(flooded, "the flood is named")
