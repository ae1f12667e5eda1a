"""Notices what the learner did in a shell: each command goes to the journal, and what came of it is looked at.

A command counts by what it did: the checks see it, or what it printed is what the open step is about. Its wording never
makes a step done.
"""

from __future__ import annotations

import os
import re
import time
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pghalab.course.diagnoses.base import Diagnosis
from pghalab.course.events import SETTLED, CommandEnded, CommandStarted, StepState, explain
from pghalab.course.journal import Journal
from pghalab.course.kinds import EVERY_NODE, Where
from pghalab.course.model import Step
from pghalab.course.placeholders import used
from pghalab.lab.types import Ended
from pghalab.session.background import Background
from pghalab.session.beside import compared
from pghalab.session.events import CommandTyped, RunFinished, RunProgressed, SessionEvent, StatesChanged
from pghalab.session.rechecks import Rechecks, is_worth_a_look
from pghalab.session.state import State
from pghalab.session.step_run import StepRun
from pghalab.session.typed import Typed, Typing, together
from pghalab.session.work import Work

LINES = 16
"""Commands whose output is remembered, for a step of several lines."""
SEEN = 5.0
"""Seconds within which a look sees what was done, also on a slow machine."""
_SET = re.compile(r"^(?:[A-Za-z_]\w*=\w* +)+(?=\S)", re.MULTILINE)
"""What is set for one command alone."""
REMEMBERED = 8
"""Commands that are remembered for one step as what may have made it done."""


