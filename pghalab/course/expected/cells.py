"""Judges the values of a line and the cells of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pghalab.course.expected.model import Difference
from pghalab.course.expected.rules import Rules
from pghalab.course.expected.tables import Table, TableRow
from pghalab.course.expected.values import masked
from pghalab.course.localise import Names

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
COLUMNS: Mapping[str, tuple[str, str]] = {
    "RAFT TERM": ("number", r"\d+"), "RAFT INDEX": ("number", r"\d+"), "RAFT APPLIED INDEX": ("number", r"\d+"),
    "DB SIZE": ("size", r"\d[\d.]* [kMG]?B"), "TL": ("number", r"\d*"), "LSN": ("number", r"\d+"),
    "Receive LSN": ("lsn", r"(?:[0-9A-F]+/[0-9A-F]+|unknown)?"),
    "Replay LSN": ("lsn", r"(?:[0-9A-F]+/[0-9A-F]+|unknown)?"), "Lag": ("number", r"(?:\d+|unknown)?"),
}  # fmt: skip
"""By its heading, the type of a column of etcdctl or patronictl, and what may stand in it: some cells are empty."""
ELECTED: Mapping[str, tuple[str, frozenset[str]]] = {
    "IS LEADER": ("true", frozenset({"true", "false"})),
    "Role": ("Leader", frozenset({"Leader", "Replica"})),
}
"""Columns in which another row may have the first value, as long as as many have it."""


class CellJudge:
    """Judges by the rules of one lesson step."""

    def __init__(self, rules: Rules, names: Names) -> None:
        self._rules = rules
        self._names = names

    def values(
        self, ours: str, theirs: str, types: frozenset[str], their_types: frozenset[str], column: str = ""
    ) -> tuple[Difference, ...] | None:
        """The values in which two texts of one shape differ; None when their shapes differ."""
        mine, their = masked(ours, types, self._names), masked(theirs, their_types, self._names)
        if mine.shape != their.shape:
            return None
        return tuple(
            Difference(kind, value, other, column)
            for (kind, value), (_, other) in zip(mine.values, their.values, strict=True)
            if value != other
        )

    def unlike(self, ours: str, theirs: str) -> Difference:
        """Where two lines differ in what may not; also in values that may, if those stand in between."""
        masks = (masked(line, self._rules.types(line), self._names).shape for line in (ours, theirs))
        parts = _unlike(*masks)
        return Difference("", *(_unlike(ours, theirs) if "\0" in "".join(parts) else parts))

    def table(self, ours: Table, theirs: Table) -> Callable[[TableRow, TableRow], tuple[Difference, ...]]:
        """Judges the rows of two tables, column by column."""
        places = list(_columns(ours.columns, theirs.columns))
        moved = {name for mine, their, name in places if _moved(ours.rows, theirs.rows, mine, their, name)}

        def judge(one: TableRow, other: TableRow) -> tuple[Difference, ...]:
            found: list[Difference] = []
            for mine, their, name in places:
                value, printed = one.cells[mine], other.cells[their]
                if value != printed:
                    found += self._cell(value, printed, name, (one, other), moved)
            return tuple(_with_role(found))

        return judge

    def key(self, table: Table) -> str:
        """The heading of the column by which rows are told apart; empty when no column will do."""
        if table.key:
            return table.key
        for place, name in enumerate(table.columns):
            values = [row.cells[place] for row in table.rows]
            fixed = name not in COLUMNS and name not in ELECTED and not self._rules.free_column(name)
            if fixed and len(set(values)) == len(values) and all(
                not masked(value, self._rules.types(row.line, name), self._names).values
                for value, row in zip(values, table.rows, strict=True)
            ):  # fmt: skip
                return name
        return ""

    def names_nodes(self, table: Table) -> bool:
        """Each row is named by a node in its first cell, which may be another one."""
        first = [row.cells[0] for row in table.rows]
        found = [masked(cell, {"node"}, self._names) for cell in first]
        return len(set(first)) == len(first) and all(each.shape == "\0node\0" for each in found)

    def _cell(
        self, value: str, printed: str, name: str, rows: tuple[TableRow, TableRow], moved: set[str]
    ) -> tuple[Difference, ...]:
        if self._rules.free_column(name):
            return (Difference("free", value, printed, name),)
        types, their_types = (self._rules.types(row.line, name) for row in rows)
        kind, pattern = COLUMNS.get(name, ("", ""))
        if kind and not self._rules.held(kind, name) and re.fullmatch(pattern, printed):
            return (Difference(kind, value, printed, name),)
        if name in moved:
            return (Difference("elected", value, printed, name),)
        found = self.values(value, printed, types, their_types, name)
        return (Difference("", value, printed, name),) if found is None else found


def _with_role(found: Sequence[Difference]) -> Iterator[Difference]:
    """What goes with another role: a leader runs where a replica streams."""
    elected = any(each.type == "elected" for each in found)
    for each in found:
        goes = elected and each.column == "State" and {each.expected, each.real} == {"running", "streaming"}
        yield replace(each, type="elected") if goes else each


def _unlike(ours: str, theirs: str) -> tuple[str, str]:
    """The parts of two lines between the words that both begin and end with."""
    mine, their = _WORDS.findall(ours.strip()), _WORDS.findall(theirs.strip())
    most = min(len(mine), len(their))
    head = next((n for n in range(most) if mine[n] != their[n]), most)
    tail = next((n for n in range(most - head) if mine[-1 - n] != their[-1 - n]), most - head)
    return tuple("".join(words[head : len(words) - tail]).strip() for words in (mine, their))  # type: ignore[return-value]


def _columns(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """The places of the headings that both have; a heading that comes twice is met twice."""
    left = list(enumerate(theirs))
    for place, name in enumerate(ours):
        for other in left:
            if other[1] == name:
                left.remove(other)
                yield place, other[0], name
                break


def _moved(ours: Sequence[TableRow], theirs: Sequence[TableRow], mine: int, their: int, name: str) -> bool:
    """As many rows as before are elected, though others."""
    if name not in ELECTED:
        return False
    elected, known = ELECTED[name]
    before, now = [row.cells[mine] for row in ours], [row.cells[their] for row in theirs]
    return known.issuperset({*before, *now}) and before.count(elected) == now.count(elected)
