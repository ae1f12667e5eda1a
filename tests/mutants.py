"""Breaks the code in many small ways and counts how many of them the unit tests notice: `make mutants`.

A mutation tool (mutmut) makes the mutants; of each room a sample is tried, the same one for the same seed, so that
the run stays bounded however large a room grows. What is left over is listed: a test that is missing, or code that
does nothing. Only the unit tests are tried: what the live tests alone reach counts as not caught, and is told apart.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOMS = {"checks": "pghalab/course/checks", "cluster": "pghalab/cluster", "deploy": "pghalab/lab/deploy"}
GOAL = 0.85
"""Of the mutants tried in a room, the part that has to be noticed."""
SAMPLE = 150
"""Mutants of a room that are tried unless said: 100 took 1½ to 6 minutes on two busy cores, set-up included."""
FOLDER = Path("mutants")
REACHED = FOLDER / "mutmut-stats.json"
"""Which test reaches what; mutmut writes it once every test has passed on the code as it is."""
LOG = Path("mutants.log")
LAST = 20
"""Lines of the log that are shown when the tool itself fails."""
SURVIVED, NO_TESTS, UNTRIED, TIMED_OUT = (0,), (5, 33), (None, 2, 34), (36, 24, -24, 152, 255)
"""What mutmut stores of a mutant that no test noticed, that no test reaches, that was not tried, whose tests ran on
(mutmut/stats.py)."""
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
    # That no mutant has this name is an error of its own, after everything that is wanted here.
    _mutmut(_NONE)
    if not REACHED.is_file():
        return _failed()
    reached = True
    for room in arguments.rooms or ROOMS:
        tried = sorted(results(room))
        random.Random(arguments.seed).shuffle(tried)
        tried = tried[: arguments.sample]
        if not tried:
            print(f"{room}: no mutants were made; is `{ROOMS[room]}` still where it was?")
            return 1
        if not _mutmut(*tried):
            return _failed()
        found = results(room)
        left = [name for name in tried if found[name] in (*SURVIVED, *NO_TESTS)]
        unclear = [name for name in tried if found[name] in UNTRIED]
        caught = len(tried) - len(left) - len(unclear)
        reached = reached and caught >= GOAL * len(tried)
        print(f"{room}: {caught} of {len(tried)} mutants caught ({caught / len(tried):.0%}, goal {GOAL:.0%})")
        if late := sum(found[name] in TIMED_OUT for name in tried):
            # On a busy machine that need not be the mutant's doing.
            print(f"  {late} of them because their tests did not end in time")
        for name in left:
            if found[name] in SURVIVED:
                print(f"  not noticed: {name}")
        apart = Counter(name.rpartition("__mutmut_")[0] for name in left if found[name] in NO_TESTS)
        if apart:
            print(f"  {apart.total()} in functions that no unit test reaches; the live tests were not tried:")
        for function, mutants in sorted(apart.items()):
            print(f"    {function}: {mutants}")
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


def _mutmut(*names: str) -> bool:
    """Run mutmut; whether it came to its end."""
    with LOG.open("a", encoding="utf-8") as log:
        done = subprocess.run([sys.executable, "-m", "mutmut", "run", *names], stdout=log, stderr=log, check=False)
    return done.returncode == 0


def _failed() -> int:
    """Say why nothing can be counted: most often a test that fails on the code as it is."""
    said = LOG.read_bytes().decode(errors="replace") if LOG.exists() else ""
    # A line that mutmut draws again and again is one line.
    lines = [line.rpartition("\r")[2].rstrip() for line in said.split("\n") if line.strip()]
    print("\n".join(lines[-LAST:]))
    print(f"The mutants could not be tried; {LOG} has more.")
    return 2


if __name__ == "__main__":
    sys.exit(main())
