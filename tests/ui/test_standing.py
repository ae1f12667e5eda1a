"""How a step stands, on its card, in its title and among its checks: past and unknown are told apart from done."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from textual.widgets import Button

from pghalab.course.events import CheckResult, RunEvent, StepEnded
from pghalab.widgets.step_view import StepView
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


async def test_a_step_that_has_nothing_to_do_says_why_and_leads_on(log: Path) -> None:
    built = stage(log, states={"second-start": "past"}, seen={"second-start": FakeStatus("past", (GONE,))})
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.runner.nothing_left["second-start"] = "nothing is left to do: pgha2 is leader, running"
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "» past: nothing is left to do: pgha2 is leader, running" in shown(built))
        await until(pilot, lambda: "Enter goes on" in str(built.app.screen.query_one(StepView).border_subtitle))


async def test_what_may_be_lost_is_asked_for_before_a_start_without_a_node(log: Path) -> None:
    async def refused(runner: FakeRunner, step: str, command: str) -> AsyncGenerator[RunEvent, None]:
        if runner.without[-1] == ("pgha3",):
            runner.states[step] = "done"
            yield StepEnded(step, "done", 0.1)
        else:
            yield StepEnded(step, "refused", 0.1, "Who led last cannot be checked.", "unseen", without=("pgha3",))

    built = stage(log)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.runner.scripts["second-start"] = refused
        await at_step(built, pilot, "second-start")
        await pilot.press("r")
        await until(pilot, lambda: "those rows are lost, also when pgha3 comes back" in shown(built))
        # Enter alone takes no risk.
        await pilot.press("enter")
        await until(pilot, lambda: "those rows are lost" not in shown(built))
        assert built.runner.without == [()]
        await pilot.press("r")
        await until(pilot, lambda: "those rows are lost" in shown(built))
        assert str(built.app.screen.query_one("#yes", Button).label) == "Start without pgha3  y"
        await pilot.press("y")
        await until(pilot, lambda: built.runner.without == [(), (), ("pgha3",)])
        await until(pilot, lambda: "✓ done" in shown(built))
