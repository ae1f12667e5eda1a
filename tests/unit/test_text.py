"""Text from outside: nothing in it is obeyed, nothing in it is invisible, a stream is cleaned like a whole."""

from __future__ import annotations

import random
import re
import time

import pytest

from pghalab.text import GLYPHS, Cleaner, clean, in_ascii, one_line

_ALLOWED = re.compile(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e0fff]*")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("host all [all] x", "host all [all] x"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end"),
        ("\x1b]52;c;ZXZpbA==\x1b\\left \x9d0;title\x9cright", "left right"),
        ("\x1bP1$r0m\x1b\\x\x9b2Jy \x90q\x9cz", "xy z"),
        ("never ended \x1b]0;title\nthe next line", "never ended 0;title\nthe next line"),
        ("twice \x1b\x1b[31m[0m", "twice [0m"),
        ("bell\x07 nul\x00 del\x7f nel\x85", "bell nul del nel"),
        ("a\tb", "a       b"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("right\u202eleft \u2066isolated\u2069 \u061cmark", "rightleft isolated mark"),
        ("tags\U000e0041\U000e0042 \ufe0fselector zero\u200bwidth", "tags selector zerowidth"),
        ("\ud800 \udc9b2J", "? ?2J"),
        ("Zürich ✓ 日本 é", "Zürich ✓ 日本 é"),
    ],
)
def test_what_could_harm_is_taken_out(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_a_name_begins_no_line_of_its_own() -> None:
    assert one_line("pgha1\nLeader: pgha9\r\nx") == "pgha1 Leader: pgha9 x"


def test_a_sequence_that_is_torn_apart_is_still_one() -> None:
    whole = "a\x1b[3" + "1mred\x1b[0m \x1b]0;title\x1b\\b\x9b2Jc\r\nd \x1bP1$r\x9ce\rf"
    for cut in range(len(whole)):
        cleaner = Cleaner()
        shown = cleaner.feed(whole[:cut]) + cleaner.feed(whole[cut:]) + cleaner.close()
        assert shown == clean(whole)
    cleaner = Cleaner()
    assert "".join(map(cleaner.feed, whole)) + cleaner.close() == clean(whole)


def test_a_whole_line_is_not_waited_with() -> None:
    assert Cleaner().feed("10 %\r\n") == "10 %\n"


@pytest.mark.parametrize("piece", ["\x90", "\x1b]", "\x9b", "\x1b[", "\x1b", "\x1b[0 ", "\r", "\x9d\x1b", "\t"])
def test_the_time_grows_no_faster_than_the_text(piece: str) -> None:
    def seconds(count: int) -> float:
        began = time.process_time()
        Cleaner().feed(piece * count + "\n")
        return time.process_time() - began

    assert min(seconds(64_000) for _ in range(3)) < 40 * max(0.002, min(seconds(4_000) for _ in range(3)))


def test_an_unfinished_sequence_is_not_held_for_ever() -> None:
    cleaner = Cleaner()
    for _ in range(100):
        cleaner.feed("\x1b]0;" + "x" * 1000)
        assert len(cleaner._rest) <= 4096


def test_whatever_comes_nothing_harmful_is_left() -> None:
    chance = random.Random(5)
    alphabet = "\x1b\x9b\x9d\x90[]P^_;0123mHJ\x07\\\n\r\tab\u202e\ud800\U000e0041 \x00\x7f\x85é✓"
    for _ in range(3000):
        text = "".join(chance.choices(alphabet, k=chance.randrange(40)))
        shown = clean(text)
        assert _ALLOWED.fullmatch(shown), text
        assert clean(shown) == shown
        shown.encode("utf-8")


def test_ascii_has_a_stand_in_for_every_glyph() -> None:
    assert in_ascii("✓ Zürich – “a” … 日") == '+ Zurich - "a" ... ?'
    assert all(value.isascii() and value.isprintable() for value in GLYPHS.values())
