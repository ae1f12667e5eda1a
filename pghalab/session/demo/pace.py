"""How a person types: the moments at which the characters of a command come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from pghalab.values import dataclass

RATE = 11.0
"""Characters a second at speed 1, where nothing is hard to find."""
LONGEST = 20.0
"""Seconds at speed 1 that one command may take: what is longer is typed faster, as nobody wants to see it grow."""
FASTEST, SLOWEST = 8.0, 0.25
STEP = 1.25
"""How many times as fast one touch of a key makes it."""
_SPREAD = 0.7
"""Of the logarithm of a gap, at jitter 1."""
_NEW_LINE = 4.0
"""How many times as long as usual one waits before the first character of a line."""
_NEW_WORD = 1.3
_HARD = 1.4
"""For what needs Shift or stands at the edge of the keyboard."""
_SAME = 0.7
"""For the same key once more."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """How fast a show types and waits."""

    speed: float = 1.0
    """How many times as fast as usual; its pauses are that much shorter."""
    jitter: float = 0.5
    """From 0, a machine, to 1, somebody who looks for every other key."""
    instant: bool = False
    """Commands stand there at once, and a show that goes on by itself waits for nothing but the lab."""

    def faster(self, by: int) -> Tempo:
        """So many touches faster, or slower when negative."""
        speed = min(FASTEST, max(SLOWEST, self.speed * STEP**by))
        return Tempo(speed, self.jitter, self.instant)


def gaps(text: str, jitter: float, random: Random) -> list[float]:
    """Seconds before each character of a text, at speed 1."""
    found = [
        _weight(before, char) * _spread(jitter, random) / RATE for before, char in zip(" " + text, text, strict=False)
    ]
    whole = sum(found)
    return [gap * LONGEST / whole for gap in found] if whole > LONGEST else found


def _weight(before: str, char: str) -> float:
    if before == "\n":
        return _NEW_LINE
    if char == before:
        return _SAME
    weight = _NEW_WORD if before == " " else 1.0
    return weight if char.islower() or char in " -/." else weight * _HARD


def _spread(jitter: float, random: Random) -> float:
    """A factor whose mean is 1: some keys take much longer than others, none takes no time."""
    spread = _SPREAD * jitter
    return math.exp(random.gauss(-spread * spread / 2, spread)) if spread else 1.0


class Keystrokes:
    """A text that comes out character by character."""

    def __init__(self, text: str, gaps: Sequence[float]) -> None:
        """`gaps` are the seconds before each character."""
        self._text, self._gaps = text, gaps
        self._at = 0
        self._into = 0.0
        """Seconds since the last character."""

    @property
    def left(self) -> int:
        """How many characters have not come out."""
        return len(self._text) - self._at

    @property
    def soon(self) -> float:
        """Seconds until the next one; 0 when there is none."""
        return max(0.0, self._gaps[self._at] - self._into) if self.left else 0.0

    def advance(self, seconds: float) -> str:
        """What comes out within so many seconds more."""
        start = self._at
        self._into += seconds
        while self.left and self._into >= self._gaps[self._at]:
            self._into -= self._gaps[self._at]
            self._at += 1
        return self._text[start : self._at]

    def take(self, count: int | None = None) -> str:
        """The next so many characters at once, by default all that are left."""
        start = self._at
        self._at = len(self._text) if count is None else min(len(self._text), self._at + count)
        self._into = 0.0
        return self._text[start : self._at]
