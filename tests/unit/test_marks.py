"""The marks in a terminal's stream, in any pieces and from whoever writes there."""

from __future__ import annotations

import base64
import random

import pytest

from pghalab.lab.ssh.marks import (
    DEEPEST,
    LONGEST,
    LONGEST_TEXT,
    CommandBegan,
    CommandEnded,
    CommandPrinted,
    Mark,
    Marks,
    Prompted,
)
from tests.fake_lab.shell import mark

ONE, TWO = f"{1:016x}", f"{2:016x}"
HERE, THERE = (ONE, "postgres", "pgha1"), (TWO, "postgres", "pgha2")


def began(who: tuple[str, str, str], text: str) -> bytes:
    return mark("C", *who, len(text.encode()), base64.b64encode(text.encode()[:LONGEST_TEXT]).decode())


def prompt(who: tuple[str, str, str]) -> bytes:
    return b"\x1b]133;A\x07" + mark("A", *who) + b"\x1b[1m$ \x1b[0m" + mark("B", who[0])


def joined(found: list[Mark]) -> list[Mark]:
    """The same with what was printed in one piece."""
    whole: list[Mark] = []
    for one in found:
        before = whole[-1] if whole else None
        if isinstance(one, CommandPrinted) and isinstance(before, CommandPrinted) and one.shell == before.shell:
            whole[-1] = CommandPrinted(one.shell, before.text + one.text)
        else:
            whole.append(one)
    return whole


NESTED = (
    b"banner\r\n"
    + prompt(HERE)
    + b"ls\r\n"
    + began(HERE, "ls")
    + b"\x1b]133;C\x07caf\xc3\xa9\r\n\x1b]0;a title\x07"
    + mark("D", ONE, 0)
    + prompt(HERE)
    + began(HERE, "ssh pgha2\n")
    + b"hello\r\n"
    + prompt(THERE)
    + began(THERE, "false")
    + mark("D", TWO, 1)
    + prompt(THERE)
    + began(THERE, "exit")
    + b"logout\r\n"
    + mark("D", ONE, 3)
    + prompt(HERE)
)
SAID: list[Mark] = [
    Prompted(*HERE),
    CommandBegan(*HERE, "ls"),
    CommandPrinted(ONE, "\x1b]133;C\x07café\r\n\x1b]0;a title\x07"),
    CommandEnded(ONE, 0, True),
    Prompted(*HERE),
    CommandBegan(*HERE, "ssh pgha2\n"),
    CommandPrinted(ONE, "hello\r\n\x1b]133;A\x07"),
    Prompted(*THERE),
    CommandBegan(*THERE, "false"),
    CommandEnded(TWO, 1, True),
    Prompted(*THERE),
    CommandBegan(*THERE, "exit"),
    CommandPrinted(TWO, "logout\r\n"),
    CommandEnded(TWO, None, False),
    CommandEnded(ONE, 3, False),
    Prompted(*HERE),
]


def test_commands_of_shells_within_shells() -> None:
    assert joined(Marks().feed(NESTED)) == SAID


@pytest.mark.parametrize("seed", range(40))
def test_the_pieces_make_no_difference(seed: int) -> None:
    chance = random.Random(seed)
    marks, found, at = Marks(), [], 0
    while at < len(NESTED):
        size = chance.choice([1, 2, 3, 7, 30, 200])
        found += marks.feed(NESTED[at : at + size])
        at += size
    assert joined(found) == SAID
    assert marks.who == "postgres@pgha1" and marks.at_prompt


def test_a_string_terminator_ends_a_mark_too() -> None:
    stream = NESTED.replace(b"\x07", b"\x1b\\")
    marks, found = Marks(), []
    for byte in stream:
        found += marks.feed(bytes([byte]))
    said = [one for one in joined(found) if not isinstance(one, CommandPrinted)]
    assert said == [one for one in SAID if not isinstance(one, CommandPrinted)]


def test_a_long_command_is_cut_and_an_unknown_one_has_no_text() -> None:
    found = Marks().feed(prompt(HERE) + began(HERE, "x" * 5000) + mark("D", ONE, 0) + mark("C", *HERE, 0, ""))
    commands = [one for one in found if isinstance(one, CommandBegan)]
    assert commands == [CommandBegan(*HERE, "x" * LONGEST_TEXT, cut=True), CommandBegan(*HERE, "")]


def test_the_next_command_of_the_same_input_ends_the_one_before() -> None:
    found = joined(
        Marks().feed(prompt(HERE) + began(HERE, "echo 1") + b"1\r\n" + began(HERE, "echo 2") + mark("D", ONE, 0))
    )
    assert found[1:] == [
        CommandBegan(*HERE, "echo 1"),
        CommandPrinted(ONE, "1\r\n"),
        CommandEnded(ONE, None, True),
        CommandBegan(*HERE, "echo 2"),
        CommandEnded(ONE, 0, True),
    ]


