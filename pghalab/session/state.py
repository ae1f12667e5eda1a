"""What the console knows of one lab, and who is told when it changes."""

from __future__ import annotations

from collections import deque

from pghalab.cluster.cells import Line
from pghalab.cluster.headline import headline
from pghalab.cluster.model import ClusterEvent, Etcd, Nodes, Patroni
from pghalab.cluster.trouble import troubles
from pghalab.course.events import SETTLED, CheckResult, StepState
from pghalab.course.model import Course, Lesson, Step
from pghalab.lab.types import LabError
from pghalab.session.alerts import Broken, broken_steps
from pghalab.session.backend import Backend
from pghalab.session.events import Bus, NoticesChanged, StatesChanged
from pghalab.session.next_step import next_step
from pghalab.session.wording import done_by, lesson_text

EVENTS_KEPT = 500


class State:
    """One console's knowledge of one lab."""

    def __init__(self, lab_name: str) -> None:
        self.lab_name = lab_name
        self.bus = Bus()
        self.read_only = False
        self.driver = ""
        self.backend: Backend | None = None
        self.trouble: LabError | None = None
        self.course: Course | None = None
        self.steps: dict[str, StepState] = {}
        """The state of each step, by its id."""
        self.results: dict[str, tuple[CheckResult, ...]] = {}
        """What the checks of each step saw last."""
        self.seen_broken: set[str] = set()
        """The steps that two looks in a row found broken: one look may have come while things were changing."""
        self.nodes: Nodes | None = None
        self.etcd: Etcd | None = None
        self.patroni: Patroni | None = None
        self.events: deque[ClusterEvent] = deque(maxlen=EVENTS_KEPT)
        self.paused = False
        self.shown = ""
        """The id of the step on the screen; empty when none is."""
        self.own_notices: list[str] = []
        """What is wrong with the settings of the person."""
        self._noticed: list[str] = []

    # What is wrong

    @property
    def notices(self) -> list[str]:
        """What was found wrong with the lessons, the lab's files and its progress, as far as it is known now."""
        problems = self.course.problems if self.course is not None else ()
        found = self.backend.notices if self.backend is not None else ()
        return [*(f"A lesson is left out: {problem}" for problem in problems), *self.own_notices, *found]

    def remember_notices(self) -> None:
        """Take what is wrong by now as told."""
        self._noticed = self.notices

    def tell_notices(self) -> None:
        """Tell what was found wrong since the last time."""
        before = self._noticed
        self.remember_notices()
        new = tuple(notice for notice in self._noticed if notice not in before)
        if new:
            self.bus.publish(NoticesChanged(new))

    def broken(self) -> list[Broken]:
        """The steps that were done once and no longer are, the gravest first."""
        if self.course is None:
            return []
        return broken_steps(self.course, self.steps, self.results, self.text)

    def grave(self) -> list[str]:
        """What is wrong with the cluster itself and cannot wait, the gravest first."""
        return [one.text for one in troubles(self.nodes, self.etcd, self.patroni) if one.severity == "critical"]

    # The course

    def why_past(self, step_id: str) -> str:
        """Why a step is past, in words; empty when it is not, or nobody knows yet."""
        if self.backend is None or self.course is None or self.steps.get(step_id) != "past":
            return ""
        by = self.backend.runner.replaced_by(step_id)
        return (
            self.text(f"“{self.course.step(by).title}” replaced its effect")
            if by
            else self.backend.runner.needless(step_id)
        )

    def done_by(self, step_id: str) -> str:
        """By what a step is done, in words, where that is known; empty otherwise."""
        if self.backend is None or self.steps.get(step_id) != "done":
            return ""
        return done_by(*self.backend.runner.by(step_id))

    def settled(self, step_id: str) -> bool:
        """Nothing is left to do in a step, by a look: what is only remembered or was seen not to hold is not."""
        state, seen = self.steps.get(step_id, "todo"), self.results.get(step_id)
        if state not in SETTLED or seen is None:
            return False
        return state == "past" or not any(result.verdict == "fails" for result in seen)

    @property
    def recorded(self) -> str:
        """What is shown in the place of a lab, when it is a recording, in one line; empty for a real lab."""
        shown = self.backend.recorded if self.backend is not None else None
        return shown.title if shown is not None else ""

    def headline(self, trouble: str) -> Line:
        """The lab's condition in one line, or what stands in the way of seeing it."""
        nothing = "nothing recorded yet" if self.recorded else "looking…"
        return headline(self.lab_name, self.nodes, self.etcd, self.patroni, trouble, self.paused, nothing)

    @property
    def without_engine(self) -> bool:
        """No engine answers: nothing but a recording can be shown."""
        return self.backend is not None and self.backend.lab.no_engine is not None

    @property
    def opening(self) -> bool:
        """It is not known yet what was done, and nothing stands in the way of knowing it soon."""
        return self.backend is None and self.trouble is None

    @property
    def at(self) -> str:
        """The step on the screen, or what was there last: a menu may be in front of it; empty when none ever was."""
        if self.shown or self.backend is None or self.course is None:
            return self.shown
        last = self.backend.runner.last
        return last if any(step.id == last for step in self.course.steps) else ""

    def next_step(self) -> tuple[Lesson, Step] | None:
        """Where to go on; None when there is nothing left to do."""
        if self.course is None:
            return None
        runner = self.backend.runner if self.backend is not None else None
        return next_step(self.course, self.steps, runner.last if runner else "", runner.skipped if runner else ())

    def text(self, text: str) -> str:
        """Text of a lesson in the lab's own names, with what the cluster answers put in."""
        return text if self.backend is None else lesson_text(text, self.backend.runner.names, self.patroni)

    def take_steps(self) -> None:
        """Take over the states that the runner knows, a broken one once it is sure, and tell so."""
        assert self.backend is not None
        said = self.steps
        self.steps = {
            step: said.get(step, "todo") if state == "broken" and step not in self.seen_broken else state
            for step, state in self.backend.runner.states.items()
        }
        self.bus.publish(StatesChanged())
