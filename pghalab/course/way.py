"""The way to a place in the course: the steps that make what it builds on, without those that only show something."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass

from pghalab.course.checks.output import CHECK as PRINTED
from pghalab.course.events import SETTLED
from pghalab.course.look import StepStatus
from pghalab.course.model import Course, Lesson, Step
from pghalab.course.runner import Runner


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a step."""

    to: Step
    steps: tuple[Step, ...]
    """What has to hold before, in the order in which it is made."""


def way(course: Course, place: str) -> Way:
    """The way to a lesson's beginning, or to a step, by its id; raises KeyError when the course has no such place.

    In it are the steps of the lessons that this one needs, and those before it in its own lesson. Optional ones are
    left out, and so is what only prints and is replaced by a later step of the way.
    """
    lesson = next((each for each in course.lessons if each.id == place), None)
    to = lesson.steps[0] if lesson is not None else course.step(place)
    lesson = lesson or course.lesson_of(place)
    needed = {each.id for each in _needed(course, lesson)}
    steps: list[Step] = []
    for each in course.lessons:
        if each.id == lesson.id:
            steps += each.steps[: each.steps.index(to)]
            break
        if each.id in needed:
            steps += each.steps
    acting = [step for step in steps if step.kind.acts and not step.optional]
    lasting = {step.id for step in acting if not step.reads_output}
    return Way(to, tuple(step for step in acting if not (step.reads_output and lasting & set(step.until))))


def _needed(course: Course, lesson: Lesson) -> list[Lesson]:
    """The lessons that one needs, directly or not."""
    by_id = {each.id: each for each in course.lessons}
    waiting = list(lesson.needs)
    for need in waiting:
        waiting += [each for each in by_id[need].needs if each not in waiting] if need in by_id else []
    return [by_id[need] for need in dict.fromkeys(waiting) if need in by_id]


async def look(runner: Runner, found: Way) -> Mapping[str, StepStatus]:
    """How the steps of the way stand now, by their ids."""
    return await runner.evaluate([step.id for step in found.steps])


def replaced(course: Course, found: Way, seen: Mapping[str, StepStatus]) -> list[tuple[Step, Step]]:
    """The steps of the way that a later one, not of the way, has replaced, each with that one: nothing leads back."""
    own = {step.id for step in found.steps}
    pairs = [(step, seen[step.id].replaced_by) for step in found.steps if seen[step.id].state == "past"]
    return [(step, course.step(by)) for step, by in pairs if by and by not in own]


async def ahead(
    runner: Runner, found: Way, seen: Mapping[str, StepStatus], without: Collection[str] = ()
) -> AsyncGenerator[Step, None]:
    """The steps that were missing on the way and are not there yet, each to be run before the next one is asked for.

    What the nodes in `without` alone have may be lost. At the end the place is the one where the learner goes on.
    """
    for step in found.steps:
        if not missing(step, seen[step.id]) or not missing(step, (await runner.evaluate([step.id]))[step.id]):
            continue
        first = await runner.comes_first(step.id, without)
        for one in dict.fromkeys(each for each in (first, step.id) if each):
            yield runner.course.step(one)
    runner.visit(found.to.id)
    runner.progress.save()


def missing(step: Step, status: StepStatus) -> bool:
    """Whether a step has something to make; that it has not printed anything here is nothing."""
    if status.state in SETTLED:
        return False
    return not step.reads_output or any(not result.ok for result in status.results if result.check != PRINTED)
