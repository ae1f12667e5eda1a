"""What the session says in words: what is no longer true, and lesson text in the lab's own names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pghalab.cluster.model import Patroni
from pghalab.course.events import CheckResult, StepState
from pghalab.course.localise import Names
from pghalab.course.model import Course, Step
from pghalab.course.placeholders import fill

Results = Mapping[str, Sequence[CheckResult]]


def broken_lines(
    course: Course | None, states: Mapping[str, StepState], results: Results, text: Callable[[str], str]
) -> list[str]:
    """What was true once and is no longer, a line for each step."""
    lines = []
    for lesson in course.lessons if course is not None else ():
        for step in lesson.steps:
            if states.get(step.id) == "broken":
                lines.append(text(_why(step, f"{lesson.number} {lesson.title}", results)))
    return lines


def _why(step: Step, lesson: str, results: Results) -> str:
    bad = [result for result in results.get(step.id, ()) if not result.ok]
    if not bad:
        return f"{lesson}: “{step.title}” no longer holds."
    first = bad[0]
    where = f" on {first.node}" if first.node else ""
    return f"{first.check}{where}: saw {first.saw} (“{step.title}”, lesson {lesson})"


def lesson_text(text: str, names: Names, patroni: Patroni | None) -> str:
    """Text of a lesson in the lab's own names, with what the cluster answers put in."""
    view = patroni.value if patroni is not None else None
    leader = view.leader if view is not None else None
    members = view.members if view is not None else ()
    replica = next((member.name for member in members if member.name != leader), None)
    answers = {
        "leader": leader or "the leader",
        "replica": replica or "a replica",
        "auth_method": names.auth_method,
    }
    return fill(names.text(text), answers)
