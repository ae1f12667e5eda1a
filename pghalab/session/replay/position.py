"""The moment of a recording that is shown."""

from __future__ import annotations

import time
from collections.abc import Callable

from pghalab.cluster.model import ClusterEvent
from pghalab.course.journal.timeline import Frame, as_of_now
from pghalab.course.recorded import Recorded


class Position:
    """Moves through a recording; whoever asked is told."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.at = recorded.head.made - 1.0
        """The moment that is shown, as `time.time` was then; at first before anything was done."""
        self._told: list[Callable[[], object]] = []

    def subscribe(self, told: Callable[[], object]) -> None:
        """Call this whenever another moment is shown."""
        self._told.append(told)

    def move(self, at: float) -> None:
        """Show another moment."""
        if at != self.at:
            self.at = at
            for told in self._told:
                told()

    def frame(self) -> Frame:
        """The cluster as it was."""
        return as_of_now(self.recorded.timeline.frame(self.at))

    def events(self) -> list[ClusterEvent]:
        """What had happened by then."""
        return self.recorded.timeline.happened(0.0, self.at)

    @property
    def title(self) -> str:
        """What is shown, in one line: `RECORDED 2026-03-01 14:03:05 · PostgreSQL 17.5, Patroni 4.1.0, etcd 3.5.16`."""
        head = self.recorded.head
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(max(self.at, head.made)))
        named = (("postgresql", "PostgreSQL"), ("patroni", "Patroni"), ("etcd", "etcd"))
        image = head.versions.image
        versions = ", ".join(f"{words} {image[name]}" for name, words in named if name in image)
        pghalab = f"pghalab {head.versions.pghalab}" if head.versions.pghalab else ""
        return " · ".join(part for part in (f"RECORDED {moment}", versions, pghalab) if part)
