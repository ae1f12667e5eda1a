"""The terminal as a widget: what it draws, what it says of keys, mouse and paste, and what hostile bytes leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from pghalab.terminal import engine
from pghalab.widgets.terminal import TerminalView
from pghalab.widgets.terminal_pump import WAITING
from pghalab.widgets.text import HARMLESS
from tests.ui.stage import until

COLUMNS, ROWS = 40, 8


class Alone(App[None]):
    """One terminal, and another thing that can have the focus; what the terminal says is kept."""

    CSS = "TerminalView { height: 1fr; } #other { dock: bottom; height: 1; border: none; }"

    def __init__(self) -> None:
        super().__init__()
        self.view = TerminalView(self.take_typed)
        self.said: list[Any] = []
        self.typed = b""

    def compose(self) -> ComposeResult:
        yield self.view
        yield Input(id="other")

    def take_typed(self, _: TerminalView, data: bytes) -> None:
        self.typed += data

    def on_terminal_view_resized(self, event: TerminalView.Resized) -> None:
        self.said.append(("size", event.columns, event.rows))

    def on_terminal_view_left(self) -> None:
        self.said.append("left")
        self.query_one("#other").focus()

    def on_terminal_view_copied(self, event: TerminalView.Copied) -> None:
        self.said.append(("copied", event.text))

    def on_terminal_view_moved(self, event: TerminalView.Moved) -> None:
        self.said.append(("below", event.below))

    def on_terminal_view_full_screen_wanted(self) -> None:
        self.said.append("full screen")

    def took(self) -> bytes:
        """What was typed since the last time."""
        typed, self.typed = self.typed, b""
        return typed


@asynccontextmanager
async def alone(
    size: tuple[int, int] = (COLUMNS, ROWS + 1), *, bordered: bool = False
) -> AsyncIterator[tuple[Alone, Pilot[None]]]:
    """The terminal with the focus, of this size but for a row."""
    app = Alone()
    if bordered:
        app.view.styles.border = ("round", "red")
        app.view.styles.padding = (0, 1)
    async with app.run_test(size=size) as pilot:
        app.view.focus()
        await until(pilot, lambda: app.view.terminal or app.view.missing)
        await pilot.pause()
        yield app, pilot


async def drawn(app: Alone, pilot: Pilot[None], data: str | bytes) -> None:
    """Feed, and wait until it is drawn."""
    app.view.feed(data if isinstance(data, bytes) else data.encode())
    await until(pilot, lambda: app.view.backlog == 0)
    await pilot.pause()


def shown(app: Alone) -> list[str]:
    """The rows that the widget paints, without blanks at their ends."""
    return [app.view.render_line(y).text.rstrip() for y in range(app.view.content_size.height)]


def reversed_cells(app: Alone, y: int) -> list[int]:
    """The columns of one row that are painted reversed."""
    columns: list[int] = []
    x = 0
    for segment in app.view.render_line(y):
        width = segment.cell_length
        if segment.style is not None and segment.style.reverse:
            columns += range(x, x + width)
        x += width
    return columns


async def test_it_draws_what_is_fed_and_says_its_size() -> None:
    async with alone() as (app, pilot):
        assert app.said[0] == ("size", COLUMNS, ROWS)
        await drawn(app, pilot, "$ echo \x1b[1;32mhi\x1b[m\r\nhi\r\n$ ")
        assert shown(app)[:3] == ["$ echo hi", "hi", "$"]
        [green] = [segment for segment in app.view.render_line(0) if segment.text == "hi"]
        assert green.style is not None and green.style.bold and green.style.color is not None
        assert green.style.color.number == 2
        assert reversed_cells(app, 2) == [2], "the cursor"
        assert all(app.view.render_line(y).cell_length == COLUMNS for y in range(ROWS))


async def test_without_the_focus_the_cursor_is_only_underlined() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "ab")
        app.query_one("#other").focus()
        await pilot.pause()
        assert reversed_cells(app, 0) == []
        assert [s.text for s in app.view.render_line(0) if s.style and s.style.underline] == [" "]


async def test_only_rows_that_changed_are_painted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "one\r\ntwo\r\nthree")
        regions: list[Any] = []
        monkeypatch.setattr(app.view, "refresh", lambda *rows, **how: regions.extend(rows))
        await drawn(app, pilot, "!")
        assert [(region.y, region.height) for region in regions] == [(2, 1)]


async def test_with_a_border_each_row_is_painted_where_it_belongs() -> None:
    async with alone((COLUMNS, ROWS + 3), bordered=True) as (app, pilot):
        assert app.said[0] == ("size", COLUMNS - 4, ROWS)
        await drawn(app, pilot, "\r\n".join(f"first {number}" for number in range(ROWS)))
        await drawn(app, pilot, "\x1b[H" + "\r\n".join(f"then {number}\x1b[K" for number in range(ROWS)))
        painted = [strip.text for strip in app.screen._compositor.render_strips()]
        assert [row[2:-2].rstrip() for row in painted[1 : ROWS + 1]] == [f"then {number}" for number in range(ROWS)]


async def test_every_key_but_one_is_the_programs() -> None:
    async with alone() as (app, pilot):
        await pilot.press("l", "s", "space", "A", "$", "tab", "up", "ctrl+c", "ctrl+d", "escape", "enter", "f1", "?")
        await pilot.press("backspace", "ctrl+a", "ctrl+backslash", "ctrl+underscore", "alt+b", "shift+tab", "ctrl+left")
        assert app.took() == (b"ls A$\t\x1b[A\x03\x04\x1b\r\x1bOP?" + b"\x7f\x01\x1c\x1f\x1bb\x1b[Z\x1b[1;5D")
        await pilot.press("ctrl+right_square_bracket")
        assert app.said[-1] == "left"
        await pilot.press("x")
        assert app.took() == b""
        assert app.query_one("#other", Input).value == "x"


async def test_a_paste_is_one_and_marked_where_the_program_asked() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "\x1b[?2004h")
        app.view.post_message(paste("two\nlines"))
        await pilot.pause()
        assert app.took() == b"\x1b[200~two\nlines\x1b[201~"


def paste(text: str) -> Any:
    from textual.events import Paste

    return Paste(text)


async def test_what_is_typed_before_the_engine_is_there_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    real, gate = engine.load, threading.Event()

    def slow() -> engine.Engine:
        assert gate.wait(20)
        return real()

    monkeypatch.setattr("pghalab.widgets.terminal.load", slow)
    app = Alone()
    async with app.run_test(size=(COLUMNS, ROWS + 1)) as pilot:
        app.view.focus()
        app.view.feed(b"early")
        await pilot.press("l", "s")
        assert app.view.terminal is None
        gate.set()
        await until(pilot, lambda: app.typed == b"ls")
        await until(pilot, lambda: shown(app)[0] == "early")


async def test_a_machine_without_the_engine_says_so_and_offers_the_full_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> engine.Engine:
        raise engine.NoEngineError("this machine has no terminal engine (musl)")

    monkeypatch.setattr("pghalab.widgets.terminal.load", none)
    async with alone((120, 9)) as (app, pilot):
        app.view.feed(b"x")
        await pilot.press("l", "enter")
        assert shown(app)[0] == (
            "this machine has no terminal engine (musl); the full-screen shell works: press Enter."
        )
        assert app.said[-1] == "full screen"
        assert app.typed == b""
        await pilot.press("ctrl+right_square_bracket")
        assert app.said[-1] == "left"


async def test_the_pages_above_are_a_key_away_and_typing_leads_back() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "\r\n".join(f"line {number}" for number in range(100)))
        await pilot.press("shift+pageup")
        assert shown(app)[0] == "line 85"
        assert app.said[-1] == ("below", ROWS - 1)
        await pilot.press("alt+pageup", "shift+pagedown", "shift+pageup")
        await drawn(app, pilot, "\r\nmore")
        assert shown(app)[0] == "line 78", "what is read stays"
        await pilot.press("x")
        assert shown(app)[-1] == "more"
        assert app.said[-1] == ("below", 0)
        assert app.took() == b"x"


async def test_the_wheel_scrolls_or_is_the_programs() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "\r\n".join(f"line {number}" for number in range(100)))
        await pilot._post_mouse_events([wheel_up()], widget=app.view, button=0)
        await pilot.pause()
        assert shown(app)[0] == "line 89"
        await drawn(app, pilot, "\x1b[?1049h\x1b[?1h")
        await pilot._post_mouse_events([wheel_up()], widget=app.view, button=0)
        assert app.took() == b"\x1bOA" * 3, "less and vim without their mouse"
        await drawn(app, pilot, "\x1b[?1000h\x1b[?1006h")
        await pilot._post_mouse_events([wheel_up()], widget=app.view, button=0, offset=(4, 2))
        assert app.took() == b"\x1b[<64;5;3M"


def wheel_up() -> Any:
    from textual.events import MouseScrollUp

    return MouseScrollUp


async def test_a_drag_marks_text_and_copies_it() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "one two three\r\nfour")
        await pilot.mouse_down(app.view, offset=(4, 0))
        await pilot.hover(app.view, offset=(2, 1))
        assert reversed_cells(app, 0) == list(range(4, COLUMNS))
        await pilot.mouse_up(app.view, offset=(2, 1))
        assert app.said[-1] == ("copied", "two three\nfou")
        await pilot.press("x")
        assert reversed_cells(app, 0) == [], "typing takes the mark away"
        await pilot.mouse_down(app.view, offset=(5, 0))
        await pilot.mouse_up(app.view, offset=(5, 0))
        assert app.said[-1] == ("copied", "two three\nfou"), "a click copies nothing"
        await pilot.mouse_down(app.view, offset=(5, 0))
        await pilot.mouse_up(app.view, offset=(5, 0))
        assert app.said[-1] == ("copied", "two"), "a double click is a word"


async def test_a_program_that_listens_gets_the_mouse_and_shift_takes_it_back() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "\x1b[?1002h\x1b[?1006hhello")
        await pilot.mouse_down(app.view, offset=(1, 0))
        await pilot.hover(app.view, offset=(3, 0))
        await pilot.mouse_up(app.view, offset=(3, 0))
        assert app.took() == b"\x1b[<0;2;1M\x1b[<32;4;1M\x1b[<0;4;1m"
        await pilot.mouse_down(app.view, offset=(0, 0), shift=True)
        await pilot.hover(app.view, offset=(2, 0))
        await pilot.mouse_up(app.view, offset=(2, 0), shift=True)
        assert app.took() == b""
        assert app.said[-1] == ("copied", "hel")


async def test_a_search_shows_its_places_and_gives_the_keys_back() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "needle 1\r\n" + "x\r\n" * 40 + "needle 2\r\n" + "x\r\n" * 40)
        await pilot.press("f3", *"Needle", "enter")
        assert "needle 2" in shown(app)
        count = app.view.query("SearchLine Static").first()
        assert str(count.render()) == "1 of 2"
        await pilot.press("up")
        assert "needle 1" in shown(app) and str(count.render()) == "2 of 2"
        await pilot.press("down")
        assert "needle 2" in shown(app)
        app.view.copy()
        await pilot.press(*"zz", "enter")
        assert app.said[-1] == ("copied", "needle")
        assert str(count.render()) == "not found"
        await pilot.press("escape")
        assert app.focused is app.view and app.took() == b""
        await pilot.press("q")
        assert app.took() == b"q"


async def test_another_size_flows_anew_and_is_told() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "0123456789" * 5)
        assert shown(app)[1] == "0123456789"
        await pilot.resize_terminal(60, 12)
        await pilot.pause()
        assert shown(app)[0] == "0123456789" * 5
        assert app.said[-1] == ("size", 60, 11)
        app.view.display = False
        await pilot.pause()
        assert app.said[-1] == ("size", 60, 11), "out of sight it keeps its size"


async def test_answers_go_to_the_program_and_a_flood_of_questions_gets_a_few() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "ab\x1b[6n")
        assert app.took() == b"\x1b[1;3R"
        await drawn(app, pilot, "\x1b[6n" * 200_000)
        assert 0 < len(app.took()) < 200_000


async def test_hostile_bytes_reach_no_terminal() -> None:
    bomb = (
        b"\x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07\x1b]9;note\x07\x1b]8;;http://evil/\x07link\x1b]8;;\x07\x1b[5;5H"
        b"\x1bP1;2|payload\x1b\\\x1b_Gf=100;AAAA\x1b\\\x9b31m\xff\xfe\x00\x1b[99999;99999H\x1b[9999999b"
    )
    async with alone() as (app, pilot):
        await drawn(app, pilot, bomb + "\u202eturned\u200b\u2066".encode())
        for y in range(ROWS):
            strip = app.view.render_line(y)
            assert strip.cell_length == COLUMNS
            assert all(segment.control is None for segment in strip)
            assert all(segment.style is None or segment.style.link is None for segment in strip)
            kept = HARMLESS.apply(list(strip), app.view.background_colors[1])
            assert [segment.text for segment in kept] == [segment.text for segment in strip]
        assert app.title == "Alone"
        assert app.clipboard == ""


async def test_characters_of_which_tables_differ_keep_the_columns_in_place() -> None:
    async with alone() as (app, pilot):
        await drawn(app, pilot, "中|\r\n👩‍💻|\r\n🇩🇪|\r\n☁️|\r\ne\u0301|\r\n\u0e33|")
        for y in range(6):
            strip = app.view.render_line(y)
            assert strip.cell_length == COLUMNS == sum(segment.cell_length for segment in strip)
        assert shown(app)[0] == "中|"


async def test_whoever_reads_from_the_node_waits_while_there_is_much_to_draw() -> None:
    data = b"".join(b"%d\r\n" % number for number in range(700_000))
    async with alone((120, 41)) as (app, pilot):
        most = 0

        async def read() -> None:
            nonlocal most
            for start in range(0, len(data), 32 * 1024):
                await app.view.take(data[start : start + 32 * 1024])
                most = max(most, app.view.backlog)

        reading = asyncio.ensure_future(read())
        await until(pilot, reading.done)
        assert most <= WAITING
        await until(pilot, lambda: "699999" in shown(app))
        # A view that goes lets nobody wait for ever.
        app.view.feed(data)
        waiting = asyncio.ensure_future(app.view.take(b"x"))
        await app.view.remove()
        await asyncio.wait_for(waiting, 5)


async def test_much_output_keeps_no_key_waiting() -> None:
    """5 MB come at once; every key that is pressed meanwhile is answered before all of it is drawn."""
    async with alone((120, 41)) as (app, pilot):
        app.view.feed(b"".join(b"%d\r\n" % number for number in range(700_000)))
        answered = 0
        while app.view.backlog:
            app.simulate_key("x")
            async with asyncio.timeout(5):
                while not app.typed:
                    await asyncio.sleep(0)
            answered += bool(app.took() and app.view.backlog)
        assert answered >= 5
        await pilot.pause()
        assert shown(app)[-2] == "699999"
