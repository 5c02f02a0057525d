"""The fixtures of tests/e2e, and one region for all compatibility tests of a file."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
from fixtures import *  # noqa: E402,F403


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    regions = harness.Ring(tmp_path_factory.mktemp("compat"))
    yield regions.region("us-east").start()
    print(regions.regions[0].log_tail())
    regions.discard()
