"""`make bench`: every figure in one run, as a table or `--json`; exit 1 unless each was measured and holds."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback

from tests.bench.report import Figure, as_json, table

PARTS = ("startup", "course", "back", "leader", "keys", "terminal", "shell", "idle")


def main() -> int:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="what to measure; everything by default")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--minutes", type=float, default=6.0, help="no part begins after this time (default: 6)")
    options = parser.parse_args()
    began = time.monotonic()
    figures: list[Figure] = []
    failed: list[str] = []
    for part in options.parts or PARTS:
        spent = (time.monotonic() - began) / 60
        if spent > options.minutes:
            failed.append(part)
            print(f"{part}: not begun, since {spent:.1f} minutes have gone by", file=sys.stderr)
            continue
        print(f"measuring: {part}", file=sys.stderr, flush=True)
        try:
            figures += importlib.import_module(f"tests.bench.{part}").measure()
        except Exception:
            failed.append(part)
            traceback.print_exc()
    print(as_json(figures) if options.json else table(figures))
    if failed:
        print(f"not measured: {', '.join(failed)}; the reasons are above", file=sys.stderr)
    return 0 if not failed and all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
