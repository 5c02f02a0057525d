"""deploy/compose.yaml: valid, whole, and its services run as it says, each with the files that it mounts, in namespaces of their own."""
from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import subprocess
import time

import compose_spec
import pytest
import yaml

import documents
import machine
from machine import BINARY, REPOSITORY, run

COMPOSE = REPOSITORY / "deploy" / "compose.yaml"
NETWORK = "10.231.77"
COMMANDS = {"prom/prometheus": "/usr/bin/prometheus", "atoll": "/usr/bin/atoll"}  # Entry points of the images.


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(COMPOSE.read_text())["services"]


def mounts(service: dict) -> list[tuple[str, str]]:
    """(source, target); a source that begins with a dot is a path beside compose.yaml, else a volume."""
    return [tuple(volume.split(":")[:2]) for volume in service.get("volumes", [])]


def test_it_follows_the_compose_specification():
    parsed = compose_spec.PyOptions(apply_merge=True).from_yaml(COMPOSE.read_text())
    parsed.validate()
    assert set(parsed.service_names()) == {"us-east", "eu-west", "prometheus", "grafana", "client"}
    broken = COMPOSE.read_text().replace("restart: unless-stopped", "restrat: unless-stopped", 1)
    with pytest.raises(ValueError):  # The validator does look.
        compose_spec.PyOptions(apply_merge=True).from_yaml(broken).to_spec()


def test_everything_that_it_names_is_there(services):
    document = yaml.safe_load(COMPOSE.read_text())
    for name, service in services.items():
        for source, _ in mounts(service):
            if source.startswith("."):
                assert (COMPOSE.parent / source).exists(), f"{name} mounts {source}"
            else:
                assert source in document["volumes"], f"{name} mounts the volume {source}"
        assert set(service.get("depends_on", {})) <= set(services)
    for region in ("us-east", "eu-west"):
        run(BINARY, "config", "validate", COMPOSE.parent / "compose" / region)
    for service in ("us-east", "eu-west", "prometheus", "grafana"):
        assert all(port.startswith("127.0.0.1:") for port in services[service]["ports"]), "published beyond this host"


def test_grafana_finds_its_data_source_and_every_dashboard(services):
    source = yaml.safe_load((COMPOSE.parent / "compose/grafana/datasource.yaml").read_text())["datasources"][0]
    provider = yaml.safe_load((COMPOSE.parent / "compose/grafana/dashboards.yaml").read_text())["providers"][0]
    assert source["url"] == "http://prometheus:9090" and source["isDefault"]
    folder = {target: place for place, target in mounts(services["grafana"])}[provider["options"]["path"]]
    files = list((COMPOSE.parent / folder).glob("*.json"))
    assert files
    for file in files:  # Files are not imported by hand, so their data source must be a variable that finds the one there is.
        variables = {variable["name"]: variable for variable in json.loads(file.read_text())["templating"]["list"]}
        assert (variables["DS_PROMETHEUS"]["type"], variables["DS_PROMETHEUS"]["query"]) == ("datasource", source["type"]), file.name


