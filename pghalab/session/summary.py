"""What a course left behind: how much was done, and what was measured on the way."""

from __future__ import annotations

from collections.abc import Iterable

from pghalab.cluster.model import ClusterEvent
from pghalab.course.events import SETTLED
from pghalab.course.model import Course, Lesson
from pghalab.session.next_step import States, lesson_state
from pghalab.values import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """The course as it stands, and what its events tell."""

    lessons: tuple[tuple[Lesson, str, str], ...]
    """Each lesson, its state and the words for it."""
    left: int
    """Required steps that are left to do."""
    gaps: tuple[float, ...]
    """Seconds between a server that took no writes any more and the next that took them, as the monitor saw it."""
    leaders: int
    """How often another member led."""


def summary(course: Course, states: States, events: Iterable[ClusterEvent]) -> Summary:
    """Sum up a course and the events of its cluster, the oldest first."""
    lessons = tuple((lesson, *lesson_state(lesson, states)) for lesson in course.lessons)
    left = sum(
        states.get(step.id) not in SETTLED
        for lesson in course.lessons
        for step in lesson.steps
        if not lesson.optional and not step.optional
    )
    told = list(events)
    return Summary(lessons, left, tuple(_gaps(told)), sum(one.kind == "leader" and one.good for one in told))


def _gaps(events: Iterable[ClusterEvent]) -> Iterable[float]:
    since: float | None = None
    for event in events:
        if event.kind != "writes":
            continue
        if not event.good:
            since = event.at if since is None else since
        elif since is not None:
            yield max(0.0, event.at - since)
            since = None
