"""When the checks of the steps are looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from pghalab.screens import messages
from pghalab.screens.state import State

SETTLE = 1.5
"""Seconds without a change of the cluster after which the checks are looked at again."""


class Looking(State):
    """Looks at the checks, one look at a time."""

    def __init__(self, lab_name: str, *, read_only: bool = False) -> None:
        super().__init__(lab_name, read_only=read_only)
        self._look: asyncio.Task[None] | None = None
        self._look_at: set[str] | None = set()
        self._look_when = 0.0

    def look_soon(self, step_ids: Iterable[str] | None, delay: float = SETTLE) -> None:
        """Look at the checks of these steps (None: all) once the cluster has been quiet for `delay` seconds."""
        if self.parts is None:
            return
        self._look_at = None if step_ids is None or self._look_at is None else self._look_at | set(step_ids)
        self._look_when = time.monotonic() + delay
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._guarded(self._look_when_quiet(), "looking at the checks"))

    async def _look_when_quiet(self) -> None:
        while self._look_at != set():
            # Every change of the cluster meanwhile moves the moment on.
            while (wait := self._look_when - time.monotonic()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
            if self._work is not None and not self._work.done():
                await asyncio.wait([self._work])
            wanted, self._look_at = self._look_at, set()
            assert self.parts is not None
            seen = await self.parts.runner.evaluate(None if wanted is None else sorted(wanted))
            self.results.update({step: tuple(status.results) for step, status in seen.items()})
            self._states_changed()

    def _states_changed(self) -> None:
        assert self.parts is not None
        self.states = dict(self.parts.runner.states)
        self.publish(messages.StatesChanged)
