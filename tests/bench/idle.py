"""What the console costs while nothing happens and every node is watched."""

from __future__ import annotations

import asyncio
import sys

from pghalab.session.rechecks import ALL_EVERY
from tests.bench.cluster import SHARED
from tests.bench.report import Figure
from tests.terminal import Terminal

SECONDS = ALL_EVERY
"""What is done most seldom is done once in this time, whenever it begins."""
SETTLE = 5.0


def watched(lab: str, env: dict[str, str]) -> tuple[float, int]:
    """The share of a core, and the bytes, that a console which shows the whole cluster takes."""
    argv = [sys.executable, "-m", "pghalab", "--lab", lab]
    with Terminal(argv, columns=200, rows=50, env=env) as terminal:
        terminal.wait_for(" leads")
        terminal.press("v")
        terminal.wait_for("Replica")
        terminal.idle(SETTLE)
        return terminal.idle(SECONDS), terminal.memory()


async def _measure() -> list[Figure]:
    async with SHARED.cluster() as (here, lab):
        await lab.close()
        share, memory = await asyncio.to_thread(watched, here.name, here.env)
    return figures(5, share, memory, (2.0, 150.0))


def figures(nodes: int, share: float, memory: int, limits: tuple[float | None, float | None]) -> list[Figure]:
    """Both as they are printed."""
    return [
        Figure(f"idle, {nodes} nodes: CPU", share * 100, "% of a core", limits[0], f"{SECONDS:.0f} s"),
        Figure(f"idle, {nodes} nodes: memory", memory / 1e6, "MB", limits[1]),
    ]


def measure() -> list[Figure]:
    """CPU and memory with five nodes."""
    return asyncio.run(_measure())