class Noticing:
    """Takes the commands of every shell of one console."""

    def __init__(
        self, state: State, work: Work, rechecks: Rechecks, background: Background, changed: Callable[[], object]
    ) -> None:
        """`changed` is told when a command has just ended: it may have changed something."""
        self._state, self._work, self._rechecks, self._background = state, work, rechecks, background
        self._changed = changed
        self._before: dict[str, StepState] = {}
        self._tried: dict[str, list[Typed]] = {}
        """For each step, what was typed while it was open and not done."""
        self._meant: dict[str, tuple[Typed, Typed]] = {}
        """For each step, the command that last printed what it is about, and the same with those before that belong to
        it."""
        self.elsewhere: dict[str, Typed] = {}
        """For each step, its own command as it was typed last where it is not meant; until it was typed where it is."""
        self._said: deque[tuple[str, Typed]] = deque(maxlen=LINES)
        """The last commands that ended, each with the step that was open."""
        self._terminals: weakref.WeakSet[Typing] = weakref.WeakSet()
        state.bus.listen(self._hear)

    def typing(self, marked: Callable[[bool, str], object] = lambda marked, reason: None) -> Typing:
        """Follow one more terminal; `marked` is told when its commands are told no longer, when again, and where."""
        typing = Typing(began=self._began, ended=self._ended, marked=marked, journal=self._journal)
        self._terminals.add(typing)
        return typing

    def forget(self, step_id: str) -> None:
        """What was typed for a step so far is no part of what is typed from now on."""
        self._said = deque(((at, typed) for at, typed in self._said if at != step_id), maxlen=LINES)
        for kept in (self._tried, self._meant, self.elsewhere):
            kept.pop(step_id, None)

    def running(self) -> str:
        """A typed command that has its terminal now, and where, in words; empty when every shell waits for one."""
        found = next((typed for typing in self._terminals if (typed := typing.running) is not None), None)
        return "" if found is None else f"{found.name} runs in the shell {found.who}"

    def _journal(self) -> Journal | None:
        backend = self._state.backend
        return None if backend is None or self._state.read_only else backend.runner.journal

    def _began(self, typed: Typed) -> None:
        state, step = self._state, self._state.shown
        if step and state.backend is not None and state.course is not None:
            where = state.backend.runner.resolve(state.course.step(step))
            typed.asked = None if used(where.node, where.command) else where
        if step and self._state.steps.get(step) != "done":
            self._tried[step] = [*self._tried.get(step, [])[1 - REMEMBERED :], typed]

    def _ended(self, typed: Typed) -> None:
        state, step = self._state, self._state.shown
        ended = typed.at
        if (journal := self._journal()) is not None:
            log = Path(os.devnull) if typed.log is None else typed.log.path
            seconds = max(0.0, ended - typed.began)
            journal.append(CommandStarted(step, typed.node, typed.user, typed.text, log, typed=True))
            journal.append(CommandEnded(step, Ended(_how(typed), typed.status, seconds)))
        self._said.append((step, typed))
        self._changed()
        state.bus.publish(CommandTyped(step, typed.node, typed.user, typed.text, typed.status, ended))
        if state.backend is not None and state.course is not None:
            self._background.spawn(self._look(step, typed), "looking at what was typed")

    async def _look(self, step_id: str, typed: Typed) -> None:
        """Look at what came of a command; what it printed may be what the open step is about."""
        # A look while a step runs would see it half done.
        await self._work.wait()
        state = self._state
        if state.backend is None or state.course is None:
            return
        if not step_id:
            self._rechecks.soon(None)
            return
        step, runner = state.course.step(step_id), state.backend.runner
        where = typed.asked = typed.asked or runner.resolve(step)
        there = (where.node, where.user) == (typed.node, typed.user)
        meant = await self._meant_by(step, typed, where.command) if there and not state.read_only else None
        if meant is not None:
            self._meant[step_id] = typed, meant
        whole = meant or (self._own(step, typed) if there else None)
        if state.steps.get(step_id) in SETTLED:
            # Nothing is to be waited for to say what it printed.
            self._show(step, whole)
        others = [each.id for each in state.course.lesson_of(step_id).steps if is_worth_a_look(state.course, each.id)]
        self._rechecks.command_ended(step_id)
        self._rechecks.soon(others, 0)
        await self._rechecks.look([step_id])
        if there or state.steps.get(step_id) in SETTLED:
            self.elsewhere.pop(step_id, None)
        elif _is_misplaced(step, where, typed):
            self.elsewhere[step_id] = typed
            state.bus.publish(StatesChanged())
        self._show(step, whole)

    def _show(self, step: Step, whole: Typed | None) -> None:
        """What was typed for a step is its last run, unless it is that already, or another one is going on."""
        run = self._work.runs.get(step.id)
        if whole is not None and (run is None or not (run.active or run.typed is whole)):
            self._take(step, whole)
            self._state.bus.publish(StatesChanged())

    async def _meant_by(self, step: Step, typed: Typed, command: str) -> Typed | None:
        """A command, if it printed what the step is about; of a step of several lines also with those before it.

        A shell reads what was pasted, or typed line by line, as so many commands.
        """
        assert self._state.backend is not None
        if not (step.reads_output and typed.alone):
            return None
        before = self._before_it(step, typed)
        lines = sum(not line.isspace() for line in command.splitlines())
        own = 0
        while own < len(before) and _is_part(one := before[-1 - own], one.asked.command if one.asked else command):
            own += 1
        # What are the step's own lines belongs together, also where the last of them alone is enough.
        for count in sorted(range(min(lines, len(before) + 1)), key=lambda count: (count < own, count)):
            whole = together([*before[len(before) - count :], typed])
            if await self._state.backend.runner.typed(step.id, whole.output, whole.status):
                return whole
        return None

    def _before_it(self, step: Step, typed: Typed) -> list[Typed]:
        """What was typed in the same shell before it, for the same step."""
        before = [one for at, one in self._said if (at, one.shell) == (step.id, typed.shell) and one.alone]
        return before[: before.index(typed)] if typed in before else []

    def _own(self, step: Step, typed: Typed) -> Typed | None:
        """A command that is the step's own, or the last of the lines that are, with those before it."""
        lines, before = [typed], self._before_it(step, typed)
        while not _spells(step, lines[0].asked, "\n".join(one.text for one in lines)):
            if not before:
                return None
            lines.insert(0, before.pop())
        return together(lines)

    def misplaced(self, step_id: str) -> tuple[Diagnosis, ...]:
        """That the step's own command was typed on another node or as another user, when it was."""
        state, typed = self._state, self.elsewhere.get(step_id)
        if typed is None or state.backend is None or state.course is None:
            return ()
        where = state.backend.runner.resolve(state.course.step(step_id))
        node = "every node" if where.node == EVERY_NODE else where.node
        says = f"Your command ran as {typed.user} on {typed.node}; this step is about {where.user} on {node}."
        return (Diagnosis("typed-elsewhere", says, f"Type it in a shell of {where.user} on {node}.", (typed.node,)),)

    def _hear(self, event: SessionEvent) -> None:
        if isinstance(event, RunFinished):
            self._tried.pop(event.step, None)
        elif isinstance(event, RunProgressed) and self._work.active is not None:
            # What is typed beside a run of the step is not what makes it done.
            self._tried.pop(self._work.active.step, None)
        elif isinstance(event, StatesChanged):
            before, self._before = self._before, dict(self._state.steps)
            for step, state in self._before.items():
                if state == "done" and before.get(step, state) != "done":
                    self._turned(step)

    def _turned(self, step_id: str) -> None:
        """A step is done that was not: by what was typed, if that was just now."""
        course, backend = self._state.course, self._state.backend
        if course is None or backend is None:
            return
        step = course.step(step_id)
        patience = max((spec.within for spec in step.checks), default=0.0) + SEEN
        now = time.time()
        tried = [typed for typed in self._tried.pop(step_id, []) if now - typed.at <= patience]
        if tried:
            meant, whole = self._meant.pop(step_id, (None, None))

            def likely(typed: Typed) -> tuple[bool, bool, bool, float]:
                return typed is meant, _is_own(step, typed), typed.ended is not None, typed.at

            by = max(tried, key=likely)
            backend.runner.done_by(step_id, by.who, by.at)
            self._take(step, whole if whole is not None and by is meant else by)
        else:
            backend.runner.done_by(step_id, "", 0.0)

    def _take(self, step: Step, typed: Typed) -> None:
        """What was typed is the last run of a step."""
        state = self._state.steps.get(step.id, "todo")
        run = StepRun(step.id, fails=step.kind.fails)
        run.typed, run.command = typed, typed.text
        run.log = None if typed.log is None else typed.log.path
        run.buffer.feed(typed.output)
        seconds = max(0.0, typed.at - typed.began)
        run.ended = None if typed.ended is None else Ended(_how(typed), typed.status, seconds)
        wrong = [result for result in self._state.results.get(step.id, ()) if not result.ok]
        if state in ("done", "past"):
            run.end("done", "", seconds)
        else:
            run.end("failed", self._state.text(explain(wrong[0])) if wrong else "", seconds)
        # Who took another way to the same end printed something else, and nothing is wrong with that.
        own = _is_own(step, typed)
        if typed.alone and (step.reads_output or own):
            found = compared(self._state, run)
            # The same facts in another form (`-w table`) have nothing beside them either.
            run.comparison = None if found and found.unlike and run.outcome == "done" and not own else found
            if run.comparison is not None and self._state.backend is not None:
                self._state.backend.runner.compared(step.id, run.comparison)
        self._work.runs[step.id] = run


