"""Regions as real processes: start, kill, restart, ask. Every wait has a deadline and says what it waited for."""
from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import yaml

import wire
from ports import free_port

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("ATOLL_BIN", REPOSITORY / "build" / "release" / "bin" / "atoll"))
READY = re.compile(r"^ready region=(\S+) kafka=(\S+:\d+) admin=(\S+:\d+)(?: control=(\S+:\d+))?\n$")
START_SECONDS = 30
STOP_SECONDS = 20
SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def wait_until(condition: Callable[[], object], what: str, timeout: float = 60.0, step: float = 0.05) -> object:
    """What `condition` returned once it was true; a refused connection counts as not yet."""
    deadline = time.monotonic() + timeout
    last: object = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, http.client.HTTPException, ValueError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {what} (last: {last!r})")
        time.sleep(step)


def link(source: Region | str, *, name: str | None = None, region: str | None = None, kind: str = "atoll",
         control: str | None = None, **spec: object) -> dict[str, object]:
    """A Link document that pulls everything. `source`: a region, or the address of another Kafka. With a control address
    where the source listens for it, or as `control` says."""
    address = source if isinstance(source, str) else source.kafka
    region = region or (source.name if isinstance(source, Region) else "kafka-east")
    control = control or (source.control if isinstance(source, Region) else None)
    document = {
        "source": {"region": region, "kind": kind, "bootstrapServers": [address]} | ({"control": control} if control else {}),
        "topics": [{"include": "*", "match": "glob"}], "startFrom": "earliest", "objectives": {"rpo": "30s"},
    }
    return {"apiVersion": "atoll/v1", "kind": "Link", "metadata": {"name": name or f"from-{region}"},
            "spec": document | spec}


