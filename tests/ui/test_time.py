"""The scrubber: the panes show the cluster as it was, with the commands and what they printed beside it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from pghalab.app import PghalabApp
from pghalab.course.recorded import SHIPPED, read_recorded
from pghalab.screens.lesson import LessonScreen
from pghalab.screens.live import LiveScreen
from pghalab.screens.log_view import LogScreen
from pghalab.screens.time import TimeScreen
from pghalab.session.replay.connect import recorded_backend
from pghalab.session.replay.lab import NAME
from pghalab.session.replay.position import Position
from tests.ui import views
from tests.ui.stage import Stage, opened, stage, until
from tests.ui.test_recorded import lines


def text(app: PghalabApp) -> str:
    return "\n".join(lines(app))


async def at_time(app: PghalabApp, pilot: Pilot[int]) -> TimeScreen:
    """Open it, and wait until it shows a moment."""
    await until(pilot, lambda: app.session.state.backend is not None)
    await app.run_action("app.time")
    await until(pilot, lambda: isinstance(app.screen, TimeScreen) and "As it was" in text(app))
    assert isinstance(app.screen, TimeScreen)
    return app.screen


def ran(built: Stage) -> None:
    """What was seen and done in a lab, minutes ago."""
    journal = built.runner.journal
    real = time.time
    began = real() - 600

    def at(seconds: float, work: Any) -> None:
        time.time = lambda: began + seconds
        try:
            work()
        finally:
            time.time = real

    at(0, lambda: journal.saw(views.nodes(etcd=0, patroni=0)))
    at(10, lambda: run(built, "first-table", "etcd --config-file x", "etcd is up\nand well\n"))
    at(20, lambda: journal.saw(views.nodes(patroni=0)))
    at(20, lambda: journal.saw(views.etcd()))
    at(29, lambda: journal.saw(views.event("pgha5 does not answer", good=False, kind="etcd", at=began + 29)))
    at(30, lambda: journal.saw(views.etcd(alive=4)))


def run(built: Stage, step: str, command: str, output: str) -> None:
    from tests.unit.test_export_journal import ran as left

    left(built.runner.journal, step, command, output)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_each_moment_shows_the_cluster_as_it_was_and_what_had_been_done(
    folder: Path, size: tuple[int, int]
) -> None:
    built = stage(folder)
    async with built.app.run_test(size=size) as pilot:
        await opened(pilot, built)
        ran(built)
        screen = await at_time(built.app, pilot)
        await until(pilot, lambda: "moment 5 of 5" in text(built.app))
        await until(pilot, lambda: "etcd is up" in text(built.app))
        assert screen._then.etcd is not None and screen._then.etcd.value is not None
        assert screen._then.etcd.value.alive == 4
        assert [event.text for event in screen._then.events] == ["pgha5 does not answer"]
        assert "■ RECORDED" in text(built.app) and "live, <" not in text(built.app)
        assert "!" in lines(built.app)[1] and "▪" in lines(built.app)[1] and "◆" in lines(built.app)[1]
        await pilot.press("left")
        await until(pilot, lambda: screen._then.etcd.value.alive == 5)  # type: ignore[union-attr]
        await pilot.press("left")
        await until(pilot, lambda: not screen._then.events)
        await pilot.press("home")
        await until(pilot, lambda: "Nothing had been done by then" in text(built.app))
        assert screen._then.etcd is None
        await pilot.press("pagedown")
        await until(pilot, lambda: "etcd --config-file x" in text(built.app))
        await pilot.press("end")
        await pilot.press("l")
        await until(pilot, lambda: isinstance(built.app.screen, LogScreen))
        await pilot.press("escape", "m")
        await until(pilot, lambda: not isinstance(built.app.screen, (TimeScreen, LogScreen)))


async def test_it_is_reached_from_a_lesson_and_from_the_live_panes(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        ran(built)
        built.app.open_step("first-table")
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))
        await pilot.press("m")
        await until(pilot, lambda: isinstance(built.app.screen, TimeScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))
        built.app.push_screen(LiveScreen())
        await until(pilot, lambda: isinstance(built.app.screen, LiveScreen))
        await pilot.press("m")
        await until(pilot, lambda: isinstance(built.app.screen, TimeScreen) and "As it was" in text(built.app))
        await pilot.press("6")
        await until(pilot, lambda: getattr(built.app.focused, "id", "") == "patroni")
        await pilot.press("left", "q")
        await until(pilot, lambda: isinstance(built.app.screen, LiveScreen))


async def test_a_lab_of_which_nothing_is_kept_says_so(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        await built.app.run_action("app.time")
        await until(pilot, lambda: "Nothing is kept of this lab yet" in text(built.app))
        await pilot.press("left", "right", "home", "end", "pageup", "pagedown", "l")
        assert isinstance(built.app.screen, TimeScreen)


async def test_a_recording_is_gone_through_and_hostile_output_does_no_harm() -> None:
    recorded = read_recorded(SHIPPED)
    steps = dict(recorded.steps)
    steps["leader-list"] = replace(steps["leader-list"], command="[bold]x[/] \x1b[2J", output="[/foo] \x1b]0;t\x07 end")
    position = Position(replace(recorded, steps=steps))
    app = PghalabApp(NAME, connect=recorded_backend(position), recorded=position)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.session.state.nodes is not None)
        app.session.learner.visit("leader-log")
        screen = await at_time(app, pilot)
        await until(pilot, lambda: "[bold]x[/]" in text(app) and "[/foo]" in text(app))
        assert lines(app)[0].strip().startswith("RECORDED")
        first = str(screen.query_one("#when", Static).content)
        await pilot.press("pageup")
        await until(pilot, lambda: str(screen.query_one("#when", Static).content) != first)
        await app.session.close()
