"""The line over every screen that says that what is shown was recorded."""

from __future__ import annotations

from collections.abc import Callable

from pghalab.widgets.steady import SteadyText
from pghalab.widgets.text import plain


class RecordedMark(SteadyText):
    """Says what is shown, and of which moment; looks twice a second."""

    DEFAULT_CSS = """
    RecordedMark {
        dock: top; height: 1; width: 1fr; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
        background: $warning; color: $background; text-style: bold;
    }
    """

    def __init__(self, title: Callable[[], str]) -> None:
        super().__init__("")
        self._title = title

    def on_mount(self) -> None:
        """Say it now, and as the moment changes."""
        self._look()
        self.set_interval(0.5, self._look)

    def _look(self) -> None:
        self.say(plain(self._title()))
