"""What an expression names: metrics, the labels that it selects by, and those that it groups by. No parser: enough for ours."""
from __future__ import annotations

import re

METRIC = re.compile(r"\b((?:atoll|process)_[a-z0-9_]+|up)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
GROUPING = re.compile(r"\b(?:by|on|group_left|group_right|without)\s*\(([^)]*)\)")
RATED = re.compile(r"\b(?:rate|irate|increase|changes)\(\s*(\w+)")
RANGE = re.compile(r"\b(?:rate|irate|increase|deriv|changes)\([^\[\]]*\[([^\]]*)\]")
PARTS = ("_bucket", "_sum", "_count")


def metrics(expression: str) -> dict[str, set[str]]:
    """Each metric with the labels that it is selected by."""
    found: dict[str, set[str]] = {}
    for name, matchers in METRIC.findall(expression):
        found.setdefault(name, set()).update(MATCHER.findall(matchers or ""))
    return found


def grouped(expression: str) -> set[str]:
    return {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",") if label.strip()}


def family(name: str) -> str:
    """Of a histogram's part the histogram."""
    for part in PARTS:
        if name.endswith(part):
            return name.removesuffix(part)
    return name
