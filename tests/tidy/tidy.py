#!/usr/bin/env python3
"""The rules that no compiler checks, as a test: prints path:line: [rule] message, exits 1 on any."""
import argparse
import os
import sys

from house import House
from rules import ALL


def violations(root):
    house = House(root)
    return sorted({found for rule in ALL for found in rule(house)})


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", nargs="?", default=os.path.dirname(os.path.dirname(here)))
    found = violations(parser.parse_args().root)
    for path, line, rule, message in found:
        print(f"{path}:{line}: [{rule}] {message}")
    print(f"tidy: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
