"""Sizes, themes, keys, the lab menu, the doctor, and leaving."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.events import AppBlur, AppFocus
from textual.widgets import Static
from textual.widgets._footer import FooterKey

from pghalab.app import PghalabApp
from pghalab.lab import doctor
from pghalab.lab.doctor import Fact
from pghalab.lab.settings import LabSettings
from pghalab.lab.types import Output
from pghalab.screens.dialogs import About, Choose, Confirm
from pghalab.screens.doctor import DoctorScreen
from pghalab.screens.help import HelpScreen
from pghalab.screens.home import HomeScreen
from pghalab.screens.lab_menu import LabScreen
from pghalab.screens.lesson import LessonScreen
from pghalab.session.session import Session
from pghalab.widgets.nodes_pane import NodesPane
from pghalab.widgets.outline import Outline
from pghalab.widgets.output import OutputView
from pghalab.widgets.pane_column import PaneColumn
from pghalab.widgets.step_view import StepView
from tests.fake_lab.node import FakeNode, Piece
from tests.ui import views
from tests.ui.stage import opened, stage, until
from tests.ui.test_console import at_step, shown


def areas(screen: Any) -> list[str]:
    """Which areas of a lesson are visible."""
    return [kind.__name__ for kind in (Outline, StepView, PaneColumn) if screen.query_one(kind).size.width]


def only(screen: LessonScreen, area: str) -> bool:
    """Whether an area fills the lesson."""
    return areas(screen) == [area]


@pytest.mark.parametrize(
    ("size", "visible"),
    [
        ((80, 24), ["StepView"]),
        ((120, 40), ["StepView", "PaneColumn"]),
        ((200, 50), ["Outline", "StepView", "PaneColumn"]),
    ],
)
async def test_as_many_areas_as_there_is_room(folder: Path, size: tuple[int, int], visible: list[str]) -> None:
    built = stage(folder)
    async with built.app.run_test(size=size) as pilot:
        screen = await at_step(built, pilot, "second-start")
        assert "PaneColumn" not in areas(screen)
        built.feed(views.nodes(), views.etcd(), views.patroni(), views.event("pgha1 leads"))
        await until(pilot, lambda: areas(screen) == visible)


async def test_one_area_at_a_time_by_number(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.feed(views.nodes(), views.etcd(), views.patroni())
        for key, area in (("2", "PaneColumn"), ("3", "Outline"), ("1", "StepView")):
            await pilot.press(key)
            await until(pilot, partial(only, screen, area))
        assert "1 Lesson" in shown(built) and "2 Cluster" in shown(built) and "3 Outline" in shown(built)


async def test_a_pane_fills_the_screen_and_goes_back(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.feed(views.nodes(), views.etcd())
        await pilot.press("2")
        await until(pilot, lambda: built.app.focused is screen.query_one(NodesPane))
        await pilot.press("z")
        await until(pilot, lambda: screen.maximized is screen.query_one(NodesPane))
        await pilot.press("z")
        await until(pilot, lambda: screen.maximized is None)


async def test_the_keys_are_right_when_the_terminal_has_the_focus_again(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "first-question")

        def keys() -> list[str]:
            return [key.description for key in screen.query(FooterKey)]

        await until(pilot, lambda: "Next" in keys())
        assert "Run" not in keys()
        built.app.post_message(AppBlur())
        await until(pilot, lambda: not built.app.app_focus)
        screen.go_to("second-start")
        await until(pilot, lambda: "Start etcd on pgha1" in shown(built))
        built.app.post_message(AppFocus())
        await until(pilot, lambda: "Run" in keys())


async def test_letters_scroll_the_live_panes(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.feed(views.nodes(), views.etcd(), views.patroni(), *[views.event("pgha1 leads")] * 30)
        await pilot.press("2")
        column = screen.query_one(PaneColumn)
        await until(pilot, lambda: column.max_scroll_y > 20 and screen.focused is screen.query_one(NodesPane))
        offsets = []
        for key in ("j", "j", "k", "space", "G", "g"):
            await pilot.press(key)
            await pilot.pause()
            offsets.append(column.scroll_y)
        assert offsets == [1, 2, 1, 1 + column.size.height, column.max_scroll_y, 0]


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (300, 100)])
async def test_any_terminal_will_do(folder: Path, size: tuple[int, int]) -> None:
    built = stage(folder)
    async with built.app.run_test(size=size) as pilot:
        await opened(pilot, built)
        built.feed(views.nodes(), views.etcd(alive=2), views.patroni(), views.event("pgha1 leads"))
        await at_step(built, pilot, "second-start")
        for key in ("2", "3", "1", "r", "z", "z", "h"):
            await pilot.press(key)
        await until(pilot, lambda: bool(built.runner.ran) and not built.app.session.work.busy)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "✓ done" in shown(built))


@pytest.mark.parametrize("theme", ["pghalab-dark", "pghalab-light", "ansi-dark", "ansi-light", "textual-light"])
async def test_every_theme_has_the_colours_that_are_used(folder: Path, theme: str) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        built.app.theme = theme
        await at_step(built, pilot, "second-start")
        built.feed(views.nodes(), views.etcd(alive=2), views.patroni(), views.event("pgha1 leads", good=False))
        await pilot.press("r")
        await until(pilot, lambda: "✓ done" in shown(built))
        picture = built.app.export_screenshot()
        assert "NO&#160;QUORUM" in picture or "NO QUORUM" in picture


def test_every_binding_has_an_id_of_its_own_and_vital_ones_two_keys() -> None:
    seen: dict[str, str] = {}
    vital = {"lesson.run", "lesson.stop", "lesson.next", "lesson.previous", "lesson.hint", "lesson.shell",
             "lesson.edit", "lesson.copy", "lesson.home", "lesson.log", "home.continue", "app.help"}  # fmt: skip
    for kind in (PghalabApp, HomeScreen, LessonScreen, LabScreen, DoctorScreen, HelpScreen, Confirm, Choose, About):
        for binding in kind.BINDINGS:
            assert isinstance(binding, Binding) and binding.id, binding
            assert binding.id not in seen
            seen[binding.id] = binding.key
    assert [name for name in vital if "," not in seen[name]] == []


async def test_the_palette_reaches_what_the_keys_do(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        commands = {command.title: command for command in built.app.get_system_commands(built.app.screen)}
        assert {"Run", "Next", "Hint", "Shell", "Zoom", "Copy the command", "Full log", "Help"} <= set(commands)
        commands["Run"].callback()
        await until(pilot, lambda: bool(built.runner.ran))


async def test_the_palette_has_the_verbs_of_the_lab_and_asks_as_the_menu_does(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        commands = {command.title: command for command in built.app.get_system_commands(built.app.screen)}
        commands["Lab: Stop"].callback()
        await until(pilot, lambda: isinstance(built.app.screen, LabScreen) and built.lab.acted == ["stop"])
        await until(pilot, lambda: not built.app.session.work.busy)
        commands["Lab: Remove all"].callback()
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: built.lab.acted == ["stop", "down volumes"])


async def test_help_lists_the_keys_of_the_screen(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(built.app.screen, HelpScreen))
        assert "Edit before running" in shown(built) and "Copy the output" in shown(built)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))


async def test_the_credit_is_in_the_about_box(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test() as pilot:
        await opened(pilot, built)
        assert "Jorge Torralba, postgressolutions.com" in shown(built)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(built.app.screen, About))
        assert "Jorge Torralba" in shown(built) and "postgressolutions.com" in shown(built)


async def test_what_removes_something_asks_first_and_no_is_the_default(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(built.app.screen, LabScreen))
        await pilot.press("end", "enter")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(built.app.screen, LabScreen))
        assert built.lab.acted == []
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: built.lab.acted == ["down volumes"])
        await until(pilot, lambda: "✓ Remove all: done" in shown(built))
        assert built.app.screen.query_one(OutputView).text == "down volumes: pgha1, pgha2, pgha3, pgha4, pgha5"
        await pilot.press("home", "enter")
        await until(pilot, lambda: built.lab.acted[-1] == "build" and not built.app.session.work.busy)


async def test_the_doctor_offers_the_command_to_copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = [
        Fact("memory", True, "7.7 GiB"),
        Fact("engine", False, "nobody answers on [the socket]", "Install it.", "apt install docker.io"),
    ]

    async def examine(self: Session) -> list[Fact]:
        return facts

    monkeypatch.setattr(Session, "examine", examine)
    built = stage(folder)
    async with built.app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        await pilot.press("d")
        await until(pilot, lambda: "1 of 2 need attention" in shown(built))
        await pilot.press("enter")
        await until(pilot, lambda: built.app.clipboard == "apt install docker.io")
        await pilot.press("y")
        await until(pilot, lambda: "NO  engine: nobody answers on [the socket] Install it." in built.app.clipboard)


async def test_the_doctor_says_what_is_wrong_in_the_lab(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def examine(settings: LabSettings) -> list[Fact]:
        return [Fact("memory", True, "7.7 GiB")]

    monkeypatch.setattr(doctor, "examine", examine)
    built = stage(folder)
    built.lab.nodes["pgha2"].processes["etcd"] = "root"
    async with built.app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        await pilot.press("d")
        await until(pilot, lambda: "2 of 3 need attention" in shown(built))
        await pilot.press("y")
        report = built.app.clipboard
        assert "NO  lab: etcd runs as root on pgha2" in report and "chown -R postgres:postgres" in report
        assert "there is no /pgha/config" in report


async def test_a_shell_where_the_terminal_cannot_be_lent_says_what_to_do(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(built.app.screen, Choose))
        await pilot.press("enter")
        await until(pilot, lambda: bool(built.app._notifications))
        assert any("pghalab shell -u postgres pgha1" in note.message for note in built.app._notifications)


async def test_leaving_asks_while_something_runs_and_then_closes_everything(folder: Path) -> None:
    built = stage(folder)

    async def endless(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        while True:
            yield Output("stdout", "x\n")
            await asyncio.sleep(0.01)

    async with built.app.run_test(size=(100, 30)) as pilot:
        await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = endless
        await pilot.press("r")
        await until(pilot, lambda: built.app.session.work.busy)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        assert "still running" in str(built.app.screen.query(Static).first().content)
        await pilot.press("y")
        await until(pilot, lambda: built.released == 1)
    assert built.runner.closed == ["second-start"]
    assert built.lab.closed
    assert built.app.return_code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(folder: Path, number: signal.Signals) -> None:
    _ended_by(
        number,
        "import sys; from pathlib import Path; from tests.ui.stage import stage; "
        f"app = stage(Path('{folder}')).app; app.run(); sys.exit(app.return_code)",
    )


def test_a_console_leaves_in_time_although_what_it_waits_for_does_not_end(folder: Path) -> None:
    _ended_by(
        signal.SIGTERM,
        f"""
