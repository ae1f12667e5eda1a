"""The verb that goes to a place in the course, by running what is missing before it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pghalab.out import complain, say

if TYPE_CHECKING:
    from pghalab.course.look import StepStatus
    from pghalab.course.model import Step
    from pghalab.course.report import StepReport


def goto(arguments: argparse.Namespace) -> int:
    """Run what is missing before a lesson or a step; a signal ends the step that runs first."""
    from pghalab.verbs.course import until_told

    return until_told(_goto(arguments))


async def _goto(arguments: argparse.Namespace) -> int:
    import time

    from pghalab.course import report
    from pghalab.course.journal.watching import watched
    from pghalab.course.load import load_course
    from pghalab.course.runner import Runner
    from pghalab.course.way import go, look, makes, makes_nothing, replaced, way
    from pghalab.lab.host.paths import state_dir
    from pghalab.lab.types import LabError
    from pghalab.verbs.course import opened

    course = load_course()
    try:
        found = way(course, arguments.place)
    except KeyError as error:
        known = ", ".join(lesson.id for lesson in course.lessons)
        raise LabError(
            f"The course has no lesson and no step `{arguments.place}`.",
            todo=f"Lessons: {known}; `pghalab` shows the steps.",
            kind="bad-value",
        ) from error
    reports: list[StepReport] = []
    async with opened(arguments.lab) as lab:
        began = time.monotonic()
        runner = Runner.open(lab, state_dir(arguments.lab), course=course)
        for notice in runner.progress.notices:
            complain(notice)
        names = runner.names
        seen = await look(runner, found)
        for step, by in replaced(course, found, seen):
            say(f"cannot be reached from here: {step.id}, which {by.id} (“{names.text(by.title)}”) replaced")
        left = sum(makes(step, seen[step.id]) for step in found.steps)
        say(f"{left} of {len(found.steps)} steps are missing before {found.to.id} (“{names.text(found.to.title)}”)")
        with report.TextReporter(left, counts=lambda step: not makes_nothing(step)) as reporter:

            async def run(step: Step, standing: StepStatus | None) -> bool:
                reports.append(await report.run_step(runner, step, reporter, beside=True, seen=standing))
                return reports[-1].ok

            async with watched(lab, runner.journal):
                there = await go(runner, found, seen, run, total=reporter.total)
        seconds = time.monotonic() - began
    if not there:
        stopped = ", ".join(each.step.id for each in reports if not each.ok)
        say(f"stopped at {stopped} after {seconds:.1f} s; what was done before it stays done")
        return 1
    say(f"there in {seconds:.1f} s: the console goes on with {found.to.id}")
    return 0
