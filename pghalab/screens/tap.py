"""What the console draws on its terminal, shown to the room as well for as long as somebody follows."""

from __future__ import annotations

import asyncio
import threading

from textual.app import App
from textual.driver import Driver

from pghalab.session.room import Room

ENTERED = b"\x1b[?1049h\x1b[?25l\x1b[2J"
"""Takes a terminal to where Textual draws: its second screen, without a cursor."""


class Tap:
    """Stands in the way of what the driver writes while the room is watched, and not at all while it is not."""

    def __init__(self, app: App[int], driver: Driver, room: Room) -> None:
        self._app, self._driver, self._room = app, driver, room
        self._write = driver.write
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        room.watched, room.paint = self._watched, self._paint

    def _watched(self, yes: bool) -> None:
        # Where the terminal is gone something else stands here, and has to stay.
        mine = self._driver.__dict__.get("write")
        if yes and mine is None:
            self._driver.write = self._both  # type: ignore[method-assign]
        elif not yes and mine == self._both:
            del self._driver.write

    def _paint(self) -> None:
        self._room.resized(*self._app.size)
        self._room.show(ENTERED)
        self._app.refresh()

    def _both(self, data: str) -> None:
        # The room first: a terminal that was stopped (Ctrl+S) makes whoever writes to it wait.
        shown = data.encode(errors="replace")
        if threading.get_ident() == self._thread:
            self._room.show(shown)
        else:
            self._loop.call_soon_threadsafe(self._room.show, shown)
        self._write(data)
