"""Looking at every node again and again, each at its own pace, never twice at the same time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

log = logging.getLogger(__name__)

TOGETHER: Final = 0.4
"""Seconds that a round waits for its slowest node before it is shown without it."""
AGAIN_SOON: Final = 1.0
LONGEST: Final = 6.0
"""Seconds between looks at a node that keeps failing."""


class Sweep:
    """Runs `look(name)` for each name about every `every` seconds, and `done` after each round.

    `look` tells whether all is well; after a first failure it is asked again after 1 s, then less and less often.
    A look that outlasts its round calls `done` once more when it ends.
    """

    def __init__(
        self,
        names: Iterable[str],
        look: Callable[[str], Awaitable[bool]],
        done: Callable[[], None],
        every: float,
    ) -> None:
        self._names = tuple(names)
        self._look = look
        self._done = done
        self._every = every
        self._due = dict.fromkeys(self._names, 0.0)
        self._failures = dict.fromkeys(self._names, 0)
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._late: set[str] = set()
        self._wake = asyncio.Event()
        self._on = asyncio.Event()
        self._on.set()

    def refresh(self, *names: str) -> None:
        """Look at these nodes (without any, at all of them) now."""
        for name in names or self._names:
            self._due[name] = 0.0
        self._wake.set()

    def pause(self, paused: bool) -> None:
        """Stop looking, or go on with a look at everything."""
        if paused:
            self._on.clear()
        elif not self._on.is_set():
            self._on.set()
            self.refresh()

    async def once(self, *names: str) -> None:
        """One look at these nodes (without any, at all of them), all at the same time."""
        await asyncio.gather(*(self._one(name, time.monotonic()) for name in names or self._names))

    async def run(self) -> None:
        """Sweep until cancelled."""
        try:
            while True:
                await self._on.wait()
                self._wake.clear()
                await self._round()
                waiting = [due for name, due in self._due.items() if name not in self._pending]
                pause = min(waiting, default=time.monotonic() + self._every) - time.monotonic()
                try:
                    async with asyncio.timeout(max(0.05, pause)):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._pending.values():
                task.cancel()

    async def _round(self) -> None:
        began = time.monotonic()
        for name in self._names:
            # Nodes due within the next moment go along, so that one round and one picture serves them all.
            if name not in self._pending and self._due[name] <= began + 0.1:
                self._pending[name] = asyncio.create_task(self._one(name, began), name=f"look at {name}")
        if self._pending:
            await asyncio.wait(self._pending.values(), timeout=TOGETHER)
        self._late = set(self._pending)
        self._done()

    async def _one(self, name: str, began: float) -> None:
        well = False
        self._due[name] = float("inf")
        try:
            well = await self._look(name)
        except Exception:
            log.exception("looking at %s failed", name)
        finally:
            failures = self._failures[name] = 0 if well else self._failures[name] + 1
            pace = self._every if well else AGAIN_SOON if failures == 1 else min(LONGEST, self._every * (failures - 1))
            self._due[name] = min(self._due[name], began + pace)
            self._pending.pop(name, None)
        if name in self._late:
            self._late.discard(name)
            self._done()
            self._wake.set()
