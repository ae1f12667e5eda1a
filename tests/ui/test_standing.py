"""How a step stands, on its card, in its title and among its checks: past and unknown are told apart from done."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from pghalab.course.events import CheckResult, RunEvent, StepEnded
from tests.ui.fakes import FakeRunner, FakeStatus, opened, stage, until
from tests.ui.test_console import at_step, shown

GONE = CheckResult("etcd runs", False, "etcd is not running on pgha1", "running as postgres", "pgha1")
BLIND = CheckResult(
    "etcd runs", False, "pgha3 is out of reach: its container is paused", "running", "pgha3", known=False
)


async def test_a_past_step_says_what_replaced_it_and_shows_no_tick(log: Path) -> None:
    built = stage(log, states={"second-start": "past"}, seen={"second-start": FakeStatus("past", (GONE,))})
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.runner.replaced["second-start"] = "second-edit"
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "» past: “Change the configuration” replaced its effect" in shown(built))
        await until(pilot, lambda: "0 of 1 hold now, and need not" in shown(built))
        text = shown(built)
        assert "» past  etcd runs" in text
        assert "✓" not in text.split("Checks")[1].splitlines()[0]
        assert "No longer true" not in text and "✗ no" not in text
        # It can be run all the same, once that is confirmed.

        async def past(runner: FakeRunner, step: str, command: str) -> AsyncGenerator[RunEvent, None]:
            yield StepEnded(step, "past", 0.1, "its effect was replaced by “Change the configuration” (second-edit)")

        async def refused(runner: FakeRunner, step: str, command: str) -> AsyncGenerator[RunEvent, None]:
            yield StepEnded(step, "refused", 0.1, "It runs already.", "guard")

        built.runner.scripts["second-start"] = refused
        await pilot.press("r")
        await until(pilot, lambda: "» past by now · the run had ended: refused" in shown(built))
        assert "It runs already." in shown(built) and "✗" not in shown(built)
        built.runner.scripts["second-start"] = past
        await pilot.press("r")
        await until(pilot, lambda: "Nothing is left to do in this step" in shown(built))


async def test_what_nobody_could_look_at_is_neither_broken_nor_holding(log: Path) -> None:
    built = stage(log, states={"second-start": "broken"}, seen={"second-start": FakeStatus("broken", (BLIND,))})
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "? cannot be checked  etcd runs" in shown(built))
        await until(pilot, lambda: "? was done; cannot be checked now" in shown(built))
        text = shown(built)
        assert "pgha3 is out of reach: its container is paused" in text
        assert "✗ no" not in text and "no longer holds" not in text and "wanted running" not in text
