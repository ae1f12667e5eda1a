"""A snapshot of the lab by itself when a lesson begins, so that the learner can come back to there."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING

from pghalab.course.events import SETTLED
from pghalab.lab.types import LabError
from pghalab.session.state import State
from pghalab.session.step_run import StepRun

if TYPE_CHECKING:
    from pghalab.lab.snapshots.model import Place

log = logging.getLogger(__name__)

OFF = "PGHALAB_NO_SNAPSHOTS"
"""Set to anything, no snapshot is made by itself."""


class Keeping:
    """Makes a snapshot before the first step of a lesson that does something, once for each lesson."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._kept: set[str] = set()

    def place(self, before: str = "") -> Place:
        """Where the learner is in the course, `before` a lesson."""
        from pghalab.lab.snapshots.model import Place

        runner = self._state.backend.runner if self._state.backend is not None else None
        return Place(before, self._state.shown, runner.progress.done() if runner is not None else None)

    def went_back(self, before: str) -> None:
        """The lab is as it was when this lesson began (empty: none): of all others the beginnings come again."""
        self._kept = {before} - {""}

    async def before(self, run: StepRun) -> None:
        """A step is about to be run; what keeps a snapshot from being made is told, and keeps no step from it."""
        state = self._state
        lesson = self._begins(run.step)
        if lesson == "" or state.backend is None:
            return
        self._kept.add(lesson)
        # Whoever shows the run looks at its seconds by itself.
        run.first = "keeping a snapshot"
        try:
            # Without a node there is nothing to come back to.
            containers = await state.backend.lab.containers()
            if not containers or {one.state for one in containers} != {"running"}:
                return
            async with contextlib.aclosing(state.backend.lab.snapshot(place=self.place(lesson))) as pieces:
                async for _ in pieces:
                    pass
        except LabError as error:
            log.info("no snapshot before %s: %s", lesson, error)
            state.bus.notice(f"No snapshot was made before this lesson: {error.what}", "warning")
        finally:
            run.first = ""

    def _begins(self, step_id: str) -> str:
        """The lesson that this step begins, when it has to be kept; else empty."""
        state = self._state
        if state.course is None or os.environ.get(OFF):
            return ""
        lesson = state.course.lesson_of(step_id)
        acting = [step.id for step in lesson.steps if step.kind.acts]
        begun = any(state.steps.get(step) in SETTLED for step in acting)
        return "" if begun or step_id not in acting or lesson.id in self._kept else lesson.id
