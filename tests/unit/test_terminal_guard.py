"""What the engine cannot bear never reaches it, in whatever pieces and spelling it comes."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from pghalab.terminal.guard import Guard

DEADLY = b"\x1b[;3r\x1b[99;304H" + "\U0001f8e9\u200d\U0001f4bb".encode()
"""With mode 2027 it ended the process: a narrow character that becomes a wide one at the edge, below a region."""


@pytest.mark.parametrize(
    ("data", "passed"),
    [
        (b"a\x1b[?2027hb", b"ab"),
        (b"\x1b[?25;2027;1h", b"\x1b[?25;1h"),
        (b"\x1b[?20\x00\x0727h", b""),
        (b"\x1b[?0002027h", b""),
        (b"\x1b[\x1b[?2027h", b"\x1b["),
        (b"\x1b[?" + b"\x00" * 5000 + b"2027h", None),
        (b"\x1b[2027h", b"\x1b[2027h"),
        (b"\x1b[?2027l", b"\x1b[?2027l"),
        (b"\x1b[?1049h\x1b[?2004h", b"\x1b[?1049h\x1b[?2004h"),
        (b"\x1b]0;2027h\x07\x1b[1;2Hplain 2027h", b"\x1b]0;2027h\x07\x1b[1;2Hplain 2027h"),
    ],
)
def test_the_mode_is_taken_out_and_nothing_else(data: bytes, passed: bytes | None) -> None:
    for seed in range(30):
        cut, guard, out, start = random.Random(seed), Guard(), b"", 0
        while start < len(data):
            stop = start + cut.randint(1, 4 if len(data) < 100 else 3000)
            out += guard.passed(data[start:stop])
            start = stop
        if passed is None:
            assert b"?" not in out, "too long for a sequence: what is left of it is text"
        else:
            assert out == passed


@pytest.mark.parametrize("mode", [b"\x1b[?2027h", b"\x1b[?7;02027h", b"\x1b[?2\x0b027h"])
def test_the_bytes_that_ended_the_engine_are_drawn(mode: bytes) -> None:
    """In a process of its own: this one would be gone."""
    code = (
        "import sys; from pghalab.terminal.screen import Screen; screen = Screen(165, 47, print); "
        "screen.feed(sys.stdin.buffer.read()); screen.update(); print(len(screen.lines))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=mode + DEADLY, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"47\n")
