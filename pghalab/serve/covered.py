"""Which cells of a screen hold what is not shown: a pane is read by itself, and a line that it folded as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from pghalab.serve.hidden import Hidden
from pghalab.terminal.cells import Row

_BORDER = re.compile("[│┃║▏▎▍▌▋▊▉█▐▕]")
"""What panes are set apart by."""
MARGIN = 3
"""Cells that may be free at the right edge of a pane behind a line that it folded."""
_Piece = tuple[int, int, int, int]
"""Where a piece of a text begins and how long it is; its row, and its first column."""


def cells(row: Row) -> str:
    """A row as a text in which each character is one cell."""
    return "".join(run.text if len(run.text) == run.width else run.text[:1].ljust(run.width, "\0") for run in row)


def covered(rows: Sequence[str], columns: int, hidden: Hidden) -> dict[int, set[int]]:
    """The columns of each row that are not shown, for the rows that have any; `rows` are as `cells` makes them."""
    found: dict[int, set[int]] = {}
    for pane in _panes(rows, columns):
        for folded in (False, True):
            text, pieces = _text(rows, pane, folded)
            for start, end in hidden.spans(text):
                for begins, length, row, column in pieces:
                    first, last = max(start - begins, 0), min(end - begins, length)
                    if first < last:
                        found.setdefault(row, set()).update(range(column + first, column + last))
    return found


_Pane = list[tuple[int, int, int]]
"""Rows that lie below each other, each with its first column and the one behind its last."""


def _panes(rows: Sequence[str], columns: int) -> list[_Pane]:
    open_now: dict[tuple[int, int], _Pane] = {}
    done: list[_Pane] = []
    for number, row in enumerate(rows):
        edges = [-1, *(match.start() for match in _BORDER.finditer(row)), max(columns, len(row))]
        here = {(left + 1, right) for left, right in pairwise(edges) if right > left + 1}
        done += [open_now.pop(span) for span in list(open_now) if span not in here]
        for span in here:
            open_now.setdefault(span, []).append((number, *span))
    return [*done, *open_now.values()]


def _text(rows: Sequence[str], pane: _Pane, folded: bool) -> tuple[str, list[_Piece]]:
    """What a pane says, and where its pieces stand; `folded` lines are one."""
    text: list[str] = []
    pieces: list[_Piece] = []
    size = 0
    for number, left, right in pane:
        line = rows[number][left:right].rstrip()
        said = line.lstrip()
        pieces.append((size, len(said), number, left + len(line) - len(said)))
        if not folded or len(line) < right - left - MARGIN:
            said += "\n"
        text.append(said)
        size += len(said)
    return "".join(text), pieces
