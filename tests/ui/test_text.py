"""Remote text is shown as it is, and can do no harm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.screen import Screen
from textual.widgets import Static

import pghalab.app
from pghalab.app import PghalabApp
from pghalab.cluster.units import ago, lsn, size
from pghalab.session.output import OutputBuffer
from pghalab.text import clean, shortened
from pghalab.widgets.text import node_list, plain

HOSTILE = "owned \x1b]0;t\x07\x1b[31m\x9b2J\u202e\udc9b\U000e0041 end"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("host all [all] x", "host all [all] x"),
        ("[/foo] [bold red]", "[/foo] [bold red]"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end"),
        ("\x1bP1$r0m\x1b\\x\x9b2Jy", "xy"),
        ("bell\x07 nul\x00 del\x7f", "bell nul del"),
        ("a\tb", "a       b"),
        ("one\r\ntwo", "one\ntwo"),
        ("right\u202eleft", "rightleft"),
        ("\ud800", "?"),
    ],
)
def test_what_could_harm_is_taken_out(raw: str, shown: str) -> None:
    assert clean(raw) == shown
    assert plain(raw).plain == shown


def test_numbers_read_as_the_tools_print_them() -> None:
    assert [size(20480), size(1_300_000), size(12)] == ["20 kB", "1.3 MB", "12 B"]
    assert [lsn(0x6000060), lsn((2 << 32) + 16), lsn(None)] == ["0/6000060", "2/10", ""]
    assert [ago(4.9), ago(200), ago(7300)] == ["4 s", "3 min", "2 h"]
    assert node_list(["pgha1", "pgha2", "pgha3"]) == "pgha1-3"
    assert node_list(["pgha1", "pgha3"]) == "pgha1, pgha3"
    assert shortened("x" * 30, 10) == "x" * 10 + "… (20 more characters)"


def test_lines_come_together_from_any_pieces() -> None:
    buffer = OutputBuffer()
    for piece in ("on", "e\ntw", "o\n\nrest"):
        buffer.feed(piece)
    assert buffer.lines == ["one", "two", "", "rest"]
    assert buffer.total == 3
    buffer.close()
    assert buffer.lines == ["one", "two", "", "rest"]
    assert buffer.total == 4


def test_a_question_is_seen_before_its_line_ends() -> None:
    buffer = OutputBuffer()
    buffer.feed("one\ntwo\nAre you sure? [y/N] ")
    assert buffer.lines == ["one", "two", "Are you sure? [y/N] "]


def test_a_progress_bar_is_one_line() -> None:
    buffer = OutputBuffer()
    buffer.feed("10%\r20%\r100%\r\ndone\n")
    assert buffer.lines == ["100%", "done"]


def test_a_long_progress_bar_is_seen_as_it_is_now() -> None:
    buffer = OutputBuffer()
    for percent in range(100):
        buffer.feed(f"{percent}% {'#' * 500}\r"[: 200 if percent % 2 else None])
        buffer.feed("\r")
        assert buffer.lines[0].startswith(f"{percent}% #")
        assert len(buffer.lines) == 1
    buffer.feed("\ndone")
    assert buffer.lines[0].startswith("99% #") and buffer.lines[1] == "done"


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_only_the_first_and_the_last_lines_are_held(pieces: int) -> None:
    buffer = OutputBuffer(limit=20)
    text = "".join(f"line {number}\n" for number in range(1000))
    for at in range(0, len(text), size := -(-len(text) // pieces)):
        buffer.feed(text[at : at + size])
    gap = "… not held here: 980 lines; the full log has them …"
    assert buffer.lines == ["line 0", "line 1", gap, *(f"line {number}" for number in range(982, 1000))]
    assert (buffer.total, buffer.dropped) == (1000, 980)


def test_a_hundred_megabytes_without_a_newline_take_no_room() -> None:
    buffer = OutputBuffer()
    piece = "x" * 1_000_000
    for _ in range(100):
        buffer.feed(piece)
    buffer.close()
    assert len(buffer.lines) == 1
    assert len(buffer.lines[0]) < 3000


class Careless(PghalabApp):
    """A console in which somebody shows a node's words without cleaning them."""

    CSS_PATH = [Path(pghalab.app.__file__).parent / path for path in PghalabApp.CSS_PATH]  # noqa: RUF012


async def test_a_widget_that_forgot_to_clean_speaks_to_no_terminal() -> None:
    app = Careless(lessons=Path("nowhere"))
    async with app.run_test(notifications=True) as pilot:
        app.push_screen(Screen())
        await app.screen.mount(Static(HOSTILE, markup=False))
        app.notify(HOSTILE, title=HOSTILE, markup=False, timeout=60)
        for _ in range(200):
            await pilot.pause(0.02)
            painted = "".join(strip.text for strip in app.screen._compositor.render_strips())
            if painted.count("owned") >= 3:
                break
        assert painted.count("owned") >= 3, "the page, the notice and its title"
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202e\ud800-\udfff\U000e0041]", painted)