import asyncio
import threading
from pathlib import Path
import pghalab.app
from pghalab.lab.engine.ending import to_the_end
from tests.ui.stage import stage

async def close():
    hanging = asyncio.to_thread(threading.Event().wait)
    await to_the_end(hanging)

pghalab.app.CLOSE_SECONDS = 0.1
built = stage(Path('{folder}'))
built.app.session.close = close
built.app.run()
""",
    )


def _ended_by(number: signal.Signals, code: str) -> None:
    """A signal ends the console that this code opens, and the terminal is given back."""
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color"}
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave, env=env, cwd=root)
    os.close(slave)
    try:
        printed = b""
        while b"First things" not in printed:
            printed += _read(master)
        process.send_signal(number)
        while b"\x1b[?1049l" not in printed:
            printed += _read(master)
        assert process.wait(timeout=30) == 128 + number
        assert b"Traceback" not in printed
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_a_console_whose_terminal_goes_away_ends(folder: Path) -> None:
    """A process that is left behind would keep the lab's lock and a core."""
    _ended_with_its_terminal(
        f"from pathlib import Path; from tests.ui.stage import stage; stage(Path('{folder}')).app.run()"
    )


def test_what_is_painted_while_a_console_leaves_without_a_terminal_keeps_it_from_nothing(folder: Path) -> None:
    _ended_with_its_terminal(
        f"""
import asyncio
from pathlib import Path
from tests.ui.stage import stage

built = stage(Path('{folder}'))

async def close():
    # More than the queue of Textual's thread that writes can hold.
    for _ in range(100):
        built.app._driver.write("x")
        await asyncio.sleep(0.01)

built.app.session.close = close
built.app.run()
"""
    )


def _ended_with_its_terminal(code: str) -> None:
    """The console that this code opens ends when its terminal is gone."""
    master, slave = pty.openpty()
    root = Path(__file__).parents[2]
    env = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave, env=env, cwd=root, start_new_session=True
    )
    os.close(slave)
    try:
        printed = b""
        while b"First things" not in printed:
            printed += _read(master)
        os.close(master)
        assert process.wait(timeout=60) == 128 + signal.SIGHUP
    finally:
        process.kill()
        process.wait()


def _read(master: int) -> bytes:
    ready, _, _ = select.select([master], [], [], 60)
    assert ready, "the console printed nothing for a minute"
    return os.read(master, 65536)


async def test_a_picture_of_the_screen_is_saved_where_there_are_no_downloads(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DOWNLOAD_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        built.app.action_screenshot()
        await until(pilot, lambda: [path.suffix for path in tmp_path.glob("pghalab*")] == [".svg"])
