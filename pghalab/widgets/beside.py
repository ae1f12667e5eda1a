"""An output beside what was expected, as lines: next to each other where there is room, else one below the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.cells import cell_len, set_cell_size

from pghalab.course.expected.model import Comparison, Row, RowVerdict
from pghalab.course.expected.words import summary

SIDE_BY_SIDE = 120
"""Columns from which on both stand next to each other."""
MARKS: Mapping[RowVerdict, str] = {"same": " ", "typed": "≈", "differs": "≠", "missing": "-", "extra": "+"}
LEGEND = "≈ may differ · ≠ differs · - is missing · + was not expected"
_BETWEEN = " │ "


def lines(comparison: Comparison, width: int) -> list[str]:
    """What it says in one line, what the marks mean, and every line of both."""
    head = [f"The output is {summary(comparison)}." if comparison.fits else f"{summary(comparison)}.", LEGEND, ""]
    cut = [f"… {comparison.cut} lines more were printed and not compared …"] if comparison.cut else []
    if width < SIDE_BY_SIDE:
        return [*head, *(line for row in comparison.rows for line in _below(row)), *cut]
    half = (width - len(_BETWEEN) - 2) // 2
    left = min(half, max((cell_len(row.expected or "") for row in comparison.rows), default=0))
    left = max(left, len("expected"))
    border = f"{'─' * left}─┼─{'─' * min(half, left)}"
    titles = [f"  {set_cell_size('expected', left)}{_BETWEEN}printed", f"  {border}"]
    rows = (line for row in comparison.rows for line in _beside(row, left, width - left - len(_BETWEEN) - 2))
    return [*head, *titles, *rows, *cut]


def _beside(row: Row, left: int, right: int) -> Iterator[str]:
    """A row of two columns; one that is too wide for them takes two rows."""
    expected, real = row.expected or "", row.real or ""
    if cell_len(expected) > left or cell_len(real) > right:
        yield from _below(row)
        return
    yield f"{MARKS[row.verdict]} {set_cell_size(expected, left)}{_BETWEEN}{real}".rstrip()
    if row.note:
        yield f"  {' ' * left}{_BETWEEN}↳ {row.note}"


def _below(row: Row) -> Iterator[str]:
    """Both lines under each other, each with its name; only one where they are the same."""
    mark = MARKS[row.verdict]
    if row.verdict == "same":
        yield f"{mark}           {row.real if row.real is not None else row.expected}"
        return
    if row.expected is not None:
        yield f"{mark} expected: {row.expected}"
    if row.real is not None:
        yield f"{mark} printed:  {row.real}"
    if row.note:
        yield f"            ↳ {row.note}"
