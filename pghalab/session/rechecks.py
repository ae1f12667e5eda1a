"""When the checks of the steps are looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from pghalab.course.model import Course, Step
from pghalab.session.background import Background
from pghalab.session.state import State
from pghalab.session.work import Work

SETTLE = 1.5
"""Seconds without a change of the cluster after which the checks are looked at again."""
CONFIRM = 1.0
"""Seconds after which a step that was found broken is looked at again."""
SHOWN_EVERY = 5.0
"""Seconds between two looks at the checks of the step on the screen."""
ALL_EVERY = 60.0
"""The same for the checks of every step."""
_TRACES = ("login", "marker")
"""Checks that write to the database, or to its log when they do not hold."""


class Rechecks:
    """Looks at the checks, one look at a time."""

    def __init__(self, state: State, work: Work, background: Background) -> None:
        self._state, self._work, self._background = state, work, background
        self._all_at = 0.0
        """When every check was looked at last."""
        self._task: asyncio.Task[None] | None = None
        self._wanted: set[str] | None = set()
        self._suspected: set[str] = set()
        """What the last look found broken."""
        self._when = 0.0

    def soon(self, step_ids: Iterable[str] | None, delay: float = SETTLE) -> None:
        """Look at the checks of these steps (None: all) once the cluster has been quiet for `delay` seconds."""
        if self._state.backend is None:
            return
        self._wanted = None if step_ids is None or self._wanted is None else self._wanted | set(step_ids)
        self._when = time.monotonic() + delay
        if not self._under_way:
            self._task = self._background.spawn(self._look_when_quiet(), "looking at the checks")

    def shown(self) -> None:
        """Look at the checks of the step on the screen now, where they can have changed and that leaves no traces."""
        state = self._state
        if state.course is not None and state.shown and is_worth_a_look(state.course, state.shown):
            self.soon([state.shown], 0)

    async def wait(self) -> None:
        """Return once every look that was asked for is over."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    @property
    def _under_way(self) -> bool:
        return self._task is not None and not self._task.done()

    async def _look_when_quiet(self) -> None:
        state = self._state
        while self._wanted != set():
            # Every change of the cluster meanwhile moves the moment on.
            while (wait := self._when - time.monotonic()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
            await self._work.wait()
            wanted, self._wanted = self._wanted, set()
            assert state.backend is not None
            seen = await state.backend.runner.evaluate(None if wanted is None else sorted(wanted))
            if wanted is None:
                self._all_at = time.monotonic()
            results = {**state.results, **{step: tuple(status.results) for step, status in seen.items()}}
            changed = results != state.results or state.backend.runner.states != state.steps
            state.results = results
            changed |= self._confirm({step for step, status in seen.items() if status.state == "broken"}, set(seen))
            if changed:
                state.take_steps()
            state.tell_notices()

    def _confirm(self, broken: set[str], looked_at: set[str]) -> bool:
        """What is found broken is looked at again before it is said; true when something is to be said now, or no more.

        A look that came while a step was changing things, or before they had settled, says nothing yet.
        """
        state = self._state
        before = set(state.seen_broken)
        state.seen_broken -= looked_at - broken
        state.seen_broken |= broken & self._suspected
        self._suspected = (self._suspected - looked_at) | broken
        if unsaid := broken - state.seen_broken:
            self.soon(unsaid, CONFIRM)
        return before != state.seen_broken

    async def regularly(self) -> None:
        """What is done in another terminal makes a step done as well, and nothing tells of it."""
        state = self._state
        while True:
            await asyncio.sleep(SHOWN_EVERY)
            if self._work.busy or state.paused or state.trouble is not None or self._under_way:
                continue
            if time.monotonic() - self._all_at >= ALL_EVERY:
                self.soon(None, 0)
            else:
                self.shown()


def is_worth_a_look(course: Course, step_id: str) -> bool:
    """Whether something outside the console can change what a step's checks see, and looking leaves no traces."""
    steps = {step.id: step for step in course.steps}

    def leaves_traces(step: Step) -> bool:
        # The steps that make this one count as done are looked at with it.
        return any(spec.name in _TRACES for spec in step.checks) or any(
            leaves_traces(steps[later]) for later in (*step.until, *step.undone_by) if later in steps
        )

    step = steps[step_id]
    return any(spec.name != "output" for spec in step.checks) and not leaves_traces(step)
