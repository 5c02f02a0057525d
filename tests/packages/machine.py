"""What the package tests ask of the machine: programs, a fresh Debian root, namespaces; and words to run things in them."""
from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("ATOLL_BIN", REPOSITORY / "build" / "release" / "bin" / "atoll")).resolve()
KEPT = REPOSITORY / "build" / "packages"  # What takes long to make, kept between runs.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*command: object, expect: int | None = 0, timeout: float = 300, **keywords: object) -> str:
    """What the command printed, both streams."""
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=timeout, check=False, **keywords)
    text = " ".join(str(part) for part in command)
    assert expect is None or done.returncode == expect, f"{text}: exit {done.returncode}\n{done.stdout[-6000:]}"
    return done.stdout


def run_or_skip(lacks: str, *command: object, timeout: float = 300, **keywords: object) -> str:
    """As run(), for what says something of the machine (its network, its mounts) and nothing of Atoll."""
    try:
        return run(*command, timeout=timeout, **keywords)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{lacks}: {str(error)[-600:]}")


def need(*programs: str) -> None:
    missing = [program for program in programs if not shutil.which(program, path=f"{os.environ['PATH']}:{PATH}")]
    if missing:
        pytest.skip(f"not installed here: {', '.join(missing)} (deploy/install-deps.sh test installs them)")


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, for a file system tree of its own")


def need_namespaces(*kinds: str) -> None:
    """`kinds`: options of unshare(1)."""
    tried = subprocess.run(["unshare", *kinds, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"this machine gives no namespaces ({' '.join(kinds)}): {tried.stderr.strip()}")


def debian_base() -> pathlib.Path:
    """Debian 12 by debootstrap, made once per build folder."""
    need_namespaces("--mount", "--pid", "--fork")
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(["mknod", f"{folder}/null", "c", "1", "3"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            pytest.skip(f"debootstrap makes device nodes, and may not here: {tried.stderr.strip()}")
    KEPT.mkdir(parents=True, exist_ok=True)
    base = KEPT / "debian"
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / ".whole").exists():
            shutil.rmtree(base, ignore_errors=True)
            run_or_skip("no Debian base by debootstrap", "debootstrap", "--variant=minbase", "bookworm", base, timeout=600)
            (base / ".whole").touch()
    return base


class Root:
    """A writable copy of a Debian root."""

    def __init__(self, base: pathlib.Path, folder: pathlib.Path) -> None:
        self.path = folder
        run("cp", "-a", "--reflink=auto", base, folder)
        shutil.copy("/etc/resolv.conf", folder / "etc" / "resolv.conf")
        # Nothing that is installed starts a server.
        policy = folder / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)

    def run(self, script: str, *, network: bool = False, expect: int | None = 0) -> str:
        """A shell script inside; every process that it leaves behind ends with it. Without `network`: loopback of its own."""
        inside = ["chroot", self.path, "/usr/bin/env", "-i", f"PATH={PATH}", "HOME=/root", "LC_ALL=C",
                  "DEBIAN_FRONTEND=noninteractive", "/bin/sh", "-euc", script]
        spaces = ["unshare", "--mount", "--pid", "--fork", f"--mount-proc={self.path}/proc", "--kill-child"]
        if network:
            passed = [f"{name}={value}" for name, value in os.environ.items() if name.lower().endswith("_proxy")]
            return run(*spaces, *inside[:4], *passed, *inside[4:], expect=expect)
        return run(*spaces, "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *inside, expect=expect)

    def install(self, *what: str) -> str:
        try:
            self.run("apt-get -qq update", network=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"no Debian archive from within a root: {str(error)[-600:]}")
        return self.run("apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 " + " ".join(what), network=True)
