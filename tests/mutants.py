"""Breaks the code in many small ways and counts how many of them the unit tests notice: `make mutants`.

A mutation tool (mutmut) makes the mutants; of each room a sample is tried, the same one for the same seed, so that
the run stays bounded however large a room grows. What is left over is listed: a test that is missing, or code that
does nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOMS = {"checks": "pghalab/course/checks", "cluster": "pghalab/cluster", "deploy": "pghalab/lab/deploy"}
GOAL = 0.85
"""Of the mutants tried in a room, the part that has to be noticed."""
SAMPLE = 150
"""Mutants of a room that are tried unless said: about two minutes a room on two idle cores, three with the set-up."""
FOLDER = Path("mutants")
SURVIVED, NO_TESTS, UNTRIED = (0,), (5, 33), (None, 2, 34)
"""What mutmut stores of a mutant that no test noticed, that no test reaches, that was not tried (mutmut/stats.py)."""
_NONE = "no.such.mutant"


def main() -> int:
    """Try a sample of each room's mutants; 0 when the goal is reached in all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"{', '.join(ROOMS)} (default: all)")
    parser.add_argument("--sample", type=int, default=SAMPLE, metavar="N", help=f"of each room (default: {SAMPLE})")
    parser.add_argument("--seed", type=int, default=1, help="another sample (default: 1)")
    arguments = parser.parse_args()
    unknown = [room for room in arguments.rooms if room not in ROOMS]
    if unknown:
        parser.error(f"there is no room {unknown[0]}; rooms are {', '.join(ROOMS)}")
    began = time.monotonic()
    _mutmut(_NONE)
    reached = True
    for room in arguments.rooms or ROOMS:
        tried = sorted(results(room))
        random.Random(arguments.seed).shuffle(tried)
        tried = tried[: arguments.sample]
        if not tried:
            print(f"{room}: no mutants were made; is `{ROOMS[room]}` still where it was?")
            return 1
        _mutmut(*tried)
        found = results(room)
        left = [name for name in tried if found[name] in (*SURVIVED, *NO_TESTS)]
        unclear = [name for name in tried if found[name] in UNTRIED]
        caught = len(tried) - len(left) - len(unclear)
        reached = reached and caught >= GOAL * len(tried)
        print(f"{room}: {caught} of {len(tried)} mutants caught ({caught / len(tried):.0%}, goal {GOAL:.0%})")
        for name in left:
            print(f"  {'no test reaches' if found[name] in NO_TESTS else 'not noticed'}: {name}")
        if unclear:
            print(f"  {len(unclear)} were not tried to their end")
    print(f"{time.monotonic() - began:.0f} s; `python -m mutmut show NAME` shows what was changed")
    return 0 if reached else 1


def results(room: str) -> dict[str, int | None]:
    """Every mutant of a room with the exit status of its tests; None before it was tried."""
    return dict(_results(FOLDER / ROOMS[room]))


def _results(folder: Path) -> Iterator[tuple[str, int | None]]:
    for path in sorted(folder.rglob("*.meta")):
        yield from json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"].items()


def _mutmut(*names: str) -> None:
    """Run mutmut; its own exit status says nothing that the results do not."""
    with (FOLDER.parent / "mutants.log").open("a", encoding="utf-8") as log:
        subprocess.run([sys.executable, "-m", "mutmut", "run", *names], stdout=log, stderr=log, check=False)


if __name__ == "__main__":
    sys.exit(main())
