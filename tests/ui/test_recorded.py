"""Where a recording is shown every screen says so, and the first screen offers one where no engine answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.screen import ModalScreen
from textual.widgets import Button

from pghalab.app import PghalabApp
from pghalab.course.recorded import SHIPPED, read_recorded
from pghalab.lab.types import LabError
from pghalab.screens.demo import DemoScreen
from pghalab.screens.dialogs import Confirm
from pghalab.screens.home import HomeScreen
from pghalab.session.demo.pace import Tempo
from pghalab.session.demo.program import onward
from pghalab.session.replay import terminal as terminal_module
from pghalab.session.replay.connect import recorded_backend
from pghalab.session.replay.lab import NAME
from pghalab.session.replay.position import Position
from pghalab.widgets.recorded_mark import RecordedMark
from tests.fake_lab.lab import FakeLab
from tests.ui.stage import stage, until


def lines(app: PghalabApp) -> list[str]:
    """What stands on the screen, row by row."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_every_screen_says_that_it_is_recorded(size: tuple[int, int]) -> None:
    position = Position(read_recorded(SHIPPED))
    app = PghalabApp(NAME, connect=recorded_backend(position), recorded=position)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.session.state.nodes is not None)

        async def says_so() -> None:
            await until(pilot, lambda: lines(app)[0].strip().startswith("RECORDED 20"))

        await says_so()
        app.open_step("leader-list")
        await until(pilot, lambda: not isinstance(app.screen, HomeScreen))
        await says_so()
        await pilot.press("w")
        await says_so()
        await pilot.press("escape")
        for action in ("app.lab_menu", "app.doctor", "app.help", "app.about"):
            await pilot.pause()
            await app.run_action(action)
            await pilot.pause()
            await says_so()
            await pilot.press("escape")
        app.go_home()
        await pilot.pause()
        await app.run_action("screen.watch")
        await until(pilot, lambda: any("■ RECORDED" in line for line in lines(app)))
        await says_so()
        assert not any("live, <" in line for line in lines(app)), "nothing of it is live"
        marks = [screen for screen in app.screen_stack if not isinstance(screen, ModalScreen)]
        assert all(len(screen.query(RecordedMark)) == 1 for screen in marks)
        await app.session.close()


async def test_the_first_screen_offers_the_recorded_course_where_no_engine_answers() -> None:
    # The real lab: without an engine it opens all the same.
    app = PghalabApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "as it was recorded needs no engine: w" in "\n".join(lines(app)))
        assert app.screen.query_one("#recorded", Button).display
        await pilot.press("w")
        await until(pilot, lambda: app.then == "replay")
        await app.session.close()


async def test_it_is_not_offered_for_another_trouble(folder: Path) -> None:
    built = stage(folder, lab=FakeLab(trouble=LabError("The disk is full.", kind="state-folder")))
    async with built.app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: built.app.session.state.trouble is not None)
        await pilot.pause()
        assert "as it was recorded" not in "\n".join(lines(built.app))
        assert not built.app.screen.query_one("#recorded", Button).display


async def test_a_lab_that_answers_is_not_left_for_a_recording(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: built.opened)
        assert not built.app.screen.query_one("#recorded", Button).display
        assert "as it was recorded" not in "\n".join(lines(built.app))
        assert not built.app.screen.query(RecordedMark)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(built.app.screen, HomeScreen))
    assert built.app.then == ""


async def test_a_recorded_lesson_is_shown_to_a_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal_module, "LONGEST", 0.0)
    position = Position(read_recorded(SHIPPED))
    app = PghalabApp(NAME, connect=recorded_backend(position), recorded=position)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.session.state.nodes is not None)
        course = app.session.state.course
        assert course is not None
        app.present(onward(course, course.step("switchover-table")), Tempo(instant=True))
        await until(pilot, lambda: isinstance(app.screen, DemoScreen))
        screen = app.screen
        assert isinstance(screen, DemoScreen)
        for phase in ("ready", "seen"):
            await until(pilot, lambda: screen.show.phase in ("say", "ready"))
            await pilot.press("right")
            await until(pilot, lambda phase=phase: screen.show.phase == phase)  # type: ignore[misc]
            assert lines(app)[0].strip().startswith("RECORDED 20")
        text = "\n".join(lines(app))
        assert "CREATE TABLE" in text and "Checks  2 of 2 hold" in text
        await pilot.press("escape")
        await app.session.close()
