"""Rules of a lesson that speak of nothing in the output that it expects, and those that it lacks."""

from __future__ import annotations

from pghalab.course.expected.model import Comparison
from pghalab.course.expected.rules import Rule, Rules
from pghalab.course.expected.tables import Table, items
from pghalab.course.expected.values import AUTOMATIC, TYPES, masked
from pghalab.course.localise import Names


def idle_rules(expected: str, rules: Rules) -> list[str]:
    """In words, each rule that speaks of nothing, or of no value of its types."""
    lines = expected.split("\n")
    columns = {column for item in items(lines) if isinstance(item, Table) for column in item.columns}
    return [words for rule in rules.all if (words := _idle(rule, lines, columns))]


def _idle(rule: Rule, lines: list[str], columns: set[str]) -> str:
    if rule.column:
        return "" if rule.column in columns else f"`match`: no table has the column `{rule.column}`"
    covered = [line for line in lines if rule.text in line]
    if not covered:
        return f"`match`: no line has `{rule.text}`"
    found = {kind for line in covered for kind, _ in masked(line, rule.types, Names()).values}
    missing = sorted(rule.types - found)
    where = f" in the lines with `{rule.text}`" if rule.text else ""
    return f"`match`: nothing{where} is of the type `{missing[0]}`" if missing else ""


def suggestions(comparison: Comparison) -> list[str]:
    """Rules by which lines that differ would fit, each for the types in which they differ."""
    found: dict[str, None] = {}
    for difference in (each for row in comparison.rows for each in row.differences if not each.type):
        ours, theirs = (masked(text, TYPES, Names()) for text in (difference.expected, difference.real))
        if ours.shape == theirs.shape:
            pairs = zip(ours.values, theirs.values, strict=True)
            changed = dict.fromkeys(kind for (kind, value), (_, other) in pairs if value != other)
            types = [kind for kind in changed if kind not in AUTOMATIC]
            where = f" in column {difference.column}" if difference.column else ""
            found[f"typed {', '.join(types)}{where}"] = None
    return list(found)
