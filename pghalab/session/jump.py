"""Going to a place in the course, as a stream of output: a line for each step that is missing before it."""

from __future__ import annotations

import contextlib
import time

from pghalab.course.events import SETTLED, StepEnded
from pghalab.course.runner import Runner
from pghalab.course.way import ahead, look, missing, replaced, way
from pghalab.lab.types import Ended, Output, Part
from pghalab.session.backend import Stream


async def jump(runner: Runner, place: str) -> Stream:
    """Run what is missing before a lesson or a step until something cannot be done; raises KeyError, LabError."""
    began = time.monotonic()
    found, names = way(runner.course, place), runner.names
    seen = await look(runner, found)
    for step, by in replaced(runner.course, found, seen):
        yield _line(f"cannot be reached from here: {step.id}, which {by.id} (“{names.text(by.title)}”) replaced")
    total, number, status = sum(missing(step, seen[step.id]) for step in found.steps), 0, 0
    yield _line(f"{total} of {len(found.steps)} steps are missing before “{names.text(found.to.title)}”")
    async with contextlib.aclosing(ahead(runner, found, seen)) as steps:
        async for step in steps:
            number += 1
            title = names.text(step.title)
            yield Output("stdout", Part(f"{number}/{total}  {title}\n", number, total, title))
            ended = StepEnded(step.id, "stopped", 0.0)
            async with contextlib.aclosing(runner.run(step.id)) as events:
                async for event in events:
                    if isinstance(event, StepEnded):
                        ended = event
            if ended.outcome not in (*SETTLED, "already"):
                yield _line(f"    {ended.outcome}: {ended.reason}")
                status = 1
                break
    yield Ended("exited", status, time.monotonic() - began)


def _line(text: str) -> Output:
    return Output("stdout", f"{text}\n")
