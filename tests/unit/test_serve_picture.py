"""What a room is shown of a screen: rows of styled runs, only those that changed, and nothing that is hidden."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from pghalab.serve import hidden as hiding
from pghalab.serve.covered import covered
from pghalab.serve.hidden import Hidden
from pghalab.serve.look import look
from pghalab.serve.picture import Picture
from pghalab.terminal.cells import PLAIN, Style

OWN = "Tr0ub4dor&3"
HIDDEN = Hidden([OWN], {"/home/alice": "~", "box.example.org": "(this machine)", "box": "(this machine)"})


@pytest.fixture
def picture() -> Iterator[Picture]:
    made = Picture(HIDDEN)
    made.resize(40, 5)
    yield made
    made.close()


def frame(picture: Picture, seen: int) -> Any:
    return json.loads(picture.since(seen))


def text(picture: Picture) -> list[str]:
    rows = frame(picture, 0)["rows"]
    return ["".join(run[0] for run in rows[str(line)]).rstrip() for line in range(len(rows))]


def test_first_all_and_then_what_changed(picture: Picture) -> None:
    picture.feed(b"one\r\n\x1b[1;31mtwo\x1b[0m 2")
    assert picture.take() and not picture.take()
    assert frame(picture, 0) == {
        "size": [40, 5], "cursor": [5, 1],
        "rows": {"0": [["one", ""]], "1": [["two", "#cd3131||b"], [" 2", ""]], "2": [], "3": [], "4": []},
    }  # fmt: skip
    first = picture.number
    picture.feed(b"\x1b[Hzero\x1b[?25l")
    assert picture.take()
    assert frame(picture, first) == {"size": [40, 5], "cursor": None, "rows": {"0": [["zero", ""]]}}
    picture.feed(b"\x1b[4Hfour")
    assert picture.take()
    # Who saw the first only gets the newest of everything since then.
    assert set(frame(picture, first)["rows"]) == {"0", "3"}
    assert set(frame(picture, first + 1)["rows"]) == {"3"}
    assert frame(picture, picture.number)["rows"] == {}


def test_what_is_painted_again_as_it_was_is_nothing_new(picture: Picture) -> None:
    picture.feed(b"\x1b[?25l\x1b[Hone\r\ntwo")
    assert picture.take()
    picture.feed(b"\x1b[2J\x1b[Hone\r\ntwo")
    assert not picture.take()


def test_another_size_and_another_console_are_told_whole(picture: Picture) -> None:
    picture.feed(b"one")
    picture.take()
    before = picture.number
    picture.resize(30, 3)
    assert picture.take()
    assert frame(picture, before)["size"] == [30, 3] and len(frame(picture, before)["rows"]) == 3
    before = picture.number
    picture.clear()
    picture.feed(b"\x1b[2;1Htwo")
    assert picture.take()
    assert text(picture) == ["", "two", ""] and set(frame(picture, before)["rows"]) == {"0", "1"}


def test_wide_characters_and_clusters_say_how_wide_they_are(picture: Picture) -> None:
    picture.feed("日a e\u0301 \x1b[8mhid\x1b[0m".encode())
    picture.take()
    (row,) = [row for line, row in frame(picture, 0)["rows"].items() if line == "0"]
    assert row[0] == ["日", "", 2] and row[1] == ["a ", ""]
    assert row[2] == ["e\u0301", "", 1]
    assert "hid" not in json.dumps(row)


@pytest.mark.parametrize(
    ("style", "said"),
    [
        (PLAIN, ""),
        (Style(foreground=9, background=(1, 2, 3)), "#f14c4c|#010203|"),
        (Style(foreground=16 + 36 * 5 + 6 * 0 + 2), "#ff0087||"),
        (Style(foreground=244), "#808080||"),
        (Style(inverse=True), "#1e1e1e|#d4d4d4|"),
        (Style(foreground=(0, 0, 0), inverse=True), "#1e1e1e|#000000|"),
        (Style(faint=True, italic=True, underline=3, strike=True), "#8b8b8b||ius"),
    ],
)
def test_a_look_is_colours_and_letters(style: Style, said: str) -> None:
    assert look(style) == said


@pytest.mark.parametrize(
    ("drawn", "shown"),
    [
        (f"it is {OWN} here", "it is ••••••••••• here"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=••••••• psql"),
        (f"{OWN[:4]}\x1b[1m{OWN[4:]}", "•••••••••••"),
        ("ls /home/alice/x on box", "ls •••••••••••/x on •••"),
        ("ls /home/alicette boxes in-box", "ls /home/alicette boxes in-box"),
        ("PGPASSWORD=日本 x", "PGPASSWORD=•••• x"),
    ],
)
def test_what_is_hidden_is_covered_cell_by_cell(picture: Picture, drawn: str, shown: str) -> None:
    picture.feed(drawn.encode())
    picture.take()
    assert text(picture)[0] == shown


def test_a_secret_that_becomes_one_is_covered_although_its_row_did_not_change(picture: Picture) -> None:
    picture.feed(b"x" * 38 + b"\r\n hunter2 here")
    picture.take()
    before = picture.number
    assert text(picture)[1] == " hunter2 here"
    picture.feed(b"\x1b[H" + b"x" * 29 + b"password=")
    assert picture.take()
    assert text(picture)[1] == " ••••••• here" and "1" in frame(picture, before)["rows"]


def seen(rows: list[str]) -> list[str]:
    """The rows with what is hidden covered."""
    found = covered(rows, max(map(len, rows)), HIDDEN)
    return [
        "".join("•" if column in found.get(line, ()) else letter for column, letter in enumerate(row))
        for line, row in enumerate(rows)
    ]


def beside(*rows: tuple[str, str, str]) -> list[str]:
    """Three panes beside each other."""
    return [f"│{one:12}│{two:37}│{three:9}│" for one, two, three in rows]


def test_a_line_that_a_pane_folded_is_read_as_one_beside_other_panes() -> None:
    before = "$ psql -v a=1 -v b=2 -v word="
    rows = [(" a lesson", f"{before}{OWN[:8]}", " members"), (" of words", f"{OWN[8:]} -h x", " pgha1"), ("", "", "")]
    assert seen(beside(*rows)) == beside(
        (" a lesson", f"{before}{'•' * 8}", " members"), (" of words", "••• -h x", " pgha1"), ("", "", "")
    )
    # Elsewhere it is no end of a line.
    assert "&3 -h x" in seen(beside((" a", f"{before[5:]}{OWN[:8]}", ""), (" b", f"{OWN[8:]} -h x", "")))[1]


def test_a_private_key_in_a_pane_is_covered_line_by_line() -> None:
    shown = seen(
        beside(
            (" note", " -----BEGIN OPENSSH PRIVATE KEY-----", ""),
            (" x", " b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAA", " pgha1"),
            ("", " AAAAtzc2gtZWQyNTUx", ""),
            (" y", " -----END OPENSSH PRIVATE KEY-----", ""),
            (" z", " plain", ""),
        )
    )
    assert shown[1:3] == beside((" x", f" {'•' * 34}", " pgha1"), ("", f" {'•' * 18}", ""))
    assert " y " in shown[3] and "plain" in shown[4]


def test_the_names_of_this_machine_are_the_persons_and_not_what_every_node_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop.alice.example")
    found = Hidden((), hiding.of_this_machine())
    assert found.text("cat /home/alice/.ssh on laptop, laptop.alice.example") == (
        "cat ~/.ssh on (this machine), (this machine)"
    )
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setattr(socket, "gethostname", lambda: "localhost")
    assert Hidden((), hiding.of_this_machine()).text("ls /root on localhost") == "ls /root on localhost"
