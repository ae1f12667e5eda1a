"""In the place of a runner: plays what each step did when it was recorded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from pghalab.course.diagnoses import Diagnosis
from pghalab.course.diagnoses.survey import Survey
from pghalab.course.events import (
    ChecksSeen,
    CommandEnded,
    CommandStarted,
    Printed,
    RunEvent,
    StepEnded,
    StepStarted,
    StepState,
)
from pghalab.course.journal import Journal
from pghalab.course.journal.history import History
from pghalab.course.journal.story import Act
from pghalab.course.kinds import Where
from pghalab.course.look import StepStatus
from pghalab.course.model import Course, Step
from pghalab.course.progress import Progress
from pghalab.course.recorded import Played
from pghalab.course.runner import Runner
from pghalab.course.stage import Stage
from pghalab.lab.types import Ended, Output, User
from pghalab.session.replay.lab import RecordedLab, refusal
from pghalab.session.replay.position import Position
from pghalab.session.replay.terminal import LONGEST, pieces


class RecordedRunner(Runner):
    """Knows of a step what the recording has of it."""

    def __init__(
        self, course: Course, lab: RecordedLab, progress: Progress, journal: Journal, position: Position
    ) -> None:
        super().__init__(course, lab, progress, journal)
        self.position = position
        self._played = position.recorded.steps
        self._note()

    def _of(self, step: Step) -> Played | None:
        return self._played.get(step.id) if step.kind.acts else None

    def _state(self, step: Step) -> StepState:
        """How a step stood at the moment that is shown; what is read and answered is the learner's own."""
        if not step.kind.acts:
            return "done" if step.kind.known(self.progress.record(step.id)) else "todo"
        played = self._of(step)
        return "done" if played is not None and played.ended <= self.position.at else "todo"

    def _note(self) -> None:
        self.states = {step.id: self._state(step) for step in self.course.steps}

    def visit(self, step_id: str) -> None:
        """Show the moment before the step was done, or after it when it is done already.

        Where nothing is done, the moment before the next step that does something, unless that is past.
        """
        super().visit(step_id)
        played = self._of(self.course.step(step_id))
        if played is not None and played.ended <= self.position.at:
            self.position.move(played.ended)
        elif (coming := played or self._next(step_id)) is not None:
            self.position.move(max(self.position.at, coming.began - 0.001))
        self._note()

    def _next(self, step_id: str) -> Played | None:
        """The next step behind one that did something."""
        steps = self.course.steps
        behind = steps[steps.index(self.course.step(step_id)) + 1 :]
        return next((played for step in behind if (played := self._of(step)) is not None), None)

    async def evaluate(
        self, step_ids: Iterable[str] | None = None, *, without: Collection[str] = ()
    ) -> dict[str, StepStatus]:
        """How some steps stood, by default all."""
        self._note()
        wanted = [step.id for step in self.course.steps if step.id not in without] if step_ids is None else step_ids
        return {step: self._status(self.course.step(step)) for step in wanted}

    def _status(self, step: Step) -> StepStatus:
        state, played = self._state(step), self._of(step)
        return StepStatus(state, played.results if played is not None and state == "done" else ())

    async def comes_first(self, step_id: str, without: Collection[str] = (), seen: StepStatus | None = None) -> str:
        """Nothing does: it went well."""
        return ""

    async def diagnose(self, step_id: str) -> tuple[Diagnosis, ...]:
        """Nothing shows."""
        return ()

    async def survey(self) -> Survey:
        """Nobody looks."""
        return Survey((), unseen=(str(refusal().what),))

    async def refusal(self, step_id: str) -> str:
        """It was run, so it may be; what the recording does not have is refused."""
        step = self.course.step(step_id)
        return "" if not step.kind.acts or self._of(step) is not None else missing(step)

    async def note_versions(self) -> None:
        """Nothing is noted of a recording."""

    def resolve(self, step: Step) -> Where:
        """Where the step's command ran, and how it was then."""
        played, where = self._of(step), super().resolve(step)
        if played is None or not where.command:
            return where
        # A change of the configuration is shown as what shows it first, and was recorded as what applies it.
        command = where.command if step.kind.typed(where.command) == played.command else played.command
        user: User = "root" if played.user == "root" else "postgres"
        return Where(played.node, user, command)

    async def ask(self, step: Step, command: str | None = None) -> Where:
        """The same; raises LabError for another command."""
        if command is not None:
            raise refusal()
        return self.resolve(step)

    async def run(
        self, step_id: str, *, command: str | None = None, elsewhere: bool = False, **how: Any
    ) -> AsyncGenerator[RunEvent, None]:
        """Play a step; another command than its own is refused."""
        if command is not None:
            yield StepEnded(step_id, "refused", 0.0, refusal().what, "lab")
            return
        async with aclosing(super().run(step_id, **how)) as events:
            async for event in events:
                yield event

    async def _steps(
        self, stage: Stage, again: bool, without: Collection[str], seen: StepStatus | None
    ) -> AsyncGenerator[RunEvent, None]:
        step, played = stage.step, self._of(stage.step)
        if not step.kind.acts:
            async for event in super()._steps(stage, again, without, seen):
                yield event
            return
        yield StepStarted(step.id, self.names.text(step.title))
        if played is None:
            yield stage.end("refused", missing(step), code="lab")
        elif self._state(step) == "done" and not again:
            yield stage.end("already")
        else:
            async with aclosing(self._play(stage, played)) as events:
                async for event in events:
                    yield event

    def recall(self, step_id: str) -> Sequence[RunEvent]:
        """What the run of a step told that is done at the moment that is shown."""
        played = self._of(self.course.step(step_id))
        if played is None or played.ended > self.position.at or not played.command:
            return ()
        return [
            CommandStarted(step_id, played.node, played.user, played.command, Path(os.devnull)),
            Printed(step_id, Output("stdout", played.output and f"{played.output}\n")),
            CommandEnded(step_id, Ended(played.how, played.status, played.seconds)),
            ChecksSeen(step_id, played.results, True),
            StepEnded(step_id, "done" if played.outcome == "already" else played.outcome, played.seconds),
        ]

    def history(self) -> History:
        """What was recorded."""
        outputs = {step.step: step.output for step in self._played.values()}
        acts = [
            Act(
                step.began, step.step, step.node, step.user, step.command, how=step.how, status=step.status,
                seconds=step.seconds, ended=step.ended, outcome=step.outcome, results=step.results,
            )
            for step in self._played.values()
        ]  # fmt: skip
        return History(self.position.recorded.timeline, acts, lambda act: outputs.get(act.step, ""))

    async def _play(self, stage: Stage, played: Played) -> AsyncGenerator[RunEvent, None]:
        step = stage.step.id
        self.position.move(played.began)
        if played.command:
            wait = min(played.seconds, LONGEST)
            with self.journal.log(step) as log:
                yield CommandStarted(step, played.node, played.user, played.command, log.path)
                parts = pieces(played.output)
                for number, piece in enumerate(parts, 1):
                    await asyncio.sleep(wait / (len(parts) + 1))
                    self.position.move(played.began + played.seconds * number / (len(parts) + 1))
                    log.write(piece)
                    yield Printed(step, Output("stdout", piece))
                await asyncio.sleep(wait / (len(parts) + 1))
            self.position.move(played.began + played.seconds)
            stage.ended = Ended(played.how, played.status, played.seconds)
            yield CommandEnded(step, stage.ended)
        self.position.move(played.ended)
        if played.results:
            yield ChecksSeen(step, played.results, True)
        yield stage.end("done" if played.outcome == "already" else played.outcome, played.reason)


def missing(step: Step) -> str:
    """Why a step cannot be played, in words."""
    return f"the step `{step.id}` is not in this recording, which was made of another version of the course"
