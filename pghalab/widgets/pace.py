"""How soon something may be painted again."""

from __future__ import annotations


class Pace:
    """Lets a thing be done a few times at once after a rest, and evenly as long as there is always more to do."""

    def __init__(self, interval: float, burst: int) -> None:
        self._interval = interval
        self._credit = (burst - 1) * interval
        """Seconds that it may be ahead of an even pace."""
        self._even = 0.0
        """When it would be its turn at an even pace."""

    def wait(self, now: float) -> float:
        """Seconds until its turn."""
        return max(0.0, self._even - self._credit - now)

    def done(self, now: float) -> None:
        """It is done at this moment."""
        self._even = max(self._even, now) + self._interval
