"""What a command prints: on the screen while it runs, and as a whole in its log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from pghalab.lab.types import Ended, Output
from pghalab.screens import log_view
from pghalab.screens.lesson import LessonScreen
from pghalab.screens.log_view import LogScreen
from pghalab.session.output import SHOWN_LINES
from pghalab.widgets.output import OutputView
from pghalab.widgets.step_card import StepCard
from tests.fake_lab.node import FakeNode, Piece
from tests.ui.stage import opened, stage, until
from tests.ui.test_console import at_step, shown


async def test_a_question_of_a_command_is_seen_while_it_waits(folder: Path) -> None:
    built = stage(folder)

    async def asks(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        yield Output("stdout", "one\n")
        # The last piece comes within the time between two repaints, and nothing after it.
        yield Output("stdout", "Are you sure? ")
        await asyncio.Event().wait()

    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = asks
        await pilot.press("r")
        await until(pilot, lambda: screen.query_one(OutputView).text == "one\nAre you sure? ")
        await pilot.press("x")
        await until(pilot, lambda: not built.app.session.work.busy)


async def test_a_step_that_is_left_as_it_prints_says_nothing_more(folder: Path) -> None:
    built = stage(folder)

    async def prints(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        yield Output("stdout", "one\n")
        await asyncio.Event().wait()

    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = prints
        await pilot.press("r")
        await until(pilot, lambda: screen.query_one(OutputView).text == "one")
        view, card = screen.areas.step_view, screen.query_one(StepCard)
        built.app.session.work.runs["second-start"].buffer.feed("two\n")
        # What the card says of the output waits until that is arranged; by then its parts may be going already.
        view.ready = False
        card.tick()
        card.remove_children()
        await until(pilot, lambda: not card.children)
        await pilot.pause()


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("host all [all] 0/0 [/foo]\n", "host all [all] 0/0 [/foo]"),
        ("\x1b[2J\x1b[31mred\x1b[0m\x07\n", "red"),
        (bytes(range(256)).decode("latin-1") + "\n", None),
    ],
)
async def test_markup_and_binary_are_shown_and_do_nothing(folder: Path, printed: str, seen: str | None) -> None:
    built = stage(folder)

    def prints(node: FakeNode, command: str) -> list[Piece]:
        built.start_etcd()
        return [Output("stdout", printed), Ended("exited", 0, 0.1)]

    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = prints
        await pilot.press("r")
        await until(pilot, lambda: "✓ done" in shown(built))
        text = built.app.screen.query_one(OutputView).text
        if seen is not None:
            assert text == seen
        assert "\x1b" not in text and "\x07" not in text


async def test_a_hundred_megabytes_leave_the_console_alive_and_small(folder: Path) -> None:
    built = stage(folder)
    piece = ("x" * 99 + "\n") * 10_000

    async def floods(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        for _ in range(100):
            yield Output("stdout", piece)
        built.start_etcd()
        yield Ended("exited", 0, 0.1)

    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = floods
        await pilot.press("r")
        await until(pilot, lambda: "✓ done" in shown(built), seconds=60)
        assert len(built.app.screen.query_one(OutputView).text.splitlines()) == SHOWN_LINES + 1
        await until(pilot, lambda: "998000 lines in the middle not held" in shown(built))


async def test_the_full_log_is_read_from_disk(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await pilot.press("r")
        await until(pilot, lambda: "✓ done" in shown(built))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(built.app.screen, LogScreen))
        await until(pilot, lambda: built.app.screen.query_one(OutputView).text == "started")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))


async def test_the_full_log_grows_while_it_is_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_view, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(log_view, "PIECE", 1000)
    built = stage(folder)
    log = tmp_path / "step.log"
    log.write_text("".join(f"line {number}\n" for number in range(50)))
    async with built.app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, built)
        built.app.push_screen(LogScreen(log))
        await until(pilot, lambda: isinstance(built.app.screen, LogScreen))
        view = built.app.screen.query_one(OutputView)
        await until(pilot, lambda: view.text.endswith("line 49") and view.is_vertical_scroll_end)
        with log.open("a") as file:
            file.write("line 50\n")
        await until(pilot, lambda: view.text.endswith("line 50") and view.is_vertical_scroll_end)
        # Who has scrolled up stays there.
        await pilot.press("k", "k")
        at = view.scroll_y
        with log.open("a") as file:
            file.write("line 51\n")
        await until(pilot, lambda: view.text.endswith("line 51"))
        assert view.scroll_y == at
        # Who is at the end goes on to the next piece.
        await pilot.press("end")
        with log.open("a") as file:
            file.write("x" * 600)
        await until(pilot, lambda: "piece 2 of 2" in shown(built) and view.text.endswith("xxx"))
