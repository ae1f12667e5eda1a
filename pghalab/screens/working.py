"""What the console runs: one step of the course, or one verb of the lab."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

from pghalab.course.events import ChecksSeen, CommandEnded
from pghalab.lab.types import Ended, LabError, Output
from pghalab.screens import messages
from pghalab.screens.looking import Looking
from pghalab.screens.parts import Verb
from pghalab.widgets.output import OutputBuffer
from pghalab.widgets.steprun import StepRun

log = logging.getLogger(__name__)

PAINT_EVERY = 0.1
"""Seconds between two repaints of a stream of output."""


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


class Working(Looking):
    """Runs one thing at a time."""

    def __init__(self, lab_name: str) -> None:
        super().__init__(lab_name)
        self.runs: dict[str, StepRun] = {}
        self.active: StepRun | None = None
        self.verb = ""
        self.verb_output = OutputBuffer()
        self.verb_ended: Ended | None = None
        self.stopping = False
        """What runs was told to end, and takes back what it began."""
        self._verb_started = 0.0

    def refusal(self) -> str:
        """Why nothing may be changed now; empty when it may."""
        if self.read_only:
            return f"This console only looks. {self.driver}"
        if self.parts is None:
            return str(self.trouble or "The lab is still being opened.")
        return f"{self.running} is running already; stop it first (x)." if self.busy else ""

    def run_step(
        self, step_id: str, *, command: str | None = None, again: bool = False, elsewhere: bool = False
    ) -> bool:
        """Start a step, `elsewhere` on the next free subnet; False (and a notice) when that cannot be now."""
        if refusal := self.refusal():
            self.notice(refusal, "warning")
            return False
        fails = self.course is not None and self.course.step(step_id).kind.fails
        self.stopping = False
        self.active = self.runs[step_id] = StepRun(step_id, fails=fails)
        work = self._run_step(self.active, command=command, again=again, elsewhere=elsewhere)
        self._work = asyncio.create_task(work, name=f"step {step_id}")
        return True

    def stop(self) -> None:
        """End the step or the verb that runs, with every process it started."""
        if self._work is None or self._work.done():
            return
        if self.stopping:
            self.notice("It is being stopped already; what it began is taken back first.")
            return
        # Only once: a second cancellation would interrupt the taking back.
        self.stopping = True
        if self.active is not None:
            self.active.stopping = True
        self._work.cancel()
        self.publish(messages.RunProgressed if self.active is not None else messages.VerbProgressed)

    @property
    def running(self) -> str:
        """What runs, in words; empty when nothing does."""
        if not self.busy:
            return ""
        if self.active is None:
            return self.verb
        if self.course is None:
            return self.active.step
        lesson, step = self.course.lesson_of(self.active.step), self.course.step(self.active.step)
        return self.text(f"{lesson.number} {lesson.title} › {step.title}")

    def activity(self) -> str:
        """What runs and for how long, in one line; empty when nothing does."""
        name = self.running
        if not name:
            return ""
        if self.stopping:
            return f"■ {name} · stopping…"
        seconds = self.verb_seconds if self.active is None else self.active.seconds
        return f"◐ {name} · {seconds:.0f} s · x stops it"

    async def _run_step(self, run: StepRun, **how: Any) -> None:
        assert self.parts is not None
        events = self.parts.runner.run(run.step, confirm=self._confirm, **how)
        telling = _Telling(lambda: self.publish(messages.RunProgressed))
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    run.take(event)
                    if isinstance(event, CommandEnded):
                        self.refresh()
                        telling.now()
                    elif isinstance(event, ChecksSeen):
                        self.results[run.step] = event.results
                        telling.now()
                    if telling.soon() or not run.buffer.total % 64:
                        # A generator that always has something to give must not keep the keys waiting.
                        await asyncio.sleep(0)
        except asyncio.CancelledError:
            run.end("stopped", "")
        except LabError as error:
            run.end("failed", str(error))
        except Exception as error:
            log.exception("step %s", run.step)
            run.end("failed", f"{type(error).__name__}: {error}; more in the log.")
        telling.close()
        if run.active:
            run.end("failed", "The step ended without a result.")
        self.active = None
        outcome = run.outcome or "failed"
        self.refresh()
        self._states_changed()
        self.publish(lambda: messages.RunFinished(run.step, outcome))
        self.look_soon(None)

    async def _confirm(self, diff: str) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.publish(lambda: messages.ConfirmationAsked(diff, answer))
        return await answer

    def run_verb(self, name: str, verb: Callable[[], Verb]) -> bool:
        """Start a verb of the lab; False (and a notice) when that cannot be now."""
        if refusal := self.refusal():
            self.notice(refusal, "warning")
            return False
        self.stopping = False
        self.verb, self.verb_output, self.verb_ended = name, OutputBuffer(), None
        self._verb_started = time.monotonic()
        self._work = asyncio.create_task(self._run_verb(verb), name=f"lab {name}")
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

    async def _run_verb(self, verb: Callable[[], Verb]) -> None:
        started = self._verb_started
        telling = _Telling(lambda: self.publish(messages.VerbProgressed))
        try:
            async with contextlib.aclosing(verb()) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Output):
                        self.verb_output.feed(piece.text)
                    else:
                        self.verb_ended = piece
                    if telling.soon():
                        await asyncio.sleep(0)
            ended = self.verb_ended or Ended("exited", 0, time.monotonic() - started)
        except asyncio.CancelledError:
            ended = Ended("stopped", None, time.monotonic() - started)
        except LabError as error:
            self.verb_output.feed(f"\n{error}\n")
            ended = Ended("exited", 1, time.monotonic() - started)
        except Exception as error:
            log.exception("lab %s", self.verb)
            self.verb_output.feed(f"\n{type(error).__name__}: {error}; more in the log.\n")
            ended = Ended("exited", 1, time.monotonic() - started)
        telling.close()
        self.verb_output.close()
        self.verb_ended = ended
        self.refresh()
        self.publish(messages.VerbFinished)
        self.look_soon(None)
