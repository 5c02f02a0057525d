"""Fixtures of the package tests. What a machine lacks is named in a skip; what it has must work."""
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "e2e")]
import pytest  # noqa: E402

import machine  # noqa: E402


@pytest.fixture(scope="session")
def debian():
    """A fresh Debian 12 root: read only, copy it."""
    machine.need_root()
    machine.need("debootstrap", "unshare", "chroot")
    return machine.debian_base()
