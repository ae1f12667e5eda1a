"""What a measurement found, and how it is printed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number beside what was asked of it; `limit` None where it is only told."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    detail: str = ""

    @property
    def holds(self) -> bool:
        """The value is within its limit."""
        return self.limit is None or self.value <= self.limit


def table(figures: list[Figure]) -> str:
    """The figures as a plain table."""
    rows = [("figure", "measured", "at most", "", "detail")]
    for figure in figures:
        rows.append(
            (
                figure.name,
                f"{figure.value:.3g} {figure.unit}",
                "" if figure.limit is None else f"{figure.limit:.3g} {figure.unit}",
                "" if figure.limit is None else ("holds" if figure.holds else "MISSED"),
                figure.detail,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def as_json(figures: list[Figure]) -> str:
    """The figures for a machine."""
    return json.dumps([{**asdict(figure), "holds": figure.holds} for figure in figures], indent=2)
