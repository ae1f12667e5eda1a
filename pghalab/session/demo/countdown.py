"""The time until a show goes on by itself, a share for each page of what the room sees."""

from __future__ import annotations

from collections.abc import Callable

from pghalab.course.kinds import Read
from pghalab.course.model import Step
from pghalab.course.timing import pause, talk
from pghalab.session.demo.standing import Phase

AT_READY = 1.0
"""Seconds for which a whole command stands there before it is entered."""
DRAWN = 0.1
"""Seconds after which what is shown is arranged, so that its pages can be counted."""


class Countdown:
    """Counts in seconds at speed 1, and only as long as it is told that time passes."""

    def __init__(self) -> None:
        self._whole = 0.0
        self._share: float | None = None
        self._into = 0.0
        self._counts = False

    def start(self, seconds: float) -> None:
        """So many seconds, for all pages together."""
        self._whole, self._share = seconds, None
        self.turn()

    def turn(self) -> None:
        """Another page is shown."""
        self._into, self._counts = 0.0, True

    def stop(self) -> None:
        """It does not go on by itself."""
        self._counts = False

    def advance(self, seconds: float, pages: Callable[[], int]) -> bool:
        """Whether it is time now, so many seconds later; said once."""
        if not self._counts:
            return False
        self._into += seconds
        if self._share is None and self._into >= min(DRAWN, self._whole):
            self._share = self._whole / max(1, pages())
        self._counts = self._share is None or self._into < self._share
        return not self._counts

    @property
    def soon(self) -> float | None:
        """Seconds until it may be time; None when it never is."""
        if not self._counts:
            return None
        return max(0.0, (min(DRAWN, self._whole) if self._share is None else self._share) - self._into)


def wait_in(phase: Phase, step: Step) -> float | None:
    """Seconds for which a step stays in a phase, where the show does not wait for something else."""
    match phase:
        case "say":
            # What is only read is seen at once, and has no other page.
            return float(pause(step) if isinstance(step.kind, Read) else talk(step))
        case "ready":
            return AT_READY
        case "seen":
            return float(pause(step))
        case _:
            return None
