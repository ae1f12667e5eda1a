"""Keeps how the cluster stands in the journal, where no console watches it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pghalab.course.journal.journal import Journal
from pghalab.lab.types import Lab


@asynccontextmanager
async def watched(lab: Lab, journal: Journal) -> AsyncGenerator[None, None]:
    """Watch the lab, and keep what is seen, until left."""
    from pghalab.cluster.monitor import Monitor

    task = asyncio.create_task(Monitor(lab, journal.saw).run(), name="watching for the journal")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
