"""What a command printed, with room for scrolling, selecting and copying."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.binding import BindingType
from textual.css.scalar import Unit
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from pghalab.session.output import SHOWN_LINES
from pghalab.widgets.keys import bindings, key
from pghalab.widgets.scrolling import ScrollKeys

MOST_ROWS = 16
"""How high the view gets; see its style."""


@lru_cache(maxsize=2 * SHOWN_LINES)
def folded(line: str, width: int) -> tuple[str, ...]:
    """A line in rows that fit; the line of a table stays whole, since folding would tear its columns apart."""
    if width < 1 or len(line) <= width // 2 or line.startswith(("|", "+")) or " | " in line or "-+-" in line:
        return (line,)
    rows = []
    while cell_len(line) > width:
        cut = len(set_cell_size(line, width).rstrip()) if not line.isascii() else width
        space = line.rfind(" ", width // 2, cut) if line.isascii() else -1
        cut = space + 1 if space > 0 else max(1, cut)
        rows.append(line[:cut])
        line = line[cut:]
    return (*rows, line)


class OutputView(ScrollView, ScrollKeys, can_focus=True):
    """Shows the lines of an OutputBuffer; follows the end as long as the reader is there."""

    DEFAULT_CSS = """
    OutputView { height: auto; max-height: 16; overflow: auto auto; scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1; background: $boost; color: $foreground; padding: 0 1; }
    OutputView:focus { background-tint: $foreground 4%; }
    """
    ALLOW_SELECT = True
    BINDINGS: ClassVar[list[BindingType]] = bindings("output")

    def __init__(self, *, folds: bool = True, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._folds = folds
        """Long lines go on in the next row; otherwise one scrolls sideways."""
        self._lines: Sequence[str] = ()
        self._rows: Sequence[str] = ()
        """The lines as they are painted."""
        self._goes_on: Sequence[bool] = ()
        """Which rows go on with the line of the row before."""
        self._folded_at = 0
        self._whole = True

    def show(self, lines: Sequence[str], *, whole: bool = True, follow: bool = True) -> None:
        """Show these lines; `follow` shows the last ones when the reader was at the end.

        Unless they are shown `whole`, those in the middle give way to the first and the last ones where there is no
        room for all.
        """
        at_end = follow and (not self._lines or self.is_vertical_scroll_end)
        before = min(len(self._rows), MOST_ROWS)
        self._lines = tuple(lines)
        self._whole = whole
        self._fold(self._room)
        self.refresh(layout=before != min(len(self._rows), MOST_ROWS))
        if at_end:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
            # What is only just becoming visible has no height yet.
            self.call_after_refresh(self.scroll_end, animate=False, x_axis=False)

    def on_resize(self) -> None:
        """Fold anew."""
        if self._room != self._folded_at:
            self._fold(self._room)
            self.refresh(layout=True)

    @property
    def too_wide(self) -> bool:
        """Some of it is cut off at the right."""
        return self.virtual_size.width > self._room > 0

    def sideways(self, by: int) -> bool:
        """Scroll by so many half widths; false when there is nothing at the side."""
        if not self.too_wide:
            return False
        self.scroll_to(x=self.scroll_x + by * max(8, self._room // 2), animate=False, immediate=True)
        return True

    def action_sideways(self, by: int) -> None:
        """Scroll by half a width."""
        self.sideways(by)

    @property
    def _room(self) -> int:
        """Columns beside the vertical scroll bar."""
        return self.content_region.width - 1

    @property
    def _height(self) -> int:
        """Rows that the view may have, where that is a number of rows."""
        most = self.styles.max_height
        return int(most.value) if most is not None and most.unit is Unit.CELLS else MOST_ROWS

    def _fold(self, width: int) -> None:
        self._folded_at = width
        rows = [
            (row, number > 0)
            for line in self._lines
            for number, row in enumerate(folded(line, width) if self._folds else (line,))
        ]
        # One row may go to the horizontal scroll bar.
        height = self._height - 1
        if not self._whole and len(rows) > height:
            head = height // 2
            tail = height - head - 1
            more = f"{len(rows) - head - tail} more lines: {key(self, 'lesson.wide')} shows all"
            rows[head:-tail] = [(f"⋯ {more} ⋯", False)]
        self._rows = tuple(row for row, _ in rows)
        self._goes_on = tuple(goes_on for _, goes_on in rows)
        self.virtual_size = Size(max((cell_len(row) for row in self._rows), default=0), len(self._rows))

    @property
    def text(self) -> str:
        """Everything shown, for copying."""
        return "\n".join(self._lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as there are, and one for the horizontal scroll bar when they are too long."""
        if width - 1 != self._folded_at:
            self._fold(width - 1)
        return len(self._rows) + (1 if self.virtual_size.width > width else 0)

    def render_line(self, y: int) -> Strip:
        """One line, cropped to the scrolled part."""
        scroll_x, scroll_y = self.scroll_offset
        style = self.rich_style
        width = self.size.width
        line = scroll_y + y
        if line >= len(self._rows):
            return Strip.blank(width, style)
        text = self._rows[line]
        segments = [Segment(text, style)]
        if (selection := self.text_selection) is not None and (span := selection.get_span(line)) is not None:
            start, end = span
            end = len(text) if end == -1 else end
            chosen = self.screen.get_component_rich_style("screen--selection")
            segments = [
                Segment(text[:start], style),
                Segment(text[start:end], style + chosen),
                Segment(text[end:], style),
            ]
        return Strip(segments).crop_extend(scroll_x, scroll_x + width, style).apply_offsets(scroll_x, line)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, with the breaks of the lines and without those of the rows."""
        picked = ""
        for number, row in enumerate(self._rows):
            if (span := selection.get_span(number)) is None:
                continue
            start, end = span
            joint = "" if not picked or self._goes_on[number] else "\n"
            picked += joint + row[start : None if end == -1 else end]
        return picked, "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show the selection."""
        self.refresh()
