"""What the console costs while nothing happens and every node is watched, and how that grows with the nodes."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.bench.cluster import cluster
from tests.bench.report import Figure
from tests.terminal import Terminal

SECONDS = 15.0
SETTLE = 8.0
NODES = (3, 5, 15)
"""Patroni runs on three of them in any case; the rest is etcd and ssh."""


def _watch(lab: str, env: dict[str, str]) -> tuple[float, int]:
    argv = [sys.executable, "-m", "pghalab", "--lab", lab]
    with Terminal(argv, columns=200, rows=50, env=env) as terminal:
        terminal.wait_for(" leads")
        terminal.press("v")
        terminal.wait_for("Replica")
        terminal.idle(SETTLE)
        return terminal.idle(SECONDS), terminal.memory()


async def _measure() -> list[Figure]:
    figures = []
    for nodes in NODES:
        with tempfile.TemporaryDirectory() as folder:
            async with cluster(Path(folder), nodes) as (here, lab):
                await lab.close()
                share, memory = await asyncio.to_thread(_watch, here.name, here.env)
        limits = (2.0, 150.0) if nodes == 5 else (None, None)
        figures.append(Figure(f"idle, {nodes} nodes: CPU", share * 100, "% of a core", limits[0], f"{SECONDS:.0f} s"))
        figures.append(Figure(f"idle, {nodes} nodes: memory", memory / 1e6, "MB", limits[1]))
    return figures


def measure() -> list[Figure]:
    """CPU and memory for each number of nodes."""
    return asyncio.run(_measure())
