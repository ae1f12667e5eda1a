"""How what an idle console costs grows with the nodes; Patroni runs on three of them in any case."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.bench.cluster import cluster
from tests.bench.idle import figures, watched
from tests.bench.report import Figure

NODES = (3, 15)


async def _measure() -> list[Figure]:
    found: list[Figure] = []
    for nodes in NODES:
        with tempfile.TemporaryDirectory() as folder:
            async with cluster(Path(folder), nodes) as (here, lab):
                await lab.close()
                share, memory = await asyncio.to_thread(watched, here.name, here.env)
        found += figures(nodes, share, memory, (None, None))
    return found


def measure() -> list[Figure]:
    """CPU and memory with few and with many nodes."""
    return asyncio.run(_measure())
