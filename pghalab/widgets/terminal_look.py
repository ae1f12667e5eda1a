"""Rows of a terminal as Textual's strips: colours, and widths that the learner's own terminal agrees with."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from rich.cells import cell_len
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip

from pghalab.terminal.cells import PLAIN, Color, Row, Run, Style
from pghalab.terminal.screen import Cursor

UNKNOWN = "\ufffd"
"""Stands for a character whose width the engine and the learner's terminal may not agree on."""

_REVERSE = RichStyle(reverse=True)
_UNREVERSE = RichStyle(reverse=False)
_UNDERLINE = RichStyle(underline=True)


@lru_cache(maxsize=1024)
def rich_style(style: Style, base: RichStyle) -> RichStyle:
    """A style of the engine on the widget's own colours."""
    if style == PLAIN:
        return base
    return base + RichStyle(
        color=_color(style.foreground),
        bgcolor=_color(style.background),
        bold=style.bold or None,
        dim=style.faint or None,
        italic=style.italic or None,
        underline=style.underline == 1 or style.underline > 2 or None,
        underline2=style.underline == 2 or None,
        blink=style.blink or None,
        reverse=style.inverse or None,
        strike=style.strike or None,
    )


def _color(color: Color) -> RichColor | None:
    if color is None:
        return None
    return RichColor.from_ansi(color) if isinstance(color, int) else RichColor.from_rgb(*color)


def strip(
    row: Row, width: int, base: RichStyle, selection: tuple[int, int] | None = None, cursor: Cursor | None = None
) -> Strip:
    """One row, so many cells wide; `selection` is its first and last marked column, both shown reversed."""
    segments = [_segment(run, base) for run in row]
    line = Strip(segments, sum(run.width for run in row)).adjust_cell_length(width, base)
    if selection is not None:
        line = _changed(line, selection[0], selection[1] + 1, _toggled)
    if cursor is not None:
        line = _changed(line, cursor.x, cursor.x + 1, _underlined if cursor.shape == "hollow" else _toggled)
    return line


def _segment(run: Run, base: RichStyle) -> Segment:
    text = run.text
    if run.style.invisible:
        text = " " * run.width
    elif not text.isascii() and cell_len(text) != run.width:
        # One cell at a time: the engine and Textual read different tables of the widths of characters.
        cells = list(text) if len(text) == run.width else [text]
        each = run.width // len(cells)
        text = "".join(cell if cell_len(cell) == each else UNKNOWN.ljust(each) for cell in cells)
        if cell_len(text) != run.width:
            # Neighbours that Textual takes for one character.
            text = "".join(cell if cell.isascii() else UNKNOWN.ljust(each) for cell in cells)
    return Segment(text, rich_style(run.style, base))


def _changed(line: Strip, start: int, stop: int, change: Callable[[RichStyle], RichStyle]) -> Strip:
    """The strip with other styles between two columns."""
    width = line.cell_length
    start, stop = max(0, start), min(stop, width)
    if start >= stop:
        return line
    before, middle, after = line.crop(0, start), line.crop(start, stop), line.crop(stop, width)
    changed = Strip([Segment(text, change(style or RichStyle())) for text, style, _ in middle], stop - start)
    return Strip.join([before, changed, after])


def _toggled(style: RichStyle) -> RichStyle:
    return style + (_UNREVERSE if style.reverse else _REVERSE)


def _underlined(style: RichStyle) -> RichStyle:
    return style + _UNDERLINE
