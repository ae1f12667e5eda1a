"""Going back and forth: the way to a lesson beside a plain script, how long a snapshot takes, and a restore.

The lab that is brought back last becomes the cluster that idling, and the parts after this one, look at.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pghalab.course.load import load_course
from pghalab.course.way import way
from tests.bench import idle
from tests.bench.cluster import SHARED
from tests.bench.course import plain_script, timed
from tests.bench.lab import LabHere, verb
from tests.bench.report import Figure

PLACE = "pg-hba"
SNAPSHOTS = 2
FREEZE = 5.0
"""Seconds, far below the 20 s that are left of a leader key when it is renewed."""


def _timed(here: LabHere, *words: str) -> float:
    start = time.perf_counter()
    verb(here, *words)
    return time.perf_counter() - start


def _by_script(here: LabHere, folder: Path) -> float:
    """Seconds that a plain script takes for the same steps, one after the other as in the course."""
    course = load_course()
    steps = way(course, PLACE).steps
    course = replace(course, lessons=(replace(course.lessons[0], steps=steps),))
    try:
        return timed(plain_script(here, course, folder), folder / "log", dict(os.environ))
    finally:
        verb(here, "down", "-f")


def measure() -> list[Figure]:
    """On one lab, from no containers and a built image.

    The way and the script run at the same time, each on a lab of its own, so that whatever else goes on meets both.
    """
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        here = SHARED.prepare()
        other = LabHere.prepare(Path(folder), beside=here)
        by_script = pool.submit(_by_script, other, Path(folder))
        there = _timed(here, "goto", PLACE)
        script = by_script.result()
        figures = [*_kept(here), *idle.measure()]
    return [
        Figure(f"from nothing to the lesson {PLACE}", there, "s", 45.0, "beside the script"),
        Figure("the same / plain shell script", there / script, "x", 1.0, f"{there:.1f} s / {script:.1f} s"),
        *figures,
    ]


def _kept(here: LabHere) -> list[Figure]:
    """Snapshots and restores; at the end the cluster is up."""
    took = [_timed(here, "snapshot", f"s{number}") for number in range(SNAPSHOTS)]
    kept = json.loads(verb(here, "snapshots", "--json"))
    back = _timed(here, "restore", "s0")
    verb(here, "rm")
    anew = _timed(here, "restore")
    SHARED.is_up()
    frozen = [float(each["frozen"]) for each in kept]
    size = max(each["size"] for each in kept) / 1e6
    return [
        Figure("snapshot", statistics.median(took), "s", None, f"{size:.0f} MB; at most {max(took):.1f} s"),
        Figure(
            "nodes stand still for a snapshot", max(frozen), "s", FREEZE, f"median {statistics.median(frozen):.2f} s"
        ),
        Figure("restore", back, "s", 20.0),
        Figure("restore of removed nodes", anew, "s", 20.0),
    ]
