"""What a lesson says about an expected output beyond the types that are told by shape: one rule a line.

match:
  - typed node, address                     values of these types may be others, throughout
  - typed number in lines with term         ... in the lines that contain a text
  - equal version                           these types may not differ here
  - free in column State                    anything may stand in this column of a table
  - free in lines with INFO                 lines that contain this may be others, more, or none
  - free order                              the lines may come in any order
  - free more lines                         more lines than these may come
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from pghalab.course.expected.values import AUTOMATIC, TYPES
from pghalab.course.localise import Names
from pghalab.values import dataclass

MOST_RULES = 20
_RULE = re.compile(r"(equal|typed) ([a-z]+(?:, ?[a-z]+)*)(?: in (lines with|column) (\S.*))?")
_FREE = re.compile(r"free in (lines with|column) (\S.*)")


class RuleError(ValueError):
    """A rule cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of `match:`."""

    says: Literal["equal", "typed", "free"]
    types: frozenset[str] = frozenset()
    text: str = ""
    """The lines with this text."""
    column: str = ""
    """The column with this heading."""

    def covers(self, line: str, column: str) -> bool:
        """It speaks of this line, or of this column."""
        if self.column:
            return self.column == column
        return self.text in line


@dataclass(frozen=True, slots=True)
class Rules:
    """All that a lesson says about one expected output."""

    all: tuple[Rule, ...] = ()
    any_order: bool = False
    more_lines: bool = False

    def localised(self, names: Names) -> Rules:
        """The rules for an output in a lab's own names."""
        # The beginning of an address is none that is known by itself.
        begins = f"{Names().subnet}."
        texts = (names.command(rule.text).replace(begins, f"{names.subnet}.") for rule in self.all)
        return replace(self, all=tuple(replace(rule, text=text) for rule, text in zip(self.all, texts, strict=True)))

    def types(self, line: str, column: str = "") -> frozenset[str]:
        """The types of values that may differ in a line, or in a cell of it."""
        found = AUTOMATIC
        for rule in self.all:
            if rule.says != "free" and rule.covers(line, column):
                found = found | rule.types if rule.says == "typed" else found - rule.types
        return found

    def held(self, type: str, column: str) -> bool:  # noqa: A002
        """A type that may differ in such a column elsewhere must not here."""
        return any(rule.says == "equal" and type in rule.types and rule.column in ("", column) for rule in self.all)

    def free_column(self, column: str) -> bool:
        """Anything may stand in this column."""
        return any(rule.says == "free" and rule.column == column for rule in self.all)

    def free_line(self, line: str) -> str:
        """The text by which a line is free to be another or none; empty when it is not."""
        return next((rule.text for rule in self.all if rule.says == "free" and rule.text and rule.text in line), "")


NONE = Rules()


def read_rules(lines: Iterable[object]) -> Rules:
    """Read the rules of a lesson; raises RuleError."""
    found: list[Rule] = []
    any_order = more_lines = False
    for number, line in enumerate(lines):
        if number >= MOST_RULES:
            raise RuleError(f"there are more than {MOST_RULES} rules")
        if not isinstance(line, str):
            raise RuleError(f"a rule is one line of text, such as `typed number in lines with term`; found {line!r}")
        if line == "free order":
            any_order = True
        elif line == "free more lines":
            more_lines = True
        else:
            found.append(_rule(line))
    return Rules(tuple(found), any_order, more_lines)


def _rule(line: str) -> Rule:
    if free := _FREE.fullmatch(line):
        where, text = free.groups()
        return Rule("free", column=text) if where == "column" else Rule("free", text=text)
    if not (match := _RULE.fullmatch(line)):
        raise RuleError(f"`{line}` is no rule: it begins with `equal`, `typed` or `free`")
    says, words, where, text = match.groups()
    types = frozenset(re.split(r", ?", words))
    if unknown := sorted(types - set(TYPES)):
        raise RuleError(f"`{line}`: unknown type `{unknown[0]}`; known are {', '.join(TYPES)}")
    kind: Literal["equal", "typed"] = "equal" if says == "equal" else "typed"
    return Rule(kind, types, column=text) if where == "column" else Rule(kind, types, text=text or "")
