"""What the conftest.py of e2e and compat share: a ring of regions that is ended and, on failure, explained."""
import pytest

import harness

__all__ = ["pytest_runtest_makereport", "pytest_sessionstart", "ring"]


def pytest_sessionstart() -> None:
    if not harness.BINARY.exists():
        pytest.exit(f"{harness.BINARY} is not built; run tests/run.sh or set ATOLL_BIN", returncode=3)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    ring_of_test = getattr(item, "funcargs", {}).get("ring")
    if report.failed and ring_of_test is not None:
        report.sections += [("stderr of " + region.name, region.log_tail()) for region in ring_of_test.regions]
    return report


@pytest.fixture
def ring(tmp_path):
    regions = harness.Ring(tmp_path)
    yield regions
    regions.discard()
