"""When the checks of the steps are looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from pghalab.course.model import Course, Step
from pghalab.screens import messages
from pghalab.screens.state import State

SETTLE = 1.5
"""Seconds without a change of the cluster after which the checks are looked at again."""
LOOK_SHOWN = 5.0
"""Seconds between two looks at the checks of the step on the screen."""
LOOK_ALL = 60.0
"""The same for the checks of every step."""
_TRACES = ("login", "marker")
"""Checks that write to the database, or to its log when they do not hold."""


class Looking(State):
    """Looks at the checks, one look at a time."""

    def __init__(self, lab_name: str) -> None:
        super().__init__(lab_name)
        self.shown = ""
        """The id of the step on the screen; empty when none is."""
        self._looked_at_all = 0.0
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
            if wanted is None:
                self._looked_at_all = time.monotonic()
            results = {**self.results, **{step: tuple(status.results) for step, status in seen.items()}}
            changed = results != self.results or self.parts.runner.states != self.states
            self.results = results
            if changed:
                self._states_changed()
            self.tell_notices()

    async def _look_regularly(self) -> None:
        """What is done in another terminal makes a step done as well, and nothing tells of it."""
        while True:
            await asyncio.sleep(LOOK_SHOWN)
            if self.busy or self.paused or self.trouble is not None or (self._look and not self._look.done()):
                continue
            if time.monotonic() - self._looked_at_all >= LOOK_ALL:
                self.look_soon(None, 0)
            elif self.course is not None and self.shown and _is_worth_a_look(self.course, self.shown):
                self.look_soon([self.shown], 0)

    def _states_changed(self) -> None:
        assert self.parts is not None
        self.states = dict(self.parts.runner.states)
        self.publish(messages.StatesChanged)


def _is_worth_a_look(course: Course, step_id: str) -> bool:
    """Whether something outside the console can change what a step's checks see, and looking leaves no traces."""
    steps = {step.id: step for lesson in course.lessons for step in lesson.steps}

    def leaves_traces(step: Step) -> bool:
        # The steps that make this one count as done are looked at with it.
        return any(spec.name in _TRACES for spec in step.checks) or any(
            leaves_traces(steps[later]) for later in step.until if later in steps
        )

    step = steps[step_id]
    return any(spec.name != "output" for spec in step.checks) and not leaves_traces(step)
