"""F1, F2: the process dies, or a call fails, at every failpoint that the binary lists, and nothing acknowledged is lost.

The list comes from `atoll serve --list-failpoints`, so a new step can't be forgotten: a point that no scenario crosses
fails the test. One pair of regions lives through all of it; each point gets a topic of its own.
"""
import subprocess
import time

import batch
import clients
import fake_kafka
import invariants
import test_failover
import test_moves
import wire
from harness import BINARY, create_topic, link, wait_mirrored

POISON = "poisoned"
# test_failover.py and test_moves.py die at each of these.
MOVES = set(test_failover.PLANNED_STEPS) | set(test_failover.FORCED_STEPS) | set(test_moves.OWNER_STEPS)
ELSEWHERE = ("back.", "truncate.", "quarantine.")  # test_quarantine.py dies at each of these.
LIKELY = {"mirror.gap_recorded": "gap", "mirror.halted": "poison"}  # Which scenario to try first; all others begin with "trim".


def list_failpoints() -> list[str]:
    done = subprocess.run([BINARY, "serve", "--list-failpoints"], capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.split()


class Drill:
    """Two regions with small segments, and one scenario per kind of step."""

    def __init__(self, ring) -> None:
        self.source = fake_kafka.FakeKafka(POISON)
        self.owner, self.mirror = ring.region("us-east"), ring.region("eu-west")
        for region in (self.owner, self.mirror):
            region.storage = {"durability": "fsync", "segmentBytes": "64KiB"}
        self.mirror.links = [link(self.owner, onGap="skip"),
                             link(self.source.address, region="liar", kind="kafka"),
                             link(self.owner, name="merge", onGap="skip", target={"topic": "merged"},
                                  topics=[{"include": "trimmed", "match": "literal"}])]
        self.owner.start(), self.mirror.start()
        create_topic(self.owner, "trimmed")
        clients.produce(self.owner.kafka, "trimmed", [b"t" * 500] * 500)
        wait_mirrored(self.owner, self.mirror, "trimmed")

    def regions(self):
        return (self.owner, self.mirror)

    def heal(self) -> None:
        """Both serve, nothing armed."""
        for region in self.regions():
            if region.running():
                region.kill9()
            elif region.process is not None:
                region.await_exit(5)
            region.start()

    def tear_tails(self) -> None:
        """What a crash in the middle of a write leaves at the end of the active segment: half a batch, half index entries."""
        for region in self.regions():
            for folder in region.data.glob("topics/trimmed.*/0"):
                active = max(folder.glob("*.log"))
                for path, torn in ((active, batch.make([b"torn"] * 9, base_offset=1 << 40)[:70]),
                                   (active.with_suffix(".index"), b"idx"), (active.with_suffix(".timeindex"), b"idx")):
                    with path.open("ab") as file:
                        file.write(torn)

    def run(self, failpoints: str, topic: str, seconds: float, scenario) -> bool:
        """Starts both armed over torn tails, produces into a new topic and lets `scenario` act beside that; then heals
        both and checks all invariants. Whether a region died."""
        create_topic(self.owner, topic)
        for region in self.regions():
            region.kill9()
        self.tear_tails()
        for region in self.regions():
            region.start(failpoints, await_ready=False)
        sent = clients.Background(self.owner.kafka, topic, per_second=3000, size=300)
        deadline = time.monotonic() + seconds
        acted = False
        while time.monotonic() < deadline and all(region.running() for region in self.regions()):
            if not acted and time.monotonic() > deadline - seconds * 0.7:
                acted = True
                try:
                    scenario()
                except (OSError, ValueError, AssertionError):
                    pass  # A region that dies in the middle is what this is about.
            time.sleep(0.02)
        if all(region.running() for region in self.regions()):  # The steps of a clean stop.
            for region in self.regions():
                region.process.terminate()
            for region in self.regions():
                region.process.wait(20)
        died = any(region.process.poll() not in (None, 0) for region in self.regions())
        self.heal()
        sent.stop()
        try:
            invariants.check(self.owner, self.mirror, topic, sent)
        except AssertionError as error:
            raise AssertionError(f"after {failpoints} ({scenario.__name__}): {error}") from error
        return died

    # --- scenarios: what happens beside the load, which itself rolls segments ---

    def trim(self) -> None:
        """Retention: the owner's log start rises and the mirror follows."""
        with self.owner.wire() as connection:
            _, start = connection.offset("trimmed", 0, wire.EARLIEST)
            _, end = connection.offset("trimmed", 0, wire.LATEST)
            connection.produce("trimmed", 0, batch.make([b"t" * 500] * 200))
            connection.delete_records("trimmed", 0, (start + end + 1) // 2)

    def gap(self) -> None:
        """The source trims what a paused mirror has not seen."""
        path = "/v1/links/from-us-east/mirrors"
        self.mirror.api("POST", path + ":pause", {"topics": ["trimmed"]})
        with self.owner.wire() as connection:
            for _ in range(3):
                connection.produce("trimmed", 0, batch.make([b"t" * 500] * 200))
            connection.delete_records("trimmed", 0, connection.offset("trimmed", 0, wire.LATEST)[1])
            connection.produce("trimmed", 0, batch.make([b"after"]))
        self.mirror.api("POST", path + ":resume", {"topics": ["trimmed"]})

    def poison(self) -> None:
        """A batch whose CRC is wrong."""
        self.source.append(0, [b"good"])
        bad = batch.make([b"bad"], base_offset=self.source.end(0), epoch=0)
        self.source.logs[0].append(batch.flip(bad, len(bad) - 2))
        try:
            fake_kafka.wait_for_fetches(self.source, 3, timeout=1.5)
        finally:
            self.source.logs[0].pop()

    def topics(self) -> None:
        """A topic comes, grows, changes and goes."""
        with self.owner.wire() as connection:
            connection.create_topic("passing", 1)
            connection.create_partitions("passing", 2)
            connection.set_config("passing", "retention.ms", "1000")
            time.sleep(0.5)
            connection.delete_topic("passing")


def test_death_at_every_failpoint_loses_nothing(ring):
    points = [point for point in list_failpoints() if point not in MOVES and not point.startswith(ELSEWHERE)]
    assert len(points) >= 20, f"only {points}"
    drill = Drill(ring)
    crossed, missed = [], []
    with drill.source:
        for number, point in enumerate(points):
            scenarios = sorted((drill.trim, drill.topics, drill.gap, drill.poison), key=lambda one: LIKELY.get(point) != one.__name__)
            if any(drill.run(f"{point}=abort", f"death-{number}-{one.__name__}", 2.0, one) for one in scenarios):
                crossed.append(point)
            else:
                missed.append(point)
    print(f"crossed {len(crossed)} of {len(points)} failpoints")
    assert not missed, f"no scenario crosses {missed}"


def test_an_io_error_at_any_failpoint_loses_nothing(ring):
    points = list_failpoints()
    drill = Drill(ring)
    with drill.source:
        for first in range(0, len(points), 6):
            armed = points[first:first + 6]
            failpoints = ",".join(f"{point}=errno:EIO#{3 + index}" for index, point in enumerate(armed))
            drill.run(failpoints, f"errors-{first}", 3.0, drill.trim)
    print(f"EIO at {len(points)} failpoints")


def test_an_unknown_failpoint_or_action_is_refused_at_the_start(ring):
    region = ring.region("us-east")
    for text in ("no.such.point=abort", f"{list_failpoints()[0]}=explode"):
        region.start(text, await_ready=False)
        assert region.await_exit(20) != 0
        assert text.split("=")[0] in region.log_tail()
