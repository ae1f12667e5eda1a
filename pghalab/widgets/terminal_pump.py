"""Bytes into a terminal at the pace of a screen: at once when there are few, bit by bit when there are many."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from pghalab.terminal.terminal import Terminal
from pghalab.widgets.pace import Pace

PACE = 1 / 60
"""Seconds between two paintings while the program writes a little all the time."""

BURST = 4
"""Paintings that may follow each other at once after a rest, so that each key that is typed shows its echo."""

LITTLE = 4 * 1024
"""Bytes that are drawn in no time; more is about a screen of text."""

FRAME = 1 / 40
"""Seconds of rest after a frame with more than that: it paints the whole screen, and what comes next may as well."""

SLICE = 32 * 1024
"""Bytes that are fed before the clock is looked at."""

FEEDING = 0.008
"""Seconds of one frame for feeding; what is left waits for the next, so that keys are never kept waiting."""

WAITING = 256 * 1024
"""Bytes that may wait to be drawn before `take` waits."""

REST = 2.0
"""Seconds of silence before what scrolled away is packed."""

REPLIES = 4096
"""Most bytes that the terminal answers the program in one frame; a program that asks for more gets no answer."""


class Pump:
    """Feeds one terminal, and calls `paint` after each frame and `answer` with what the terminal tells the program."""

    def __init__(self, paint: Callable[[], None], answer: Callable[[bytes], None]) -> None:
        self.terminal: Terminal | None = None
        self._paint, self._answer = paint, answer
        self._waiting: deque[bytes] = deque()
        self._drawn = asyncio.Event()
        """Little waits to be drawn, or nothing more is."""
        self._replies = bytearray()
        self._pace = Pace(PACE, BURST)
        self._not_before = 0.0
        """When there may be another frame after one with much to draw."""
        self._frame: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None

    @property
    def backlog(self) -> int:
        """Bytes that wait to be drawn."""
        return sum(map(len, self._waiting))

    def start(self, terminal: Terminal) -> None:
        """Feed this terminal from now on, beginning with what waits already."""
        self.terminal = terminal
        terminal.reply = self._reply
        self._soon()

    def feed(self, data: bytes) -> None:
        """Have this drawn: now if it is its turn, so that an echo waits for nothing, else soon."""
        self._waiting.extend(data[start : start + SLICE] for start in range(0, len(data), SLICE))
        if self._frame is None and self.terminal is not None and self._wait() <= 0:
            self._draw()
        else:
            self._soon()

    async def take(self, data: bytes) -> None:
        """Feed, and wait as long as there is much to draw."""
        self.feed(data)
        if self.terminal is not None and self.backlog > WAITING:
            self._drawn.clear()
            await self._drawn.wait()

    def _wait(self) -> float:
        """Seconds until there may be another frame."""
        now = time.monotonic()
        return max(self._pace.wait(now), self._not_before - now)

    def _soon(self) -> None:
        if self._frame is None and self.terminal is not None:
            self._frame = asyncio.get_running_loop().call_later(self._wait(), self._draw)

    def _draw(self) -> None:
        """One frame: feed for a while, then have painted what changed."""
        self._frame = None
        if self.terminal is None:
            return
        began, fed = time.monotonic(), 0
        while self._waiting and time.monotonic() < began + FEEDING:
            piece = self._waiting.popleft()
            fed += len(piece)
            self.terminal.screen.feed(piece)
        if self._replies:
            self._answer(bytes(self._replies[:REPLIES]))
            self._replies.clear()
        self._paint()
        self._pace.done(began)
        if fed > LITTLE:
            self._not_before = time.monotonic() + FRAME
        if self._waiting:
            self._soon()
        if self.backlog <= WAITING:
            self._drawn.set()
        if self._rest is not None:
            self._rest.cancel()
        self._rest = asyncio.get_running_loop().call_later(REST, self._pack)

    def _reply(self, data: bytes) -> None:
        if len(self._replies) < REPLIES:
            self._replies += data

    def _pack(self) -> None:
        self._rest = None
        if self.terminal is not None and self.terminal.screen.rest():
            self._rest = asyncio.get_running_loop().call_later(FRAME, self._pack)

    def close(self) -> None:
        """Give the engine's memory back."""
        if self.terminal is not None:
            self.terminal.close()
            self.terminal = None
        for timer in (self._frame, self._rest):
            if timer is not None:
                timer.cancel()
        self._frame = self._rest = None
        self._drawn.set()
