"""The presenter's screen as rows of styled runs, each with the number of the picture in which it changed last."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pghalab.serve.covered import cells, covered
from pghalab.serve.hidden import COVER, Hidden
from pghalab.serve.look import look
from pghalab.terminal.cells import Row, Run
from pghalab.terminal.screen import Screen
from pghalab.terminal.terminal import ignore


class Picture:
    """A terminal in memory that is fed with what the console draws. Raises NoEngineError.

    A row is a list of runs, `[text, look]` or, where not each character fills one cell, `[text, look, cells]`.
    """

    def __init__(self, hidden: Hidden) -> None:
        self.number = 0
        """Counts the pictures; nothing was taken yet at 0."""
        self._hidden = hidden
        self._screen = Screen(80, 24, ignore)
        self._rows: list[str] = []
        """Each as JSON."""
        self._changed: list[int] = []
        """The picture in which each row changed last."""
        self._hides_more = False
        self._cells: list[str] = []
        """Each as `cells` makes it."""
        self._covered: dict[int, set[int]] = {}
        self._cursor: tuple[int, int] | None = None
        self._frames: dict[int, bytes] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._screen.columns, self._screen.rows

    def clear(self) -> None:
        """Begin anew, with an empty screen."""
        columns, rows = self.size
        self._screen.close()
        self._screen = Screen(columns, rows, ignore)

    def hide(self, secrets: Iterable[str]) -> None:
        """Hide these too, from the next picture on."""
        self._hides_more |= self._hidden.add(secrets)

    def resize(self, columns: int, rows: int) -> None:
        """The presenter's terminal has another size."""
        self._screen.resize(columns, rows)

    def feed(self, data: bytes) -> None:
        """Take in what the console drew."""
        self._screen.feed(data)

    def take(self) -> bool:
        """Make the next picture of what was fed; false when there is nothing new in it."""
        changed = set(self._screen.update())
        if len(self._rows) != self._screen.rows:
            self._rows, self._changed = [""] * self._screen.rows, [0] * self._screen.rows
            self._cells = [""] * self._screen.rows
            changed = set(range(self._screen.rows))
        number, cursor = self.number + 1, self._screen.cursor
        place = None if cursor is None else (cursor.x, cursor.y)
        new = place != self._cursor
        self._cursor = place
        for line in changed:
            self._cells[line] = cells(self._screen.lines[line])
        if changed or self._hides_more:
            self._hides_more = False
            # What a row hides is told by its neighbours too.
            before, self._covered = self._covered, covered(self._cells, self._screen.columns, self._hidden)
            changed |= {line for line in {*before, *self._covered} if before.get(line) != self._covered.get(line)}
        for line in changed:
            if line >= len(self._rows):
                continue
            row = self._row(line)
            if row != self._rows[line]:
                self._rows[line], self._changed[line] = row, number
                new = True
        if new:
            self.number = number
            self._frames.clear()
        return new

    def since(self, seen: int) -> bytes:
        """What changed after this picture, as JSON: `{"size": …, "cursor": …, "rows": {number: row}}`.

        After 0, or where the size has changed, that is all of it.
        """
        if (frame := self._frames.get(seen)) is None:
            rows = ",".join(
                f'"{line}":{row}'
                for line, (row, changed) in enumerate(zip(self._rows, self._changed, strict=True))
                if changed > seen
            )
            head = json.dumps({"size": self.size, "cursor": self._cursor})
            frame = self._frames[seen] = f'{head[:-1]},"rows":{{{rows}}}}}'.encode()
        return frame

    def _row(self, line: int) -> str:
        row = self._screen.lines[line]
        if secret := self._covered.get(line):
            row = _without(row, secret)
        return json.dumps([_packed(run) for run in row], ensure_ascii=False, separators=(",", ":"))

    def close(self) -> None:
        """Give the engine's memory back."""
        self._screen.close()


def _without(row: Row, secret: set[int]) -> Row:
    """A row with a mark in each of these columns; everything else stays where it is."""
    made, column = [], 0
    for run in row:
        columns = range(column, column + run.width)
        column = columns.stop
        if len(run.text) == run.width:
            letters = zip(columns, run.text, strict=True)
            run = run._replace(text="".join(COVER if at in secret else letter for at, letter in letters))
        elif not secret.isdisjoint(columns):
            run = run._replace(text=COVER * run.width)
        made.append(run)
    return tuple(made)


def _packed(run: Run) -> list[object]:
    text = " " * run.width if run.style.invisible else run.text
    return [text, look(run.style)] if len(text) == run.width else [text, look(run.style), run.width]
