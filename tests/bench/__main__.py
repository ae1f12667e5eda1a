"""`make bench`: every figure in one run, as a table or `--json`; exit 1 unless each was measured and holds."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback

from tests.bench.cluster import SHARED
from tests.bench.report import Figure, as_json, table

# What breaks the cluster that back, keys and leader share is the last of them.
PARTS = ("startup", "course", "back", "journal", "keys", "leader", "terminal", "viewers", "shell")
FURTHER = ("idle", "growth")
"""Parts that are measured when they are named; idling is a figure of back as well."""


def main() -> int:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        choices=[[], *PARTS, *FURTHER],
        help=f"what to measure; by default all but {', '.join(FURTHER)}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--minutes", type=float, default=6.0, help="no part begins after this time (default: 6)")
    options = parser.parse_args()
    began = time.monotonic()
    figures: list[Figure] = []
    failed: list[str] = []
    try:
        for part in options.parts or PARTS:
            spent = (time.monotonic() - began) / 60
            if spent > options.minutes:
                failed.append(part)
                print(f"{part}: not begun, since {spent:.1f} minutes have gone by", file=sys.stderr)
                continue
            print(f"measuring: {part}, after {spent:.1f} minutes", file=sys.stderr, flush=True)
            try:
                figures += importlib.import_module(f"tests.bench.{part}").measure()
            except Exception:
                failed.append(part)
                traceback.print_exc()
    finally:
        SHARED.remove()
    print(as_json(figures) if options.json else table(figures))
    if failed:
        print(f"not measured: {', '.join(failed)}; the reasons are above", file=sys.stderr)
    return 0 if not failed and all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
