"""What the console knows and does, apart from any screen: screens ask it, and listen for its messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from pghalab.course.kinds import Question
from pghalab.lab.types import LabError
from pghalab.screens import messages
from pghalab.screens.parts import Connect, Parts, RunnerParts
from pghalab.screens.working import Working

log = logging.getLogger(__name__)

RETRY = 5.0
"""Seconds between two tries to reach the engine."""


class Session(Working):
    """One console's view of one lab; lives in the event loop of the app and never touches a widget."""

    def __init__(
        self,
        lab_name: str,
        *,
        connect: Connect | None = None,
        lessons: Path | None = None,
    ) -> None:
        super().__init__(lab_name)
        self._connect = connect
        self._lessons = lessons
        self._tasks: set[asyncio.Task[None]] = set()
        self._taking_over = False
        self._meanwhile: list[Callable[[RunnerParts], object]] = []
        """What the learner did before the runner was there."""

    # Opening and closing

    async def open(self) -> None:
        """Read the course, then connect to the lab, as often as it takes; returns once it is connected."""
        if self.course is None:
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
        self._noticed = self.notices
        self.publish(messages.CourseRead)

    async def _open_parts(self) -> None:
        assert self.course is not None
        if self._connect is None:
            from pghalab.screens.connect import connect

            self._connect = connect
        parts = await self._connect(self.lab_name, self.course)
        self.parts = parts
        self.driver = parts.driver
        self.read_only = bool(parts.driver)
        meanwhile, self._meanwhile = self._meanwhile, []
        for tell in meanwhile if not self.read_only else ():
            tell(parts.runner)
        self._noticed = self.notices
        self.states = dict(parts.runner.states)
        self.publish(messages.LabOpened)
        self._spawn(self._watch(parts), "watch")
        self._spawn(self._keep_open(parts), "open")
        self._spawn(self._look_regularly(), "looking at the checks")
        if parts.driver:
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
                self.tell_notices()
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
        if self._taking_over or self.parts is None:
            self.notice(str(self.trouble or "The lab is still being opened."))
            return
        if not self.read_only:
            self.notice("This console drives the lab already.")
            return
        self._taking_over = True
        try:
            await self.close()
            self.parts, self.read_only, self.driver = None, False, ""
            await self.open()
        finally:
            self._taking_over = False
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
        if not self.stopping:
            self.stop()
        tasks = [task for task in (self._look, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        if self._work is not None:
            tasks.append(self._work)
        if tasks:
            await asyncio.wait(tasks)
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

    # The cluster

    def _take_update(self, update: Any) -> None:
        source, value = update
        if source == "event":
            self.events.append(value)
            self.look_soon(None)
        else:
            setattr(self, source, value)
        self.tell_notices()
        self.publish(lambda: messages.ClusterSeen(source))

    def pause(self, paused: bool) -> None:
        """Let the monitor stop looking, or go on."""
        self.paused = paused
        if self._monitor is not None:
            self._monitor.pause(paused)

    # The learner

    def _tell_runner(self, tell: Callable[[RunnerParts], object]) -> None:
        """Tell the runner what the learner did: now, or once it is there."""
        if self.parts is None:
            self._meanwhile.append(tell)
        elif not self.read_only:
            tell(self.parts.runner)

    def _learned(self, step_id: str, tell: Callable[[RunnerParts], object], *, done: bool) -> None:
        self._tell_runner(tell)
        if self.parts is not None:
            self._states_changed()
        elif done:
            self.states[step_id] = "done"
            self.publish(messages.StatesChanged)

    def visit(self, step_id: str) -> None:
        """A step is on the screen: look at its checks, and go on from there another time."""
        self.shown = step_id
        self._tell_runner(lambda runner: runner.visit(step_id))
        self.look_soon([step_id], 0)

    def mark_read(self, step_id: str) -> None:
        """The learner read a step."""
        if not self.read_only and self.states.get(step_id) != "done":
            self._learned(step_id, lambda runner: runner.mark_read(step_id), done=True)

    def skip(self, step_id: str) -> None:
        """The learner leaves a step out."""
        self._learned(step_id, lambda runner: runner.skip(step_id), done=False)

    def answer(self, step_id: str, choice: int) -> bool:
        """The learner answered a question; True when it is right."""
        question = self.course.step(step_id).kind if self.course else None
        right = isinstance(question, Question) and question.right == choice
        self._learned(step_id, lambda runner: runner.answer(step_id, choice), done=right)
        return right

    def begin_again(self) -> bool:
        """Forget the progress, and leave the lab as it is; False (and a notice) when that cannot be now."""
        if (refusal := self.refusal()) or self.parts is None or self.course is None:
            self.notice(refusal, "warning")
            return False
        self.parts.runner.reset([step.id for lesson in self.course.lessons for step in lesson.steps])
        self.runs.clear()
        self.results.clear()
        self._states_changed()
        self.look_soon(None, 0)
        return True
