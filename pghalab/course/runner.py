"""Runs the steps of a course: the console, the headless run, the demonstration and the tests drive this one."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from pghalab.course.checks.sources import Sources
from pghalab.course.diagnoses import Diagnosis, about, diagnose
from pghalab.course.diagnoses.survey import Survey, survey
from pghalab.course.events import SETTLED, CheckResult, RunEvent, StepEnded, StepStarted, StepState
from pghalab.course.expected.model import Comparison
from pghalab.course.journal import Journal
from pghalab.course.journal.history import History, read_history
from pghalab.course.journal.kinds import Answered, StepSeen
from pghalab.course.journal.noting import note_compared, note_versions
from pghalab.course.kinds import Action, Question, Where
from pghalab.course.load import load_course
from pghalab.course.localise import Names
from pghalab.course.look import Look, StepStatus
from pghalab.course.model import Course, Step
from pghalab.course.order import Order
from pghalab.course.placeholders import fill, used
from pghalab.course.progress import Progress
from pghalab.course.stage import Confirm, Stage
from pghalab.lab.types import Lab, LabError

_log = logging.getLogger(__name__)


class Runner:
    """Runs and judges the steps of one course on one lab: one at a time, but for those that run `beside` others."""

    def __init__(
        self, course: Course, lab: Lab, progress: Progress, journal: Journal, sources: Sources | None = None
    ) -> None:
        self.course = course
        self.lab = lab
        self.progress = progress
        self.journal = journal
        journal.hide(lambda: (lab.password,))
        self.states: dict[str, StepState] = {}
        """The state of each step as it was seen last; before the first look as it is remembered."""
        self._running: list[str] = []
        self._noted = False
        """The journal knows what is at work."""
        self._ended = 0
        """How many runs have ended."""
        self._look = Look(course, lab, progress, sources)
        self._order = Order(course, self._look)
        for lesson in course.lessons:
            for step in lesson.steps:
                record = progress.record(step.id)
                self.states[step.id] = "past" if record.replaced_by else "done" if record.done else "todo"

    @classmethod
    def open(cls, lab: Lab, state: Path, *, course: Course | None = None, read_only: bool = False) -> Runner:
        """A runner with the progress and the journal of a lab's state folder, by default for pghalab's own course."""
        progress = Progress.load(state / "progress.json", read_only=read_only)
        return cls(course or load_course(), lab, progress, Journal(state / "journal", read_only=read_only))

    @property
    def running(self) -> tuple[str, ...]:
        """The ids of the steps that run now."""
        return tuple(self._running)

    def tell_processes(self, listed: Callable[[str, frozenset[str]], object]) -> None:
        """Call this with a node's name and its processes whenever a look has seen them."""
        self._look.listed = listed

    @property
    def last(self) -> str:
        """The step that was on the screen last; empty when there was none."""
        return self.progress.last

    @property
    def skipped(self) -> set[str]:
        """The steps that the learner passes over."""
        return {step for step in self.states if self.progress.record(step).skipped}

    def replaced_by(self, step_id: str) -> str:
        """The later step that replaced the effect of a past one; empty when none did."""
        return self.progress.record(step_id).replaced_by or self._look.undone.get(step_id, "")

    def needless(self, step_id: str) -> str:
        """What leaves a step nothing to do, by the last look, in words; empty when nothing does."""
        seen = self._look.needless.get(step_id, "")
        return f"nothing is left to do: {seen}" if seen else ""

    def _why_past(self, step_id: str) -> str:
        by = self.replaced_by(step_id)
        replaced = f"its effect was replaced by “{self.names.text(self.course.step(by).title)}” ({by})" if by else ""
        return replaced or self.needless(step_id)

    def recall(self, step_id: str) -> Sequence[RunEvent]:
        """What the last run of a step told, where that is known without running it; nothing on a lab."""
        return ()

    def history(self) -> History:
        """What was done and how the cluster stood, as far as it is kept; reads files."""
        return read_history(self.journal)

    def visit(self, step_id: str) -> None:
        """Remember a step as the one that was on the screen last; the next save stores it."""
        self.progress.last = step_id

    @property
    def names(self) -> Names:
        """Turns the names in lesson texts into those of this lab."""
        return self._look.names

    async def evaluate(
        self, step_ids: Iterable[str] | None = None, *, without: Collection[str] = ()
    ) -> dict[str, StepStatus]:
        """Look once at the checks of some steps, by default of all, without waiting for anything to come true.

        `without` are steps that are not looked at, unless they are named.
        """
        wanted = None if step_ids is None else list(step_ids)
        while True:
            before = self._ended, self.progress.turn
            found = await self._look.evaluate(wanted, without)
            # A step that ended or was forgotten meanwhile makes what was seen before it worthless.
            if (self._ended, self.progress.turn) == before:
                break
        self.states |= {step: status.state for step, status in found.items()}
        return found

    async def comes_first(self, step_id: str, without: Collection[str] = (), seen: StepStatus | None = None) -> str:
        """The step that has to be run before this one, so that no row is lost; empty when there is none.

        `without` are the nodes whose rows may be lost, and `seen` is how the step stands, as for `run`.
        """
        step = self.course.step(step_id)
        if not step.kind.patroni or (seen or (await self.evaluate([step_id]))[step_id]).state in SETTLED:
            return ""
        decision = await self._order.settled(step, without)
        return self._order.starter(decision.first) if decision.verdict == "first" else ""

    async def diagnose(self, step_id: str) -> tuple[Diagnosis, ...]:
        """Which of the mistakes that are common in a step show now, in words that name the nodes."""
        step = self.course.step(step_id)
        if not step.diagnoses:
            return ()
        facts = self._look.facts()
        try:
            return await diagnose(step.diagnoses, facts, about(step, facts, self.names), self.names)
        finally:
            await facts.close()

    async def survey(self) -> Survey:
        """Which of all the common mistakes show on the lab now."""
        facts = self._look.facts()
        try:
            return await survey(facts, self.names)
        finally:
            await facts.close()

    def resolve(self, step: Step) -> Where:
        """Where the step's command runs, by the last look; a placeholder nobody has answered yet stays."""
        return self._resolved(step, self._look.answers)

    async def ask(self, step: Step, command: str | None = None) -> Where:
        """Where the step's command (or the one given) runs, by asking the cluster now.

        Raises LabError when the cluster cannot tell.
        """
        raw = self._resolved(step, {})
        text = raw.command if command is None else command
        facts = self._look.facts()
        try:
            answers = await self._look.ask(facts, used(raw.node, text))
        finally:
            await facts.close()
        return Where(fill(raw.node, answers), raw.user, fill(text, self._known(answers)))

    def _resolved(self, step: Step, answers: Mapping[str, str]) -> Where:
        where, known = step.kind.where, self._known(answers)
        return Where(
            fill(self.names.text(where.node), known), where.user, fill(self.names.command(where.command), known)
        )

    def _known(self, answers: Mapping[str, str]) -> dict[str, str]:
        return {**answers, "auth_method": self.lab.auth_method}

    def answer(self, step_id: str, choice: int) -> bool:
        """Remember the answer to a question; true when it is right."""
        question = self.course.step(step_id).kind
        if not isinstance(question, Question):
            raise KeyError(step_id)
        record = self.progress.record(step_id)
        record.choice = choice
        if choice == question.right:
            record.right = True
            self._done(step_id)
        self.progress.save()
        self.journal.append(Answered(step_id, choice, choice == question.right))
        return choice == question.right

    def compared(self, step_id: str, comparison: Comparison) -> None:
        """Note in the journal how what a step printed stood beside what its lesson expects."""
        note_compared(self.journal, step_id, comparison)

    async def note_versions(self) -> None:
        """Note in the journal what is at work, unless it knows; what the engine does not say now may be said later."""
        self._noted = self._noted or await note_versions(self.journal, self.lab, self.course)

    async def typed(self, step_id: str, output: str, status: int | None) -> bool:
        """Take what a command printed that the learner typed as the output of a step, if that is what the step wants.

        What was kept of it before stays otherwise.
        """
        step = self.course.step(step_id)
        specs = [spec for spec in step.checks if spec.name == "output"]
        groups = await self._look.once(specs, output)
        if not specs or not all(result.ok for group in groups for result in group):
            return False
        record = self.progress.record(step_id)
        record.output, record.exit_status = output, status
        self.progress.save()
        return True

    def done_by(self, step_id: str, who: str, at: float) -> None:
        """Remember in whose shell (`postgres@pgha1`) the command was typed that made a step done, and when it ended."""
        record = self.progress.record(step_id)
        record.by, record.by_at = who, at
        self.progress.save()

    def by(self, step_id: str) -> tuple[str, float]:
        """In whose shell the command was typed that made a step done, and when; empty when that is not known."""
        record = self.progress.record(step_id)
        return record.by, record.by_at

    def mark_read(self, step_id: str) -> None:
        """Remember that a step was read."""
        self.progress.record(step_id).read = True
        self._done(step_id)
        self.progress.save()

    def skip(self, step_id: str) -> None:
        """Remember that the learner passes over a step; its state stays what the checks say."""
        self.progress.record(step_id).skipped = True
        self.progress.save()

    def reset(self, step_ids: Iterable[str]) -> None:
        """Forget what was done in some steps; the lab itself stays as it is."""
        steps = list(step_ids)
        self.progress.forget(steps)
        self.progress.save()
        self.states.update(dict.fromkeys(steps, "todo"))

    def back_to(self, done: Collection[str], last: str) -> list[str]:
        """Take the progress back to where only these steps were done, and tell which it forgot by that.

        What was read and answered stays.
        """
        steps = self.progress.back_to(done, last)
        self.progress.save()
        self.states.update(dict.fromkeys(steps, "todo"))
        return steps

    def _done(self, step_id: str) -> None:
        self.progress.mark_done(step_id)
        self.progress.record(step_id).by = ""
        self.states[step_id] = "done"

    async def run(
        self,
        step_id: str,
        *,
        command: str | None = None,
        confirm: Confirm | None = None,
        again: bool = False,
        elsewhere: bool = False,
        without: Collection[str] = (),
        beside: bool = False,
        seen: StepStatus | None = None,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run a step and tell what happens; closing the generator stops it.

        `command` replaces the step's own. A step that is done already is left alone unless `again`. With `elsewhere`
        the step that creates the nodes takes the next free subnet. Nodes in `without` that nobody can look at keep no
        Patroni from being started: what only they have may be lost. `beside` says that it may run while others do.
        `seen` is how it stands, from who has looked already: its checks are then not looked at before the command. Its
        guard and the order in which Patroni is started always are.
        """
        step = self.course.step(step_id)
        stage = Stage(step, self._look, self.journal, self.ask, command=command, confirm=confirm, elsewhere=elsewhere)
        if self._running and not beside:
            yield stage.end("refused", f"the step {self._running[0]} is still running", code="busy")
            return
        self._running.append(step_id)
        try:
            await self.note_versions()
            async with aclosing(self._steps(stage, again or command is not None, without, seen)) as events:
                async for event in events:
                    if isinstance(event, StepEnded):
                        self._take(event)
                    self.journal.append(event)
                    yield event
        finally:
            self._running.remove(step_id)
            self._ended += 1
            # There may be another image now.
            self._noted = self._noted and not isinstance(step.kind, Action)
            if not stage.over:
                self.journal.append(stage.end("stopped", "it was stopped", code="stopped"))
            self.progress.save()

    async def refusal(self, step_id: str) -> str:
        """Why a run of a step would be refused now, in words: by its guard, or by the order in which Patroni starts.

        Empty when it would not; whoever types its command by a program asks first.
        """
        stage = Stage(self.course.step(step_id), self._look, self.journal, self.ask)
        refused = await self._refused(stage, ())
        return "" if refused is None else refused.reason

    async def _refused(self, stage: Stage, without: Collection[str]) -> StepEnded | None:
        if stage.step.guard:
            code, words = await stage.refusal()
            if code:
                return stage.end("refused", words, code=code)
        decision = await self._order.settled(stage.step, without)
        if decision.verdict == "start":
            return None
        code, words, first = self._order.refusal(stage.step, decision)
        return stage.end("refused", words, code=code, first=first, without=self._order.without(stage.step, decision))

    async def _standing(self, step_id: str, seen: StepStatus | None) -> StepStatus:
        """How a step stands before it is run; a slow answer is waited for, since running it twice may do harm.

        So is one about the steps that may have replaced it: not to see that they hold makes it no step to be run.
        One that is seen not to hold waits for nothing else of its own.
        """

        async def look() -> StepStatus:
            return (await self.evaluate([step_id]))[step_id]

        def missing(status: StepStatus) -> tuple[CheckResult, ...]:
            if status.state in SETTLED:
                return ()
            fails = any(result.verdict == "fails" for result in status.results)
            return status.unseen if fails else (*status.results, *status.unseen)

        if seen is not None and all(result.known for result in missing(seen)):
            return seen
        return await self._look.patiently(look, missing)

    def _take(self, ended: StepEnded) -> None:
        """Remember what came of a run."""
        if ended.outcome == "done":
            self._done(ended.step)
        elif ended.code == "checks":
            record = self.progress.record(ended.step)
            past = self.replaced_by(ended.step)
            self.states[ended.step] = "past" if past else "broken" if record.done else "todo"

    async def _steps(
        self, stage: Stage, again: bool, without: Collection[str], seen: StepStatus | None
    ) -> AsyncGenerator[RunEvent, None]:
        step = stage.step
        yield StepStarted(step.id, self.names.text(step.title))
        if not step.kind.acts:
            record = self.progress.record(step.id)
            known = step.kind.known(record)
            step.kind.take(record)
            self._done(step.id)
            yield stage.end("already" if known and not again else "done")
            return
        try:
            if not again:
                status = await self._standing(step.id, seen)
                if status.state == "done":
                    self.journal.append(StepSeen(step.id, "done", status.results))
                    yield stage.end("already")
                    return
                if status.state == "past":
                    yield stage.end("past", self._why_past(step.id))
                    return
            if (refused := await self._refused(stage, without)) is not None:
                yield refused
                return
            for work in (step.kind.act(stage), stage.judge()):
                async with aclosing(work) as events:
                    async for event in events:
                        yield event
                if stage.over:
                    return
        except LabError as error:
            yield stage.end("failed", str(error), code="lab")
        except Exception as error:
            _log.exception("step %s", step.id)
            yield stage.end("failed", f"a fault of pghalab's own: {type(error).__name__}: {error}", code="fault")
