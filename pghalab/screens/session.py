"""What the console knows and does, apart from any screen: screens ask it, and listen for its messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

from pghalab.cluster.model import ClusterEvent, Etcd, Nodes, Patroni
from pghalab.course.events import CheckResult, ChecksSeen, CommandEnded, StepState
from pghalab.course.model import Course
from pghalab.lab.types import Ended, LabError, Output
from pghalab.screens import messages
from pghalab.screens.messages import SessionMessage
from pghalab.screens.parts import Connect, MonitorParts, Parts, Verb
from pghalab.screens.wording import broken_lines, lesson_text
from pghalab.widgets.output import OutputBuffer
from pghalab.widgets.steprun import StepRun

log = logging.getLogger(__name__)

PAINT_EVERY = 0.1
"""Seconds between two repaints of a stream of output."""
SETTLE = 1.5
"""Seconds without a change of the cluster after which the checks are looked at again."""
RETRY = 5.0
"""Seconds between two tries to reach the engine."""
EVENTS_KEPT = 500

Listener = Callable[[SessionMessage], object]


class Session:
    """One console's view of one lab; lives in the event loop of the app and never touches a widget."""

    def __init__(
        self,
        lab_name: str,
        *,
        read_only: bool = False,
        connect: Connect | None = None,
        lessons: Path | None = None,
    ) -> None:
        self.lab_name = lab_name
        self.read_only = read_only
        self.driver = ""
        self.parts: Parts | None = None
        self.trouble: LabError | None = None
        self.course: Course | None = None
        self.states: dict[str, StepState] = {}
        self.results: dict[str, tuple[CheckResult, ...]] = {}
        self.nodes: Nodes | None = None
        self.etcd: Etcd | None = None
        self.patroni: Patroni | None = None
        self.events: deque[ClusterEvent] = deque(maxlen=EVENTS_KEPT)
        self.notices: list[str] = []
        self.runs: dict[str, StepRun] = {}
        self.active: StepRun | None = None
        self.verb = ""
        self.verb_output = OutputBuffer()
        self.verb_ended: Ended | None = None
        self._verb_started = 0.0
        self._connect = connect
        self._lessons = lessons
        self._monitor: MonitorParts | None = None
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._work: asyncio.Task[None] | None = None
        self._look: asyncio.Task[None] | None = None
        self._look_at: set[str] | None = set()
        self._look_when = 0.0
        self.paused = False

    # Listening

    def listen(self, listener: Listener) -> None:
        """Send every message to this listener too."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Send this listener nothing more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def publish(self, make: Callable[[], SessionMessage]) -> None:
        """Send each listener a message of its own."""
        for listener in tuple(self._listeners):
            listener(make())

    def notice(self, text: str, severity: messages.Severity = "information") -> None:
        """Tell the learner something."""
        self.publish(lambda: messages.Noticed(text, severity))

    # Opening and closing

    async def open(self) -> None:
        """Read the course, then connect to the lab, as often as it takes; returns once it is connected."""
        await self.read_course()
        while self.parts is None:
            try:
                await self._open_parts()
            except LabError as error:
                self._set_trouble(error)
                await asyncio.sleep(RETRY)

    async def read_course(self) -> None:
        """Read the lessons; raises LabError."""
        from pghalab.course.load import load_course

        self.course = await asyncio.to_thread(load_course, self._lessons)
        self.notices += [f"A lesson is left out: {problem}" for problem in self.course.problems]
        self.publish(messages.CourseRead)

    async def _open_parts(self) -> None:
        assert self.course is not None
        if self._connect is None:
            from pghalab.screens.connect import connect

            self._connect = connect
        parts = await self._connect(self.lab_name, self.course, self.read_only)
        self.parts = parts
        self.driver = parts.driver
        self.read_only = self.read_only or bool(parts.driver)
        self.notices += parts.notices
        self.states = dict(parts.runner.states)
        self.publish(messages.LabOpened)
        self._spawn(self._watch(parts), "watch")
        self._spawn(self._keep_open(parts), "open")
        if parts.driver and self.read_only:
            self._spawn(self._wait_for_driver(parts), "waiting for the driver")

    async def _keep_open(self, parts: Parts) -> None:
        while True:
            try:
                await parts.lab.open()
            except LabError as error:
                self._set_trouble(error)
                await asyncio.sleep(RETRY)
            else:
                self._set_trouble(None)
                self.look_soon(None, 0)
                return

    async def _wait_for_driver(self, parts: Parts) -> None:
        """Tell when the console that drives has gone."""
        # Another process drops a lock on a file without a word.
        while await asyncio.to_thread(parts.driven):  # noqa: ASYNC110
            await asyncio.sleep(RETRY)
        self.driver = "Nobody drives the lab now: T takes over."
        self.notice(self.driver)
        self.publish(messages.LabOpened)

    async def take_over(self) -> None:
        """Drive the lab from here, if no other console does; else stay read-only and say who drives."""
        if not self.read_only or self.parts is None:
            self.notice("This console drives the lab already." if self.parts else self.refusal())
            return
        await self.close()
        self.parts, self.read_only, self.driver = None, False, ""
        await self.open()
        self.notice(f"Still read-only. {self.driver}" if self.read_only else "This console drives the lab now.")

    async def _watch(self, parts: Parts) -> None:
        self._monitor = parts.monitor(self._take_update)
        self._monitor.pause(self.paused)
        await self._monitor.run()

    def _set_trouble(self, error: LabError | None) -> None:
        if str(error) != str(self.trouble):
            self.trouble = error
            self.publish(messages.TroubleChanged)

    async def close(self) -> None:
        """Stop what runs, close the lab, let another console drive."""
        tasks = [task for task in (self._work, self._look, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.parts is not None:
            try:
                await self.parts.lab.close()
            except (LabError, OSError):
                log.exception("closing the lab")
            self.parts.release()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(self._guarded(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """A fault in the background is told and logged, and ends nothing else."""
        try:
            await work
        except LabError as error:
            self.notice(str(error), "error")
        except Exception as error:
            log.exception("%s failed", name)
            self.notice(f"{name}: {type(error).__name__}: {error}; more in the log.", "error")

    # The cluster

    def _take_update(self, update: Any) -> None:
        source, value = update
        if source == "event":
            self.events.append(value)
            self.look_soon(None)
        else:
            setattr(self, source, value)
        self.publish(lambda: messages.ClusterSeen(source))

    def refresh(self) -> None:
        """Let the monitor look now."""
        if self._monitor is not None:
            self._monitor.refresh()

    def pause(self, paused: bool) -> None:
        """Let the monitor stop looking, or go on."""
        self.paused = paused
        if self._monitor is not None:
            self._monitor.pause(paused)

    # The states of the steps

    def look_soon(self, step_ids: Iterable[str] | None, delay: float = SETTLE) -> None:
        """Look at the checks of these steps (None: all) once the cluster has been quiet for `delay` seconds."""
        if self.parts is None:
            return
        self._look_at = None if step_ids is None or self._look_at is None else self._look_at | set(step_ids)
        self._look_when = time.monotonic() + delay
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._guarded(self._look_when_quiet(), "looking at the checks"))

    async def _look_when_quiet(self) -> None:
        while self._look_at != set():
            # Every change of the cluster meanwhile moves the moment on.
            while (wait := self._look_when - time.monotonic()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
            if self._work is not None and not self._work.done():
                await asyncio.wait([self._work])
            wanted, self._look_at = self._look_at, set()
            assert self.parts is not None
            seen = await self.parts.runner.evaluate(None if wanted is None else sorted(wanted))
            self.results.update({step: tuple(status.results) for step, status in seen.items()})
            self._states_changed()

    def _states_changed(self) -> None:
        assert self.parts is not None
        self.states = dict(self.parts.runner.states)
        self.publish(messages.StatesChanged)

    def broken(self) -> list[str]:
        """What was true once and is no longer, in words."""
        return broken_lines(self.course, self.states, self.results, self.text)

    def text(self, text: str) -> str:
        """Text of a lesson in the lab's own names, with what the cluster answers put in."""
        return text if self.parts is None else lesson_text(text, self.parts, self.patroni)

    def mark_read(self, step_id: str) -> None:
        """The learner read a step."""
        if self.parts is not None and not self.read_only and self.states.get(step_id) != "done":
            self.parts.runner.mark_read(step_id)
            self._states_changed()

    def skip(self, step_id: str) -> None:
        """The learner leaves a step out."""
        if self.parts is not None and not self.read_only:
            self.parts.runner.skip(step_id)
            self._states_changed()

    def answer(self, step_id: str, choice: int) -> bool:
        """The learner answered a question; True when it is right."""
        if self.parts is None or self.read_only:
            question = self.course.step(step_id).question if self.course else None
            return question is not None and question.right == choice
        right = self.parts.runner.answer(step_id, choice)
        self._states_changed()
        return right

    @property
    def busy(self) -> bool:
        """A step or a verb runs."""
        return self._work is not None and not self._work.done()

    def refusal(self) -> str:
        """Why nothing may be changed now; empty when it may."""
        if self.read_only:
            return f"This console only looks. {self.driver or 'It was started read-only.'}"
        if self.parts is None:
            return str(self.trouble or "The lab is still being opened.")
        return "Something is running already; stop it first (x)." if self.busy else ""

    def run_step(
        self, step_id: str, *, command: str | None = None, again: bool = False, elsewhere: bool = False
    ) -> bool:
        """Start a step, `elsewhere` on the next free subnet; False (and a notice) when that cannot be now."""
        if refusal := self.refusal():
            self.notice(refusal, "warning")
            return False
        fails = self.course is not None and self.course.step(step_id).fails
        self.active = self.runs[step_id] = StepRun(step_id, fails=fails)
        work = self._run_step(self.active, command=command, again=again, elsewhere=elsewhere)
        self._work = asyncio.create_task(work, name=f"step {step_id}")
        return True

    def stop(self) -> None:
        """End the step or the verb that runs, with every process it started."""
        if self._work is not None and not self._work.done():
            self._work.cancel()

    async def _run_step(self, run: StepRun, **how: Any) -> None:
        assert self.parts is not None
        events = self.parts.runner.run(run.step, confirm=self._confirm, **how)
        painted = 0.0
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    run.take(event)
                    if isinstance(event, CommandEnded):
                        self.refresh()
                    elif isinstance(event, ChecksSeen):
                        self.results[run.step] = event.results
                    if (now := time.monotonic()) - painted >= PAINT_EVERY:
                        painted = now
                        self.publish(messages.RunProgressed)
                        # A generator that always has something to give must not keep the keys waiting.
                        await asyncio.sleep(0)
                    elif not run.buffer.total % 64:
                        await asyncio.sleep(0)
        except asyncio.CancelledError:
            run.end("stopped", "")
        except LabError as error:
            run.end("failed", str(error))
        except Exception as error:
            log.exception("step %s", run.step)
            run.end("failed", f"{type(error).__name__}: {error}; more in the log.")
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
        self.verb, self.verb_output, self.verb_ended = name, OutputBuffer(), None
        self._verb_started = time.monotonic()
        self._work = asyncio.create_task(self._run_verb(verb), name=f"lab {name}")
        return True

    @property
    def verb_seconds(self) -> float:
        """How long the verb that runs has taken."""
        return time.monotonic() - self._verb_started

    async def _run_verb(self, verb: Callable[[], Verb]) -> None:
        painted = started = self._verb_started
        try:
            async with contextlib.aclosing(verb()) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Output):
                        self.verb_output.feed(piece.text)
                    else:
                        self.verb_ended = piece
                    if (now := time.monotonic()) - painted >= PAINT_EVERY:
                        painted = now
                        self.publish(messages.VerbProgressed)
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
        self.verb_output.close()
        self.verb_ended = ended
        self.refresh()
        self.publish(messages.VerbFinished)
        self.look_soon(None)
