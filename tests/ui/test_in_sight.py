"""What the text points at can be brought into sight, and nothing happens out of it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

from textual import events
from textual.selection import Selection
from textual.widgets import OptionList

from pghalab.lab.types import Ended, Output
from pghalab.screens.end import EndScreen
from pghalab.screens.home import HomeScreen
from pghalab.screens.lesson import LessonScreen
from pghalab.screens.live import LiveScreen
from pghalab.screens.wide import WideScreen
from pghalab.widgets.output import OutputView
from pghalab.widgets.step_card import StepCard
from tests.fake_lab.node import FakeNode, Piece
from tests.ui import views
from tests.ui.stage import COURSE, opened, stage, until
from tests.ui.test_console import at_step, shown

TABLE = "| pgha{n} | {wide} | last |"


async def prints(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
    """Forty wide rows of a table, and a line that is folded."""
    rows = "".join(TABLE.format(n=number, wide="x" * 150) + "\n" for number in range(40))
    yield Output("stdout", rows + "word " * 60 + "\n")
    yield Ended("exited", 0, 0.2)
    node.processes["etcd"] = "postgres"


async def test_an_output_keeps_its_head_and_its_tail_and_takes_the_whole_width(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(110, 34)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.start_etcd("pgha2", "pgha3")
        built.lab.nodes["pgha1"].script = prints
        await pilot.press("r")
        await until(pilot, lambda: built.app.session.state.steps["second-start"] == "done")
        view = screen.query_one(StepCard).query_one(OutputView)
        await until(pilot, lambda: any("more lines: w shows all" in row for row in view._rows))
        assert "pgha0" in view._rows[0] and view._rows[-1].endswith("word ") and len(view._rows) <= 16
        await until(pilot, lambda: "← → sideways · w shows all of it" in shown(built))
        await pilot.press("right")
        await until(pilot, lambda: view.scroll_x > 0)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(built.app.screen, WideScreen))
        wide = built.app.screen.query_one(OutputView)
        # What does not fit comes first, beside what was expected.
        await until(pilot, lambda: "- expected: pgha1: started" in wide.text)
        await pilot.press("tab")
        await until(pilot, lambda: wide.size.width == 110 and wide.scroll_y == 0 and len(wide._rows) == 41)
        assert wide.too_wide
        await pilot.press("right", "right")
        await until(pilot, lambda: "| last |" in wide.render_line(0).text)
        await pilot.press("tab")
        await until(pilot, lambda: wide.text == "pgha1: started")
        await pilot.press("tab")
        await until(pilot, lambda: wide.text.startswith("nohup etcd"))
        await pilot.press("w")
        await until(pilot, lambda: built.app.screen is screen)


async def test_keys_that_are_typed_before_their_screen_is_there_are_its_keys(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(110, 34)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        for key in ("w", "tab"):
            built.app.post_message(events.Key(key, "w" if key == "w" else None))
        await until(pilot, lambda: isinstance(built.app.screen, WideScreen) and "2 of 2" in shown(built))
        for key in ("w", "n"):
            built.app.post_message(events.Key(key, key))
        await until(pilot, lambda: built.app.screen is screen and screen.step.id == "second-edit")


async def test_a_selection_has_the_breaks_of_the_lines_only(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        view = screen.query_one(StepCard).query_one(OutputView)
        view.display = True
        await until(pilot, lambda: view._room > 10)
        lines = ["word " * 40, "short", "x" * 200]
        view.show(lines)
        assert len(view._rows) > 6
        assert view.get_selection(Selection(None, None)) == ("\n".join(lines), "\n")


async def test_enter_answers_no_question_on_which_nothing_was_chosen(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(110, 34)) as pilot:
        screen = await at_step(built, pilot, "first-question")
        await until(pilot, lambda: isinstance(screen.focused, OptionList))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: any("Choose with" in note.message for note in built.app._notifications))
        assert screen.step.id == "first-question" and "Not so" not in shown(built)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: built.app.session.state.steps["first-question"] == "done")


async def test_enter_runs_no_command_that_is_not_in_sight(folder: Path, tmp_path: Path) -> None:
    lessons = tmp_path / "lessons"
    shutil.copytree(COURSE, lessons)
    second = lessons / "02-second.md"
    prose = "A paragraph that takes its row of the screen.\n\n"
    second.write_text(second.read_text().replace("etcd runs as a background", prose * 20 + "etcd runs as a background"))
    built = stage(folder, lessons=lessons)
    async with built.app.run_test(size=(80, 24)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        view = screen.areas.step_view
        await until(pilot, lambda: "Enter shows the command" in (view.border_subtitle or ""))
        await pilot.press("enter")
        await until(pilot, lambda: view.command_in_sight and "Enter runs it" in (view.border_subtitle or ""))
        assert built.runner.ran == []
        await pilot.press("enter")
        await until(pilot, lambda: len(built.runner.ran) == 1)


async def test_v_opens_the_live_cluster_and_nothing_else(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(110, 34)) as pilot:
        await opened(pilot, built)
        built.feed(views.nodes(), views.etcd(), views.patroni())
        await pilot.press("v")
        await until(pilot, lambda: isinstance(built.app.screen, LiveScreen))
        assert not any(isinstance(screen, LessonScreen) for screen in built.app.screen_stack)
        assert built.runner.last == ""
        await pilot.press("P")
        await until(pilot, lambda: built.still.paused)
        await pilot.press("P", "escape")
        await until(pilot, lambda: isinstance(built.app.screen, HomeScreen))


async def test_the_course_ends_with_what_was_learned_and_where_to_go_on(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(110, 34)) as pilot:
        await at_step(built, pilot, "second-optional")
        built.feed(views.event("pgha1 takes no writes any more", kind="writes", good=False, at=10.0))
        built.feed(views.event("pgha2 takes writes", kind="writes", at=14.0))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(built.app.screen, EndScreen) and "Where to go on" in shown(built))
        await until(pilot, lambda: "the longest about 4 s" in shown(built))
        assert "Starting etcd" in shown(built) and "5 steps are left" in shown(built)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))


async def test_what_is_told_for_a_moment_covers_only_the_line_of_keys(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(110, 34), notifications=True) as pilot:
        await at_step(built, pilot, "second-start")
        built.app.notify("A word.", markup=False)
        await until(pilot, lambda: bool(built.app.screen.query("Toast")))
        (toast,) = built.app.screen.query("Toast")
        await until(pilot, lambda: toast.region.height == 1)
        assert toast.region.bottom == 34 and toast.region.y == 33
