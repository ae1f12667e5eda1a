"""What a command printed: the lines of it that are held for the screen, fed in pieces."""

from __future__ import annotations

from collections import deque

from pghalab.text import clean, shortened

SHOWN_LINES = 2000
"""How many lines are kept for the screen; the log on disk holds all."""
FIRST_LINES = 200
"""How many of them are the first ones: a text often speaks of those, whatever comes later."""
LONGEST = 8192
"""Characters of a line that are held."""


class OutputBuffer:
    """The first and the last lines of a stream of text that may come in any pieces, at any speed."""

    def __init__(self, limit: int = SHOWN_LINES) -> None:
        self.total = 0
        """Lines that have ended, the ones that were dropped included."""
        self.pieces = 0
        """Pieces that came: when this has not changed, nothing has."""
        self._room = min(FIRST_LINES, limit // 10)
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=limit - self._room)
        self._open = ""

    def feed(self, text: str) -> None:
        """Take in a piece; of a line without an end no more is kept than is shown."""
        self.pieces += 1
        *done, rest = text.split("\n")
        if done:
            self._add(self._open + done[0])
            ahead = min(len(done), 1 + max(0, self._room - len(self._first)))
            for line in done[1:ahead]:
                self._add(line)
            # Only lines that can still be shown are worth cleaning.
            skipped = max(0, len(done) - ahead - (self._last.maxlen or 0))
            self.total += skipped
            for line in done[ahead + skipped :]:
                self._add(line)
            self._open = ""
        if rest:
            # Only what comes next tells a line that is drawn anew from one that ends in \r\n.
            self._open = _redrawn(self._open + rest) + ("\r" if rest.endswith("\r") else "")

    def close(self) -> None:
        """The stream ended: what waited for its newline is a line."""
        if self._open:
            self._add(self._open)
            self._open = ""

    @property
    def lines(self) -> list[str]:
        """The lines that are held; also the one that has not ended, which may be a question."""
        gap = [f"… not held here: {self.dropped} lines; the full log has them …"] if self.dropped else []
        return [*self._first, *gap, *self._last, *([_shown(self._open)] if self._open else [])]

    @property
    def dropped(self) -> int:
        """How many lines between the first and the last are no longer held."""
        return self.total - len(self._first) - len(self._last)

    def _add(self, line: str) -> None:
        if len(self._first) < self._room:
            self._first.append(_shown(line))
        else:
            self._last.append(_shown(line))
        self.total += 1


def _redrawn(line: str) -> str:
    """The last state of a line that draws itself anew behind carriage returns, as a progress bar does."""
    return line.rstrip("\r").rsplit("\r", 1)[-1][:LONGEST]


def _shown(line: str) -> str:
    return shortened(clean(_redrawn(line))).replace("\n", " ")
