"""The screen that a program draws: rows of runs, the cursor, what scrolled away, and what hostile bytes leave of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from pghalab.terminal.cells import PLAIN, Run, Style
from pghalab.terminal.screen import SCROLLBACK, Cursor, Screen
from pghalab.text import harmless


class Drawn(Screen):
    """A screen whose answers to the program are kept."""

    def __init__(self, columns: int = 20, rows: int = 4) -> None:
        self.replies: list[bytes] = []
        super().__init__(columns, rows, self.replies.append)

    def drawn(self, text: str | bytes) -> list[int]:
        """Feed, and the rows that changed by it."""
        self.feed(text if isinstance(text, bytes) else text.encode())
        return self.update()


@pytest.fixture
def screen() -> Iterator[Drawn]:
    made = Drawn()
    yield made
    made.close()


def test_rows_are_runs_of_one_style(screen: Drawn) -> None:
    screen.drawn("a \x1b[1;31mred\x1b[0;38;2;1;2;3;48;5;200;4mrgb\x1b[m z")
    assert screen.lines[0] == (
        Run("a ", 2),
        Run("red", 3, Style(foreground=1, bold=True)),
        Run("rgb", 3, Style(foreground=(1, 2, 3), background=200, underline=1)),
        Run(" z", 2),
    )
    assert screen.lines[1:] == [(), (), ()]


@pytest.mark.parametrize(
    ("code", "style"),
    [
        ("2", Style(faint=True)),
        ("3", Style(italic=True)),
        ("4:3", Style(underline=3)),
        ("5", Style(blink=True)),
        ("7", Style(inverse=True)),
        ("8", Style(invisible=True)),
        ("9", Style(strike=True)),
        ("97", Style(foreground=15)),
        ("44", Style(background=4)),
    ],
)
def test_each_way_to_look(screen: Drawn, code: str, style: Style) -> None:
    screen.drawn(f"\x1b[{code}mx")
    assert screen.lines[0] == (Run("x", 1, style),)


def test_a_line_that_was_erased_in_a_colour_is_one_run(screen: Drawn) -> None:
    screen.drawn("\x1b[44m\x1b[K\r\n\x1b[48;2;9;8;7m\x1b[K\x1b[m")
    assert screen.lines[0] == (Run(" " * 20, 20, Style(background=4)),)
    assert screen.lines[1] == (Run(" " * 20, 20, Style(background=(9, 8, 7))),)


def test_only_rows_that_changed_are_read_again(screen: Drawn) -> None:
    screen.drawn("one\r\ntwo")
    assert screen.drawn("") == []
    assert screen.drawn("!") == [1]
    assert screen.drawn("\x1b[1;1HX\x1b[4;1HY") == [0, 1, 3]
    assert screen.text == "Xne\ntwo!\n\nY"


def test_wide_characters_and_clusters_fill_the_cells_that_the_engine_gave_them(screen: Drawn) -> None:
    screen.drawn("a中b e\u0301x")
    assert screen.lines[0] == (Run("a", 1), Run("中", 2), Run("b ", 2), Run("e\u0301", 1), Run("x", 1))
    screen.drawn("\r\n" + "é" * 3 + "├─")
    assert screen.lines[1] == (Run("ééé├─", 5),)


def test_a_wide_character_that_cannot_be_shown_leaves_its_cells_blank(screen: Drawn) -> None:
    screen.drawn("a\u3000b")
    assert screen.lines[0] == (Run("a", 1), Run("  ", 2), Run("b", 1))


def test_characters_that_hide_or_turn_what_follows_are_not_there(screen: Drawn) -> None:
    screen.drawn("a\u202eb\u200bc\u00add\u2066e\U000e0041f" + "x\u0301" * 2 + "\u0301" * 40)
    text = "".join(run.text for run in screen.lines[0])
    assert text.isprintable()
    assert not set(text) & set("\u202e\u200b\u00ad\u2066\U000e0041")
    assert text.count("\u0301") <= 17, "a cell with forty accents is shown without"


def test_the_cursor_and_its_shape(screen: Drawn) -> None:
    screen.drawn("ab")
    assert screen.cursor == Cursor(2, 0, "block")
    screen.drawn("\x1b[6 q\x1b[3;5H")
    assert screen.cursor == Cursor(4, 2, "bar")
    screen.drawn("\x1b[?25l")
    assert screen.cursor is None
    screen.drawn("\x1b[?25h" + "\r\n" * 20)
    screen.scroll(-10)
    screen.update()
    assert screen.cursor is None, "it is further down than what is shown"


def test_ten_thousand_lines_are_kept_at_any_width(screen: Drawn) -> None:
    for columns in (20, 80, 120, 300):
        screen.resize(columns, 4)
        screen.drawn(b"".join(b"%d\r\n" % number for number in range(3 * SCROLLBACK)))
        assert SCROLLBACK <= screen.scrolled.total - 4 <= 3 * SCROLLBACK, columns
        screen.scroll(-SCROLLBACK)
        screen.update()
        assert screen.lines[0] == (Run(str(2 * SCROLLBACK - 3), 5),), columns
        assert screen.scrolled.below == SCROLLBACK
        screen.scroll_to_end()
        screen.update()
        assert screen.scrolled.below == 0


def test_what_is_looked_at_stays_while_more_comes(screen: Drawn) -> None:
    screen.drawn(b"".join(b"line %d\r\n" % number for number in range(50)))
    screen.scroll(-20)
    screen.update()
    before = screen.text
    screen.drawn("more\r\n" * 10)
    assert screen.text == before
    assert screen.scrolled.below == 30


def test_lines_that_were_folded_flow_anew(screen: Drawn) -> None:
    screen.drawn("one two three four five\r\n$ ")
    assert screen.text.split("\n")[:3] == ["one two three four f", "ive", "$"]
    screen.resize(40, 4)
    screen.update()
    assert screen.text.split("\n")[:2] == ["one two three four five", "$"]
    assert screen.cursor == Cursor(2, 1, "block")
    screen.resize(1, 0)
    assert (screen.columns, screen.rows) == (2, 2)


def test_a_program_with_a_screen_of_its_own_leaves_the_other_one_as_it_was(screen: Drawn) -> None:
    screen.drawn("$ vim")
    screen.drawn("\x1b[?1049h\x1b[H\x1b[2J~\r\n~")
    assert screen.modes.alternate
    assert screen.text.startswith("~\n~")
    screen.drawn("\x1b[?1049l")
    assert not screen.modes.alternate
    assert screen.text.startswith("$ vim")


def test_modes_are_those_that_the_program_set(screen: Drawn) -> None:
    assert screen.modes[:4] == (False, False, False, False)
    screen.feed(b"\x1b[?1002h\x1b[?2004h\x1b[?1004h")
    assert screen.modes[:4] == (True, True, True, False)
    screen.feed(b"\x1b[?1002l\x1b[?2004l\x1b[?1004l")
    assert screen.modes[:4] == (False, False, False, False)


def test_a_question_is_answered_to_the_program(screen: Drawn) -> None:
    screen.drawn("ab\x1b[6n")
    assert screen.replies == [b"\x1b[1;3R"]


def test_what_a_node_may_not_do_to_the_learners_terminal_changes_and_answers_nothing(screen: Drawn) -> None:
    screen.drawn(
        "a\x1b]0;title\x07b\x1b]52;c;ZXZpbA==\x07c\x1b]52;c;?\x07d\x1b]9;note\x07e\x1b]777;notify;x;y\x1b\\f"
        "\x1b]8;;http://evil/\x07g\x1b]8;;\x07h\x1b[21ti\x1b]7;file:///x\x07j\x1b_Gf=100,a=T;AAAA\x1b\\k\x05l"
        "\x1b]1337;SetUserVar=a=b\x07m\x1bP+q544e\x1b\\n"
    )
    assert screen.lines[0] == (Run("abcdefghijklmn", 14),)
    assert screen.replies == []


def test_a_sequence_that_never_ends_and_binary_leave_a_screen_that_works(screen: Drawn) -> None:
    noise = random.Random(17)
    for opener in (b"\x1b]0;", b"\x1bP", b"\x1b_", b"\x1b[", b"\x1b]52;c;"):
        screen.feed(opener + b"A" * 2_000_000)
        screen.feed(noise.randbytes(200_000))
        screen.update()
        assert screen.text and all(harmless(run.text) == run.text for row in screen.lines for run in row)
        screen.feed(b"\x18\x1b\\\x1bc")
        screen.drawn("still here")
        assert screen.text.startswith("still here"), opener


def test_an_escape_bomb_ends(screen: Drawn) -> None:
    screen.drawn("\x1b[99999999;99999999H\x1b[99999999L\x1b[99999999P\x1b[99999999@\x1b[99999999X\x1b[99999999S")
    screen.drawn("\x1b[2147483647b" + "z\x1b[65535b" * 50 + "\x1b#8" * 1000 + "\x1b[?3h\x1b[8;9999;9999t")
    assert (screen.columns, screen.rows) == (20, 4)
    assert len(screen.lines) == 4


def test_any_cut_of_the_stream_draws_the_same() -> None:
    stream = "$ \x1b[1;32mls\x1b[0m 中文 e\u0301\r\n\x1b]0;t\x07\x1b[7mrow\x1b[27m\x1b[2;3Hx\x1b[K".encode()
    whole = Drawn()
    whole.drawn(stream)
    for seed in range(50):
        cut = random.Random(seed)
        pieces = Drawn()
        start = 0
        while start < len(stream):
            stop = start + cut.randint(1, 5)
            pieces.feed(stream[start:stop])
            start = stop
        pieces.update()
        assert pieces.lines == whole.lines
        assert pieces.cursor == whole.cursor
        pieces.close()
    whole.close()


def test_what_rests_is_packed_and_still_there(screen: Drawn) -> None:
    screen.drawn(b"".join(b"line %d\r\n" % number for number in range(5000)))
    steps = 1
    while screen.rest():
        steps += 1
    assert steps > 1
    screen.scroll(-4000)
    screen.update()
    assert screen.lines[0] == (Run("line 997", 8),)


def test_a_closed_screen_can_be_read_and_closed_again(screen: Drawn) -> None:
    screen.drawn("last words")
    screen.close()
    screen.close()
    assert screen.lines[0] == (Run("last words", 10, PLAIN),)
