"""A terminal that becomes small and large again takes nothing away."""

from __future__ import annotations

from pathlib import Path

from textual.geometry import Offset
from textual.selection import Selection
from textual.widgets import Static

from pghalab.screens.lesson_shell import ShellArea
from pghalab.widgets.outline import Outline
from pghalab.widgets.pane import LivePane
from pghalab.widgets.pane_column import PaneColumn
from pghalab.widgets.step_view import StepView
from tests.ui.stage import stage, until
from tests.ui.test_arranged import begun
from tests.ui.test_screens import only
from tests.ui.test_shell_pane import area, drawn, entered

LARGE, SMALL = (120, 40), (80, 24)


def at_top(view: StepView) -> str:
    """What of the step stands at the top of what is seen of it."""
    top = view.region.offset
    seen = [part for part in view.children if part.display and part.region.bottom > top.y]
    return f"{type(seen[0]).__name__} {' '.join(sorted(seen[0].classes))}"


async def test_the_place_in_the_step_stays(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 14)) as pilot:
        screen = await begun(built, pilot)
        view = screen.query_one(StepView)
        await until(pilot, lambda: view.max_scroll_y > 6)
        await pilot.press("j", "j", "j", "j", "j")
        await until(pilot, lambda: view.scroll_y == 5)
        before = at_top(view)
        for size in ((80, 12), (200, 14), (120, 14)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: built.app.size == size and view.size.width)  # type: ignore[misc]
            assert at_top(view) == before, size
        assert view.scroll_y == 5


async def test_the_place_stays_also_where_meanwhile_all_of_it_is_seen(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=SMALL) as pilot:
        screen = await begun(built, pilot)
        view, column = screen.query_one(StepView), screen.query_one(PaneColumn)
        await pilot.resize_terminal(80, 14)
        await until(pilot, lambda: view.max_scroll_y > 6)
        await pilot.press("G")
        await until(pilot, lambda: view.scroll_y == view.max_scroll_y)
        at = view.scroll_y
        await pilot.resize_terminal(120, 50)
        await until(pilot, lambda: view.max_scroll_y == 0 and column.size.width)
        await pilot.resize_terminal(80, 14)
        await until(pilot, lambda: view.max_scroll_y > 6 and view.scroll_y == at)


async def test_an_area_that_has_no_room_meanwhile_is_as_it_was(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=LARGE) as pilot:
        screen = await begun(built, pilot)
        await pilot.press("7", "G")
        column = screen.query_one(PaneColumn)
        await until(pilot, lambda: column.scroll_y == column.max_scroll_y > 0)
        await pilot.press("1")
        view, at = screen.query_one(StepView), column.scroll_y
        await pilot.resize_terminal(*SMALL)
        await until(pilot, lambda: only(screen, "StepView"))
        await pilot.press("3", "j")
        outline = screen.query_one(Outline)
        await until(pilot, lambda: only(screen, "Outline") and outline.has_focus)
        chosen = outline.highlighted
        await pilot.press("1")
        await pilot.resize_terminal(*LARGE)
        await until(pilot, lambda: column.size.width and view.has_focus)
        assert column.scroll_y == at and outline.highlighted == chosen


async def test_the_focus_and_a_pane_stay(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=LARGE) as pilot:
        screen = await begun(built, pilot)
        pane = screen.query_one("#patroni", LivePane)
        await pilot.press("6")
        await until(pilot, lambda: pane.has_focus)
        await pilot.resize_terminal(*SMALL)
        await until(pilot, lambda: only(screen, "PaneColumn"))
        assert pane.has_focus
        await pilot.resize_terminal(*LARGE)
        await until(pilot, lambda: screen.query_one(StepView).size.width)
        assert pane.has_focus


async def test_what_is_marked_stays_marked(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=LARGE) as pilot:
        screen = await begun(built, pilot)
        title = screen.query_one(StepView).query(".title").first(Static)
        screen.selections = {title: Selection(Offset(0, 0), Offset(10, 0))}
        marked = screen.get_selected_text()
        assert marked
        for size in (SMALL, LARGE):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: built.app.size == size)  # type: ignore[misc]
            assert screen.get_selected_text() == marked


async def test_a_shell_its_text_and_what_is_marked_in_it_stay(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=LARGE) as pilot:
        screen = await begun(built, pilot)
        terminal = await entered(built, pilot)
        terminal.say("".join(f"row {number}\r\n" for number in range(60)).encode())
        await until(pilot, lambda: "row 59" in drawn(built))
        view = area(built).view
        assert view is not None and view.terminal is not None
        view.scroll(-15)
        await until(pilot, lambda: "row 59" not in drawn(built))
        view.find("row 40")
        first, marked = drawn(built).split("\n")[0], view.terminal.marking.text
        for size in (SMALL, LARGE):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: built.app.size == size and terminal.sizes[-1] == view.content_size)  # type: ignore[misc]
            assert built.app.focused is view and screen.query_one(ShellArea).size.width
            assert view.terminal.marking.text == marked == "row 40" and "row 40" in drawn(built)
        assert drawn(built).split("\n")[0] == first
        assert not terminal.closed
        await pilot.press("x")
        await until(pilot, lambda: terminal.typed.endswith(b"x"))
