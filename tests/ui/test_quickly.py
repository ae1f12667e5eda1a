"""Keys that come faster than what they show: the last one counts, and nothing of Textual's ends on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pghalab.widgets.step_view import StepView
from tests.ui.stage import stage, until
from tests.ui.test_console import at_step, shown

STEPS = ("first-table", "first-question", "second-start", "first-read")


async def test_a_step_that_is_left_before_it_is_shown_takes_nothing_with_it(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        # Each is left at another moment: while the parts of the one before go, or its own come.
        for turns in range(60):
            screen.go_to(STEPS[turns % len(STEPS)])
            for _ in range(turns):
                await asyncio.sleep(0)
        await until(pilot, lambda: screen.query_one(StepView).ready and "What is read" in shown(built))
        assert screen.step.id == STEPS[59 % len(STEPS)] == "first-read"
        assert built.app.is_running
        assert len(screen.query(".title")) == 1
