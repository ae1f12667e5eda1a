"""A screen with all that belongs to it: what is marked on it, and what keys mean to the program that draws it."""

from __future__ import annotations

from collections.abc import Callable

from pghalab.terminal.keys import Keys
from pghalab.terminal.marked import Marking
from pghalab.terminal.screen import Screen


def ignore(data: bytes) -> None:
    """The reply of a terminal that nobody draws yet: none."""


class Terminal:
    """One terminal in memory. Raises NoEngineError."""

    def __init__(self, columns: int, rows: int, reply: Callable[[bytes], None] = ignore) -> None:
        self.reply = reply
        """Called with what the terminal answers the program."""
        self.screen = Screen(columns, rows, lambda data: self.reply(data))
        self.keys = Keys(self.screen)
        self.marking = Marking(self.screen)

    def close(self) -> None:
        """Give the engine's memory back; what was shown last stays readable."""
        self.marking.close()
        self.keys.close()
        self.screen.close()
