"""What of a journal is told, and how its steps are called."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from pghalab.cluster.model import ClusterEvent
from pghalab.course.journal import Journal
from pghalab.course.journal.kinds import Versions
from pghalab.course.journal.story import Act, Told, printed, read_story
from pghalab.course.kinds import EVERY_NODE
from pghalab.course.localise import Names
from pghalab.course.model import Course, Lesson, Step
from pghalab.lab.types import LabError
from pghalab.redact import Secrets
from pghalab.text import clean, one_line
from pghalab.values import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """A part of the journal of one lab, with all that it takes to tell it."""

    lab: str
    names: Names
    course: Course
    told: tuple[Told, ...]
    """Oldest first."""
    journal: Journal
    secrets: Secrets
    versions: Versions | None = None
    before: int = 0
    """How many commands of earlier nodes are left out."""
    created: float = 0.0
    """When the nodes were made, as far as that was seen and is told; 0 when it was not."""
    _steps: Mapping[str, tuple[Lesson, Step]] = field(default_factory=dict)

    @property
    def acts(self) -> list[Act]:
        """The commands that were run and typed."""
        return [one for one in self.told if isinstance(one, Act) and one.command]

    @property
    def events(self) -> list[ClusterEvent]:
        """What happened in the cluster."""
        return [one for one in self.told if isinstance(one, ClusterEvent)]

    def lesson(self, step: str) -> Lesson | None:
        """The lesson of a step; None when this course has no such step."""
        return self._steps[step][0] if step in self._steps else None

    def lesson_title(self, step: str) -> str:
        """`7 Configuring etcd`; empty for a step of no lesson."""
        lesson = self.lesson(step)
        return "" if lesson is None else f"{lesson.number} {self.names.text(lesson.title)}"

    def title(self, step: str) -> str:
        """The title of a step in the lab's names; its id when this course does not have it."""
        return self.names.text(self._steps[step][1].title) if step in self._steps else self.text(step)

    def text(self, text: str) -> str:
        """Any text of the journal in one line: clean, and without secrets."""
        return self.secrets.removed(one_line(text))

    def plain(self, value: Any) -> Any:
        """A value as JSON has it, of which every text is clean and without secrets."""
        if isinstance(value, str):
            return self.secrets.removed(clean(value))
        if isinstance(value, dict):
            return {self.text(key): self.plain(each) for key, each in value.items()}
        return [self.plain(each) for each in value] if isinstance(value, list) else value

    def command(self, act: Act) -> str:
        """A command as it was run."""
        return self.secrets.removed(clean(act.command)).strip("\n")

    def output(self, act: Act) -> str:
        """What an act printed; the middle of a long output is left out."""
        return printed(self.journal, act, self.secrets)

    def where(self, act: Act) -> tuple[str, str]:
        """As whom and where, for a sentence: `postgres`, `pgha1`; both empty for what was done to the lab itself."""
        node = "every node" if act.node == EVERY_NODE else self.text(act.node)
        return self.text(act.user), node


def account(
    lab: str,
    names: Names,
    course: Course,
    journal: Journal,
    password: str,
    *,
    since: str = "",
    until: str = "",
    whole: bool = False,
) -> Account:
    """What a lab's journal tells of its present nodes, or of all there ever were when `whole`.

    `since` and `until` are lessons or times, and belong to it; raises LabError for what is neither.
    """
    steps = {step.id: (lesson, step) for lesson in course.lessons for step in lesson.steps}
    story = read_story(journal)
    told, before = story.told, 0
    if not whole and story.created:
        told = [one for one in told if one.at >= story.created]
        before = sum(isinstance(one, Act) and bool(one.command) and one.at < story.created for one in story.told)
    created = 0.0 if since else story.created
    chosen = tuple(_between(told, _place(course, since), _place(course, until, end=True), course))
    return Account(lab, names, course, chosen, journal, Secrets((password,)), story.versions, before, created, steps)


Place = int | float | None
"""A lesson by its number, a time, or none."""


def _place(course: Course, said: str, *, end: bool = False) -> Place:
    """The lesson or the time that is meant, of a day its end when that is asked for; raises LabError."""
    if not said:
        return None
    for lesson in course.lessons:
        if said in (lesson.id, str(lesson.number)):
            return lesson.number
    try:
        found = _time(said)
    except ValueError:
        known = ", ".join(lesson.id for lesson in course.lessons)
        raise LabError(
            f"{said!r} is neither a lesson nor a time.",
            todo=f"Times: 2026-01-31, '2026-01-31 14:05', 14:05 (today). Lessons: {known}.",
            kind="bad-value",
        ) from None
    if end:
        found += timedelta(days=1) if len(said) == len("2026-01-31") else timedelta(minutes=1)
    return found.timestamp()


def _time(said: str) -> datetime:
    """A time of today, of a day, or a day; raises ValueError."""
    try:
        clock = datetime.strptime(said, "%H:%M")
    except ValueError:
        return datetime.fromisoformat(said)
    return datetime.fromtimestamp(time.time()).replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)


def _between(told: Iterable[Told], since: Place, until: Place, course: Course) -> list[Told]:
    """What lies between two places; what belongs to no step goes by the time of what does."""
    chosen = list(told)
    if isinstance(since, float):
        chosen = [one for one in chosen if one.at >= since]
    if isinstance(until, float):
        chosen = [one for one in chosen if one.at < until]
    if not (isinstance(since, int) or isinstance(until, int)):
        return chosen
    first = since if isinstance(since, int) else min(lesson.number for lesson in course.lessons)
    last = until if isinstance(until, int) else max(lesson.number for lesson in course.lessons)
    wanted = {step.id for lesson in course.lessons if first <= lesson.number <= last for step in lesson.steps}
    of_lessons = [one for one in chosen if getattr(one, "step", "") in wanted]
    if not of_lessons:
        return []
    begin, end = of_lessons[0].at, max(one.at + getattr(one, "seconds", 0.0) for one in of_lessons)
    return [one for one in chosen if getattr(one, "step", "") in wanted or (_of_none(one) and begin <= one.at <= end)]


def _of_none(one: Told) -> bool:
    return not getattr(one, "step", "")


def stamp(at: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time of this machine."""
    return time.strftime(form, time.localtime(at))
