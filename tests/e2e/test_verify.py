"""A mirror whose bytes are not the source's is found, named and stopped; the others go on (replication.md 8)."""
import json
import pathlib
import struct

import batch
import clients
from harness import Region, assert_same_bytes, create_topic, link, wait_mirrored, wait_until

LINK = "from-us-east"


def segment(region: Region, topic: str) -> pathlib.Path:
    (folder,) = (region.data / "topics").glob(f"{topic}.*")
    return folder / "0" / f"{0:020}.log"


def change_payload(region: Region, topic: str, index: int, mend_crc: bool) -> batch.Batch:
    """Flips the last byte of a batch in a stopped region's log; with its CRC mended nothing in the log shows it."""
    path = segment(region, topic)
    data = bytearray(path.read_bytes())
    batches = batch.split(bytes(data))
    chosen = batches[index]
    at = sum(len(before.data) for before in batches[:index])
    end = at + len(chosen.data)
    data[end - 2] ^= 1
    if mend_crc:
        struct.pack_into(">I", data, at + batch.CRC_AT, batch.crc32c(bytes(data[at + batch.CRC_START:end])))
    path.write_bytes(data)
    return chosen


def mirrored(ring, *topics: str, control: bool = False) -> tuple[Region, Region]:
    us_east, eu_west = ring.region("us-east"), ring.region("eu-west")
    if control:
        us_east.listen_for_control()
    us_east.start()
    eu_west.links = [link(us_east)]
    for topic in topics:
        create_topic(us_east, topic)
        for index in range(10):
            clients.produce(us_east.kafka, topic, [b"%d-%d" % (index, record) for record in range(5)])
    eu_west.start()
    for topic in topics:
        wait_mirrored(us_east, eu_west, topic)
    return us_east, eu_west


def test_an_equal_mirror_is_verified_on_demand(ring):
    us_east, eu_west = mirrored(ring, "orders", "audit")
    eu_west.wait_state(LINK, "orders", "caught_up")
    eu_west.wait_state(LINK, "audit", "caught_up")
    status = eu_west.get(f"/v1/links/{LINK}/verify")
    assert status["verification"] == "not available (no control connection)"
    for flags in [], ["--deep"]:
        eu_west.cli("verify", "--link", LINK, "--wait", *flags)
        run = eu_west.get(f"/v1/links/{LINK}/verify")["run"]
        assert (run["partitionsDone"], run["offsetsDone"], run["findings"]) == (2, 100, [])
        assert run["by"] == "fetching" and run["bytes"] > 0
    assert eu_west.mirror(LINK, "orders")["verifiedTo"] == 50
    assert eu_west.metric("atoll_mirror_verified_offset", link=LINK, topic="orders") == 50
    eu_west.restart()
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("verifiedTo") == 50, "what was verified is known again")
    us_east.stop()
    done = eu_west.cli("verify", "--topic", "orders", "--wait", expect=1)
    assert "not_compared" in done.stdout, "a source that is gone is no equality"


