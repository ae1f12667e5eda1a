"""When the checks are looked at without being asked, and what a step that cannot be seen does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from pghalab.cluster.model import NodeHealth, Nodes, Snapshot
from pghalab.lab.types import Result
from pghalab.screens.dialogs import Confirm
from pghalab.screens.help import HelpScreen
from pghalab.screens.home import HomeScreen
from pghalab.screens.lesson import LessonScreen
from pghalab.session import rechecks
from pghalab.session.rechecks import is_worth_a_look
from tests.shipped import shipped_course
from tests.ui import views
from tests.ui.stage import opened, stage, until
from tests.ui.test_console import at_step, shown
from tests.ui.test_lab_menu import waits
from tests.ui.test_opening import notified


async def test_what_is_done_in_another_terminal_makes_the_step_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechecks, "SHOWN_EVERY", 0.01)
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        built.start_etcd()
        await until(pilot, lambda: "✓ done" in shown(built))
        assert all(looked in (None, ["second-start"]) for looked in built.runner.looked)


async def test_what_a_pane_sees_is_looked_at_by_the_checks_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechecks, "SHOWN_EVERY", 3600.0)
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: not built.app.session.rechecks._under_way)
        row = NodeHealth("pgha1", "running", "192.168.50.10", "up", "stopped", "stopped", "stopped")

        def publish(row: NodeHealth, taken_at: float) -> None:
            nodes: Nodes = Snapshot((row,), None, taken_at)
            built.still.publish(("nodes", nodes))

        publish(row, 1.0)
        await until(pilot, lambda: not built.app.session.rechecks._under_way)
        looked = len(built.runner.looked)
        # The same again, only later.
        publish(row, 2.0)
        assert not built.app.session.rechecks._under_way
        built.start_etcd()
        publish(replace(row, etcd="running"), 3.0)
        await until(pilot, lambda: "✓ done" in shown(built))
        assert built.runner.looked[looked:] == [["second-start"]]


def test_no_step_is_looked_at_often_whose_checks_leave_traces() -> None:
    course = shipped_course()
    often = {step.id for step in course.steps if is_worth_a_look(course, step.id)}
    # The last one although a step that makes it count as done leaves some.
    assert {"etcd-five", "leader-elected", "replicas-pgha2-start", "replicas-pgha2-streaming"} <= often
    # Of its own, only its own output, none at all.
    assert not {"hba-edit", "replicas-streaming", "leader-log", "welcome"} & often
    for step in (step for step in course.steps if step.id in often):
        assert not {"login", "marker"} & {spec.name for spec in step.checks}


async def test_every_step_is_looked_at_now_and_then(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "SHOWN_EVERY", 0.01)
    monkeypatch.setattr(rechecks, "ALL_EVERY", 0.0)
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.start_etcd()
        await until(pilot, lambda: built.app.session.state.steps["second-start"] == "done")


async def test_nothing_is_looked_at_without_need(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a step without checks, away from the lessons, while something runs, or while the panes stand still."""
    turns = 0
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        nonlocal turns
        turns += seconds == rechecks.SHOWN_EVERY
        await real(0.02 if seconds == rechecks.SHOWN_EVERY else seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    built = stage(folder)

    async def looks(pilot: Pilot[int]) -> list[list[str] | None]:
        """The looks of some turns."""
        # One that was due just before a step began waits for the step's end.
        session = built.app.session
        await until(pilot, lambda: session.work.busy or not session.rechecks._under_way)
        before, seen = turns, len(built.runner.looked)
        await until(pilot, lambda: turns > before + 5)
        return built.runner.looked[seen:]

    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        assert await looks(pilot) == []
        await at_step(built, pilot, "second-optional")
        assert await looks(pilot) == []
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: ["second-start"] in built.runner.looked)
        assert ["second-start"] in await looks(pilot)
        await pilot.press("P")
        assert await looks(pilot) == []
        await pilot.press("P")
        built.lab.nodes["pgha1"].script = waits
        await pilot.press("r")
        await until(pilot, lambda: built.app.session.work.busy)
        assert await looks(pilot) == []
        await pilot.press("u")
        await until(pilot, lambda: "when what runs has ended" in notified(built))
        await pilot.press("x")
        await until(pilot, lambda: not built.app.session.work.busy)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(built.app.screen, HomeScreen))
        assert await looks(pilot) == []


@pytest.mark.parametrize("key", ["enter", "r"])
@pytest.mark.parametrize("away", ["2", "z"])
async def test_a_step_that_is_not_on_the_screen_is_shown_before_it_runs(folder: Path, key: str, away: str) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.feed(views.nodes())
        await pilot.press("2")
        await until(pilot, lambda: screen.front.area == "live")
        if away == "z":
            await until(pilot, lambda: screen.focused is not None)
            await pilot.press("z")
            await until(pilot, lambda: screen.maximized is not None)
        await pilot.press(key)
        await until(pilot, lambda: screen.front.area == "lesson" and screen.maximized is None)
        assert built.runner.ran == []
        await pilot.press(key)
        await until(pilot, lambda: len(built.runner.ran) == 1 and not built.app.session.work.busy)


async def test_running_again_is_neither_one_key_away_nor_asked_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = stage(folder)
    built.start_etcd()
    gate = asyncio.Event()
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))
        assert len(built.runner.ran) == 1
        node = built.lab.nodes["pgha1"]
        real = node.run

        async def slow(command: str, **how: Any) -> Result:
            await gate.wait()
            return await real(command, **how)

        monkeypatch.setattr(node, "run", slow)
        await pilot.press("r")
        await until(pilot, lambda: built.app.session.work.busy)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(built.app.screen, HelpScreen))
        gate.set()
        await until(pilot, lambda: len(built.runner.ran) == 2 and not built.app.session.work.busy)
        assert isinstance(built.app.screen, HelpScreen)


async def test_help_begins_with_the_keys_of_the_screen(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(built.app.screen, HelpScreen))
        text = shown(built).partition("⏎")[2]
        places = [text.index(words) for words in ("Go on", "Run", "Presenter's notes", "Page down", "Doctor")]
        assert places == sorted(places)
        assert "Focus Previous" not in text or text.index("Focus Previous") > places[-1]


async def test_the_line_of_keys_begins_with_what_comes_next(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        await at_step(built, pilot, "second-start")

        def keys() -> list[str]:
            found = built.app.screen.active_bindings.values()
            return [each.binding.description for each in found if each.binding.show]

        assert keys()[0] == "Go on" and "Stop" not in keys()
        built.lab.nodes["pgha1"].script = waits
        await pilot.press("r")
        await until(pilot, lambda: "Stop" in keys())
        await pilot.press("x")
        await until(pilot, lambda: "Stop" not in keys())


async def test_the_monitor_is_told_of_what_a_check_has_just_seen(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.start_etcd("pgha1")
        built.still.processes.clear()
        await built.runner.evaluate(["second-start"])
        assert built.still.processes[:3] == [
            ("pgha1", "etcd", True), ("pgha1", "patroni", False), ("pgha1", "postgres", False),
        ]  # fmt: skip
