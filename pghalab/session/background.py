"""What goes on behind the screens until the console closes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from pghalab.lab.host.space import full
from pghalab.lab.types import LabError
from pghalab.session.events import Bus

log = logging.getLogger(__name__)


class Background:
    """Tasks whose faults are told and logged, and end nothing else."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Begin some work."""
        task = asyncio.create_task(self._guarded(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Of a task that is ended before its first turn nobody would ever await the work, and Python would say so.
        task.add_done_callback(lambda _: work.close())
        return task

    def cancel(self) -> list[asyncio.Task[None]]:
        """End everything; the tasks are to be waited for."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    async def _guarded(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except LabError as error:
            self._bus.notice(str(error), "error")
        except Exception as error:
            if isinstance(error, OSError) and (told := full(error)) is not None:
                self._bus.notice(str(told), "error")
                return
            log.exception("%s failed", name)
            self._bus.notice(f"{name}: {type(error).__name__}: {error}; more in the log.", "error")
