"""What the console runs: one step of the course, or one verb of the lab."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pghalab.course.events import ChecksSeen, CommandEnded, RunEvent, StepEnded
from pghalab.course.journal.kinds import VerbRan
from pghalab.lab.host.space import full
from pghalab.lab.types import Ended, LabError, Output, Part
from pghalab.session.backend import Stream
from pghalab.session.beside import compared
from pghalab.session.events import ConfirmationAsked, RunFinished, RunProgressed, VerbFinished, VerbProgressed
from pghalab.session.output import OutputBuffer
from pghalab.session.state import State
from pghalab.session.step_run import StepRun, how_far

log = logging.getLogger(__name__)

PAINT_EVERY = 0.2
"""Seconds between two repaints of a stream of output: nobody reads faster, and each may come just before a key."""


class _Telling:
    """Tells of a stream at most every `PAINT_EVERY`, and never leaves its last piece untold."""

    def __init__(self, tell: Callable[[], object]) -> None:
        self._tell = tell
        self._told = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def soon(self) -> bool:
        """Tell now, or once the time has come; true when it told now."""
        wait = self._told + PAINT_EVERY - time.monotonic()
        if wait <= 0:
            self.now()
            return True
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self.now)
        return False

    def now(self) -> None:
        """Tell now."""
        self.close()
        self._told = time.monotonic()
        self._tell()

    def close(self) -> None:
        """Tell nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _words(error: Exception, what: str) -> str:
    """What went wrong, for the learner; a fault of the program goes to the log."""
    told = full(error) if isinstance(error, OSError) else error
    if isinstance(told, LabError):
        return str(told)
    log.error("%s", what, exc_info=error)
    return f"{type(error).__name__}: {error}; more in the log."


