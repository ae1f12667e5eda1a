"""The way to a place in the course: the steps that make what it builds on, without those that only show something."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from itertools import takewhile

from pghalab.course.checks.output import CHECK as PRINTED
from pghalab.course.events import SETTLED
from pghalab.course.kinds import Action, Wait
from pghalab.course.look import StepStatus, leaves_a_key
from pghalab.course.model import Course, Lesson, Step
from pghalab.course.runner import Runner
from pghalab.values import dataclass


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a step."""

    to: Step
    steps: tuple[Step, ...]
    """What has to hold before, in the order of the course."""

    def needs(self, step: Step) -> set[str]:
        """The steps of the way that one of them needs: those it names, or all that come before it."""
        ids = [each.id for each in self.steps]
        return set(ids) & set(step.needs) if step.needs else set(ids[: ids.index(step.id)])


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


async def go(
    runner: Runner,
    found: Way,
    seen: Mapping[str, StepStatus],
    run: Callable[[Step, StepStatus | None], Awaitable[bool]],
    without: Collection[str] = (),
    total: Callable[[int], object] = lambda steps: None,
) -> bool:
    """Have `run` do the steps that were missing and are not there yet until one cannot be done; True once there.

    Steps that need nothing of each other are run at the same time, so `run` lets a step run `beside` others; it is told
    how the step was seen to stand, if it was. What the nodes in `without` alone have may be lost. `total` is told how
    many steps that make something are run in all, as far as is known. At the end the place is the one where the learner
    goes on.
    """
    known = dict(seen)
    looked_over = False
    ran: set[str] = set()

    def count() -> None:
        left = (step for step in found.steps if step.id not in there and step.id not in ran)
        made = sum(not makes_nothing(runner.course.step(each)) for each in ran)
        total(made + sum(makes(step, known[step.id]) for step in left))

    def alike(step: Step) -> list[str]:
        """The steps after one that makes nothing, up to the next that makes something: one look serves all of them."""
        after = (each for each in found.steps[found.steps.index(step) + 1 :] if each.id not in there)
        return [each.id for each in takewhile(makes_nothing, after)] if makes_nothing(step) else []

    async def made(step: Step) -> bool:
        if not missing(step, known[step.id]):
            return True
        # What a step needs does not make what it makes, if it names it: how it stood with all the others still counts.
        if not (looked_over and step.needs and not step.reads_output and not step.kind.patroni):
            known.update(await runner.evaluate([step.id, *alike(step)]))
            if not missing(step, known[step.id]):
                return True
        first = await runner.comes_first(step.id, without, known[step.id])
        if first and first != step.id and not await run(runner.course.step(first), None):
            return False
        ran.add(step.id)
        count()
        return await run(step, None if first else known[step.id])

    waiting = list(found.steps)
    there: set[str] = set()
    under_way: dict[asyncio.Task[bool], str] = {}
    well = True
    try:
        while waiting or under_way:
            for step in [each for each in waiting if well and found.needs(each) <= there]:
                waiting.remove(step)
                under_way[asyncio.create_task(made(step), name=f"the step {step.id}")] = step.id
            if not under_way:
                return False
            ended, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                step_id = under_way.pop(task)
                if task.result():
                    there.add(step_id)
                else:
                    well = False
                if well and step_id in ran and isinstance(runner.course.step(step_id).kind, Action) and not under_way:
                    # The nodes are others than before: one look at all of the way takes the place of one at each step.
                    known |= await look(runner, found)
                    looked_over = True
            count()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
    if well:
        runner.visit(found.to.id)
        runner.progress.save()
    return well


def makes(step: Step, status: StepStatus) -> bool:
    """Whether a step is missing and will have to be run: what makes nothing mostly holds once the others do."""
    return missing(step, status) and not makes_nothing(step)


def makes_nothing(step: Step) -> bool:
    """It only prints, or waits for what others made: whether it has to be run shows only once they have."""
    return isinstance(step.kind, Wait) or (step.reads_output and not leaves_a_key(step))


def missing(step: Step, status: StepStatus) -> bool:
    """Whether a step has something to make; that it has not printed anything here is nothing."""
    if status.state in SETTLED:
        return False
    return not step.reads_output or any(not result.ok for result in status.results if result.check != PRINTED)
