"""What came of comparing an output with what was expected, as frozen values."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pghalab.cluster.model import NodeHealth
from pghalab.values import dataclass

RowVerdict = Literal["same", "typed", "differs", "missing", "extra"]
"""`typed`: it differs as it may; `missing`: it was expected and not printed; `extra`: the other way round."""
FITTING: tuple[RowVerdict, ...] = ("same", "typed")


@dataclass(frozen=True, slots=True)
class Difference:
    """Two values in the same place."""

    type: str
    """The type that both have, `free` or `elected`; empty when the second may not stand for the first."""
    expected: str
    real: str
    column: str = ""
    """The heading above them, in a table."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line that was expected beside the one that was printed."""

    expected: str | None
    real: str | None
    verdict: RowVerdict
    differences: tuple[Difference, ...] = ()
    table: str = ""
    """The table it is in: `etcd`, `members`, `patroni`, `history`, `psql`; empty for a line of text."""
    about: str = ""
    """What names the line: the first cell of a table's row, or the section's heading (`--- pgha4`)."""
    note: str = ""
    """Why it differs, where that is known."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every line of an output and of what was expected, side by side."""

    rows: tuple[Row, ...]
    cut: int = 0
    """Lines that were too many to be compared."""

    @property
    def counts(self) -> Counter[RowVerdict]:
        """How many lines have which verdict."""
        return Counter(row.verdict for row in self.rows)

    @property
    def fits(self) -> bool:
        """Nothing differs but what may."""
        return not self.cut and all(row.verdict in FITTING for row in self.rows)

    @property
    def unlike(self) -> bool:
        """No line has another one beside it."""
        return all(row.expected is None or row.real is None for row in self.rows)

    @property
    def values(self) -> int:
        """How many values differ as they may; a line that may be left out counts as one."""
        return sum(max(1, len(row.differences)) for row in self.rows if row.verdict == "typed")


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the lab at hand, to explain a difference by."""

    nodes: tuple[NodeHealth, ...] = ()
    """Every node of the lab; empty when nobody looked."""
