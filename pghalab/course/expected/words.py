"""Sums up a comparison in one line."""

from __future__ import annotations

from pghalab.course.expected.model import Comparison


def summary(comparison: Comparison, where: str = "") -> str:
    """`as expected; 3 values differ as they may`, or how many lines differ; `where` says where they are shown."""
    counts = comparison.counts
    off = [
        _many(counts["differs"], "line differs", "lines differ"),
        _many(counts["missing"], "line is missing", "lines are missing"),
        _many(counts["extra"], "line more", "lines more"),
        _many(comparison.cut, "line was too much to compare", "lines were too many to compare"),
    ]
    words = ", ".join(word for word in off if word)
    if words:
        return f"{words}: {where}" if where else f"{words} than expected" if words.endswith("more") else words
    values = _many(comparison.values, "value differs as it may", "values differ as they may")
    return f"as expected; {values}" if values else "as expected"


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}" if number else ""
