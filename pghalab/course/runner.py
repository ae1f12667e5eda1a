"""Runs the steps of a course: the console, the headless run, the demonstration and the tests drive this one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from pghalab.course.checks.sources import Sources
from pghalab.course.events import (
    CheckResult,
    ChecksSeen,
    CommandEnded,
    CommandStarted,
    ConfirmNeeded,
    Outcome,
    Printed,
    RunEvent,
    StepEnded,
    StepStarted,
    StepState,
)
from pghalab.course.journal import Journal
from pghalab.course.load import load_course
from pghalab.course.localise import Names
from pghalab.course.look import Look, StepStatus, explain
from pghalab.course.model import CheckSpec, Course, Step
from pghalab.course.placeholders import fill, used
from pghalab.course.progress import Progress
from pghalab.course.tail import Tail
from pghalab.lab.types import Ended, Lab, LabError, Output, User

EDIT = "patronictl -c /pgha/config/patroni.yaml edit-config --apply -"
"""With the patch on stdin it shows the difference and changes nothing; `--force` applies it.

Source: `edit_config` in patroni/ctl.py 4.1.
"""
_INTERVALS = (0.1, 0.2, 0.4)
_GRACE = 5.0
"""Seconds for the checks after a command that failed: they seldom come true then."""

_log = logging.getLogger(__name__)
Confirm = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where and as whom a step's command runs, and its text, in the lab's own names."""

    node: str
    user: User
    command: str


@dataclass(slots=True)
class _Run:
    """What is known of a run while it goes on."""

    step: Step
    started: float
    output: Tail
    ended: Ended | None = None
    over: bool = False

    def end(self, outcome: Outcome, reason: str = "") -> StepEnded:
        self.over = True
        return StepEnded(self.step.id, outcome, time.monotonic() - self.started, reason)


