"""Noise for a terminal: programs' bytes, cut, mixed and damaged, between everything that a person does with it.

`python -m tests.terminal_noise SEED TURNS` ends with 0 if the terminal stayed whole; a fault of the engine ends it.
"""

from __future__ import annotations

import faulthandler
import random
import sys
from collections.abc import Callable

from rich.style import Style

from pghalab.terminal.keys import Held
from pghalab.terminal.marked import Unit
from pghalab.terminal.screen import Screen
from pghalab.terminal.terminal import Terminal
from pghalab.widgets.terminal_look import strip
from tests.unit.test_terminal_recordings import NAMES, recording

PIECES = [
    *(b"\x1b[?%dh" % mode for mode in (3, 5, 6, 7, 69, 1003, 1006, 1049, 2004, 2026, 2027)),
    *(b"\x1b[?%dl" % mode for mode in (3, 5, 6, 7, 69, 1003, 1006, 1049, 2004, 2026, 2027)),
    *(b"\x1b[%d%s" % (number, end) for number in (0, 1, 50, 99999) for end in b"A B C D L M P X @ S T b G d".split()),
    b"\x1bc", b"\x1b[2J", b"\x1b[3J", b"\x1b[22J", b"\x1b#8", b"\x1b[4h", b"\x1b[5;10r", b"\x1b[;3r", b"\x1b[5;20s",
    b"\x1b[99;304H", b"\x1b[48;5;3m\x1b[K", b"\x1b[48;2;1;2;3m\x1b[K", b"\x1b(0lqqk\x1b(B", b"\x0e\x0f\x1bN",
    b"\x1b[>31u", b"\x1b]133;A\x07", b"\x1b]133;C\x07", b"\x1b]8;;x\x07", b"\x1bP+q544e\x1b\\",
    b"\x1b_Ga=T,f=24,s=1,v=1;AAAA\x1b\\", b"\x1b[6n",
    "\U0001f8e9\u200d\U0001f4bb 中文 e\u0301\u0301 \U0001f1e9\U0001f1ea ☁️ \u3000\u3164".encode(),
]  # fmt: skip
"""What programs seldom write."""


class Noise:
    """One terminal, and what is done with it by chance."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._bytes = PIECES + [m["data"].encode("latin-1") for name in NAMES for m in recording(name)["moments"]]
        self._terminal = self._made()
        self._doings: list[tuple[int, Callable[[], object]]] = [
            (50, self._feed),
            (5, lambda: self._screen.resize(self._to(300), self._to(80))),
            (5, lambda: self._screen.feed(b"".join(b"%d line\r\n" % number for number in range(self._to(2000))))),
            (10, lambda: self._screen.scroll(self._to(6000) - 3000)),
            (5, lambda: self._terminal.marking.start(*self._at(), self._random.choice(list(Unit)))),
            (8, self._mark),
            (4, lambda: self._terminal.marking.find(self._random.choice(["line", "1", "é", "zz"]), back=self._even())),
            (2, lambda: self._terminal.marking.end_search()),
            (3, lambda: self._screen.rest()),
            (3, lambda: self._terminal.keys.key("up", Held(self._even(), self._even(), self._even()))),
            (3, lambda: self._terminal.keys.move("left", *self._at())),
            (1, self._anew),
        ]

    def _to(self, most: int) -> int:
        return self._random.randint(0, most)

    def _even(self) -> bool:
        return self._random.random() < 0.5

    def _at(self) -> tuple[int, int]:
        return self._to(300) - 5, self._to(80) - 5

    def _made(self) -> Terminal:
        return Terminal(self._to(200), self._to(60))

    @property
    def _screen(self) -> Screen:
        return self._terminal.screen

    def _anew(self) -> None:
        self._terminal.close()
        self._terminal = self._made()

    def _feed(self) -> None:
        chance = self._random
        data = bytearray()
        for _ in range(chance.randint(1, 20)):
            data += chance.choice(self._bytes) if chance.random() < 0.8 else chance.randbytes(chance.randint(1, 300))
        if chance.random() < 0.3:
            for _ in range(5):
                data[chance.randrange(len(data))] = chance.randrange(256)
        self._terminal.screen.feed(bytes(data))

    def _mark(self) -> None:
        self._terminal.marking.extend(*self._at())
        assert "\x1b" not in self._terminal.marking.text

    def turn(self) -> None:
        """Do something, and look whether each row still fits the screen."""
        weights, doings = zip(*self._doings, strict=True)
        self._random.choices(doings, weights)[0]()
        screen = self._terminal.screen
        screen.update()
        for y, row in enumerate(screen.lines):
            assert sum(run.width for run in row) <= screen.columns, row
            painted = strip(row, screen.columns, Style(), screen.selection[y], screen.cursor)
            assert painted.cell_length == screen.columns == sum(segment.cell_length for segment in painted), row


def main(seed: int, turns: int) -> None:
    """So many turns, the same ones for the same seed."""
    faulthandler.enable()
    noise = Noise(seed)
    for _ in range(turns):
        noise.turn()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
