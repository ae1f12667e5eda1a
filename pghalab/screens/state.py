"""What the console knows, and who is told when it changes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from pghalab.cluster.model import ClusterEvent, Etcd, Nodes, Patroni
from pghalab.course.events import CheckResult, StepState
from pghalab.course.model import Course, Lesson, Step
from pghalab.lab.types import LabError
from pghalab.screens import messages
from pghalab.screens.messages import SessionMessage
from pghalab.screens.parts import MonitorParts, Parts
from pghalab.screens.way_on import way_on
from pghalab.screens.wording import broken_lines, lesson_text

log = logging.getLogger(__name__)

EVENTS_KEPT = 500

Listener = Callable[[SessionMessage], object]


class State:
    """One console's knowledge of one lab."""

    def __init__(self, lab_name: str) -> None:
        self.lab_name = lab_name
        self.read_only = False
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
        self.paused = False
        self._monitor: MonitorParts | None = None
        self._listeners: list[Listener] = []
        self._noticed: list[str] = []
        self._work: asyncio.Task[None] | None = None

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

    @property
    def notices(self) -> list[str]:
        """What was found wrong with the lessons, the lab's files and its progress, as far as it is known now."""
        problems = self.course.problems if self.course is not None else ()
        found = self.parts.notices() if self.parts is not None else ()
        return [*(f"A lesson is left out: {problem}" for problem in problems), *found]

    def tell_notices(self) -> None:
        """Tell what was found wrong since the last time."""
        before, self._noticed = self._noticed, self.notices
        new = tuple(notice for notice in self._noticed if notice not in before)
        if new:
            self.publish(lambda: messages.NoticesChanged(new))

    async def _guarded(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """A fault in the background is told and logged, and ends nothing else."""
        try:
            await work
        except LabError as error:
            self.notice(str(error), "error")
        except Exception as error:
            log.exception("%s failed", name)
            self.notice(f"{name}: {type(error).__name__}: {error}; more in the log.", "error")

    def refresh(self) -> None:
        """Let the monitor look now."""
        if self._monitor is not None:
            self._monitor.refresh()

    def broken(self) -> list[str]:
        """What was true once and is no longer, in words."""
        return broken_lines(self.course, self.states, self.results, self.text)

    @property
    def broken_steps(self) -> list[str]:
        """The ids of the steps that were done once and no longer are, in order."""
        lessons = self.course.lessons if self.course is not None else ()
        return [step.id for lesson in lessons for step in lesson.steps if self.states.get(step.id) == "broken"]

    @property
    def opening(self) -> bool:
        """It is not known yet what was done, and nothing stands in the way of knowing it soon."""
        return self.parts is None and self.trouble is None

    def way_on(self) -> tuple[Lesson, Step] | None:
        """Where to go on; None when there is nothing left to do."""
        if self.course is None:
            return None
        runner = self.parts.runner if self.parts is not None else None
        return way_on(self.course, self.states, runner.last if runner else "", runner.skipped if runner else ())

    def text(self, text: str) -> str:
        """Text of a lesson in the lab's own names, with what the cluster answers put in."""
        return text if self.parts is None else lesson_text(text, self.parts, self.patroni)

    @property
    def busy(self) -> bool:
        """A step or a verb runs."""
        return self._work is not None and not self._work.done()
