"""F5, F6: a full disk or a failed fsync. No acknowledgement, reads go on, and it comes back without loss."""
import os
import subprocess

import pytest

import batch
import clients
import wire
from harness import create_topic, link, wait_mirrored, wait_until


@pytest.fixture
def small_disk(tmp_path):
    """48 MiB of file system of our own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "atoll-test", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(connection: wire.Connection, topic: str) -> tuple[list[int], int]:
    """Produces until it is refused: (the offsets that were acknowledged, the error)."""
    acked = []
    for _ in range(200):
        answer = connection.produce(topic, 0, batch.make([os.urandom(500_000)]))
        if answer.error != wire.OK:
            return acked, answer.error
        acked.append(answer.base_offset)
    raise AssertionError("the disk never filled")


def test_a_full_disk_refuses_writes_serves_reads_and_comes_back(ring, small_disk):
    region = ring.region("us-east")
    region.data = small_disk / "data"
    region.storage = {"durability": "fsync", "segmentBytes": "4MiB"}
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (16 << 20))
    region.start()
    create_topic(region, "orders")
    with region.wire() as connection:
        acked, error = fill(connection, "orders")
        assert error == wire.KAFKA_STORAGE_ERROR and len(acked) > 5
        got = connection.fetch("orders", 0, 0)
        assert got.error == wire.OK and batch.split(got.records), "reads go on"
    offline = region.get("/v1/status")["offlinePartitions"]
    assert offline and offline[0]["topic"] == "orders" and "space" in offline[0]["reason"].lower(), offline
    region.cli("status", expect=10)

    ballast.unlink()
    def accepted() -> int | None:
        with region.wire() as connection:
            answer = connection.produce("orders", 0, batch.make([b"room again"]))
            return answer.base_offset if answer.error == wire.OK else None
    offset = wait_until(accepted, "the partition takes records again", 60, 0.2)
    assert offset >= len(acked)
    dump = wire.dump(region.kafka, "orders", 0)
    assert [one.base_offset for one in dump.batches][:len(acked)] == acked
    assert all(one.crc_matches() for one in dump.batches[-3:])
    region.kill9()
    region.start()
    assert wire.dump(region.kafka, "orders", 0).data == dump.data


def test_a_full_disk_at_the_mirror_waits_and_catches_up(ring, small_disk):
    us_east, eu_west = ring.region("us-east").start(), ring.region("eu-west")
    eu_west.data = small_disk / "data"
    eu_west.storage = {"durability": "fsync", "segmentBytes": "4MiB"}
    eu_west.links = [link(us_east)]
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (24 << 20))
    eu_west.start()
    create_topic(us_east, "orders")
    clients.produce(us_east.kafka, "orders", [os.urandom(100_000) for _ in range(300)])
    wait_until(lambda: eu_west.get("/v1/status")["offlinePartitions"] or
               eu_west.mirror("from-us-east", "orders").get("state") not in ("mirroring", "locating", "caught_up"),
               "the mirror says that its disk is full", 60, 0.2)
    ballast.unlink()
    wait_mirrored(us_east, eu_west, "orders", timeout=120)
    assert wire.first_difference(wire.dump(us_east.kafka, "orders", 0), wire.dump(eu_west.kafka, "orders", 0)) is None


def test_a_failed_fsync_is_not_acknowledged_and_not_retried_blindly(ring):
    region = ring.region("us-east").start()
    create_topic(region, "orders")
    with region.wire() as connection:
        for index in range(10):
            assert connection.produce("orders", 0, batch.make([b"%d" % index])).error == wire.OK
    for point in ("append.written", "append.fsynced"):
        region.stop()
        region.start(f"{point}=errno:EIO#3")
        with region.wire() as connection:
            answers = [connection.produce("orders", 0, batch.make([b"after %d" % index])) for index in range(6)]
        acked = [answer.base_offset for answer in answers if answer.error == wire.OK]
        region.kill9()
        region.start()
        kept = {one.base_offset for one in wire.dump(region.kafka, "orders", 0).batches}
        assert set(acked) <= kept, f"{point}: acknowledged {acked}, kept {sorted(kept)}"
        assert len(set(acked)) == len(acked)
        with region.wire() as connection:
            assert connection.produce("orders", 0, batch.make([b"well again"])).error == wire.OK
