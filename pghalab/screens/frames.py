"""When a screen is painted: at once after a rest, and at an even pace while it always changes."""

from __future__ import annotations

from asyncio import sleep
from time import monotonic

from textual.screen import UPDATE_PERIOD, Screen
from textual.timer import Timer

from pghalab.widgets.pace import Pace

BURST = 4
"""Paintings that may follow each other at once: what a key changes does not wait for what was painted before it."""


class FrameTimer(Timer):
    """Fires as soon as it is resumed, at an even pace of its interval as long as it is resumed all the time.

    Textual's own one keeps to the beats of a clock, and lets one of them go by when it comes late: after each painting
    it waits for up to two intervals, also when the next key is there already.
    """

    async def _run(self) -> None:
        pace = Pace(self._interval, BURST)
        while True:
            await self._active.wait()
            if wait := pace.wait(monotonic()):
                await sleep(wait)
                continue  # it may have been paused meanwhile
            pace.done(now := monotonic())
            await self._tick(next_timer=now, count=0)


class PromptScreen(Screen[None]):
    """A screen on which a key shows what it does at once."""

    _frames: FrameTimer | None = None

    @property
    def _update_timer(self) -> Timer:
        if self._frames is None:
            self._frames = FrameTimer(
                self, UPDATE_PERIOD, name="screen_update", callback=self._on_timer_update, pause=True
            )
            self._frames._start()
            self._timers.add(self._frames)
        return self._frames
