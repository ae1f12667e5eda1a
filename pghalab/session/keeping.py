"""A snapshot of the lab by itself when a lesson begins, so that the learner can come back to there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from pghalab.course.events import SETTLED
from pghalab.lab.types import LabError
from pghalab.session.background import Background
from pghalab.session.state import State
from pghalab.session.step_run import StepRun

if TYPE_CHECKING:
    from pghalab.lab.snapshots.model import Place

log = logging.getLogger(__name__)

OFF = "PGHALAB_NO_SNAPSHOTS"
"""Set to anything, no snapshot is made by itself."""


class Keeping:
    """Makes a snapshot before the first thing is done in a lesson that does something, once for each lesson."""

    def __init__(self, state: State, background: Background, typed: Callable[[], str]) -> None:
        """`typed` says which command runs in a shell; empty when none does."""
        self._state, self._background, self._typed = state, background, typed
        self._kept: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        """A snapshot that is made beside what the learner does."""

    def place(self, before: str = "") -> Place:
        """Where the learner is in the course, `before` a lesson."""
        from pghalab.lab.snapshots.model import Place

        runner = self._state.backend.runner if self._state.backend is not None else None
        return Place(before, self._state.at, runner.progress.done() if runner is not None else None)

    def refusal(self) -> str:
        """Why the lab is not to be kept now: what a command has half done is nothing to come back to."""
        typed = self._typed()
        return f"{typed}: a snapshot has to wait for its end." if typed else ""

    def went_back(self, before: str) -> None:
        """The lab is as it was when this lesson began (empty: none): of all others the beginnings come again."""
        self._kept = {before} - {""}

    async def before(self, run: StepRun) -> None:
        """A step is about to be run; what keeps a snapshot from being made is told, and keeps no step from it."""
        # Whoever shows the run looks at its seconds by itself.
        run.first = "keeping a snapshot"
        try:
            await self.wait()
            if (lesson := self._begins(run.step)) and self._acts(run.step):
                await self._keep(lesson)
        finally:
            run.first = ""

    def entered(self, step_id: str) -> None:
        """The learner goes into a shell while this step is open: its lesson may begin with what is typed there."""
        state = self._state
        if state.backend is not None and not state.read_only and (lesson := self._begins(step_id)):
            self._task = self._background.spawn(self._keep(lesson, told=True), "keeping a snapshot")

    async def wait(self) -> None:
        """Return once no snapshot is being made."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def _keep(self, lesson: str, *, told: bool = False) -> None:
        state = self._state
        assert state.backend is not None
        if refusal := self.refusal():
            state.bus.notice(f"No snapshot was made before this lesson: {refusal}", "warning")
            return
        self._kept.add(lesson)
        try:
            # Without a node there is nothing to come back to.
            containers = await state.backend.lab.containers()
            if not containers or {one.state for one in containers} != {"running"}:
                return
            if told:
                state.bus.notice("A snapshot is kept before this lesson: the nodes stand still for a moment.")
            async with contextlib.aclosing(state.backend.lab.snapshot(place=self.place(lesson))) as pieces:
                async for _ in pieces:
                    pass
        except LabError as error:
            log.info("no snapshot before %s: %s", lesson, error)
            state.bus.notice(f"No snapshot was made before this lesson: {error.what}", "warning")

    def _acts(self, step_id: str) -> bool:
        course = self._state.course
        return course is not None and course.step(step_id).kind.acts

    def _begins(self, step_id: str) -> str:
        """The lesson of this step, when nothing was done in it and it has to be kept; else empty."""
        state = self._state
        if state.course is None or state.backend is None or os.environ.get(OFF):
            return ""
        lesson = state.course.lesson_of(step_id)
        acting = [step.id for step in lesson.steps if step.kind.acts]
        begun = any(state.steps.get(step) in SETTLED for step in acting)
        return "" if begun or not acting or lesson.id in self._kept else lesson.id
