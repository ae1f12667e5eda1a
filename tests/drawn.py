"""A program in a terminal of its own, and the screen that a person sees of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from pghalab.terminal.terminal import Terminal as Engine
from tests.terminal import Terminal


class Drawn:
    """One program on a terminal of this size."""

    def __init__(self, argv: list[str], columns: int, rows: int, env: dict[str, str]) -> None:
        self._terminal = Terminal(argv, columns=columns, rows=rows, env={"TEXTUAL_ANIMATIONS": "none", **env})
        self._engine = Engine(columns, rows, lambda reply: self._terminal.press(reply.decode()))

    def close(self) -> None:
        """Quit it."""
        self._terminal.__exit__(None, None, None)
        self._engine.close()

    @property
    def is_running(self) -> bool:
        """It has not ended."""
        return self._terminal.is_running

    @property
    def screen(self) -> str:
        """What is on the screen now."""
        while data := self._terminal.read(0):
            self._engine.screen.feed(data)
        self._engine.screen.update()
        return self._engine.screen.text

    def until(self, holds: Callable[[str], object], what: str, limit: float = 30.0) -> str:
        """Wait until the screen is so."""
        end = time.monotonic() + limit
        while not holds(screen := self.screen):
            if time.monotonic() > end:
                raise TimeoutError(f"{what} was not seen; the screen:\n{screen}")
            if data := self._terminal.read(0.05):
                self._engine.screen.feed(data)
        return screen

    def press(self, keys: str) -> None:
        """Type."""
        self._terminal.press(keys)
