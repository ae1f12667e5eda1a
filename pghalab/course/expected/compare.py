"""Judges an output line by line, and tables by row and column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest

from pghalab.course.expected.cells import CellJudge
from pghalab.course.expected.model import FITTING, Comparison, Difference, Row, Situation
from pghalab.course.expected.pairs import Pairing, even
from pghalab.course.expected.reasons import explained
from pghalab.course.expected.rules import Rules
from pghalab.course.expected.tables import Item, Table, TableRow, items
from pghalab.course.localise import Names
from pghalab.text import clean

MOST_LINES = 400
"""Lines of an output that are compared."""
LONGEST_LINE = 600
"""Characters of a line that are compared."""
SECTION = "--- "
"""How the course's outputs begin what comes from another node."""


def compare(
    expected: str,
    printed: str | Iterable[str],
    rules: Rules,
    names: Names,
    situation: Situation | None = None,
) -> Comparison:
    """An output beside what the lesson expects.

    It takes 0.2 s at most, whatever was printed: what is more than `MOST_LINES` lines is counted in `cut`.
    """
    ours, _ = _lines(names.command(expected))
    theirs, cut = _lines(printed)
    rows = _Judge(rules.localised(names), names).rows(_items(ours), _items(theirs))
    return Comparison(tuple(explained(rows, names, situation or Situation())), cut)


def _lines(text: str | Iterable[str]) -> tuple[list[str], int]:
    """Clean lines without blanks at their ends, as many as are compared, and how many there are more."""
    lines = text.rstrip("\n").split("\n") if isinstance(text, str) else list(text)
    kept = clean("\n".join(line[: 2 * LONGEST_LINE] for line in lines[: MOST_LINES + 1])).split("\n")
    kept = [line[:LONGEST_LINE].rstrip() for line in kept]
    while kept and not kept[-1]:
        kept.pop()
    return kept[:MOST_LINES], max(0, len(lines) - MOST_LINES) if len(kept) > MOST_LINES else 0


def _items(lines: Sequence[str]) -> list[Item]:
    return [item for item in items(lines) if item]


class _Judge:
    def __init__(self, rules: Rules, names: Names) -> None:
        self._rules = rules
        self._names = names
        self._cells = CellJudge(rules, names)
        self._section = ""

    def rows(self, ours: Sequence[Item], theirs: Sequence[Item]) -> list[Row]:
        """Everything side by side."""
        found: list[Row] = []
        for one, other in Pairing(self._rules, self._names).pairs(ours, theirs):
            mine = ours[one] if one is not None else None
            their = theirs[other] if other is not None else None
            if isinstance(mine, Table) and isinstance(their, Table):
                found += self._table(mine, their)
            elif mine is not None and their is not None:
                found.append(self._line(str(mine), str(their)))
            else:
                found += self._alone(mine, their)
        return found

    # Lines

    def _line(self, ours: str, theirs: str) -> Row:
        if ours.startswith(SECTION):
            self._section = ours
        about = self._section if self._section != ours else ""
        if even(ours) == even(theirs):
            return Row(ours, theirs, "same", about=about)
        if self._rules.free_line(ours) and self._rules.free_line(theirs):
            return Row(ours, theirs, "typed", (Difference("free", ours, theirs),), about=about)
        found = self._cells.values(even(ours), even(theirs), self._rules.types(ours), self._rules.types(theirs))
        if found is None:
            return Row(ours, theirs, "differs", (self._cells.unlike(ours, theirs),), about=about)
        return Row(ours, theirs, "typed" if found else "same", found, about=about)

    def _alone(self, ours: Item | None, theirs: Item | None) -> list[Row]:
        """What has nothing beside it."""
        if isinstance(ours, Table):
            return [self._one(line, None, ours.kind, about) for line, about in _table_lines(ours)]
        if isinstance(theirs, Table):
            return [self._one(None, line, theirs.kind, about) for line, about in _table_lines(theirs)]
        if ours is not None and ours.startswith(SECTION):
            self._section = ours
        return [self._one(ours, theirs, about=self._section)]

    def _one(self, ours: str | None, theirs: str | None, table: str = "", about: str = "") -> Row:
        free = self._rules.free_line(ours or theirs or "") or (self._rules.more_lines and ours is None)
        if free:
            difference = Difference("free", ours or "", theirs or "")
            return Row(ours, theirs, "typed", (difference,), table, about)
        return Row(ours, theirs, "missing" if theirs is None else "extra", (), table, about)

    # Tables

    def _table(self, ours: Table, theirs: Table) -> list[Row]:
        found = [self._frame(one, other, ours.kind) for one, other in zip_longest(ours.top, theirs.top)]
        judge = self._cells.table(ours, theirs)
        key = self._cells.key(ours)
        by = key or (ours.columns[0] if self._cells.names_nodes(ours) else "")
        for one, other in _row_pairs(ours, theirs, by, exact=bool(key)):
            if one is not None and other is not None:
                about = one.cells[ours.columns.index(key) if key else 0]
                found.append(_judged(one.line, other.line, judge(one, other), ours.kind, about))
            else:
                row = one or other
                about = row.cells[0] if row is not None and row.cells else ""
                found.append(self._one(one.line if one else None, other.line if other else None, ours.kind, about))
        return found + [self._frame(one, other, ours.kind) for one, other in zip_longest(ours.bottom, theirs.bottom)]

    def _frame(self, ours: str | None, theirs: str | None, kind: str) -> Row:
        """A border, a title or the headings."""
        if ours is None or theirs is None:
            # A border says nothing: a table that was cut short lacks rows, and those are named.
            return Row(ours, theirs, "same", table=kind)
        if set(even(ours)) <= set("+- ") and set(even(theirs)) <= set("+- "):
            return Row(ours, theirs, "same", table=kind)
        row = self._line(ours, theirs)
        return replace(row, table=kind)


