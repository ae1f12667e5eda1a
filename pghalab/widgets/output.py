"""What a command printed: the last lines of it, fed in batches, with room for selecting and copying."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from pghalab.widgets.text import clean, shortened

SHOWN_LINES = 2000
"""How many lines are kept for the screen; the log on disk holds all."""


class OutputBuffer:
    """The last lines of a stream of text that may come in any pieces, at any speed."""

    def __init__(self, limit: int = SHOWN_LINES) -> None:
        self.lines: deque[str] = deque(maxlen=limit)
        self.total = 0
        """Lines that came, the ones that were dropped included."""
        self._open: list[str] = []
        self._open_size = 0

    def feed(self, text: str) -> None:
        """Take in a piece; an unfinished line waits for its end, yet not without limit."""
        *done, rest = text.split("\n")
        if done:
            self._add("".join((*self._open, done[0])))
            # Only lines that can still be shown are worth cleaning.
            skipped = max(0, len(done) - 1 - (self.lines.maxlen or 0))
            self.total += skipped
            for line in done[1 + skipped :]:
                self._add(line)
            self._open, self._open_size = [], 0
        if rest and self._open_size < 4096:
            self._open.append(rest[:8192])
        self._open_size += len(rest)

    def close(self) -> None:
        """The stream ended: what waited for its newline is a line."""
        if self._open:
            self._add("".join(self._open))
            self._open, self._open_size = [], 0

    @property
    def dropped(self) -> int:
        """How many of the first lines are no longer held."""
        return self.total - len(self.lines)

    def _add(self, line: str) -> None:
        # A progress bar redraws its line behind carriage returns; its last state is the line.
        last = line.rstrip("\r").rsplit("\r", 1)[-1]
        self.lines.append(shortened(clean(last[:8192])).replace("\n", " "))
        self.total += 1


class OutputView(ScrollView, can_focus=True):
    """Shows the lines of an OutputBuffer; follows the end as long as the reader is there."""

    DEFAULT_CSS = """
    OutputView { height: auto; max-height: 16; overflow: auto auto; scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1; background: $boost; color: $foreground; padding: 0 1; }
    OutputView:focus { background-tint: $foreground 4%; }
    """
    ALLOW_SELECT = True

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: Sequence[str] = ()
        self._width = 0

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines, the last ones when the reader was at the end."""
        at_end = self.is_vertical_scroll_end
        self._lines = tuple(lines)
        self._width = max((cell_len(line) for line in self._lines), default=0)
        self.virtual_size = Size(self._width, len(self._lines))
        self.refresh(layout=self.size.height < len(self._lines))
        if at_end:
            self.scroll_end(animate=False, immediate=True, x_axis=False)

    @property
    def text(self) -> str:
        """Everything shown, for copying."""
        return "\n".join(self._lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are, and one for the horizontal scroll bar when they are too long."""
        return len(self._lines) + (1 if self._width > width else 0)

    def render_line(self, y: int) -> Strip:
        """One line, cropped to the scrolled part."""
        scroll_x, scroll_y = self.scroll_offset
        style = self.rich_style
        width = self.size.width
        line = scroll_y + y
        if line >= len(self._lines):
            return Strip.blank(width, style)
        text = self._lines[line]
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
        """The selected text."""
        return selection.extract(self.text), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show the selection."""
        self.refresh()