def test_another_payload_with_a_right_crc_is_found_named_and_stops_its_partition_only(ring):
    us_east, eu_west = mirrored(ring, "orders", "audit")
    eu_west.stop()
    bad = change_payload(eu_west, "orders", 4, mend_crc=True)
    eu_west.start()
    eu_west.wait_state(LINK, "orders", "caught_up")
    eu_west.wait_state(LINK, "audit", "caught_up")

    done = eu_west.cli("verify", "--wait", "-o", "json", expect=3)
    (finding,) = json.loads(done.stdout)["links"][0]["run"]["findings"]
    assert (finding["topic"], finding["kind"]) == ("orders", "mismatch")
    assert (finding["first"], finding["end"]) == (bad.base_offset, bad.next_offset)
    row = eu_west.wait_state(LINK, "orders", "halted")
    assert f"offset {bad.base_offset}" in row["reason"]
    (event,) = wait_until(lambda: eu_west.events("mismatch", "orders"), "the event is kept")
    assert (event["first"], event["end"]) == (bad.base_offset, bad.next_offset)
    (shown,) = eu_west.get(f"/v1/links/{LINK}/verify?topic=orders")["partitions"]
    assert shown["mismatch"] and f"offset {bad.base_offset}" in shown["reason"]

    clients.produce(us_east.kafka, "audit", [b"goes on"] * 5)
    wait_mirrored(us_east, eu_west, "audit")
    assert_same_bytes(us_east, eu_west, "audit")

    eu_west.restart()
    eu_west.wait_state(LINK, "orders", "halted")
    assert len(eu_west.events("mismatch", "orders")) == 1, "found once, however often the region starts"

    clients.produce(us_east.kafka, "orders", [b"after"] * 5)
    eu_west.cli("mirror", "skip", "orders", "--link", LINK)
    wait_mirrored(us_east, eu_west, "orders")
    eu_west.wait_state(LINK, "orders", "caught_up")
    assert eu_west.events("skipped", "orders")[0]["first"] == bad.base_offset


def test_a_rotten_bit_is_found_by_a_deep_run(ring):
    _, eu_west = mirrored(ring, "orders")
    eu_west.stop()
    bad = change_payload(eu_west, "orders", 2, mend_crc=False)
    eu_west.start()
    eu_west.wait_state(LINK, "orders", "caught_up")
    eu_west.cli("verify", "--wait")  # By headers: they are equal.
    done = eu_west.cli("verify", "--deep", "--wait", expect=3)
    assert f"offset {bad.base_offset}" in done.stdout and "do not fit its crc" in done.stdout
    eu_west.wait_state(LINK, "orders", "halted")


def test_over_a_control_connection_everything_is_verified_by_itself(ring):
    us_east, eu_west = mirrored(ring, "orders", control=True)
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("verifiedTo") == 50, "what was mirrored is verified")
    clients.produce(us_east.kafka, "orders", [b"more"] * 7)
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("verifiedTo") == 57, "so is what comes after")
    assert eu_west.metric("atoll_mirror_verified_offset", link=LINK, topic="orders") == 57
    assert eu_west.get(f"/v1/links/{LINK}/verify")["verification"].startswith("continuous")
    eu_west.cli("verify", "--wait")
    run = eu_west.get(f"/v1/links/{LINK}/verify")["run"]
    assert (run["by"], run["offsetsDone"], run["findings"]) == ("digests", 57, [])


def test_a_changed_disk_is_found_by_digests_without_being_asked(ring):
    us_east, eu_west = mirrored(ring, "orders", "audit", control=True)
    for topic in "orders", "audit":
        wait_until(lambda: eu_west.mirror(LINK, topic).get("verifiedTo") == 50, f"{topic} is verified")
    eu_west.stop()
    bad = change_payload(eu_west, "orders", 6, mend_crc=True)
    eu_west.start()
    row = eu_west.wait_state(LINK, "orders", "halted")
    assert f"offset {bad.base_offset}" in row["reason"] and row["verifiedTo"] == bad.base_offset
    (event,) = wait_until(lambda: eu_west.events("mismatch", "orders"), "the event is kept")
    assert (event["first"], event["end"]) == (bad.base_offset, bad.next_offset)

    clients.produce(us_east.kafka, "audit", [b"goes on"] * 5)
    wait_until(lambda: eu_west.mirror(LINK, "audit").get("verifiedTo") == 55, "the others go on and are verified")

    eu_west.cli("mirror", "resume", "orders", "--link", LINK)
    wait_until(lambda: eu_west.mirror(LINK, "orders")["state"] == "halted", "compared again, and found again")
    eu_west.cli("mirror", "skip", "orders", "--link", LINK)
    eu_west.wait_state(LINK, "orders", "caught_up")
    wait_until(lambda: eu_west.mirror(LINK, "orders").get("verifiedTo") == 50, "it goes on behind what was accepted")
