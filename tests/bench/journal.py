"""What the journal costs while five nodes are watched and rows are written, how it grows, and a recording's size."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from pghalab.cluster.model import Update
from pghalab.cluster.monitor import Monitor
from pghalab.course.journal import Journal
from pghalab.course.recorded import SHIPPED, SIZE, read_recorded
from pghalab.lab.local import LocalLab
from tests.bench.cluster import SHARED
from tests.bench.report import Figure

SECONDS = 8.0
WRITES = "psql -qc 'create table if not exists journal_bench (n int)'; while sleep 0.2; do psql -qc 'insert into journal_bench select generate_series(1, 500)'; done"  # noqa: E501


async def watched(lab: LocalLab, folder: Path) -> tuple[float, float, int]:
    """The share of a core that keeping what a monitor sees takes, bytes in an hour, and how many looks came."""
    journal, spent, looks = Journal(folder), 0.0, 0
    journal.hide(lambda: (lab.password,))

    def take(update: Update) -> None:
        nonlocal spent, looks
        began = time.thread_time()
        journal.saw(update)
        spent += time.thread_time() - began
        looks += 1

    async def write() -> None:
        async with aclosing(lab.nodes[f"{lab.prefix}1"].stream(WRITES, user="postgres")) as pieces:
            async for _ in pieces:
                pass

    tasks = [asyncio.create_task(Monitor(lab, take).run()), asyncio.create_task(write())]
    began = time.monotonic()
    try:
        await asyncio.wait(tasks, timeout=SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    seconds = time.monotonic() - began
    if not looks:
        raise RuntimeError("nothing was seen of the cluster")
    return spent / seconds, journal.stood.size() * 3600 / seconds, looks


async def _measure() -> list[Figure]:
    async with SHARED.cluster() as (_, lab):
        with tempfile.TemporaryDirectory() as folder:
            share, grows, looks = await watched(lab, Path(folder))
    size = SHIPPED.stat().st_size
    return [
        Figure(
            "a recording of the whole course",
            size / 1000,
            "kB",
            SIZE / 1000,
            f"{len(read_recorded(SHIPPED).steps)} steps",
        ),
        Figure("journal, 5 nodes watched: CPU", share * 100, "% of a core", 1.0, f"{looks} looks in {SECONDS:.0f} s"),
        Figure("journal, 5 nodes watched: grows", grows / 1e6, "MB an hour", detail="while rows are written"),
    ]


def measure() -> list[Figure]:
    """CPU and growth with five nodes."""
    return asyncio.run(_measure())