class Work:
    """Runs one thing at a time."""

    def __init__(
        self,
        state: State,
        *,
        changed: Callable[[], object],
        ended: Callable[[], object],
        first: Callable[[StepRun], Awaitable[None]],
    ) -> None:
        self._state = state
        self._first = first
        """Done before a step is run."""
        self._changed, self._ended = changed, ended
        """Told when a command has just changed something, and when the work is over."""
        self.runs: dict[str, StepRun] = {}
        """The last run of each step, by its id."""
        self.active: StepRun | None = None
        """The run of the step that runs now."""
        self.verb = ""
        """The title of the verb that runs, or ran last."""
        self.verb_output = OutputBuffer()
        self.verb_part: Part | None = None
        """How far the verb is, when it tells."""
        self.verb_ended: Ended | None = None
        self.stopping = False
        """What runs was told to end, and takes back what it began."""
        self._verb_started = 0.0
        self._task: asyncio.Task[None] | None = None
        self._asked: asyncio.Future[bool] | None = None

    @property
    def busy(self) -> bool:
        """A step or a verb runs."""
        return self._task is not None and not self._task.done()

    async def wait(self) -> None:
        """Return once nothing runs."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    def refusal(self, *, changes: bool = True) -> str:
        """Why nothing may be run now that `changes` the lab, or its progress; empty when it may."""
        state = self._state
        if state.read_only and changes:
            return f"This console only looks. {state.driver}"
        if state.backend is None:
            return str(state.trouble or "The lab is still being opened.")
        return f"{self.running} is running already; stop it first." if self.busy else ""

    def run_step(
        self,
        step_id: str,
        *,
        command: str | None = None,
        again: bool = False,
        elsewhere: bool = False,
        without: tuple[str, ...] = (),
    ) -> bool:
        """Start a step; False (and a notice) when that cannot be now.

        `elsewhere`: on the next free subnet; `without`: although these nodes are out of reach, and may have rows that
        nobody else has.
        """
        if refusal := self.refusal():
            self._state.bus.notice(refusal, "warning")
            return False
        fails = self._state.course is not None and self._state.course.step(step_id).kind.fails
        self.stopping = False
        self.active = self.runs[step_id] = StepRun(step_id, fails=fails)
        work = self._run_step(self.active, command=command, again=again, elsewhere=elsewhere, without=without)
        self._task = asyncio.create_task(work, name=f"step {step_id}")
        return True

    def recall(self, step_id: str, events: Sequence[RunEvent]) -> None:
        """Take a run of a step from what it told, unless one is known."""
        if not events or step_id in self.runs or self._state.course is None:
            return
        run = StepRun(step_id, fails=self._state.course.step(step_id).kind.fails)
        for event in events:
            run.take(event)
            if isinstance(event, StepEnded):
                run.end(event.outcome, event.reason, event.seconds)
        run.comparison = compared(self._state, run)
        self.runs[step_id] = run

    def stop(self) -> None:
        """End the step or the verb that runs, with every process it started."""
        if self._task is None or self._task.done():
            return
        if self.stopping:
            self._state.bus.notice("It is being stopped already; what it began is taken back first.")
            return
        # Only once: a second cancellation would interrupt the taking back.
        self.stopping = True
        if self.active is not None:
            self.active.stopping = True
        self._task.cancel()
        self._state.bus.publish(RunProgressed() if self.active is not None else VerbProgressed())

    @property
    def running(self) -> str:
        """What runs, in words; empty when nothing does."""
        if not self.busy:
            return ""
        if self.active is None:
            return self.verb
        if self._state.course is None:
            return self.active.step
        lesson, step = self._state.course.lesson_of(self.active.step), self._state.course.step(self.active.step)
        return self._state.text(f"{lesson.number} {lesson.title} › {step.title}")

    def activity(self) -> str:
        """What runs and for how long, in one line; empty when nothing does."""
        name = self.running
        if not name:
            return ""
        if self.stopping:
            return f"■ {name} · stopping…"
        seconds, part = (
            (self.verb_seconds, self.verb_part) if self.active is None else (self.active.seconds, self.active.part)
        )
        return f"◐ {name} · {seconds:.0f} s{how_far(part)}"

    async def _run_step(self, run: StepRun, **how: Any) -> None:
        assert self._state.backend is not None
        events = self._state.backend.runner.run(run.step, confirm=self._confirm, **how)
        telling = _Telling(lambda: self._state.bus.publish(RunProgressed()))
        try:
            await self._first(run)
            async with contextlib.aclosing(events):
                async for event in events:
                    run.take(event)
                    if isinstance(event, CommandEnded):
                        # Whatever was printed, the keys are answered meanwhile.
                        run.comparison = await asyncio.to_thread(compared, self._state, run)
                        if run.comparison is not None:
                            self._state.backend.runner.compared(run.step, run.comparison)
                        self._changed()
                        telling.now()
                    elif isinstance(event, ChecksSeen):
                        self._state.results[run.step] = event.results
                        # What a check has just seen, a pane must not contradict.
                        self._changed()
                        telling.now()
                    if telling.soon() or not run.buffer.total % 64:
                        # A generator that always has something to give must not keep the keys waiting.
                        await asyncio.sleep(0)
        except asyncio.CancelledError:
            run.end("stopped", "")
        except Exception as error:
            run.end("failed", _words(error, f"step {run.step}"))
        telling.close()
        if run.active:
            run.end("failed", "The step ended without a result.")
        self.active = None
        outcome = run.outcome or "failed"
        self._changed()
        self._state.take_steps()
        self._state.bus.publish(RunFinished(run.step, outcome))
        self._ended()

    async def _confirm(self, diff: str) -> bool:
        self._asked = asyncio.get_running_loop().create_future()
        self._state.bus.publish(ConfirmationAsked(diff))
        return await self._asked

    def confirm(self, yes: bool) -> None:
        """Answer what `ConfirmationAsked` asks."""
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(yes)

    def run_verb(self, name: str, verb: Callable[[], Stream], *, changes: bool = True) -> bool:
        """Start a verb, one that `changes` the lab or not; False (and a notice) when that cannot be now."""
        if refusal := self.refusal(changes=changes):
            self._state.bus.notice(refusal, "warning")
            return False
        self.stopping = False
        self.verb, self.verb_output, self.verb_ended, self.verb_part = name, OutputBuffer(), None, None
        self._verb_started = time.monotonic()
        self._task = asyncio.create_task(self._run_verb(verb), name=f"lab {name}")
        return True

    @property
    def verb_seconds(self) -> float:
        """How long the verb that runs has taken."""
        return time.monotonic() - self._verb_started

    def verb_outcome(self) -> tuple[str, bool]:
        """How the last verb ended, in words, and whether that is bad."""
        ended = self.verb_ended
        if ended is None:
            return f"{self.verb} is running", False
        if ended.how == "exited" and ended.exit_status == 0:
            return f"{self.verb}: done in {ended.seconds:.1f} s", False
        return f"{self.verb}: {'stopped' if ended.how == 'stopped' else 'failed'} after {ended.seconds:.1f} s", True

    def _note(self, ended: Ended) -> None:
        if self._state.backend is not None and not self._state.read_only:
            well = ended.how == "exited" and ended.exit_status == 0
            self._state.backend.runner.journal.append(VerbRan(self.verb, well, ended.seconds))

    async def _run_verb(self, verb: Callable[[], Stream]) -> None:
        started = self._verb_started
        telling = _Telling(lambda: self._state.bus.publish(VerbProgressed()))
        try:
            async with contextlib.aclosing(verb()) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Output):
                        self.verb_output.feed(piece.text)
                        self.verb_part = piece.text if isinstance(piece.text, Part) else self.verb_part
                    else:
                        self.verb_ended = piece
                    if telling.soon():
                        await asyncio.sleep(0)
            ended = self.verb_ended or Ended("exited", 0, time.monotonic() - started)
        except asyncio.CancelledError:
            ended = Ended("stopped", None, time.monotonic() - started)
        except Exception as error:
            self.verb_output.feed(f"\n{_words(error, f'lab {self.verb}')}\n")
            ended = Ended("exited", 1, time.monotonic() - started)
        telling.close()
        self.verb_output.close()
        self.verb_ended = ended
        self._note(ended)
        self._changed()
        self._state.bus.publish(VerbFinished())
        self._ended()