class Stage:
    """A network namespace per service on one bridge, and over this machine's files a layer of its own for each."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.tag = folder, f"atoll{os.getpid()}"
        self.addresses: dict[str, str] = {}
        self.spaces: list[str] = []
        self.running: list[subprocess.Popen] = []
        self._space("hub")
        self._ip("-n", f"{self.tag}hub", "link", "add", "bridge", "type", "bridge")
        self._ip("-n", f"{self.tag}hub", "link", "set", "bridge", "up")

    def add(self, name: str) -> None:
        number = len(self.addresses) + 2
        space = self._space(str(number))
        self.addresses[name] = f"{NETWORK}.{number}"
        self._ip("link", "add", "eth0", "netns", space, "type", "veth", "peer", "name", f"port{number}", "netns", f"{self.tag}hub")
        self._ip("-n", f"{self.tag}hub", "link", "set", f"port{number}", "master", "bridge", "up")
        self._ip("-n", space, "addr", "add", f"{self.addresses[name]}/24", "dev", "eth0")
        self._ip("-n", space, "link", "set", "eth0", "up")
        self._ip("-n", space, "link", "set", "lo", "up")
        layer = self.folder / name
        for part in ("upper", "work", "root"):
            (layer / part).mkdir(parents=True)
        run("mount", "-t", "tmpfs", "tmpfs", layer)  # An overlay's upper layer can't lie on an overlay, as a container's disk is.
        for part in ("upper", "work", "root"):
            (layer / part).mkdir()
        machine.run_or_skip("no overlay of the root here", "mount", "-t", "overlay", "overlay", "-o",
                            f"lowerdir=/,upperdir={layer}/upper,workdir={layer}/work", layer / "root")

    def command(self, name: str, user: str, volumes: list[tuple[str, str]], *command: str) -> list[str]:
        """`command` as the service `name`, with its mounts and its neighbours' names."""
        root = self.folder / name / "root"
        lines = [f"mkdir -p {root}/dev && mount --rbind /dev {root}/dev"]
        for source, target in volumes:
            place = f"{root}{target}"
            if source.startswith("."):
                path = (COMPOSE.parent / source).resolve()
                lines.append(f"mkdir -p {place if path.is_dir() else os.path.dirname(place)}")
                lines.append(f"test -e {place} || touch {place}; mount --bind {path} {place}; mount -o remount,bind,ro {place}")
            else:
                lines.append(f"install -d -o {user} -g {user} {place}")
        lines += [f"mkdir -p {root}/usr/bin && install -m 755 {BINARY} {root}/usr/bin/atoll"]
        lines += [f"echo {address} {other} >> {root}/etc/hosts" for other, address in self.addresses.items()]
        # Not by exec: who changes its user no longer dies with its parent, and the first process of a namespace takes the others along.
        lines.append(f'chroot --userspec={user}:{user} {root} "$@" || exit $?')
        space = f"{self.tag}{list(self.addresses).index(name) + 2}"
        return ["ip", "netns", "exec", space, "unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc",
                "sh", "-euc", "\n".join(lines), "sh", *command]

    def start(self, name: str, user: str, volumes: list[tuple[str, str]], *command: str) -> None:
        with (self.folder / f"{name}.log").open("w") as log:
            self.running.append(subprocess.Popen(self.command(name, user, volumes, *command), stdin=subprocess.DEVNULL,
                                                 stdout=log, stderr=log))

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()[-3000:]

    def close(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
        deadline = time.monotonic() + 10
        while left := {space: pids for space in self.spaces if (pids := run("ip", "netns", "pids", space).split())}:
            assert time.monotonic() < deadline, f"still running: {left}"
            time.sleep(0.05)
        for name in self.addresses:
            run("umount", "-l", self.folder / name / "root", expect=None)
            run("umount", "-l", self.folder / name, expect=None)
        for space in reversed(self.spaces):
            self._ip("netns", "delete", space)

    def _space(self, suffix: str) -> str:
        self._ip("netns", "add", f"{self.tag}{suffix}")
        self.spaces.append(f"{self.tag}{suffix}")
        return self.spaces[-1]

    def _ip(self, *arguments: str) -> None:
        run("ip", *arguments)


@pytest.fixture
def stage(tmp_path):
    machine.need_root()
    machine.need("ip", "unshare", "prometheus", "promtool", "kcat")
    machine.need_namespaces("--mount", "--net", "--pid", "--fork")
    tried = subprocess.run(["unshare", "--net", "ip", "link", "add", "bridge", "type", "bridge"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no bridge can be made here: {tried.stderr.strip()}")
    stage = Stage(tmp_path)
    try:
        yield stage
    finally:
        stage.close()


def eventually(what: str, command: list[str], pattern: str, stage: Stage, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while True:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
        if done.returncode == 0 and re.search(pattern, done.stdout):
            return done.stdout
        logs = "\n".join(f"--- {name}\n{stage.log(name)}" for name in stage.addresses if (stage.folder / f"{name}.log").exists())
        assert time.monotonic() < deadline, f"{what}: exit {done.returncode}\n{done.stdout}\n{done.stderr}\n{logs}"
        time.sleep(0.3)


def documented() -> list[tuple[list[str], str]]:
    """What the pages and the head of compose.yaml tell to type behind `docker compose -f deploy/compose.yaml`, and what it prints."""
    pages = [documents.steps(page, (REPOSITORY / page).read_text()) for page in ("README.md", "docs/operations.md")]
    typed = [step.bare for steps in pages for step in steps if isinstance(step, documents.Command)]
    typed += [re.sub(r"\s+#.*", "", line) for line in re.findall(r"^#   (docker compose .*)$", COMPOSE.read_text(), re.M)]
    begin = "docker compose -f deploy/compose.yaml "
    commands = dict.fromkeys(command.removeprefix(begin) for command in typed if command.startswith(begin))
    assert {command.split()[0] for command in commands} == {"up", "run", "exec"}
    # A consumer prints what the producer was told to write; a status names its region.
    return [(shlex.split(command), "^hello$" if "kcat -C" in command else "eu-west" if "status" in command else "") for command in commands]


def test_two_regions_mirror_each_other_and_prometheus_sees_both(services, stage):
    for name in ("us-east", "eu-west", "prometheus", "client"):
        stage.add(name)
    entry = re.search(r'^ENTRYPOINT (\[.*\])\nCMD (\[.*\])$', (REPOSITORY / "deploy/Dockerfile").read_text(), re.M)
    served = ["/usr/bin/" + json.loads(entry[1])[0], *json.loads(entry[2])]
    for region in ("us-east", "eu-west"):
        stage.start(region, "65532", mounts(services[region]), *served)
    stage.start("prometheus", "65534", mounts(services["prometheus"]), "/usr/bin/prometheus", *services["prometheus"]["command"])

    def client(*command: str) -> list[str]:
        return stage.command("client", "65532", [], *command)
    ask = {region: client("/usr/bin/atoll", "--endpoint", f"http://{region}:9644", "status") for region in ("us-east", "eu-west")}
    for region, command in ask.items():
        eventually(f"{region} answers", command, region, stage)

    for command, shows in documented():
        verb, *words = command
        if verb == "run":
            assert words[:2] == ["--rm", "client"]
            eventually(" ".join(words[2:]), client(*words[2:]), shows, stage)
        elif verb == "exec":
            assert words[0] in ask and words[1] == "atoll"
            eventually(" ".join(words), client("/usr/bin/atoll", "--endpoint", f"http://{words[0]}:9644", *words[2:]), shows, stage)
        else:
            assert verb == "up"
    run(*client("sh", "-c", "echo servus | kcat -P -b eu-west:9092 -t invoices"))
    eventually("us-east serves the record", client("kcat", "-q", "-C", "-b", "us-east:9092", "-t", "invoices", "-e"), "^servus$", stage)

    query = client("promtool", "query", "instant", "http://prometheus:9090", 'sum(up{job="atoll"})')
    eventually("Prometheus scrapes both", query, r"=> 2 @", stage)
    read = "import urllib.request; print(urllib.request.urlopen('http://prometheus:9090/api/v1/rules').read().decode())"
    eventually("Prometheus has the rules", client("python3", "-c", read), '"name":"LinkRpoBreached"', stage)
