"""Fixtures of all end-to-end tests."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from fixtures import *  # noqa: E402,F403