def _is_own(step: Step, typed: Typed) -> bool:
    """It is the step's own command, as it was when this began."""
    return _spells(step, typed.asked, typed.text)


def _spells(step: Step, asked: Where | None, text: str) -> bool:
    return asked is not None and _words(text) in (_words(asked.command), _words(step.kind.typed(asked.command)))


def _is_misplaced(step: Step, where: Where, typed: Typed) -> bool:
    """Whether what was typed is a step's command, or one of its lines, on a node or as a user that is not meant."""
    lines = [where.command, step.kind.typed(where.command), *where.command.splitlines()]
    elsewhere = typed.user != where.user or where.node not in (typed.node, EVERY_NODE)
    return elsewhere and _words(typed.text) in [_words(line) for line in lines if line.strip()]


def _words(text: str) -> list[str]:
    """Of a command, without what is set for it alone: that leaves it the same command."""
    return _SET.sub("", text).split()


def _is_part(typed: Typed, command: str) -> bool:
    """Its text stands in a command, but for the blanks."""
    words = " ".join(typed.text.split())
    return bool(words) and words in " ".join(command.split())


def _how(typed: Typed) -> Literal["exited", "lost"]:
    # Of several lines that were entered at once, the shell tells the status of the last one.
    return "exited" if typed.status is not None or typed.alone else "lost"
