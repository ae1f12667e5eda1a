"""A small table that keeps its place, drops columns when it is narrow, and repaints only what changed."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

from pghalab.cluster.cells import Column


class Table(Static):
    """Rows of cells under a line of titles; its text can be selected and copied."""

    DEFAULT_CSS = """
    Table { height: auto; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id)
        self._columns = tuple(columns)
        self._rows: tuple[Sequence[Content], ...] = ()
        self._painted = Content("")

    def show(self, rows: Sequence[Sequence[Content]]) -> None:
        """Put these rows in place of the last ones."""
        self._rows = tuple(rows)
        self._paint()

    def on_resize(self, event: events.Resize) -> None:
        """Choose the columns anew."""
        self._paint()

    def _fitting(self) -> list[tuple[int, int]]:
        """The places of the columns that fit, with their widths; the first column always stays."""
        widths = [
            (at, max([len(column.title), *(row[at].cell_length for row in self._rows)]))
            for at, column in enumerate(self._columns)
            if column.rank < 9 or any(row[at].plain.strip() for row in self._rows)
        ]
        room = self.content_size.width
        while room and len(widths) > 1 and sum(width + 2 for _, width in widths) - 2 > room:
            widths.remove(max(widths[1:], key=lambda pair: self._columns[pair[0]].rank))
        if room and len(widths) == 1:
            return [(widths[0][0], min(widths[0][1], room))]
        return widths

    def _paint(self) -> None:
        if not self._rows:
            self._set(Content(""))
            return
        fitting = self._fitting()
        columns = self._columns
        titles = [_cell(Content.styled(columns[at].title, "dim"), w, columns[at].right) for at, w in fitting]
        lines = [Content("  ").join(titles)]
        lines += [Content("  ").join(_cell(row[at], w, columns[at].right) for at, w in fitting) for row in self._rows]
        self._set(Content("\n").join(lines))

    def _set(self, content: Content) -> None:
        if content.is_same(self._painted):
            return
        layout = content.plain.count("\n") != self._painted.plain.count("\n") or not self._painted.plain
        self._painted = content
        self.update(content, layout=layout)


def _cell(content: Content, width: int, right: bool) -> Content:
    if content.cell_length > width:
        # Names that belong together differ at their ends.
        keep = max(1, (width - 1) // 2)
        content = Content.assemble(content[: width - 1 - keep], "…", content[len(content) - keep :])
    space = max(0, width - content.cell_length)
    return content.pad_left(space) if right else content.pad_right(space)