def test_a_prompt_without_its_other_marks_ends_a_command_without_a_status() -> None:
    marks = Marks()
    found = marks.feed(prompt(HERE) + began(HERE, "unset PROMPT_COMMAND") + b"$ " + mark("B", ONE))
    assert found[-1] == CommandEnded(ONE, None, False)
    assert marks.at_prompt


def test_an_end_that_belongs_to_no_command_says_nothing() -> None:
    assert Marks().feed(mark("D", ONE, 0) + mark("B", ONE)) == []
    assert Marks().feed(prompt(HERE) + mark("D", TWO, 0) + mark("B", TWO) + mark("D", ONE, 0)) == [Prompted(*HERE)]


def test_the_end_of_the_stream_ends_what_runs() -> None:
    marks = Marks()
    marks.feed(prompt(HERE) + began(HERE, "exec sh") + b"\x1b]77")
    assert marks.close() == [CommandPrinted(ONE, "\x1b]77"), CommandEnded(ONE, None, False)]
    assert marks.close() == [] and marks.who == ""


@pytest.mark.parametrize(
    "bad",
    [
        b"\x1b]7717;A;xyz;postgres;pgha1\x07",
        mark("A", ONE, "a;b", "pgha1"),
        mark("A", ONE, "postgres", "x" * 65),
        mark("A", ONE, "post\x1b[31mgres", "pgha1"),
        mark("C", *HERE, 99999999, "YQ=="),
        mark("C", *HERE, -1, "YQ=="),
        mark("D", ONE, 1234),
        mark("D", ONE, ""),
        mark("Z"),
        b"\x1b]7717;" + b"\xff" * 100 + b"\x07",
        b"\x1b]7717;A;" + b"0" * 20_000 + b"\x07",
    ],
)
def test_what_is_no_mark_is_output(bad: bytes) -> None:
    marks = Marks()
    marks.feed(prompt(HERE) + began(HERE, "cat"))
    found = [one for one in marks.feed(bad + mark("D", ONE, 0)) if not isinstance(one, CommandPrinted)]
    assert found == [CommandEnded(ONE, 0, True)]


def test_text_that_is_no_base64_is_an_unknown_command() -> None:
    assert Marks().feed(mark("C", *HERE, 3, "YQ=")) == [CommandBegan(*HERE, "")]


def test_what_never_ends_is_not_held() -> None:
    marks = Marks()
    marks.feed(prompt(HERE) + began(HERE, "cat bomb"))
    printed = 0
    for _ in range(200):
        for one in marks.feed(b"\x1b]7717;C;" + b"A" * 30_000):
            assert isinstance(one, CommandPrinted)
            printed += len(one.text)
        assert len(marks._held) <= LONGEST
    assert printed > 200 * 29_000
    for _ in range(1000):
        marks.feed(b"\x1b]7717;\x1b")
    assert len(marks._held) <= LONGEST
    assert marks.feed(mark("D", ONE, 0))[-1] == CommandEnded(ONE, 0, True)


def test_a_thousand_shells_within_each_other_are_not_held() -> None:
    marks = Marks()
    found: list[Mark] = []
    for number in range(1000):
        found += marks.feed(began((f"{number:016x}", "root", "pgha1"), "bash"))
    assert len(marks._shells) == DEEPEST
    assert sum(isinstance(one, CommandEnded) for one in found) == 1000 - DEEPEST


@pytest.mark.parametrize("seed", range(20))
def test_noise_raises_nothing(seed: int) -> None:
    chance = random.Random(seed)
    parts = [b"\x1b]7717;", b"A;", ONE.encode(), b";", b"\x07", b"\x1b\\", b"\x1b", b"\xff\xfe", b"D;", NESTED, b"\n"]
    marks = Marks()
    for _ in range(300):
        marks.feed(b"".join(chance.choices(parts, k=chance.randrange(1, 8))))
    marks.close()


def test_prompts_are_counted_once_each_and_not_between_lines_that_were_entered_together() -> None:
    marks = Marks()
    marks.feed(prompt(HERE))
    assert marks.prompts == 1
    marks.feed(b"\r$ " + mark("B", ONE))
    assert marks.prompts == 1, "it was drawn anew, as after another size"
    marks.feed(began(HERE, "first") + mark("D", ONE, 0) + mark("A", *HERE))
    assert marks.at_prompt and marks.prompts == 1
    marks.feed(began(HERE, "second") + mark("D", ONE, 0) + prompt(HERE))
    assert marks.prompts == 2
    marks.feed(began(HERE, "unset PROMPT_COMMAND") + b"$ " + mark("B", ONE))
    assert marks.prompts == 3, "nothing tells of the prompt but that it is shown"