def _judged(ours: str, theirs: str, found: tuple[Difference, ...], kind: str, about: str) -> Row:
    verdict = "same" if not found else "typed" if all(each.type for each in found) else "differs"
    return Row(ours, theirs, verdict, found, kind, about)  # type: ignore[arg-type]


def _table_lines(table: Table) -> list[tuple[str, str]]:
    """The lines of a table without its borders, and what each row is about."""
    head = [(line, "") for line in table.top if not set(line) <= set("+- ")]
    return head + [(row.line, row.cells[0] if row.cells else "") for row in table.rows]


def _row_pairs(ours: Table, theirs: Table, key: str, *, exact: bool) -> list[tuple[TableRow | None, TableRow | None]]:
    """Rows with the same key side by side; those without a partner, unless it is `exact`, as they stand."""
    if not key or key not in theirs.columns:
        return list(zip_longest(ours.rows, theirs.rows))
    column = theirs.columns.index(key)
    left: dict[str, list[TableRow]] = {}
    for row in reversed(theirs.rows):
        left.setdefault(row.cells[column], []).append(row)
    found = [left.get(row.cells[ours.columns.index(key)]) for row in ours.rows]
    partners = [rows.pop() if rows else None for rows in found]
    taken = {id(row) for row in partners}
    rest = [row for row in theirs.rows if id(row) not in taken]
    pairs: list[tuple[TableRow | None, TableRow | None]] = []
    for row, partner in zip(ours.rows, partners, strict=True):
        pairs.append((row, rest.pop(0) if partner is None and rest and not exact else partner))
    return [*pairs, *((None, row) for row in rest)]


def misfits(comparison: Comparison) -> list[str]:
    """In words, each line that does not fit."""
    words = {
        "differs": "expected `{row.expected}`, printed `{row.real}`",
        "missing": "nothing like `{row.expected}` was printed",
        "extra": "`{row.real}` was printed and is not expected",
    }
    stripped = (
        replace(row, expected=(row.expected or "").strip(), real=(row.real or "").strip()) for row in comparison.rows
    )
    found = [words[row.verdict].format(row=row) for row in stripped if row.verdict not in FITTING]
    return found + ([f"{comparison.cut} lines more were printed than are compared"] if comparison.cut else [])
