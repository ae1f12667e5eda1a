"""Panes: each is one key away, can be hidden and made to fill the screen, and stays as it was left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from pghalab.screens.lesson import LessonScreen
from pghalab.screens.lesson_shell import ShellArea
from pghalab.screens.live import LiveScreen
from pghalab.widgets.outline import Outline
from pghalab.widgets.output import OutputView
from pghalab.widgets.pane import LivePane
from pghalab.widgets.pane_column import PaneColumn
from pghalab.widgets.step_view import StepView
from tests.ui import views
from tests.ui.stage import Stage, opened, stage, until
from tests.ui.test_console import at_step, shown
from tests.ui.test_shell_pane import entered

KEYS = {"2": "nodes", "5": "etcd", "6": "patroni", "7": "events"}


async def begun(built: Stage, pilot: Pilot[Any]) -> LessonScreen:
    """A lesson beside a cluster."""
    screen = await at_step(built, pilot, "second-start")
    built.feed(views.nodes(), views.etcd(), views.patroni(), *[views.event("pgha1 leads")] * 30)
    await until(pilot, lambda: screen.has_class("-live"))
    return screen


def visible(screen: Any) -> list[str]:
    """The panes that are seen."""
    return [str(pane.id) for pane in screen.query(LivePane) if pane.display and pane.size.width]


def in_sight(pane: LivePane[Any]) -> bool:
    """The title of a pane is on the screen."""
    return pane.screen.query_one(PaneColumn).region.contains_point(pane.region.offset)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
async def test_every_pane_is_one_key_away(folder: Path, size: tuple[int, int]) -> None:
    built = stage(folder)
    async with built.app.run_test(size=size) as pilot:
        screen = await begun(built, pilot)
        await pilot.press("r")
        await until(pilot, lambda: "✓ done" in shown(built))
        for key, name in KEYS.items():
            pane = screen.query_one(f"#{name}", LivePane)
            await pilot.press(key)
            await until(pilot, lambda pane=pane: pane.has_focus and in_sight(pane))  # type: ignore[misc]
            assert str(pane.query_one(".pane-title", Static).content).startswith(f" {key} {pane.TITLE}")
        await pilot.press("8")
        await until(pilot, lambda: isinstance(screen.focused, OutputView) and screen.query_one(StepView).size.width)
        await pilot.press("3")
        await until(pilot, lambda: screen.query_one(Outline).has_focus)
        await pilot.press("z", "5")
        await until(pilot, lambda: screen.maximized is None and screen.query_one("#etcd").has_focus)
        await pilot.press("1")
        await until(pilot, lambda: screen.query_one(StepView).has_focus)
        await pilot.press("4")
        await until(pilot, lambda: screen.query_one(ShellArea).has_focus_within)


async def test_what_was_not_printed_cannot_be_gone_to(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await begun(built, pilot)
        await pilot.press("8")
        await until(pilot, lambda: any("printed nothing" in one.message for one in built.app._notifications))
        assert screen.query_one(StepView).has_focus


async def test_hidden_panes_are_named_and_their_key_brings_them_back(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await begun(built, pilot)
        await pilot.press("5", "H")
        await until(pilot, lambda: visible(screen) == ["nodes", "patroni", "events"])
        await until(pilot, lambda: screen.query_one("#nodes").has_focus)
        await pilot.press("7", "H")
        await until(pilot, lambda: visible(screen) == ["nodes", "patroni"])
        assert str(screen.query_one("#hidden", Static).content) == "hidden: 5 etcd · 7 Events"
        await pilot.press("H", "H")
        await until(pilot, lambda: not screen.query_one(PaneColumn).size.width and screen.query_one(StepView).has_focus)
        assert screen.query_one(StepView).size.width > 110
        await pilot.press("H")
        await until(pilot, lambda: any("itself stays" in one.message for one in built.app._notifications))
        await pilot.press("6")
        await until(pilot, lambda: visible(screen) == ["patroni"] and screen.query_one("#patroni").has_focus)


async def test_the_outline_can_be_hidden_where_it_stands_beside_the_lesson(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(200, 50)) as pilot:
        screen = await begun(built, pilot)
        outline = screen.query_one(Outline)
        await pilot.press("3", "H")
        await until(pilot, lambda: not outline.size.width and screen.query_one(StepView).has_focus)
        await pilot.press("3")
        await until(pilot, lambda: outline.size.width and outline.has_focus)


async def test_a_shell_is_hidden_and_goes_on(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await begun(built, pilot)
        terminal = await entered(built, pilot)
        await pilot.press("f12")
        await until(pilot, lambda: screen.query_one(StepView).has_focus)
        await pilot.press("H")
        await until(pilot, lambda: not screen.query_one(ShellArea).size.width)
        assert not terminal.closed
        await pilot.press("4")
        await until(pilot, lambda: screen.query_one(ShellArea).has_focus_within)


async def test_it_is_as_it_was_left_after_a_restart(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await begun(built, pilot)
        await pilot.press("5", "H", "6", "z")
        await until(pilot, lambda: screen.maximized is screen.query_one("#patroni"))
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await begun(built, pilot)
        await until(pilot, lambda: screen.maximized is screen.query_one("#patroni"))
        await pilot.press("z")
        await until(pilot, lambda: visible(screen) == ["nodes", "patroni", "events"])
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await begun(built, pilot)
        await until(pilot, lambda: visible(screen) == ["nodes", "patroni", "events"])
        assert screen.maximized is None


async def test_the_live_cluster_shares_what_is_hidden_and_keeps_one_pane(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.feed(views.nodes(), views.etcd(), views.patroni())
        await pilot.press("v")
        await until(pilot, lambda: isinstance(built.app.screen, LiveScreen) and built.app.screen.focused is not None)
        live = built.app.screen
        await pilot.press("H", "H", "H", "H")
        await until(pilot, lambda: visible(live) == ["events"])
        await until(pilot, lambda: any("last pane" in one.message for one in built.app._notifications))
        await pilot.press("2")
        await until(pilot, lambda: visible(live) == ["nodes", "events"] and live.query_one("#nodes").has_focus)
        await pilot.press("escape")
        await until(pilot, lambda: built.app.screen is not live)
        screen = await begun(built, pilot)
        await until(pilot, lambda: visible(screen) == ["nodes", "events"])
