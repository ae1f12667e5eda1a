"""The keys of vi, and those beside the arrows, scroll wherever something scrolls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import OptionList

from pghalab.screens import log_view
from pghalab.screens.dialogs import Choose, ConfirmChange
from pghalab.screens.doctor import DoctorScreen
from pghalab.screens.help import HelpScreen
from pghalab.screens.log_view import LogScreen
from pghalab.screens.wide import Page, WideScreen
from pghalab.widgets.outline import Outline
from pghalab.widgets.output import OutputView
from pghalab.widgets.pane_column import PaneColumn
from pghalab.widgets.step_view import StepView
from tests.ui import views
from tests.ui.stage import Stage, opened, stage, until
from tests.ui.test_console import at_step

LINES = [f"line {number}" for number in range(200)]


async def scrolls(pilot: Pilot[Any], view: Widget) -> None:
    """Press each key and see that it does what it does elsewhere."""
    await until(pilot, lambda: view.max_scroll_y > 3)
    for first, last in (("g", "G"), ("home", "end")):
        await pilot.press(first)
        await until(pilot, lambda: view.scroll_y == 0)
        for down, up in (("j", "k"), ("down", "up")):
            await pilot.press(down, down)
            await until(pilot, lambda: view.scroll_y == 2)
            await pilot.press(up)
            await until(pilot, lambda: view.scroll_y == 1)
            await pilot.press(up)
            await until(pilot, lambda: view.scroll_y == 0)
        await pilot.press(last)
        await until(pilot, lambda: view.scroll_y == view.max_scroll_y)


async def chooses(pilot: Pilot[Any], options: OptionList) -> None:
    """The same in a list."""
    await until(pilot, lambda: options.option_count > 2)
    for first, last in (("g", "G"), ("home", "end")):
        await pilot.press(first)
        await until(pilot, lambda: options.highlighted == 0)
        for down, up in (("j", "k"), ("down", "up")):
            await pilot.press(down)
            await until(pilot, lambda: options.highlighted == 1)
            await pilot.press(up)
            await until(pilot, lambda: options.highlighted == 0)
        await pilot.press(last)
        await until(pilot, lambda: options.highlighted == options.option_count - 1)


async def test_in_a_lesson(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 12)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.feed(views.nodes(), views.etcd(), views.patroni(), *[views.event("pgha1 leads")] * 30)
        await until(pilot, lambda: screen.focused is screen.query_one(StepView))
        await scrolls(pilot, screen.query_one(StepView))
        await pilot.press("2")
        await scrolls(pilot, screen.query_one(PaneColumn))
        await pilot.press("3")
        await until(pilot, lambda: screen.focused is screen.query_one(Outline))
        await chooses(pilot, screen.query_one(Outline))


async def test_a_page_is_as_high_as_what_is_seen(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 12)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        view = screen.query_one(StepView)
        await until(pilot, lambda: view.max_scroll_y >= view.scrollable_content_region.height)
        await pilot.press("g", "space")
        await until(pilot, lambda: view.scroll_y == view.scrollable_content_region.height)


async def _help(built: Stage) -> Callable[[], Widget]:
    await built.app.run_action("help")
    return lambda: built.app.screen.query_one(VerticalScroll)


async def _wide(built: Stage) -> Callable[[], Widget]:
    built.app.push_screen(WideScreen("an output", [Page("Printed", lambda _: LINES)]))
    return lambda: built.app.screen.query_one(OutputView)


async def _change(built: Stage) -> Callable[[], Widget]:
    built.app.push_screen(ConfirmChange("\n".join(f"+{line}" for line in LINES)))
    return lambda: built.app.screen.query_one(VerticalScroll)


@pytest.mark.parametrize(
    ("push", "kind"),
    [(_help, HelpScreen), (_wide, WideScreen), (_change, ConfirmChange)],
    ids=lambda part: part.__name__,
)
async def test_where_something_lies_over_the_screen(folder: Path, push: Any, kind: type) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        await at_step(built, pilot, "second-start")
        view = await push(built)
        await until(
            pilot, lambda: isinstance(built.app.screen, kind) and built.app.screen.query("VerticalScroll, OutputView")
        )
        await scrolls(pilot, view())


async def test_in_the_lists_of_home_of_the_doctor_and_of_a_choice(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, built)
        outline = built.app.screen.query_one(Outline)
        await pilot.press("G")
        await until(pilot, lambda: outline.has_focus and outline.highlighted == outline.option_count - 1)
        await pilot.press("tab", "k")
        await until(pilot, lambda: outline.has_focus and outline.highlighted == outline.option_count - 1)
        await pilot.press("tab", "g")
        await until(pilot, lambda: outline.has_focus and outline.highlighted == 0)
        built.app.push_screen(Choose("Which?", [(line, line) for line in LINES[:5]]))
        await until(pilot, lambda: isinstance(built.app.screen, Choose))
        await chooses(pilot, built.app.screen.query_one(OptionList))


async def test_what_the_doctor_says_of_the_lab_can_be_read_whole(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, built)
        built.app.session.state.own_notices = LINES[:30]
        built.app.push_screen(DoctorScreen())
        await until(pilot, lambda: isinstance(built.app.screen, DoctorScreen))
        await pilot.press("tab")
        await until(pilot, lambda: built.app.focused is built.app.screen.query_one("#rest"))
        await scrolls(pilot, built.app.screen.query_one("#rest"))


async def test_a_log_is_one_text_however_many_pieces_it_has(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_view, "PIECE", 1000)
    log = tmp_path / "step.log"
    log.write_text("\n".join(LINES))
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, built)
        built.app.push_screen(LogScreen(log))
        await until(pilot, lambda: isinstance(built.app.screen, LogScreen))
        view = built.app.screen.query_one(OutputView)
        await until(pilot, lambda: view.text.endswith("line 199") and view.is_vertical_scroll_end)
        for first, last in (("g", "G"), ("home", "end")):
            await pilot.press(first)
            await until(pilot, lambda: view.text.startswith("line 0") and view.scroll_y == 0 and view.max_scroll_y > 0)
            await pilot.press("j", "down")
            await until(pilot, lambda: view.scroll_y == 2)
            await pilot.press("n")
            await until(pilot, lambda: not view.text.startswith("line 0") and view.scroll_y == 0)
            await pilot.press(last)
            await until(pilot, lambda: view.text.endswith("line 199") and view.is_vertical_scroll_end)
