"""What a show consists of: the steps of some lessons, in the order of the course, with the time that is planned."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from pghalab.course.kinds import EVERY_NODE
from pghalab.course.model import Course, Lesson, Step
from pghalab.course.timing import planned
from pghalab.lab.types import LabError
from pghalab.values import dataclass


@dataclass(frozen=True)
class Program:
    """The lessons of a show."""

    course: Course
    lessons: tuple[Lesson, ...]

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step, in order."""
        return tuple(step for lesson in self.lessons for step in lesson.steps)

    @cached_property
    def _planned(self) -> dict[str, float]:
        return {step: seconds for lesson in self.lessons for step, seconds in planned(lesson).items()}

    def planned_from(self, at: int) -> float:
        """Seconds that are planned for a step, by its place, and all that follow."""
        return sum(self._planned[step.id] for step in self.steps[at:])

    def follows(self, at: int) -> bool:
        """Whether nothing of the course lies between a step, by its place, and the one before it in the show."""
        whole = self.course.steps
        return at > 0 and whole.index(self.steps[at]) == whole.index(self.steps[at - 1]) + 1

    def find(self, place: str) -> int | None:
        """Where a lesson begins, or a step is, by its id; None when the show does not have it."""
        lesson = next((each for each in self.lessons if each.id == place), None)
        wanted = lesson.steps[0].id if lesson is not None else place
        return next((at for at, step in enumerate(self.steps) if step.id == wanted), None)

    def with_lesson(self, lesson: Lesson) -> Program:
        """The same with one lesson more."""
        return Program(self.course, tuple(each for each in self.course.lessons if each in (*self.lessons, lesson)))


def chosen(course: Course, words: Sequence[str]) -> Program:
    """The show of these lessons, by their ids or numbers, by default of all; raises LabError for what is none."""
    found: list[Lesson] = []
    for word in words:
        lesson = next((each for each in course.lessons if word in (each.id, str(each.number))), None)
        if lesson is None:
            known = ", ".join(f"{each.number} {each.id}" for each in course.lessons)
            raise LabError(f"The course has no lesson `{word}`.", todo=f"Lessons: {known}", kind="bad-value")
        found.append(lesson)
    lessons = tuple(each for each in course.lessons if each in found or not words)
    if not lessons:
        raise LabError("No lesson could be read.", todo="pghalab lint says what is wrong.", kind="bad-value")
    return Program(course, lessons)


def onward(course: Course, step: Step) -> Program:
    """The show from the lesson of a step to the end of the course."""
    at = course.lessons.index(course.lesson_of(step.id))
    return Program(course, course.lessons[at:])


def is_typed(step: Step) -> bool:
    """Whether its command is typed into one shell; what runs on every node, or on none, is run by the console."""
    card = step.kind.card
    return card is not None and card.copyable and step.kind.where.node != EVERY_NODE
