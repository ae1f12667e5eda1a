"""What is wrong, the gravest first: with the cluster by its own word, then with what the learner did once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pghalab.course.events import CheckResult, StepState
from pghalab.course.model import Course, Lesson, Step
from pghalab.values import dataclass

Results = Mapping[str, Sequence[CheckResult]]

_CONTENTS = ("path", "yaml", "emptied", "resolves", "output")
"""Checks of what stands somewhere: a difference there stops nothing by itself."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A step that was done once and no longer is."""

    step: str
    """Its id."""
    text: str
    """What no longer holds, in words."""


def broken_steps(
    course: Course, states: Mapping[str, StepState], results: Results, text: Callable[[str], str]
) -> list[Broken]:
    """Every broken step, in the order in which they are worth mending.

    Required steps come before optional ones, what no longer runs before what only stands otherwise in a file, and
    causes before effects: the course builds upwards, so that an earlier step is the cause of a later one. A step
    whose checks nobody could look at is not among them.
    """
    found = [
        (_rank(lesson, step), lesson, step)
        for lesson in course.lessons
        for step in lesson.steps
        if states.get(step.id) == "broken" and not unknown(results.get(step.id, ()))
    ]
    found.sort(key=lambda one: one[0])
    return [Broken(step.id, text(_why(lesson, step, results.get(step.id, ())))) for _, lesson, step in found]


def unknown(results: Sequence[CheckResult]) -> bool:
    """Nobody could look: whatever does not hold is only not known."""
    bad = [result for result in results if not result.ok]
    return bool(bad) and not any(result.known for result in bad)


def _rank(lesson: Lesson, step: Step) -> tuple[bool, bool]:
    only_contents = bool(step.checks) and all(spec.name in _CONTENTS for spec in step.checks)
    return lesson.optional or step.optional, only_contents


def _why(lesson: Lesson, step: Step, results: Sequence[CheckResult]) -> str:
    where = f"{lesson.number} {lesson.title}"
    bad = [result for result in results if not result.ok and result.known]
    if not bad:
        return f"{where}: “{step.title}” no longer holds."
    first = bad[0]
    on = f" on {first.node}" if first.node and first.node not in first.saw else ""
    return f"“{first.check}” no longer holds{on}: {first.saw} (“{step.title}”, lesson {where})"
