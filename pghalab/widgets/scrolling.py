"""Scrolling by keys that does not wait for a repaint under way."""

from __future__ import annotations

from typing import ClassVar

from textual.actions import SkipAction
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.geometry import Size
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
    """A VerticalScroll with these keys, in which what is read stays in its place when the size changes and back."""

    _place: tuple[Widget, float] | None = None
    """The part at the top, and how much of it is above that."""
    _sized = Size(0, 0)
    """The size for which that was so."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Note what is read, unless it is only another size that leaves less to scroll."""
        super().watch_scroll_y(old_value, new_value)
        if self.size == self._sized:
            self._place = self._found_place()

    def _found_place(self) -> tuple[Widget, float] | None:
        for part in self.displayed_children:
            region = part.virtual_region
            if region.height and region.bottom > self.scroll_y:
                return part, (self.scroll_y - region.y) / region.height
        return None

    def on_resize(self) -> None:
        """Go back to what was read, once everything has its new place."""
        self.call_after_refresh(self._return)

    def _return(self) -> None:
        if self.size == self._sized or not self.size:
            return
        if self._place is not None and self.keeps_place:
            part, share = self._place
            region = part.virtual_region
            if part.is_attached and part.display:
                self.scroll_to(y=region.y + round(share * region.height), animate=False, immediate=True)
        self._sized = self.size

    @property
    def keeps_place(self) -> bool:
        """What is read is to be found again."""
        return True
