"""A real console in a terminal, and a mirror at its door: both show the same."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from textual.app import App
from textual.driver import Driver

from pghalab.lab.host import door
from pghalab.lab.host.paths import lab_folder
from pghalab.screens.tap import Tap
from pghalab.session.room import Room
from pghalab.session.session import Session
from pghalab.session.state import State
from pghalab.terminal.screen import Screen
from pghalab.terminal.terminal import ignore
from tests.terminal import Terminal

CONSOLE = [sys.executable, "-m", "tests.fake_lab.console"]
SIZE = (100, 30)


class Seen:
    """A console in a terminal of its own, and what stands on it."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.screen = Screen(*SIZE, ignore)
        self.screen.feed(terminal.seen)

    @property
    def text(self) -> str:
        """What is on its screen now."""
        self.screen.feed(self.terminal.read(0.01))
        self.screen.update()
        return self.screen.text

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until something is so, reading meanwhile."""
        try:
            async with asyncio.timeout(30):
                # A terminal that nobody reads makes the console wait.
                while not (self.text and holds()):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(f"{what} was not seen:\n{self.text}")

    def resize(self, columns: int, rows: int) -> None:
        self.terminal.resize(columns, rows)
        self.screen.resize(columns, rows)


class Mirror:
    """What is told at the door, drawn."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.screen = Screen(80, 24, ignore)
        self.sizes: list[tuple[int, int]] = []
        self.bytes = 0
        self._task = asyncio.ensure_future(self._follow(reader))

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            match json.loads(line):
                case {"size": [int(columns), int(rows)]}:
                    self.sizes.append((columns, rows))
                    self.screen.resize(columns, rows)
                case {"show": str(shown)}:
                    data = base64.b64decode(shown)
                    self.bytes += len(data)
                    self.screen.feed(data)

    @property
    def text(self) -> str:
        self.screen.update()
        return self.screen.text

    @property
    def hung_up(self) -> bool:
        """The console has gone."""
        return self._task.done()

    async def leave(self) -> None:
        """Go."""
        self._task.cancel()
        self.writer.close()


@asynccontextmanager
async def mirror() -> AsyncIterator[Mirror]:
    async with asyncio.timeout(30):
        while (found := await door.knock(lab_folder("pgha"))) is None:
            await asyncio.sleep(0.02)
    found[1].write(b'{"iam": "viewers"}\n')
    made = Mirror(*found)
    try:
        yield made
    finally:
        await made.leave()


@pytest.fixture
def seen() -> Iterator[Seen]:
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with Terminal(CONSOLE, columns=SIZE[0], rows=SIZE[1], env=env) as terminal:
        terminal.wait_for("1 First")
        yield Seen(terminal)


async def test_who_comes_late_sees_all_of_it_and_then_what_changes(seen: Seen) -> None:
    async with mirror() as one:
        await seen.until(lambda: "2  Starting etcd" in one.text and one.text == seen.text, "home")
        assert one.sizes == [SIZE]
        seen.terminal.press("?")
        await seen.until(lambda: "goes on where you left" in one.text and one.text == seen.text, "the help")
        async with mirror() as other:
            await seen.until(lambda: other.text == one.text == seen.text, "the help, by another one")
        seen.resize(80, 24)
        await seen.until(lambda: one.sizes[-1] == (80, 24) and one.text == seen.text, "the help in another size")
        seen.terminal.press("?")
        await seen.until(lambda: "2  Starting etcd" in one.text and one.text == seen.text, "home in another size")


async def test_a_shell_that_fills_the_terminal_is_seen_too_and_the_console_after_it(seen: Seen) -> None:
    async with mirror() as one:
        await seen.until(lambda: one.text == seen.text, "home")
        seen.terminal.press("s")
        await seen.until(lambda: "Open a shell" in one.text, "the question where")
        seen.terminal.press("\r")
        await seen.until(lambda: "leave with `exit`" in seen.text and "leads back" in one.text, "the shell")
        seen.terminal.press("date\r")
        await seen.until(lambda: "date: well" in one.text and "date: well" in seen.text, "what it printed")
        async with mirror() as late:
            await seen.until(lambda: "date: well" in late.text and "leads back" in late.text, "the same, late")
            seen.terminal.press("exit\r")
            await seen.until(lambda: "2  Starting etcd" in late.text and late.text == seen.text, "the console")
        assert one.text == seen.text


async def test_who_leaves_and_comes_again_changes_nothing_for_the_presenter(seen: Seen) -> None:
    for _ in range(5):
        async with mirror() as one:
            await seen.until(lambda: one.text == seen.text, "home")
        seen.terminal.press("?")
        await seen.until(lambda: "goes on where you left" in seen.text, "the help")
        seen.terminal.press("?")
        await seen.until(lambda: "2  Starting etcd" in seen.text, "home")


async def test_a_console_that_is_left_says_so_by_hanging_up(seen: Seen) -> None:
    async with mirror() as one:
        await seen.until(lambda: one.text == seen.text, "home")
        assert seen.terminal.signal(signal.SIGTERM) == 128 + signal.SIGTERM
        await seen.until(lambda: one.hung_up, "the end")
        assert "Traceback" not in one.text


async def test_a_terminal_that_is_closed_ends_it_without_a_word_on_the_rooms_screen(seen: Seen) -> None:
    async with mirror() as one:
        await seen.until(lambda: one.text == seen.text, "home")
        before = one.text
        seen.terminal.hang_up()
        async with asyncio.timeout(30):
            while not one.hung_up:
                await asyncio.sleep(0.01)
        assert one.text in (before, ""), "it saw the console, or that it gave its screen back"


async def test_a_console_that_fails_shows_the_room_no_traceback(seen: Seen) -> None:
    async with mirror() as one:
        await seen.until(lambda: one.text == seen.text, "home")
        seen.terminal.signal(signal.SIGXCPU)
        await seen.until(lambda: one.hung_up, "the end")
        assert b"a fault on purpose" in seen.terminal.seen, "the presenter is told"
        assert "fault" not in one.text and "Traceback" not in one.text


class Drawn:
    """A driver that keeps what it was told to write."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, data: str) -> None:
        self.written.append(data)


async def test_nothing_stands_between_the_console_and_its_terminal_while_nobody_watches() -> None:
    app: App[int] = App()
    state = State("pgha")
    room = Room(state, Session("pgha").work)
    driver = Drawn()
    Tap(app, cast(Driver, driver), room)
    assert "write" not in vars(driver)
    room.watched(True)
    room.watched(True)
    driver.write("seen")
    assert "write" in vars(driver) and driver.written == ["seen"]
    room.watched(False)
    assert "write" not in vars(driver)
    # What was put there because the terminal is gone stays.
    room.watched(True)
    vars(driver)["write"] = gone = lambda data: None
    room.watched(False)
    assert driver.write is gone
