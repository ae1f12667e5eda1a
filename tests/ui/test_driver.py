"""The console reads and writes its terminal in its own loop, and never waits for one that takes nothing just now."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import termios
import time
import tty
from collections.abc import Iterator

import pytest

from pghalab.screens import driver
from pghalab.screens.driver import Outlet
from tests.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is Textual's driver")

TYPED = """
import sys, threading
from textual.app import App
from pghalab.screens.driver import Straight, driver


class Typed(App):
    def __init__(self):
        super().__init__(driver_class=driver())
        self.typed = []

    def on_mount(self):
        assert isinstance(self._driver, Straight)
        self.title_line("ready")

    def title_line(self, words):
        self._driver.write(f"\\x1b[H\\x1b[2K{words}")

    async def on_key(self, event):
        if event.key == "f2":
            with self.suspend():
                print("who?", flush=True)
                print("lent: " + sys.stdin.readline().strip().upper(), flush=True)
            return
        if event.key == "f3":
            names = [thread.name for thread in threading.enumerate() if "input" in thread.name]
            self.title_line(f"threads: {' '.join(names)}.")
            return
        if event.key == "f5":
            self._driver._parser._gen.close()
            self.title_line("broken.")
            return
        if event.key == "f4":
            for piece in (b"\\xc3", b"\\xa9", b"\\xe6\\x97", b"\\xa5"):
                self._driver._take(piece)
            return
        self.typed.append(event.character if event.is_printable else event.key)
        self.title_line("keys: " + " ".join(self.typed) + ".")


Typed().run()
"""


@pytest.fixture
def sides() -> Iterator[tuple[int, int]]:
    """The two descriptors of a terminal that passes on what is written as it is."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, slave
    os.close(master)
    os.close(slave)


def read(master: int, most: int) -> bytes:
    data = b""
    while len(data) < most:
        data += os.read(master, min(65536, most - len(data)))
    return data


async def test_what_is_written_is_there_at_once(sides: tuple[int, int]) -> None:
    master, slave = sides
    outlet = Outlet(slave)
    outlet.write(b"one ")
    outlet.write(b"two")
    outlet.flush()
    assert read(master, 7) == b"one two"
    outlet.write(b"by itself")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    os.set_blocking(master, False)
    assert read(master, 9) == b"by itself"
    outlet.close()


async def test_a_terminal_that_takes_nothing_holds_nobody_up_and_loses_nothing(sides: tuple[int, int]) -> None:
    master, slave = sides
    outlet = Outlet(slave)
    lines = [f"{number:07}\n".encode() * 100 for number in range(400)]
    for line in lines:
        outlet.write(line)
        outlet.flush()  # with a terminal that is waited for, this never returns
    wanted, got = b"".join(lines), b""
    os.set_blocking(master, False)
    async with asyncio.timeout(20):
        while len(got) < len(wanted):
            try:
                got += os.read(master, 65536)
            except BlockingIOError:
                await asyncio.sleep(0)
    assert got == wanted
    outlet.close()


async def test_closing_waits_until_the_terminal_has_all(sides: tuple[int, int]) -> None:
    master, slave = sides
    outlet = Outlet(slave)
    wanted = b"0123456789" * 30_000
    outlet.write(wanted)
    reading = asyncio.get_running_loop().run_in_executor(None, read, master, len(wanted))
    outlet.close()
    assert await reading == wanted


async def test_more_than_may_wait_is_waited_for(sides: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = sides
    monkeypatch.setattr(driver, "MOST_WAITING", 100_000)
    outlet = Outlet(slave)
    wanted = b"0123456789" * 30_000
    reading = asyncio.get_running_loop().run_in_executor(None, read, master, len(wanted))
    outlet.write(wanted)
    outlet.flush()
    assert await reading == wanted
    outlet.close()


async def test_who_writes_to_a_terminal_that_is_gone_goes_on() -> None:
    master, slave = pty.openpty()
    outlet = Outlet(slave)
    outlet.write(b"x" * 300_000)
    outlet.flush()
    os.close(master)
    for _ in range(3):
        outlet.write(b"x" * 300_000)
        outlet.flush()
    outlet.close()
    os.close(slave)


async def test_the_shells_own_descriptor_goes_on_waiting(sides: tuple[int, int]) -> None:
    slave = sides[1]
    outlet = Outlet(slave)
    assert os.get_blocking(slave)
    outlet.close()
    assert termios.tcgetattr(slave), "it is still open"


@pytest.fixture
def typed() -> Iterator[Terminal]:
    """A console that shows what was typed, and is ready."""
    with Terminal([sys.executable, "-c", TYPED]) as terminal:
        terminal.wait_for("ready")
        yield terminal


def test_keys_come_in_order_and_an_escape_alone_is_one(typed: Terminal) -> None:
    typed.press("abc\x1b[A")
    typed.wait_for("keys: a b c up.")
    typed.press("\x1b")
    typed.wait_for("keys: a b c up escape.")
    os.write(typed.descriptor, b"\xff\xfed")
    typed.wait_for(" d.")
    typed.press("\x1bOR")
    typed.wait_for("threads: .")


def test_a_character_that_comes_in_pieces_is_one(typed: Terminal) -> None:
    typed.press("\x1bOSz")
    typed.wait_for("keys: z é 日.")


def test_a_terminal_that_was_lent_comes_back(typed: Terminal) -> None:
    typed.press("\x1bOQ")
    typed.wait_for("who?")
    typed.press("who\r")
    typed.wait_for("lent: WHO")
    typed.press("z")
    typed.wait_for("keys: z.")


def test_a_fault_in_reading_what_was_typed_ends_nothing(typed: Terminal) -> None:
    typed.press("\x1b[15~")
    typed.wait_for("broken.")
    # What comes with the fault is lost.
    typed.press("x")
    deadline = time.monotonic() + 20
    while b"keys: y" not in typed.seen and time.monotonic() < deadline:
        typed.press("y")
        typed.read(0.2)
    assert b"keys: y" in typed.seen
