"""Where a journal is, how large it is, and since when it tells."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from pathlib import Path

from pghalab.course.journal.journal import Journal
from pghalab.course.journal.lines import AGE, LIMIT, happened_at
from pghalab.course.journal.logs import LOGS_SIZE
from pghalab.values import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """The figures of a journal; sizes are bytes."""

    folder: Path
    done: int
    stood: int
    outputs: int
    logs: int
    """How many files of outputs."""
    since: float
    """When the oldest entry was written, as `time.time`; 0 without any."""
    days: int = int(AGE / 86_400)
    """After which what is kept goes."""
    most: int = LOGS_SIZE
    """Bytes of outputs that are kept."""
    limit: int = 2 * LIMIT
    """Bytes of each of the other two that are kept."""

    @property
    def size(self) -> int:
        """Of all of it."""
        return self.done + self.stood + self.outputs


def about(journal: Journal) -> About:
    """The figures of a journal; what cannot be looked at counts as nothing."""
    sizes: list[int] = []
    with suppress(OSError):
        sizes += [path.lstat().st_size for path in (journal.folder / "logs").glob("*.log")]
    firsts = (
        next((at for entry in lines.entries() if (at := happened_at(entry))), 0.0)
        for lines in (journal.done, journal.stood)
    )
    since = min(filter(None, chain(firsts)), default=0.0)
    return About(journal.folder, journal.done.size(), journal.stood.size(), sum(sizes), len(sizes), since)
