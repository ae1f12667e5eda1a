"""A screen with all that belongs to it: what is marked on it, and what keys mean to the program that draws it."""

from __future__ import annotations

from collections.abc import Callable

from pghalab.terminal.keys import Keys
from pghalab.terminal.marked import Marking
from pghalab.terminal.screen import Screen


class Terminal:
    """One terminal in memory; `reply` is called with what it answers the program. Raises NoEngineError."""

    def __init__(self, columns: int, rows: int, reply: Callable[[bytes], None]) -> None:
        self.screen = Screen(columns, rows, reply)
        self.keys = Keys(self.screen)
        self.marking = Marking(self.screen)

    def close(self) -> None:
        """Give the engine's memory back; what was shown last stays readable."""
        self.marking.close()
        self.keys.close()
        self.screen.close()
