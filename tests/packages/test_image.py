"""The container image: deploy/Dockerfile built by buildah on a debootstrap base, and started as its metadata says."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import harness
import machine
import wire
from ports import free_port
from machine import BINARY, REPOSITORY, run

# Nothing that runs in the container outlives the test.
OWN_PROCESSES = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
REGION = """apiVersion: atoll/v1
kind: Region
metadata: {{name: us-east}}
spec:
  ordinal: 1
  dataDir: /var/lib/atoll
  listeners:
    kafka: {{bind: "127.0.0.1:{kafka}"}}
    admin: {{bind: "127.0.0.1:{admin}"}}
"""


@pytest.fixture(scope="module")
def buildah(tmp_path_factory):
    """buildah(ARGUMENT...): with storage of its own; needs no engine, no overlay and no cgroups."""
    machine.need_root()
    machine.need("buildah")
    machine.need_namespaces("--mount", "--pid", "--fork")
    folder = tmp_path_factory.mktemp("buildah")
    environment = os.environ | {"BUILDAH_ISOLATION": "chroot", "TMPDIR": str(folder)}
    options = ["buildah", "--storage-driver", "vfs", "--root", folder / "storage", "--runroot", folder / "run"]

    def call(*arguments: object, **keywords: object) -> str:
        return run(*options, *arguments, env=environment, **keywords)
    call.command, call.environment = options, environment
    machine.run_or_skip("buildah makes no container here", *options, "from", "scratch", env=environment)
    return call


@pytest.fixture(scope="module")
def image(buildah, debian, tmp_path_factory):
    """The image's name. Its FROM is answered by a debootstrap root under the same name."""
    base = buildah("from", "scratch").strip()
    buildah("add", base, debian, "/")
    buildah("commit", "--rm", base, "docker.io/library/debian:bookworm-slim")
    context = tmp_path_factory.mktemp("context")
    (context / "deploy").mkdir()
    shutil.copy(REPOSITORY / "deploy" / "install-deps.sh", context / "deploy")
    shutil.copy(BINARY, context / "atoll")
    buildah("bud", "--pull-never", "--format", "docker", "--layers=false", "--build-arg", "BINARY=atoll",
            "-f", REPOSITORY / "deploy" / "Dockerfile", "-t", "atoll", context)
    return "localhost/atoll"


def test_the_image_says_how_it_wants_to_be_run(buildah, image):
    config = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["atoll"] and config["Cmd"] == ["serve", "--config", "/etc/atoll"]
    assert set(config["ExposedPorts"]) == {"9092/tcp", "9644/tcp", "9645/tcp"}
    assert config["StopSignal"] == "SIGTERM" and "/var/lib/atoll" in config["Volumes"]
    assert config["Healthcheck"]["Test"] == ["CMD", "atoll", "link", "list"]
    assert config["Labels"]["org.opencontainers.image.title"] == "atoll"


def test_it_serves_as_nobody_special_is_healthy_and_stops_clean(buildah, image, tmp_path):
    config = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
    container = buildah("from", "--pull-never", image).strip()
    kafka, admin = free_port(), free_port()
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "region.yaml").write_text(REGION.format(kafka=kafka, admin=admin))
    buildah("copy", container, folder, "/etc/atoll")
    inside = [*map(str, buildah.command), "run", "--isolation", "chroot", "--user", config["User"]]
    with harness.killed_at_end(subprocess.Popen(
            [*OWN_PROCESSES, *inside, container, "--", *config["Entrypoint"], *config["Cmd"]], text=True, env=buildah.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=(tmp_path / "log").open("w"))) as process:
        line = process.stdout.readline()
        assert line.startswith("ready region=us-east "), line + (tmp_path / "log").read_text()[-3000:]
        server = pid_of("/usr/bin/atoll serve --config /etc/atoll", process.pid)
        status = pathlib.Path(f"/proc/{server}/status").read_text()
        assert re.search(r"^Uid:\t65532\t65532\t65532\t65532$", status, re.M), status
        health = [*inside, "--env", f"ATOLL_ENDPOINT=http://127.0.0.1:{admin}", container, "--", *config["Healthcheck"]["Test"][1:]]
        run(*health, env=buildah.environment)
        with wire.Connection(f"127.0.0.1:{kafka}") as connection:
            assert connection.create_topic("orders") == wire.OK
        os.kill(server, getattr(signal, config["StopSignal"]))
        assert process.wait(30) == 0
        run(*health, env=buildah.environment, expect=1)  # And it says so when nothing answers.


def pid_of(command: str, ancestor: int) -> int:
    """The process below `ancestor` with this command line."""
    def matches(pid: int) -> bool:
        try:
            line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            parent = pid
            while parent not in (0, 1, ancestor):
                parent = int(pathlib.Path(f"/proc/{parent}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return False
        return line == command and parent == ancestor
    found = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if matches(pid)]
    assert len(found) == 1, f"{command}: {found}"
    return found[0]
