"""Cells, lines and tables without any screen: what a pane draws and `status` prints.

A state is told by a word; the mark before it and its tone only help the eye.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from pghalab.text import one_line
from pghalab.values import dataclass

Tone = Literal["", "quiet", "ok", "warn", "bad", "accent"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A few words; `mark` is a key of MARKS, drawn before them."""

    text: str
    tone: Tone = ""
    mark: str = ""
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column; the one with the highest `rank` goes first when there is too little room.

    A column of rank 9 takes no room while every cell of it is empty.
    """

    title: str
    rank: int = 0
    right: bool = False
    """Aligned to the right, as numbers are."""


Line = tuple[Cell, ...]
"""Cells one after the other, with nothing between them."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table and the lines above it."""

    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


MARKS: Final = {
    "on": "●",
    "off": "○",
    "half": "◐",
    "held": "‖",
    "bad": "✗",
    "warn": "!",
    "ask": "?",
    "dot": "·",
    "other": "•",
    "star": "★",
    "past star": "☆",
    "sync": "◆",
}

_STATES: Final[dict[str, tuple[str, Tone]]] = {
    "running": ("on", "ok"),
    "up": ("on", "ok"),
    "streaming": ("on", "ok"),
    "takes writes": ("on", "ok"),
    "read-only": ("on", "ok"),
    "connecting": ("half", "warn"),
    "created": ("half", "warn"),
    "starting": ("half", "warn"),
    "waits": ("half", "warn"),
    "restarting": ("half", "warn"),
    "starting after custom bootstrap": ("half", "warn"),
    "initializing new cluster": ("half", "warn"),
    "running custom bootstrap script": ("half", "warn"),
    "creating replica": ("half", "warn"),
    "in archive recovery": ("half", "warn"),
    "stopping": ("half", "warn"),
    "paused": ("held", "warn"),
    "no answer": ("warn", "warn"),
    "stopped": ("off", "quiet"),
    "exited": ("off", "quiet"),
    "absent": ("dot", "quiet"),
    "unknown": ("ask", "quiet"),
    "down": ("bad", "bad"),
    "refused": ("bad", "bad"),
    "foreign": ("bad", "bad"),
    "crashed": ("bad", "bad"),
    "initdb failed": ("bad", "bad"),
    "custom bootstrap failed": ("bad", "bad"),
    "start failed": ("bad", "bad"),
    "restart failed": ("bad", "bad"),
    "stop failed": ("bad", "bad"),
}
"""Mark and tone of each state of a container, a link, a service and a Patroni member (`PostgresqlState` in Patroni)."""


def state(word: str) -> Cell:
    """A state as mark and word."""
    mark, tone = _STATES.get(word, ("other", ""))
    return Cell(word, tone, mark)


def joined(parts: Sequence[Cell], between: str = " · ") -> Line:
    """Cells with something between them."""
    line: list[Cell] = []
    for part in parts:
        line += [Cell(between), part] if line else [part]
    return tuple(line)


def written(cell: Cell) -> str:
    """A cell as plain text in one line."""
    return f"{MARKS[cell.mark]} {one_line(cell.text)}" if cell.mark else one_line(cell.text)


def printed(sheet: Sheet) -> list[str]:
    """A sheet as lines of plain text: the lines above the table, the titles, the rows."""
    lines = ["".join(map(written, cells)) for cells in sheet.lines]
    if not sheet.rows:
        return lines
    texts = [list(map(written, row)) for row in sheet.rows]
    shown = [at for at, column in enumerate(sheet.columns) if column.rank < 9 or any(row[at] for row in texts)]
    head = [column.title for column in sheet.columns]
    widths = {at: max(len(row[at]) for row in [head, *texts]) for at in shown}
    for row in [head, *texts]:
        cells = (row[at].rjust(widths[at]) if sheet.columns[at].right else row[at].ljust(widths[at]) for at in shown)
        lines.append("  ".join(cells).rstrip())
    return lines
