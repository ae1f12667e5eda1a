"""Going back and forth: the way to a lesson from nothing, how long a snapshot takes, and a restore."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.lab import LabHere, verb
from tests.bench.report import Figure

SNAPSHOTS, RESTORES = 4, 2
FREEZE = 5.0
"""Seconds, far below the 20 s that are left of a leader key when it is renewed."""


def _timed(here: LabHere, *words: str) -> float:
    start = time.perf_counter()
    verb(here, *words)
    return time.perf_counter() - start


def measure() -> list[Figure]:
    """On one lab, from no containers and a built image."""
    with tempfile.TemporaryDirectory() as folder:
        here = LabHere.prepare(Path(folder))
        try:
            there = _timed(here, "goto", "pg-hba")
            took = [_timed(here, "snapshot", f"s{number}") for number in range(SNAPSHOTS)]
            kept = json.loads(verb(here, "snapshots", "--json"))
            back = [_timed(here, "restore", f"s{number}") for number in range(RESTORES)]
            verb(here, "rm")
            anew = _timed(here, "restore")
        finally:
            verb(here, "down", "-f")
    frozen = [float(each["frozen"]) for each in kept]
    size = max(each["size"] for each in kept) / 1e6
    return [
        Figure("from nothing to the lesson pg-hba", there, "s", 45.0),
        Figure("snapshot", statistics.median(took), "s", None, f"{size:.0f} MB; at most {max(took):.1f} s"),
        Figure(
            "nodes stand still for a snapshot", max(frozen), "s", FREEZE, f"median {statistics.median(frozen):.2f} s"
        ),
        Figure("restore", max(back), "s", 20.0, f"median {statistics.median(back):.1f} s"),
        Figure("restore of removed nodes", anew, "s", 20.0),
    ]
