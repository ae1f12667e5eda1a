"""Opening, taking over, and what is found wrong meanwhile and later."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, OptionList

from pghalab.course.load import load_course
from pghalab.course.model import Course
from pghalab.lab.types import LabError
from pghalab.screens.doctor import DoctorScreen
from pghalab.screens.home import HomeScreen
from pghalab.screens.lesson import LessonScreen
from pghalab.session import session as session_module
from pghalab.session.connect import connect
from tests.ui import views
from tests.ui.stage import COURSE, Stage, opened, stage, until
from tests.ui.test_console import at_step, shown, step_on


def held_back(built: Stage) -> asyncio.Event:
    """Connecting waits for this event."""
    gate = asyncio.Event()
    real = built.connect

    async def slow(*args: Any) -> Any:
        await gate.wait()
        return await real(*args)

    built.app.session._connect = slow
    return gate


def way_on(built: Stage) -> str:
    return str(built.app.screen.query_one("#continue", Button).label)


def notified(built: Stage) -> str:
    return "\n".join(note.message for note in built.app._notifications)


async def listed(pilot: Pilot[int], built: Stage) -> None:
    """Wait until the lessons are on the screen."""
    await until(pilot, lambda: built.app.session.state.course is not None and built.app.screen.query_one("#outline"))


async def test_home_does_not_guess_where_the_learner_left(folder: Path) -> None:
    built = stage(folder, done=["first-read"])
    gate = held_back(built)
    async with built.app.run_test() as pilot:
        await listed(pilot, built)
        await until(pilot, lambda: way_on(built) == "Looking where you left…")
        # Nor what is done.
        outline = built.app.screen.query_one("#outline", OptionList)
        assert all("not seen yet" in str(option.prompt) for option in outline.options)
        await pilot.press("enter")
        assert isinstance(built.app.screen, HomeScreen)
        gate.set()
        # What was asked for comes once it is known.
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))
        assert step_on(built) == "first-table"


async def test_a_lesson_is_listed_and_chosen_before_the_course_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = stage(folder)
    gate, read = asyncio.Event(), built.app.session.read_course

    async def late() -> None:
        await gate.wait()
        await read()

    monkeypatch.setattr(built.app.session, "read_course", late)
    async with built.app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(built.app.screen, HomeScreen))
        outline = built.app.screen.query_one("#outline", OptionList)
        assert len(outline.options) == 2 and all("not seen yet" in str(option.prompt) for option in outline.options)
        assert way_on(built) == "Reading the lessons…"
        await pilot.press("tab", "G", "enter")
        assert isinstance(built.app.screen, HomeScreen)
        gate.set()
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))
        assert built.app.session.state.shown.startswith("second-")


async def test_what_is_read_and_answered_before_the_lab_is_open_is_kept(folder: Path) -> None:
    built = stage(folder)
    gate = held_back(built)
    async with built.app.run_test(size=(100, 30)) as pilot:
        await listed(pilot, built)
        built.app.open_step("first-read")
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen) and "step 1" in shown(built))
        await pilot.press("n")
        await until(
            pilot, lambda: "✓ done" in shown(built) or built.app.session.state.steps.get("first-read") == "done"
        )
        assert built.app.session.learner.answer("first-question", 1)
        gate.set()
        await opened(pilot, built)
        assert built.runner.states["first-read"] == built.runner.states["first-question"] == "done"
        assert built.app.session.state.steps["first-read"] == "done"
        assert built.runner.last == "first-table"


async def test_taking_over_does_not_end_the_opening(folder: Path) -> None:
    built = stage(folder)
    gate = held_back(built)
    async with built.app.run_test() as pilot:
        await listed(pilot, built)
        await pilot.press("T", "T")
        await until(pilot, lambda: "still being opened" in notified(built))
        gate.set()
        await opened(pilot, built)


async def test_taking_over_twice_takes_over_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "FOLLOWS", 0.0)
    built = stage(folder, driver="The lab is driven by process 4711.")
    built.lab.notices = ("The file was damaged.",)
    async with built.app.run_test() as pilot:
        await opened(pilot, built)
        built.driver = ""
        closing, gate = asyncio.Event(), held_back(built)
        monkeypatch.setattr(built.lab, "close", closing.wait)
        await pilot.press("T", "T")
        closing.set()
        await until(pilot, lambda: built.released == 1)
        await pilot.press("T")
        gate.set()
        await until(
            pilot, lambda: built.app.session.state.backend is not None and not built.app.session.state.read_only
        )
        assert built.released == 1
        assert not any(note.severity == "error" for note in built.app._notifications)
        assert built.app.session.state.notices == ["The file was damaged."]


async def test_what_is_found_wrong_later_is_shown(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.lab.notices = ("The progress cannot be saved: No space left on device.",)
        built.app.session.learner.mark_read("first-read")
        await until(pilot, lambda: "! The progress cannot be saved" in shown(built))
        assert notified(built) == ""
        await at_step(built, pilot, "first-table")
        built.lab.notices = (*built.lab.notices, "The settings were read back from the nodes.")
        built.feed(views.nodes())
        await until(pilot, lambda: notified(built) == "The settings were read back from the nodes.")


async def test_lessons_speak_of_the_settings_that_the_lab_takes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    backend = await connect("pgha", load_course(COURSE))
    try:
        assert backend.runner.names.text("pgha1 at 192.168.50.10") == "pgha1 at 192.168.50.10"
        await backend.lab.configure(replace(backend.lab.settings, prefix="node", subnet="10.7.7"))
        assert backend.runner.names.text("pgha1 at 192.168.50.10") == "node1 at 10.7.7.10"
    finally:
        await backend.lab.close()
        backend.release()


async def test_no_lesson_at_all_is_not_every_lesson_done(folder: Path, tmp_path: Path) -> None:
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    (lessons / "01-broken.md").write_text("---\nid: [\n")
    built = stage(folder, lessons=lessons)
    async with built.app.run_test() as pilot:
        await until(pilot, lambda: "No lesson could be read: d shows why" in way_on(built))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(built.app.screen, DoctorScreen) and "01-broken.md" in shown(built))


@pytest.mark.parametrize(
    ("error", "seen"),
    [(LabError("No engine [here]."), "No engine [here]."), (ValueError("odd"), "ValueError: odd; more in the log.")],
)
async def test_a_worker_that_fails_is_told_and_logged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, seen: str
) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")

        async def fails() -> None:
            raise error

        with caplog.at_level(logging.ERROR):
            screen.run_worker(fails(), exit_on_error=False)
            await until(pilot, lambda: seen in notified(built))
        assert any(record.exc_info and record.exc_info[1] is error for record in caplog.records)
        assert screen.is_current


async def test_a_doctor_that_cannot_look_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = stage(folder)

    async def fails() -> None:
        raise LabError("The settings cannot be read.")

    async with built.app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        monkeypatch.setattr(built.app.session, "examine", fails)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(built.app.screen, DoctorScreen))
        prompt: Callable[[], str] = lambda: str(  # noqa: E731
            built.app.screen.query_one(OptionList).get_option_at_index(0).prompt
        )
        await until(pilot, lambda: prompt() == "✗ The settings cannot be read.")


async def test_an_opening_that_fails_in_an_unexpected_way_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RETRY", 0.01)
    built = stage(folder)

    async def breaks(*_: object) -> Any:
        raise RuntimeError("odd")

    built.app.session._connect = breaks
    async with built.app.run_test() as pilot:
        await until(pilot, lambda: "RuntimeError: odd; more in the log." in notified(built))


async def test_a_full_disk_is_said_at_once_and_until_there_is_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RETRY", 0.01)
    built = stage(folder)
    full = True

    async def connects(lab_name: str, course: Course) -> Any:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device", "/state/labs/pgha/driver.lock")
        return await built.connect(lab_name, course)

    built.app.session._connect = connects
    async with built.app.run_test(size=(100, 30)) as pilot:
        await until(
            pilot, lambda: "✗ The disk is full: /state/labs/pgha/driver.lock cannot be written." in shown(built)
        )
        assert "Looking where you left" not in way_on(built)
        full = False
        await opened(pilot, built)
        await until(pilot, lambda: "The disk is full" not in shown(built))
