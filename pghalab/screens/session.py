"""What the console knows and does, apart from any screen: screens ask it, and listen for its messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from pghalab.lab.types import LabError
from pghalab.screens import messages
from pghalab.screens.parts import Connect, Parts
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
        read_only: bool = False,
        connect: Connect | None = None,
        lessons: Path | None = None,
    ) -> None:
        super().__init__(lab_name, read_only=read_only)
        self._connect = connect
        self._lessons = lessons
        self._tasks: set[asyncio.Task[None]] = set()

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

    # The cluster

    def _take_update(self, update: Any) -> None:
        source, value = update
        if source == "event":
            self.events.append(value)
            self.look_soon(None)
        else:
            setattr(self, source, value)
        self.publish(lambda: messages.ClusterSeen(source))

    def pause(self, paused: bool) -> None:
        """Let the monitor stop looking, or go on."""
        self.paused = paused
        if self._monitor is not None:
            self._monitor.pause(paused)

    # The learner

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
