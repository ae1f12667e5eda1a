"""A small table that keeps its place, drops columns when it is narrow, and repaints only what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.widgets import Static


@dataclass(frozen=True, slots=True)
class Column:
    """A column; the one with the highest `rank` goes first when there is too little room."""

    key: str
    title: str
    rank: int = 0
    right: bool = False
    """Aligned to the right, as numbers are."""


class Table(Static):
    """Rows of cells under a line of titles; its text can be selected and copied."""

    DEFAULT_CSS = """
    Table { height: auto; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id)
        self._columns = tuple(columns)
        self._rows: tuple[Mapping[str, Content], ...] = ()
        self._painted = Content("")

    def show(self, rows: Sequence[Mapping[str, Content]]) -> None:
        """Put these rows in place of the last ones."""
        self._rows = tuple(rows)
        self._paint()

    def on_resize(self, event: events.Resize) -> None:
        """Choose the columns anew."""
        self._paint()

    def _fitting(self) -> list[tuple[Column, int]]:
        widths = [
            (column, max([len(column.title), *(row[column.key].cell_length for row in self._rows)]))
            for column in self._columns
            if any(row[column.key].plain.strip() for row in self._rows) or column.rank < 9
        ]
        room = self.content_size.width
        while room and len(widths) > 1 and sum(width + 2 for _, width in widths) - 2 > room:
            widths.remove(max(widths, key=lambda pair: pair[0].rank))
        return widths

    def _paint(self) -> None:
        if not self._rows:
            self._set(Content(""))
            return
        fitting = self._fitting()
        lines = [Content("  ").join(_cell(Content.styled(c.title, "dim"), w, c.right) for c, w in fitting)]
        lines += [Content("  ").join(_cell(row[c.key], w, c.right) for c, w in fitting) for row in self._rows]
        self._set(Content("\n").join(lines))

    def _set(self, content: Content) -> None:
        if content.is_same(self._painted):
            return
        layout = content.plain.count("\n") != self._painted.plain.count("\n") or not self._painted.plain
        self._painted = content
        self.update(content, layout=layout)


def _cell(content: Content, width: int, right: bool) -> Content:
    space = max(0, width - content.cell_length)
    return content.pad_left(space) if right else content.pad_right(space)