class Region:
    """One `atoll serve` with its folder. Its ports stay the same over restarts."""

    def __init__(self, directory: pathlib.Path, name: str, ordinal: int) -> None:
        self.directory, self.name, self.ordinal = directory / name, name, ordinal
        self.directory.mkdir(parents=True)
        self.kafka = f"127.0.0.1:{free_port()}"
        self.admin = f"127.0.0.1:{free_port()}"
        self.advertise: str | None = None  # What clients are told instead of its own address: a proxy to it.
        self.control: str | None = None  # Set before start(), and before links to this region are made.
        self.data = self.directory / "data"
        self.config = self.directory / "region.yaml"
        self.log = self.directory / "stderr.log"
        self.links: list[dict[str, object]] = []
        self.storage: dict[str, object] = {"durability": "fsync"}
        self.topics: dict[str, object] = {"autoCreate": True, "defaultPartitions": 4, "replicationFactorClamp": True}
        self.groups: dict[str, object] = {"initialRebalanceDelay": "0s"}  # Tests have no time to wait for more members.
        self.spec: dict[str, object] = {}  # More of the Region's spec.
        self.namespace: str | None = None  # A network namespace to run in, for benchmarks over a slow line.
        self.process: subprocess.Popen[str] | None = None

    # --- life ---

    def listen_for_control(self) -> Region:
        self.control = f"127.0.0.1:{free_port()}"
        return self

    def write_config(self) -> None:
        listeners = {"kafka": {"bind": self.kafka, "advertise": self.advertise or self.kafka}, "admin": {"bind": self.admin}}
        if self.control:
            listeners["control"] = {"bind": self.control}
        region = {
            "apiVersion": "atoll/v1", "kind": "Region", "metadata": {"name": self.name},
            "spec": {
                "ordinal": self.ordinal, "dataDir": str(self.data),
                "listeners": listeners,
                "storage": self.storage, "topics": self.topics, "groups": self.groups,
            } | self.spec,
        }
        self.config.write_text(yaml.safe_dump_all([region, *self.links], sort_keys=False))

    def start(self, failpoints: str = "", await_ready: bool = True) -> Region:
        """Starts with the links of `self.links`. With `await_ready` the region serves when this returns."""
        assert self.process is None, f"{self.name} is running already"
        self.write_config()
        environment = os.environ | {"ATOLL_FAILPOINTS": failpoints}
        with self.log.open("ab") as log:
            inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
            self.process = subprocess.Popen([*inside, BINARY, "serve", "--config", str(self.config)], text=True,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment)
        if await_ready:
            line = self.read_line(START_SECONDS)
            match = READY.match(line)
            assert match, f"{self.name}: no ready line but {line!r}\n{self.log_tail()}"
            assert match.groups() == (self.name, self.advertise or self.kafka, self.admin, self.control), line
        return self

    def read_line(self, timeout: float) -> str:
        """The next line of stdout; empty when the process ended."""
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        assert ready, f"{self.name}: nothing on stdout within {timeout} s\n{self.log_tail()}"
        return self.process.stdout.readline()

    def kill9(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.await_exit(STOP_SECONDS)

    def stop(self) -> None:
        """SIGTERM; the exit must be clean and nothing more may stand on stdout."""
        self.process.send_signal(signal.SIGTERM)
        rest = self.process.stdout.read() if self._ends(STOP_SECONDS) else None
        code = self.await_exit(0)
        assert (code, rest) == (0, ""), f"{self.name} stopped with {code}, stdout {rest!r}\n{self.log_tail()}"

    def restart(self, failpoints: str = "") -> Region:
        self.stop()
        return self.start(failpoints)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def await_exit(self, timeout: float) -> int:
        """The exit code (negative: the signal). The region can be started again afterwards."""
        if not self._ends(timeout):
            raise AssertionError(f"{self.name} still runs after {timeout} s\n{self.log_tail()}")
        code = self.process.returncode
        self.process.stdout.close()
        self.process = None
        return code

    def _ends(self, timeout: float) -> bool:
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def discard(self) -> None:
        """At a test's end, whatever state the region is in."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def log_tail(self, lines: int = 60) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- {self.name} stderr ---\n" + "\n".join(text.splitlines()[-lines:])

    def resident_bytes(self) -> int:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    # --- questions ---

    def wire(self) -> wire.Connection:
        return wire.Connection(self.kafka)

    def api(self, method: str, path: str, body: object = None) -> tuple[int, object]:
        """(HTTP status, decoded JSON or text) of one admin call."""
        host, port = self.admin.rsplit(":", 1)
        with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=15)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = answer.getheader("Content-Type", "").startswith("application/json")
            return answer.status, json.loads(text) if is_json and text else text

    def get(self, path: str) -> object:
        status, body = self.api("GET", path)
        assert status == 200, f"GET {path}: {status} {body}"
        return body

    def mirrors(self, link_name: str, topic: str | None = None) -> list[dict[str, object]]:
        rows = self.get(f"/v1/links/{link_name}/mirrors")["partitions"]
        return sorted((row for row in rows if topic in (None, row["topic"])),
                      key=lambda row: (row["topic"], row["partition"]))

    def mirror(self, link_name: str, topic: str, partition: int = 0) -> dict[str, object]:
        found = [row for row in self.mirrors(link_name, topic) if row["partition"] == partition]
        return found[0] if found else {}

    def wait_state(self, link_name: str, topic: str, state: str, partition: int = 0,
                   timeout: float = 60) -> dict[str, object]:
        def reached() -> dict[str, object] | None:
            nonlocal row
            row = self.mirror(link_name, topic, partition)
            return row if row.get("state") == state else None
        row: dict[str, object] = {}
        try:
            return wait_until(reached, f"{topic}-{partition} is {state}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {row}") from None

    def events(self, kind: str, topic: str) -> list[dict[str, object]]:
        """The durable events of one kind about one topic, newest first."""
        return self.get(f"/v1/events?kind={kind}&topic={topic}")["events"]

    def series(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All of /metrics."""
        found = {}
        for line in self.get("/metrics").splitlines():
            if line and not line.startswith("#"):
                name, labels, value = SERIES.match(line).groups()
                found[name, frozenset(LABEL.findall(labels or ""))] = float(value)
        return found

    def metric(self, name: str, **labels: str) -> float | None:
        """The sum over all series that carry these labels; None when there is none."""
        wanted = set(labels.items())
        values = [value for (series, have), value in self.series().items() if series == name and wanted <= have]
        return sum(values) if values else None

    def cli(self, *arguments: str, expect: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `atoll ...` against this region."""
        env = os.environ | {"ATOLL_ENDPOINT": f"http://{self.admin}"} | environment
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, env=env, check=False)
        assert done.returncode == expect, (
            f"atoll {' '.join(arguments)}: exit {done.returncode}, wanted {expect}\n{done.stdout}\n{done.stderr}")
        return done

    def cli_json(self, *arguments: str) -> object:
        return json.loads(self.cli(*arguments, "-o", "json").stdout)


class Ring:
    """The regions of one test; ends whatever still runs."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.regions: list[Region] = []

    def region(self, name: str, ordinal: int | None = None) -> Region:
        self.regions.append(Region(self.directory, name, ordinal or len(self.regions) + 1))
        return self.regions[-1]

    def pair(self, control: bool = False, **link_spec: object) -> tuple[Region, Region]:
        """us-east and eu-west, each a mirror of everything that the other owns; both serve."""
        us_east, eu_west = self.region("us-east"), self.region("eu-west")
        if control:
            us_east.listen_for_control(), eu_west.listen_for_control()
        us_east.links = [link(eu_west, **link_spec)]
        eu_west.links = [link(us_east, **link_spec)]
        return us_east.start(), eu_west.start()

    def discard(self) -> None:
        for region in self.regions:
            region.discard()


def wait_mirrored(source: Region, target: Region, topic: str, timeout: float = 60) -> None:
    """Until every partition of the target ends where the source's does, and neither is empty of partitions."""
    def ends(region: Region) -> list[tuple[int, int]]:
        with region.wire() as connection:
            return [connection.offset(topic, partition, wire.LATEST) for partition in connection.partitions(topic)]
    def same() -> bool:
        have = ends(target)
        return bool(have) and have == ends(source)
    wait_until(same, f"{topic} of {source.name} is whole in {target.name}", timeout)


def assert_same_bytes(source: Region, target: Region, topic: str) -> list[wire.Dump]:
    """S3: offsets, epochs, CRCs, producer ids, sequences and records, because every byte is compared."""
    with source.wire() as connection:
        partitions = connection.partitions(topic)
    assert partitions, f"no {topic} in {source.name}"
    dumps = []
    for partition in partitions:
        left, right = wire.dump(source.kafka, topic, partition), wire.dump(target.kafka, topic, partition)
        difference = wire.first_difference(left, right)
        assert difference is None, f"{topic}-{partition} of {source.name} and {target.name}: {difference}"
        dumps.append(left)
    return dumps


def create_topic(region: Region, topic: str, partitions: int = 1, **configs: str) -> None:
    with region.wire() as connection:
        assert (error := connection.create_topic(topic, partitions, **configs)) == wire.OK, f"{topic}: error {error}"


@contextlib.contextmanager
def killed_at_end(process: subprocess.Popen) -> Iterator[subprocess.Popen]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()
