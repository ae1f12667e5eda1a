"""Finds the tables in an output: those of etcdctl, patronictl and psql, and etcdctl's list of members."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pghalab.values import dataclass

_PSQL_RULE = re.compile(r"-{2,}(?:\+-+)*")
_FOOTER = re.compile(r"\(\d+ rows?\)")
_MEMBER = re.compile(r"[0-9a-f]{8,16}, (?:un)?started, ")
MEMBER_COLUMNS = ("ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER")
_KINDS = {"ENDPOINT": "etcd", "Member": "patroni", "TL": "history"}
"""By the first heading."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row with the line it stands in."""

    cells: tuple[str, ...]
    line: str


@dataclass(frozen=True, slots=True)
class Table:
    """Some lines that are one table."""

    kind: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    top: tuple[str, ...] = ()
    """The lines before the rows: borders, a title, the headings."""
    bottom: tuple[str, ...] = ()
    key: str = ""
    """The column by which rows are known, where that is known beforehand."""


Item = str | Table


def items(lines: Sequence[str]) -> list[Item]:
    """The lines of an output, those of a table together."""
    found: list[Item] = []
    at = 0
    while at < len(lines):
        for read in (_boxed, _psql, _members):
            if (got := read(lines, at)) is not None:
                table, at = got
                found.append(table)
                break
        else:
            found.append(lines[at])
            at += 1
    return found


def _cells(line: str, columns: int, separator: str = "|") -> tuple[str, ...]:
    """As many cells as there are columns: what is too much stays in the last one."""
    cells = [cell.strip() for cell in line.split(separator, columns - 1)]
    return tuple(cells + [""] * (columns - len(cells)))


def _boxed(lines: Sequence[str], at: int) -> tuple[Table, int] | None:
    """`+----+` above, below the headings and at the end; patronictl writes a title into the first."""
    if at + 2 >= len(lines) or not (_is_border(lines[at]) and lines[at + 1].startswith("|")):
        return None
    if not _is_border(lines[at + 2]):
        return None
    columns = tuple(cell.strip() for cell in lines[at + 1].strip().strip("|").split("|"))
    rows: list[TableRow] = []
    end = at + 3
    while end < len(lines) and lines[end].startswith("|"):
        rows.append(TableRow(_cells(_inner(lines[end]), len(columns)), lines[end]))
        end += 1
    bottom = tuple(lines[end : end + 1]) if end < len(lines) and _is_border(lines[end]) else ()
    kind = _KINDS.get(columns[0], "table")
    return Table(kind, columns, tuple(rows), tuple(lines[at : at + 3]), bottom), end + len(bottom)


def _inner(line: str) -> str:
    return line.strip().removeprefix("|").removesuffix("|")


def _is_border(line: str) -> bool:
    return line.startswith("+") and line.rstrip().endswith("+") and "--" in line


def _psql(lines: Sequence[str], at: int) -> tuple[Table, int] | None:
    """Headings, a line of dashes, rows, and how many there are; a title in the middle above it belongs to it."""
    titled = lines[at].startswith("  ") and at + 2 < len(lines) and bool(_PSQL_RULE.fullmatch(lines[at + 2].strip()))
    head = at + titled
    if head + 1 >= len(lines) or not lines[head].startswith(" "):
        return None
    rule = lines[head + 1].strip()
    if not _PSQL_RULE.fullmatch(rule) or rule.count("+") != lines[head].count("|"):
        return None
    columns = tuple(cell.strip() for cell in lines[head].split("|"))
    rows: list[TableRow] = []
    end = head + 2
    while end < len(lines) and not _FOOTER.fullmatch(lines[end].strip()):
        line = lines[end]
        if len(columns) > 1 and line.count("|") < len(columns) - 1:
            break
        if len(columns) == 1 and line and not line.startswith(" "):
            break
        rows.append(TableRow(_cells(line, len(columns)), line))
        end += 1
    return Table("psql", columns, tuple(rows), tuple(lines[at : head + 2])), end


def _members(lines: Sequence[str], at: int) -> tuple[Table, int] | None:
    end = at
    while end < len(lines) and _MEMBER.match(lines[end]):
        end += 1
    if end == at:
        return None
    rows = tuple(TableRow(_cells(line, len(MEMBER_COLUMNS), ", "), line) for line in lines[at:end])
    return Table("members", MEMBER_COLUMNS, rows, key="PEER ADDRS"), end
