"""Going back: how long a snapshot takes, and a restore; then what an idle console costs.

The lab that is brought back last is the cluster that idling, and the parts after this one, look at.
"""

from __future__ import annotations

import asyncio
import json
import statistics

from tests.bench import idle
from tests.bench.cluster import SHARED
from tests.bench.lab import LabHere, timed, verb
from tests.bench.report import Figure

SNAPSHOTS = 2
FREEZE = 5.0
"""Seconds, far below the 20 s that are left of a leader key when it is renewed."""


async def _measure() -> list[Figure]:
    async with SHARED.cluster() as (here, lab):
        await lab.close()
        return await asyncio.to_thread(_kept, here)


def measure() -> list[Figure]:
    """On the shared cluster."""
    return [*asyncio.run(_measure()), *idle.measure()]


def _kept(here: LabHere) -> list[Figure]:
    """Snapshots and restores; at the end the cluster is up."""
    took = [timed(here, "snapshot", f"s{number}") for number in range(SNAPSHOTS)]
    kept = json.loads(verb(here, "snapshots", "--json"))
    back = timed(here, "restore", "s0")
    verb(here, "rm")
    anew = timed(here, "restore")
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
