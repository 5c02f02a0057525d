"""S11, S12: what a log holds beyond the cut of a new owner is set aside, whole and once, and only then truncated."""
import base64
import itertools
import json
import pathlib
import struct
import uuid

import pytest

import batch
import clients
import fake_kafka
import wire
from harness import Region, create_topic, link, wait_until
from test_failpoints import ELSEWHERE, list_failpoints

FORMER, NEW = 1, 3  # Ordinals of the owners.
FIRST_EPOCH, NEXT_EPOCH = 1 << 8 | FORMER, 2 << 8 | NEW
LINK = "from-us-east"
CUT, END = 60, 100
RETURN_POINTS = [point for point in list_failpoints() if point.startswith(("back.", "truncate."))]


def third_region(ring, source: fake_kafka.FakeKafka) -> Region:
    """A region that mirrored all 100 records of the former owner, in batches of ten."""
    region = ring.region("eu-west", 2)
    region.links = [link(source.address, region="us-east")]
    for base in range(0, END, 10):
        source.append(0, [b"%d" % number for number in range(base, base + 10)])
    region.start()
    wait_until(lambda: wire.dump(region.kafka, source.topic, 0).end == END, "all is mirrored")
    return region


def move(source: fake_kafka.FakeKafka) -> None:
    """A forced failover to a region that had 60 of them and takes 30 of its own."""
    source.move_to(NEW, NEXT_EPOCH, CUT)
    for base in range(0, 30, 10):
        source.append(0, [b"new-%d" % number for number in range(base, base + 10)])


def tails(region: Region) -> list[dict[str, object]]:
    return region.get("/v1/quarantine")["tails"]


def check_returned(region: Region, source: fake_kafka.FakeKafka) -> dict[str, object]:
    """The log is the new owner's, byte for byte; the quarantine has what was beyond the cut, once. The tail."""
    region.wait_state(LINK, source.topic, "caught_up")
    assert wire.dump(region.kafka, source.topic, 0).data == b"".join(source.logs[0])
    (tail,) = tails(region)
    assert (tail["first"], tail["end"], tail["records"]) == (CUT, END, END - CUT)
    assert (tail["epoch"], tail["newEpoch"]) == (FIRST_EPOCH, NEXT_EPOCH)
    assert region.metric("atoll_quarantine_records", topic=source.topic) == END - CUT
    (event,) = region.events("quarantined", source.topic)
    assert (event["first"], event["end"]) == (CUT, END)
    assert not region.events("divergence", source.topic) and not region.events("rollback", source.topic)
    return tail


@pytest.fixture
def source():
    with fake_kafka.FakeKafka("orders", epoch=FIRST_EPOCH, node=FORMER) as fake:
        yield fake


