"""Going to a place in the course, as a stream of output: a line for each step that is missing before it."""

from __future__ import annotations

import asyncio
import contextlib
import time

from pghalab.course.events import SETTLED, StepEnded
from pghalab.course.look import StepStatus
from pghalab.course.model import Step
from pghalab.course.runner import Runner
from pghalab.course.way import go, look, makes, makes_nothing, replaced, way
from pghalab.lab.types import Ended, Output, Part
from pghalab.session.backend import Stream


async def jump(runner: Runner, place: str) -> Stream:
    """Run what is missing before a lesson or a step until something cannot be done; raises KeyError, LabError."""
    began = time.monotonic()
    found, names = way(runner.course, place), runner.names
    seen = await look(runner, found)
    for step, by in replaced(runner.course, found, seen):
        yield _line(f"cannot be reached from here: {step.id}, which {by.id} (“{names.text(by.title)}”) replaced")
    total = sum(makes(step, seen[step.id]) for step in found.steps)
    yield _line(f"{total} of {len(found.steps)} steps are missing before “{names.text(found.to.title)}”")
    number = 0
    said: asyncio.Queue[Output | None] = asyncio.Queue()

    def count_again(steps: int) -> None:
        nonlocal total
        total = steps

    async def run(step: Step, standing: StepStatus | None) -> bool:
        nonlocal total, number
        title = names.text(step.title)
        # What turns out to have to be waited for belongs to the step before it.
        number = number if makes_nothing(step) and number else number + 1
        total = max(total, number)
        line = f"    {title}\n" if makes_nothing(step) else f"{number}/{total}  {title}\n"
        said.put_nowait(Output("stdout", Part(line, number, total, title)))
        ended = StepEnded(step.id, "stopped", 0.0)
        async with contextlib.aclosing(runner.run(step.id, beside=True, seen=standing)) as events:
            async for event in events:
                if isinstance(event, StepEnded):
                    ended = event
        well = ended.outcome in (*SETTLED, "already")
        if not well:
            said.put_nowait(_line(f"    {title}: {ended.outcome}: {ended.reason}"))
        return well

    going = asyncio.create_task(go(runner, found, seen, run, total=count_again), name=f"going to {found.to.id}")
    going.add_done_callback(lambda _: said.put_nowait(None))
    try:
        while (line := await said.get()) is not None:
            yield line
        there = await going
    finally:
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
    yield Ended("exited", 0 if there else 1, time.monotonic() - began)


def _line(text: str) -> Output:
    return Output("stdout", f"{text}\n")