class Runner:
    """Runs and judges the steps of one course on one lab; one step at a time."""

    def __init__(
        self, course: Course, lab: Lab, progress: Progress, journal: Journal, sources: Sources | None = None
    ) -> None:
        self.course = course
        self.lab = lab
        self.progress = progress
        self.journal = journal
        self.states: dict[str, StepState] = {}
        """The state of each step as it was seen last; before the first look as it is remembered."""
        self.running = ""
        """The id of the step that runs now."""
        self._ended = 0
        """How many runs have ended."""
        self._look = Look(course, lab, progress, sources)
        for lesson in course.lessons:
            for step in lesson.steps:
                self.states[step.id] = "done" if progress.record(step.id).done else "todo"

    @classmethod
    def open(cls, lab: Lab, state: Path, *, course: Course | None = None, read_only: bool = False) -> Runner:
        """A runner with the progress and the journal of a lab's state folder, by default for pghalab's own course."""
        progress = Progress.load(state / "progress.json", read_only=read_only)
        return cls(course or load_course(), lab, progress, Journal(state / "journal", read_only=read_only))

    @property
    def last(self) -> str:
        """The step that was on the screen last; empty when there was none."""
        return self.progress.last

    @property
    def skipped(self) -> set[str]:
        """The steps that the learner passes over."""
        return {step for step in self.states if self.progress.record(step).skipped}

    def visit(self, step_id: str) -> None:
        """Remember a step as the one that was on the screen last; the next save stores it."""
        self.progress.last = step_id

    @property
    def names(self) -> Names:
        """Turns the names in lesson texts into those of this lab."""
        return self._look.names

    async def evaluate(self, step_ids: Iterable[str] | None = None) -> dict[str, StepStatus]:
        """Look once at the checks of some steps, by default of all, without waiting for anything to come true."""
        wanted = None if step_ids is None else list(step_ids)
        while True:
            before = self._ended
            found = await self._look.evaluate(wanted)
            # A step that ended meanwhile makes what was seen before it worthless.
            if self._ended == before:
                break
        self.states.update({step: status.state for step, status in found.items()})
        return found

    def resolve(self, step: Step) -> Resolved:
        """Where the step's command runs, by the last look; a placeholder nobody has answered yet stays."""
        return self._resolved(step, self._look.answers)

    async def ask(self, step: Step, command: str | None = None) -> Resolved:
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
        return Resolved(fill(raw.node, answers), raw.user, fill(text, self._known(answers)))

    def _resolved(self, step: Step, answers: Mapping[str, str]) -> Resolved:
        known = self._known(answers)
        node = step.node or ("{{leader}}" if step.kind == "edit" else "")
        command = edit_command(self.names.value(step.edit)) if step.kind == "edit" else self.names.command(step.command)
        return Resolved(fill(self.names.text(node), known), step.user, fill(command, known))

    def _known(self, answers: Mapping[str, str]) -> dict[str, str]:
        return {**answers, "auth_method": self.lab.auth_method}

    def answer(self, step_id: str, choice: int) -> bool:
        """Remember the answer to a question; true when it is right."""
        question = self.course.step(step_id).question
        if question is None:
            raise KeyError(step_id)
        record = self.progress.record(step_id)
        record.choice = choice
        if choice == question.right:
            record.right = True
            self._done(step_id)
        self.progress.save()
        return choice == question.right

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

    def _done(self, step_id: str) -> None:
        self.progress.mark_done(step_id)
        self.states[step_id] = "done"

    async def run(
        self,
        step_id: str,
        *,
        command: str | None = None,
        confirm: Confirm | None = None,
        again: bool = False,
        elsewhere: bool = False,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run a step and tell what happens; closing the generator stops it.

        `command` replaces the step's own. A step that is done already is left alone unless `again`. With `elsewhere`
        the step that creates the nodes takes the next free subnet.
        """
        step = self.course.step(step_id)
        run = _Run(step, time.monotonic(), Tail())
        if self.running:
            yield run.end("refused", f"the step {self.running} is still running")
            return
        self.running = step_id
        try:
            async with aclosing(self._steps(run, command, confirm, again, elsewhere)) as events:
                async for event in events:
                    self.journal.append(event)
                    yield event
        finally:
            self.running = ""
            self._ended += 1
            if not run.over:
                self.journal.append(run.end("stopped", "it was stopped"))
            self.progress.save()

    async def _steps(
        self, run: _Run, command: str | None, confirm: Confirm | None, again: bool, elsewhere: bool
    ) -> AsyncGenerator[RunEvent, None]:
        step = run.step
        yield StepStarted(step.id, step.title)
        if step.kind in ("read", "question"):
            record = self.progress.record(step.id)
            known = record.right if step.question else record.read
            if step.question is None:
                self.mark_read(step.id)
            else:
                self.answer(step.id, step.question.right)
            yield run.end("already" if known and not again else "done")
            return
        try:
            if not again and command is None and (await self.evaluate([step.id]))[step.id].state == "done":
                yield run.end("already")
                return
            refused = await self._refused(step)
            if refused:
                yield run.end("refused", refused)
                return
            if step.kind != "wait":
                async with aclosing(self._act(run, command, confirm, elsewhere)) as events:
                    async for event in events:
                        yield event
                if run.over:
                    return
            async with aclosing(self._judge(run)) as events:
                async for event in events:
                    yield event
        except LabError as error:
            yield run.end("failed", str(error))
        except Exception as error:
            _log.exception("step %s", step.id)
            yield run.end("failed", f"a fault of pghalab's own: {type(error).__name__}: {error}")

    async def _refused(self, step: Step) -> str:
        if not step.guard:
            return ""
        facts = self._look.facts()
        try:
            groups = await self._look.checks(step.guard, facts)
        finally:
            await facts.close()
        wrong = [explain(result) for group in groups for result in group if not result.ok]
        return " ".join(part for part in (step.guard_reason, f"Seen: {'; '.join(wrong)}.") if part) if wrong else ""

    async def _act(
        self, run: _Run, command: str | None, confirm: Confirm | None, elsewhere: bool
    ) -> AsyncGenerator[RunEvent, None]:
        """Run the command, the edit or the action; ends the step itself when there is nothing to judge."""
        step = run.step
        if step.kind == "action" and step.action:
            source = self.lab.action(step.action, auto=True) if elsewhere else self.lab.action(step.action)
            async with aclosing(self._stream(run, "", "", f"pghalab {step.action}", source)) as events:
                async for event in events:
                    yield event
            return
        where = await self.ask(step, command)
        node = self.lab.nodes.get(where.node)
        if node is None:
            raise LabError(f"this lab has no node {where.node}")
        text = where.command
        if step.kind == "edit":
            shown = await node.run(text, user=where.user, timeout=step.timeout)
            if shown.exit_status:
                raise LabError(_last_line(shown.stderr or shown.stdout), node=node.name)
            diff = "\n".join(line for line in shown.stdout.splitlines() if not line.startswith("Use --force"))
            if diff.strip() == "Not changed":
                return
            yield ConfirmNeeded(step.id, diff)
            if confirm is not None and not await confirm(diff):
                yield run.end("stopped", "the change was not confirmed; nothing was changed")
                return
            text = text.replace(EDIT, f"{EDIT} --force", 1)
        source = node.stream(text, user=where.user, timeout=step.timeout)
        async with aclosing(self._stream(run, node.name, where.user, text, source)) as events:
            async for event in events:
                yield event

    async def _stream(
        self, run: _Run, node: str, user: str, command: str, source: AsyncGenerator[Output | Ended, None]
    ) -> AsyncGenerator[RunEvent, None]:
        step = run.step.id
        record = self.progress.record(step)
        with self.journal.log(step) as log:
            yield CommandStarted(step, node, user, command, log.path)
            async with aclosing(source) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Output):
                        log.write(piece.text)
                        run.output.add(piece.text)
                        yield Printed(step, piece)
                    else:
                        run.ended = piece
        if run.ended is None:
            raise LabError("the command ended without a word on how", node=node or None)
        record.exit_status = run.ended.exit_status
        if any(spec.name == "output" for spec in run.step.checks):
            record.output = run.output.text()
        yield CommandEnded(step, run.ended)
        if run.ended.how == "stopped":
            yield run.end("stopped", "it was stopped")

    async def _judge(self, run: _Run) -> AsyncGenerator[RunEvent, None]:
        """Poll the checks until each holds or its time is over, and end the step."""
        step, ended = run.step, run.ended
        trouble = "" if ended is None else _trouble(ended, step)
        if not step.checks:
            if not trouble:
                self._done(step.id)
            yield run.end("failed" if trouble else "done", trouble)
            return
        results: tuple[CheckResult, ...] = ()
        start = time.monotonic()
        attempt = 0
        while True:
            facts = self._look.facts()
            try:
                groups = await self._look.checks(step.checks, facts, self.progress.record(step.id).output)
            finally:
                await facts.close()
            seen = tuple(result for group in groups for result in group)
            spent = time.monotonic() - start
            settled = all(
                all(result.ok for result in group) or spent >= _patience(spec, bool(trouble))
                for spec, group in zip(step.checks, groups, strict=True)
            )
            if settled or seen != results:
                results = seen
                yield ChecksSeen(step.id, seen, settled)
            if settled:
                break
            await asyncio.sleep(_INTERVALS[min(attempt, len(_INTERVALS) - 1)])
            attempt += 1
        wrong = [result for result in results if not result.ok]
        if wrong:
            self.states[step.id] = "broken" if self.progress.record(step.id).done else "todo"
            words = explain(wrong[0]) + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else "")
            yield run.end("failed", f"{words}; {trouble}" if trouble else words)
            return
        self._done(step.id)
        yield run.end("done", f"{trouble}, but every check holds" if trouble else _expected(run))


def edit_command(patch: object) -> str:
    """The command that shows what a patch of the dynamic configuration would change."""
    import yaml

    text = yaml.safe_dump(patch, sort_keys=False, default_flow_style=False)
    return f"{EDIT} <<'PATCH'\n{text}PATCH"


def _patience(spec: CheckSpec, hopeless: bool) -> float:
    return min(spec.within, _GRACE) if hopeless else spec.within


def _trouble(ended: Ended, step: Step) -> str:
    if ended.how == "timeout":
        return f"the command did not end within {step.timeout:g} s and was ended"
    if ended.how == "lost":
        return "the connection was lost while the command ran"
    if step.fails:
        return "" if ended.exit_status else "the command was expected to fail, and ended with status 0"
    return "" if ended.exit_status == 0 else f"the command ended with status {ended.exit_status}"


def _expected(run: _Run) -> str:
    if not run.step.fails or run.ended is None:
        return ""
    return f"failed, as expected (status {run.ended.exit_status})"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "the command failed without a word"