def test_a_tail_beyond_the_cut_is_set_aside_and_the_log_goes_on_as_the_owners(ring, source, tmp_path):
    region = third_region(ring, source)
    former = list(source.logs[0])
    move(source)
    tail = check_returned(region, source)
    # Every copy of it is the former owner's bytes.
    lost = b"".join(former[CUT // 10:])
    kept = pathlib.Path(tail["folder"]) / f"{CUT:020}.log"
    assert kept.read_bytes() == lost
    region.cli("quarantine", "export", tail["id"], "--format", "segment", "--to", str(tmp_path / "out"))
    assert (tmp_path / "out" / f"{CUT:020}.log").read_bytes() == lost
    lines = [json.loads(line) for line in region.cli("quarantine", "export", tail["id"]).stdout.splitlines()]
    assert [line["offset"] for line in lines] == list(range(CUT, END))
    assert [line["value"] for line in lines] == [str(number) for number in range(CUT, END)]
    region.restart()
    check_returned(region, source)
    # Only `drop` lets it go, and only with consent.
    region.cli("quarantine", "drop", tail["id"], "--dry-run")
    region.cli("quarantine", "drop", tail["id"], expect=1)
    assert len(tails(region)) == 1
    region.cli("quarantine", "drop", tail["id"], "--yes")
    assert tails(region) == [] and not kept.exists()
    assert region.metric("atoll_quarantine_records", topic="orders") is None
    region.cli("quarantine", "show", tail["id"], expect=1)


@pytest.mark.parametrize("point", RETURN_POINTS)
def test_death_at_any_step_of_a_return_repeats_to_the_same_result(ring, source, point):
    region = third_region(ring, source)
    region.restart(f"{point}=abort")
    move(source)
    assert region.await_exit(60) != 0, f"{point} was not crossed"
    region.start()
    check_returned(region, source)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_what_can_not_be_kept_is_not_truncated(ring, source, error):
    region = third_region(ring, source)
    region.restart(f"back.quarantine_written=errno:{error}")
    former = b"".join(source.logs[0])
    move(source)
    wait_until(lambda: "can't be set aside" in region.mirror(LINK, "orders").get("reason", ""), "the reason is told")
    assert wire.dump(region.kafka, "orders", 0).data == former
    assert tails(region) == []
    region.restart()
    check_returned(region, source)


def test_a_longer_log_under_one_owner_is_divergence_and_stays(ring, source):
    region = third_region(ring, source)
    former = b"".join(source.logs[0])
    source.move_to(FORMER, 2 << 8 | FORMER, CUT)  # A restored disk: the same owner, an epoch later.
    region.wait_state(LINK, "orders", "diverged")
    assert wire.dump(region.kafka, "orders", 0).data == former
    assert tails(region) == []


def test_an_operator_lets_a_mirror_return_whose_owner_came_back_with_an_older_disk(ring, source):
    region = third_region(ring, source)
    source.move_to(FORMER, 2 << 8 | FORMER, CUT)
    for base in range(0, 30, 10):
        source.append(0, [b"new-%d" % number for number in range(base, base + 10)])
    region.wait_state(LINK, "orders", "diverged")
    assert region.cli("return", "--link", LINK, "orders", expect=2).stderr  # No terminal, no --yes.
    shown = region.cli_json("return", "--link", LINK, "orders", "--dry-run")
    assert [partition["sets_aside"] for partition in shown["partitions"]] == [True]
    assert region.mirror(LINK, "orders")["state"] == "diverged" and tails(region) == [], "a dry run changes nothing"
    region.cli("return", "--link", LINK, "orders", "--yes")
    region.wait_state(LINK, "orders", "caught_up")
    assert wire.dump(region.kafka, "orders", 0).data == b"".join(source.logs[0])
    (tail,) = tails(region)
    assert (tail["first"], tail["end"], tail["records"]) == (CUT, END, END - CUT)


def test_a_former_owner_that_meets_a_higher_epoch_returns(ring):
    """us-east was lost with 100 records, 60 of them known elsewhere; another region took over and wrote on."""
    us_east = ring.region("us-east").start()
    create_topic(us_east, "orders")
    with us_east.wire() as connection:
        for base in range(0, END, 10):
            connection.produce("orders", 0, batch.make([b"%d" % number for number in range(base, base + 10)]))
    us_east.kill9()
    epoch = 1025 << 8 | NEW
    us_east.start()
    former = wire.dump(us_east.kafka, "orders", 0)
    topic_id = next(topic["topicId"] for topic in us_east.get("/v1/topics")["topics"])
    with fake_kafka.FakeKafka("orders", epoch=epoch, node=NEW) as source:
        source.topic_id = uuid.UUID(bytes=base64.urlsafe_b64decode(topic_id + "=="))
        source.logs[0] = [one.data for one in former.batches if one.base_offset < CUT]
        source.append(0, [b"new"] * 5)
        us_east.stop()
        us_east.links = [link(source.address, region="eu-central")]
        us_east.start()
        us_east.wait_state("from-eu-central", "orders", "caught_up")
        assert wire.dump(us_east.kafka, "orders", 0).data == b"".join(source.logs[0])
        (tail,) = tails(us_east)
        assert (tail["first"], tail["end"], tail["records"], tail["newEpoch"]) == (CUT, END, END - CUT, epoch)
        kept = (pathlib.Path(tail["folder"]) / f"{CUT:020}.log").read_bytes()
        assert kept == b"".join(one.data for one in former.batches if one.base_offset >= CUT)
        with us_east.wire() as connection:
            assert connection.produce("orders", 0, batch.make([b"refused"])).error != wire.OK
        us_east.restart()
        us_east.wait_state("from-eu-central", "orders", "caught_up")
        assert len(tails(us_east)) == 1


# --- a tail of this region's own, put there by hand ---

VARIED = [
    (b"key", b"value", [("h", b"1"), ("h", None)]),
    (None, None, []),
    (b"\x00\xff\xfe", bytes(range(256)), [("binary", b"\x80")]),
    ("schl\u00fcssel".encode(), "wert \U0001f30d \u0000".encode(), []),
    (b"\xed\xa0\x80", b"\xc0\xaf", [("caf\u00e9", "\u00e9".encode())]),
]


def record(delta: int, key, value, headers) -> bytes:
    body = b"\0" + batch._varint(delta * 10) + batch._varint(delta) + batch._field(key) + batch._field(value)
    body += batch._varint(len(headers)) + b"".join(batch._field(k.encode()) + batch._field(v) for k, v in headers)
    return batch._varint(len(body)) + body


def forge_tail(region: Region, topic: str, batches: list[bytes], first: int, end: int, records: int) -> str:
    """What a return would have left in the stopped region's quarantine."""
    topic_folder = next(region.data.glob(f"topics/{topic}.*"))
    folder = region.data / "quarantine" / topic_folder.name / "0" / f"{first:020}-00000000000000aa"
    folder.mkdir(parents=True)
    name, data = f"{first:020}.log", b"".join(batches)
    (folder / name).write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps({
        "version": 1, "id": "00000000000000aa", "topic": topic, "topicId": topic_folder.name.rpartition(".")[2],
        "partition": 0, "region": "us-east", "link": "from-eu-west", "epoch": FIRST_EPOCH, "newEpoch": NEXT_EPOCH,
        "first": first, "end": end, "records": records, "bytes": len(data), "transactional": True, "attempt": 1,
        "timeNanoseconds": 1, "files": [{"name": name, "bytes": len(data)}]}))
    return "00000000000000aa"


def transactional(base: int, producer: int, sequence: int, value: bytes) -> bytes:
    return batch.make([value], base_offset=base, epoch=FIRST_EPOCH, producer=(producer, 0, sequence), attributes=0x10)


def marker(base: int, producer: int, commit: bool) -> bytes:
    body = b"\0" + batch._varint(0) * 2 + batch._field(struct.pack(">hh", 0, commit)) + batch._field(bytes(6))
    body += batch._varint(0)
    return batch.seal(base, FIRST_EPOCH, 0x30, 0, 1, (producer, 0, -1), 1, batch._varint(len(body)) + body)


def owner_with_tail(ring) -> tuple[Region, str]:
    """us-east owns 10 records of `orders`; its quarantine holds VARIED, and a committed, an aborted and an open record."""
    region = ring.region("us-east").start()
    create_topic(region, "orders")
    clients.produce(region.kafka, "orders", [b"here"] * 10)
    region.stop()
    plain = b"".join(record(delta, *what) for delta, what in enumerate(VARIED))
    batches = [batch.seal(50, FIRST_EPOCH, 0, len(VARIED) - 1, 1_700_000_000_000, (77, 1, 8), len(VARIED), plain),
               transactional(55, 5, 0, b"committed"), transactional(56, 6, 0, b"aborted"), marker(57, 5, True),
               marker(58, 6, False), transactional(59, 5, 1, b"open")]
    tail = forge_tail(region, "orders", batches, 50, 60, 8)
    return region.start(), tail


def decode(entry: dict[str, object], name: str) -> bytes | None:
    text = entry[name]
    if text is None:
        return None
    return base64.b64decode(text) if entry.get(f"{name}Encoding") == "base64" else text.encode()


def test_an_export_survives_any_byte(ring):
    region, tail = owner_with_tail(ring)
    lines = [json.loads(line) for line in region.cli("quarantine", "export", tail).stdout.splitlines()]
    for line, (key, value, headers) in zip(lines, VARIED, strict=False):
        assert (decode(line, "key"), decode(line, "value")) == (key, value)
        assert [(decode(one, "key").decode(), decode(one, "value")) for one in line["headers"]] == headers
    assert [line["timestamp"] for line in lines[:2]] == [1_700_000_000_000, 1_700_000_000_010]
    assert [(line["producerId"], line["producerEpoch"], line["sequence"]) for line in lines[:2]] == [(77, 1, 8), (77, 1, 9)]
    assert {line["leaderEpoch"] for line in lines} == {FIRST_EPOCH}
    assert [line["kind"] for line in lines] == ["plain"] * 5 + ["committed", "aborted", "control", "control", "open"]


def reinjected(region: Region) -> list[clients.Record]:
    records = clients.consume(region.kafka, "orders", 16)
    assert [one.value for one in records[:10]] == [b"here"] * 10
    return records[10:]


def check_reinjected(records: list[clients.Record]) -> None:
    """Key, value, headers and time as they were, and where they come from."""
    expected = [*VARIED, (None, b"committed", [])]
    assert len(records) == len(expected)
    for one, (key, value, headers), offset in zip(records, expected, itertools.count(50), strict=False):
        origin = [("atoll.origin.region", b"us-east"), ("atoll.origin.epoch", str(FIRST_EPOCH).encode()),
                  ("atoll.origin.offset", str(offset).encode())]
        assert (one.key, one.value, list(one.headers)) == (key, value, headers + origin)
    assert records[1].timestamp == 1_700_000_000_010


def test_a_reinjection_produces_each_record_once(ring):
    region, tail = owner_with_tail(ring)
    plan = region.cli_json("quarantine", "reinject", tail, "--dry-run")
    assert (plan["owner"], plan["produces"], plan["leavesOut"]) == ("this region", 6, 2)
    region.cli("quarantine", "reinject", tail, expect=1)  # Nobody confirmed.
    with region.wire() as connection:
        assert connection.offset("orders", 0, wire.LATEST)[1] == 10
    done = region.cli_json("quarantine", "reinject", tail, "--yes")
    assert (done["done"], done["produced"], done["leftOut"]) == (True, 6, 2)
    check_reinjected(reinjected(region))
    assert region.cli_json("quarantine", "reinject", tail, "--yes")["produced"] == 6
    region.restart()
    region.cli("quarantine", "reinject", tail, "--yes")
    with region.wire() as connection:
        assert connection.offset("orders", 0, wire.LATEST)[1] == 16


def test_a_crash_before_the_progress_is_kept_repeats_nothing(ring):
    region, tail = owner_with_tail(ring)
    region.restart("quarantine.reinject_confirmed=abort")
    region.cli("quarantine", "reinject", tail, "--yes", expect=1)
    assert region.await_exit(20) != 0
    region.start()
    assert region.cli_json("quarantine", "show", tail)["reinjected"]["produced"] == 0
    assert region.cli_json("quarantine", "reinject", tail, "--yes")["produced"] == 6
    check_reinjected(reinjected(region))
    with region.wire() as connection:
        assert connection.offset("orders", 0, wire.LATEST)[1] == 16


def test_every_failpoint_of_a_reinjection_is_crossed_above():
    assert [point for point in list_failpoints() if point.startswith("quarantine.")] == ["quarantine.reinject_confirmed"]
    assert set(ELSEWHERE) == {"back.", "truncate.", "quarantine."}


def test_damaged_files_are_named_and_never_served(ring):
    region, tail = owner_with_tail(ring)
    folder = pathlib.Path(region.cli_json("quarantine", "show", tail)["folder"])
    log = next(folder.glob("*.log"))
    good = log.read_bytes()
    log.write_bytes(batch.flip(good, 100))
    failed = region.cli("quarantine", "export", tail, expect=1)
    assert log.name in failed.stderr
    region.cli("quarantine", "reinject", tail, "--yes", expect=1)
    log.write_bytes(good[:-1])
    assert "its manifest says" in region.cli("quarantine", "export", tail, expect=1).stderr
    (folder / "manifest.json").write_text("{}")
    region.restart()
    listed = region.cli("quarantine", "list", expect=3)
    assert str(folder) in listed.stderr and log.exists()
