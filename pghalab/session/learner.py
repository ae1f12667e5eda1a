"""What the learner does in the course, apart from running something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pghalab.course.kinds import Question
from pghalab.session.events import StatesChanged
from pghalab.session.rechecks import Rechecks
from pghalab.session.state import State
from pghalab.session.work import Work

if TYPE_CHECKING:
    from pghalab.course.runner import Runner


class Learner:
    """Tells the runner what the learner did: now, or once it is there."""

    def __init__(self, state: State, work: Work, rechecks: Rechecks) -> None:
        self._state, self._work, self._rechecks = state, work, rechecks
        self._meanwhile: list[Callable[[Runner], object]] = []
        """What the learner did before the runner was there."""

    def catch_up(self) -> None:
        """The runner is there: tell it what happened before."""
        meanwhile, self._meanwhile = self._meanwhile, []
        for tell in meanwhile:
            self._tell(tell)

    def visit(self, step_id: str) -> None:
        """A step is on the screen: look at its checks, and go on from there another time."""
        self._state.shown = step_id
        self._tell(lambda runner: self._visit(runner, step_id))
        self._rechecks.visited(step_id)

    def _visit(self, runner: Runner, step_id: str) -> None:
        runner.visit(step_id)
        self._work.recall(step_id, runner.recall(step_id))

    def mark_read(self, step_id: str) -> None:
        """The learner read a step."""
        if not self._state.read_only and self._state.steps.get(step_id) != "done":
            self._learned(step_id, lambda runner: runner.mark_read(step_id), done=True)

    def skip(self, step_id: str) -> None:
        """The learner leaves a step out."""
        self._learned(step_id, lambda runner: runner.skip(step_id), done=False)

    def answer(self, step_id: str, choice: int) -> bool:
        """The learner answered a question; True when it is right."""
        course = self._state.course
        question = course.step(step_id).kind if course else None
        right = isinstance(question, Question) and question.right == choice
        self._learned(step_id, lambda runner: runner.answer(step_id, choice), done=right)
        return right

    def show_anew(self, step_id: str) -> None:
        """What a step printed is to be seen anew: what is remembered of it is forgotten."""
        self._work.runs.pop(step_id, None)
        self._state.results.pop(step_id, None)

        def forget(runner: Runner) -> None:
            runner.reset([step_id])
            runner.visit(step_id)

        self._learned(step_id, forget, done=False)

    def begin_again(self) -> bool:
        """Forget the progress, and leave the lab as it is; False (and a notice) when that cannot be now."""
        state = self._state
        if (refusal := self._work.refusal()) or state.backend is None or state.course is None:
            state.bus.notice(refusal, "warning")
            return False
        state.backend.runner.reset([step.id for step in state.course.steps])
        self._work.runs.clear()
        state.results.clear()
        state.take_steps()
        self._rechecks.soon(None, 0)
        state.bus.notice("The progress is forgotten. What the lab shows to be done counts as done.")
        return True

    def _tell(self, tell: Callable[[Runner], object]) -> None:
        if self._state.backend is None:
            self._meanwhile.append(tell)
        elif not self._state.read_only:
            tell(self._state.backend.runner)

    def _learned(self, step_id: str, tell: Callable[[Runner], object], *, done: bool) -> None:
        self._tell(tell)
        if self._state.backend is not None:
            self._state.take_steps()
        elif done:
            self._state.steps[step_id] = "done"
            self._state.bus.publish(StatesChanged())
