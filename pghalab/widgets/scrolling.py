"""Scrolling by keys that does not wait for a repaint under way."""

from __future__ import annotations

from typing import ClassVar

from textual.actions import SkipAction
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from pghalab.widgets.keys import bindings


class ScrollKeys(Widget):
    """Keys, also those of vi, that take effect with the next paint, also while a stream keeps the screen busy.

    What has nothing to scroll leaves its keys to the one around it. Behind the widget that scrolls it is the second
    base: Textual takes styles from the first one alone.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("scroll")

    def _to(self, row: float) -> None:
        if not self.allow_vertical_scroll:
            raise SkipAction
        self.scroll_to(y=row, animate=False, immediate=True)

    def _by(self, rows: int) -> None:
        self._to(self.scroll_y + rows)

    def action_scroll_down(self) -> None:
        """One row down."""
        self._by(1)

    def action_scroll_up(self) -> None:
        """One row up."""
        self._by(-1)

    def action_scroll_home(self) -> None:
        """To the first row."""
        self._to(0)

    def action_scroll_end(self) -> None:
        """To the last row."""
        self._to(self.max_scroll_y)

    def action_page_down(self) -> None:
        """One page down."""
        self._by(self.scrollable_content_region.height)

    def action_page_up(self) -> None:
        """One page up."""
        self._by(-self.scrollable_content_region.height)


class KeyScroll(VerticalScroll, ScrollKeys, can_focus=True):
    """A VerticalScroll with these keys."""
