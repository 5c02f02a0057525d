"""What the sections share: where things are, regions, processes and their CPU seconds, results."""
from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))
from harness import Region, link  # noqa: E402

KIT = pathlib.Path(os.environ.get("KIT", REPOSITORY.parent / "shared" / "bench" / "kafka"))
PEER = pathlib.Path(os.environ.get("KAFKA_PEER_DIR", REPOSITORY.parent / "kafka-peer"))
RESULTS = pathlib.Path(os.environ.get("RESULTS", REPOSITORY / "build" / "bench"))
PROBE = PEER / "bin" / "kprobe"
TICKS = os.sysconf("SC_CLK_TCK")
LINK = "from-us-east"


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid: int) -> float:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return round(int(text.split("VmRSS:")[1].split()[0]) / 1024, 1)


def probe(command: str, prefix: tuple[str, ...] = (), **flags: object) -> dict:
    arguments = [text for name, value in flags.items() for text in ("-" + name.replace("_", "-"), str(value))]
    done = subprocess.run([*prefix, PROBE, command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"kprobe {command} {arguments}: {done.stderr[-500:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def save(section: str, record: dict) -> None:
    line = json.dumps({"time": time.strftime("%FT%TZ", time.gmtime()), "exp": section, **record})
    RESULTS.mkdir(parents=True, exist_ok=True)
    with (RESULTS / f"{section}.jsonl").open("a") as file:
        file.write(line + "\n")
    print(line, flush=True)


@contextlib.contextmanager
def folder() -> Iterator[pathlib.Path]:
    """A run's data: under BENCH_DIR, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="atoll-bench-", dir=os.environ.get("BENCH_DIR")) as path:
        yield pathlib.Path(path)


class Pair:
    """us-east and eu-west of one run; eu-west mirrors us-east. With `control` they talk over the control plane and each mirrors
    the other, so that a topic can move and come back."""

    def __init__(self, durability: str, control: bool = False, **spec: object) -> None:
        self.resources = contextlib.ExitStack()
        at = self.resources.enter_context(folder())
        self.east, self.west = Region(at, "us-east", 1), Region(at, "eu-west", 2)
        for region in (self.east, self.west):
            region.storage = {"durability": durability}
            if control:
                region.listen_for_control()
        if control:
            self.east.links = [link(self.west)]
        self.east.start()
        self.west.links = [link(self.east, name=LINK, **spec)]
        self.west.start()

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        self.west.discard()
        self.east.discard()
        self.resources.close()

    def cpu(self) -> tuple[float, float]:
        return cpu_seconds(self.east.process.pid), cpu_seconds(self.west.process.pid)

    def pause(self, paused: bool) -> None:
        status, body = self.west.api("POST", f"/v1/links/{LINK}:{'pause' if paused else 'resume'}", {})
        assert status == 200, body

    def drop(self, topic: str) -> None:
        self.east.api("DELETE", f"/v1/topics/{topic}")
        self.west.api("DELETE", f"/v1/topics/{topic}")


class Load:
    """The Go program in load/, started against a region (and a second one); CPU seconds of the first between its "begin" and "end"."""

    def __init__(self, region: Region, *arguments: str) -> None:
        self.region = region
        program = REPOSITORY / "build" / "bench-load"
        subprocess.run(["go", "build", "-o", program, "."], cwd=REPOSITORY / "tests" / "bench" / "load", check=True)
        self.process = subprocess.Popen([program, arguments[0], region.kafka, *arguments[1:]], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def result(self) -> dict:
        """Waits for its end."""
        marks = {}
        for line in self.process.stderr:
            pid = self.region.process.pid if self.region.process else None
            marks[line.strip()] = (time.monotonic(), cpu_seconds(pid) if pid else None)
        output = self.process.stdout.read()
        if self.process.wait() != 0:
            raise RuntimeError(f"{self.process.args}: {marks}")
        (began, before), (ended, after) = marks["begin"], marks["end"]
        cores = None if after is None else round((after - before) / (ended - began), 3)
        return json.loads(output) | {"broker_cores": cores}
