"""Fixtures of all end-to-end tests: a ring of regions that is ended and, on failure, explained."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402


def pytest_sessionstart() -> None:
    if not harness.BINARY.exists():
        pytest.exit(f"{harness.BINARY} is not built; run tests/run.sh or set ATOLL_BIN", returncode=3)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    ring = getattr(item, "funcargs", {}).get("ring")
    if report.failed and ring is not None:
        report.sections += [("stderr of " + region.name, region.log_tail()) for region in ring.regions]
    return report


@pytest.fixture
def ring(tmp_path):
    regions = harness.Ring(tmp_path)
    yield regions
    regions.discard()
