"""Keys, mouse, paste and focus as bytes for the program."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pghalab.terminal.keys import NONE, Held
from pghalab.terminal.terminal import Terminal

CTRL, ALT, SHIFT = Held(ctrl=True), Held(alt=True), Held(shift=True)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal(40, 10, lambda data: None)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("name", "held", "data"),
    [
        ("a", NONE, "a"),
        ("A", NONE, "A"),
        ("é", NONE, "é"),
        ("中", NONE, "中"),
        (" ", NONE, " "),
        ("enter", NONE, "\r"),
        ("tab", NONE, "\t"),
        ("tab", SHIFT, "\x1b[Z"),
        ("backspace", NONE, "\x7f"),
        ("escape", NONE, "\x1b"),
        ("c", CTRL, "\x03"),
        ("d", CTRL, "\x04"),
        ("r", CTRL, "\x12"),
        ("z", CTRL, "\x1a"),
        ("i", CTRL, "\t"),
        ("m", CTRL, "\r"),
        ("h", CTRL, "\x08"),
        ("j", CTRL, "\n"),
        (" ", CTRL, "\0"),
        ("@", CTRL, "\0"),
        ("\\", CTRL, "\x1c"),
        ("]", CTRL, "\x1d"),
        ("_", CTRL, "\x1f"),
        ("b", ALT, "\x1bb"),
        ("b", Held(alt=True, shift=True), "\x1bB"),
        (".", ALT, "\x1b."),
        ("backspace", ALT, "\x1b\x7f"),
        ("up", NONE, "\x1b[A"),
        ("left", CTRL, "\x1b[1;5D"),
        ("home", NONE, "\x1b[H"),
        ("end", NONE, "\x1b[F"),
        ("delete", NONE, "\x1b[3~"),
        ("pageup", NONE, "\x1b[5~"),
        ("f1", NONE, "\x1bOP"),
        ("f12", NONE, "\x1b[24~"),
        ("no such key", NONE, ""),
        ("", NONE, ""),
    ],
)
def test_a_key(terminal: Terminal, name: str, held: Held, data: str) -> None:
    assert terminal.keys.key(name, held) == data.encode()


def test_arrows_follow_the_mode_that_vim_and_less_set(terminal: Terminal) -> None:
    terminal.screen.feed(b"\x1b[?1h\x1b=")
    assert terminal.keys.key("up") == b"\x1bOA"
    terminal.screen.feed(b"\x1b[?1l\x1b>")
    assert terminal.keys.key("up") == b"\x1b[A"


def test_a_program_that_asks_for_the_kitty_protocol_gets_it(terminal: Terminal) -> None:
    terminal.screen.feed(b"\x1b[>1u")
    assert terminal.keys.key("c", CTRL) == b"\x1b[99;5u"
    assert terminal.keys.key("c") == b"c"


def test_the_mouse_is_reported_only_to_a_program_that_listens(terminal: Terminal) -> None:
    assert terminal.keys.press("left", 3, 4) == b""
    terminal.screen.feed(b"\x1b[?1000h\x1b[?1006h")
    assert terminal.keys.press("left", 3, 4) == b"\x1b[<0;4;5M"
    assert terminal.keys.release("left", 3, 4) == b"\x1b[<0;4;5m"
    assert terminal.keys.press("wheel up", 0, 0) == b"\x1b[<64;1;1M"
    assert terminal.keys.press("wheel down", 39, 9, CTRL) == b"\x1b[<81;40;10M"
    assert terminal.keys.move("left", 5, 5) == b"", "movements were not asked for"
    terminal.screen.feed(b"\x1b[?1002h")
    assert terminal.keys.move("left", 6, 5) == b"\x1b[<32;7;6M"
    assert terminal.keys.move("", 7, 5) == b"", "only those with a button held down were"
    terminal.screen.feed(b"\x1b[?1003h")
    assert terminal.keys.move("", 8, 5) == b"\x1b[<35;9;6M"


def test_a_paste_cannot_end_its_brackets_nor_press_keys(terminal: Terminal) -> None:
    hostile = "ls\r\nrm\x1b[201~\x03\tend"
    assert terminal.keys.paste(hostile) == b"ls\rrm [201~ \tend"
    terminal.screen.feed(b"\x1b[?2004h")
    assert terminal.keys.paste(hostile) == b"\x1b[200~ls\nrm [201~ \tend\x1b[201~"
    assert terminal.keys.paste("") == b""


def test_a_paste_of_a_megabyte_is_whole(terminal: Terminal) -> None:
    terminal.screen.feed(b"\x1b[?2004h")
    text = "0123456789abcdé\n" * 62_500
    assert terminal.keys.paste(text) == b"\x1b[200~" + text.encode() + b"\x1b[201~"


def test_the_focus_is_told_to_a_program_that_asked(terminal: Terminal) -> None:
    assert terminal.keys.focus(True) == b""
    terminal.screen.feed(b"\x1b[?1004h")
    assert (terminal.keys.focus(True), terminal.keys.focus(False)) == (b"\x1b[I", b"\x1b[O")
