"""franz-go, where Go 1.25 or newer is on the machine (Debian 12's is older): all-flexible versions, idempotent by default."""
import pathlib
import re
import shutil
import subprocess

import pytest

import clients
import harness

MODULE = pathlib.Path(__file__).with_name("franz")
PROGRAM = harness.REPOSITORY / "build" / "franz"


@pytest.fixture(scope="module")
def franz():
    version = subprocess.run(["go", "version"], capture_output=True, text=True, check=False).stdout if shutil.which("go") else ""
    found = re.search(r"go(\d+)\.(\d+)", version)
    if not found or (int(found[1]), int(found[2])) < (1, 25):
        pytest.skip(f"needs Go 1.25 or newer, here is {version.strip() or 'none'}")
    built = subprocess.run(["go", "build", "-o", PROGRAM, "."], cwd=MODULE, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return PROGRAM


@pytest.mark.parametrize("codec", clients.CODECS)
def test_franz_go_creates_produces_consumes_and_deletes(region, franz, codec):
    done = subprocess.run([franz, region.kafka, codec], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("balancer", ["range", "roundrobin", "sticky", "cooperative-sticky"])
def test_franz_go_groups_read_everything_while_members_come_and_go(region, franz, balancer):
    done = subprocess.run([franz, region.kafka, "group", balancer], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
