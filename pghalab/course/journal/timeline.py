"""How the cluster stood at any moment that a journal tells of, put together when it is asked for."""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace

from pghalab.cluster.model import ClusterEvent, Etcd, Nodes, Patroni
from pghalab.codec import from_json
from pghalab.course.journal.lines import happened_at
from pghalab.course.journal.states import SOURCES, Source, States
from pghalab.values import dataclass

MOST = 200_000
"""Lines that are followed, the newest; a cluster that always changes writes some thousand in a day."""
_LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Frame:
    """The cluster at one moment; a source of which nothing was told by then is None."""

    at: float
    nodes: Nodes | None
    etcd: Etcd | None
    patroni: Patroni | None


class _Track:
    """The lines of one source, and which of them are whole."""

    def __init__(self) -> None:
        self.ats: list[float] = []
        self.lines: list[bytes] = []
        self.whole: list[int] = []

    def add(self, at: float, line: bytes, *, whole: bool) -> None:
        if whole:
            self.whole.append(len(self.lines))
        self.ats.append(at)
        self.lines.append(line)

    def follow(self, states: States, at: float) -> None:
        """Let the states take what leads to this moment."""
        end = bisect_right(self.ats, at)
        begin = bisect_right(self.whole, end - 1)
        for place in range(self.whole[begin - 1] if begin else end, end):
            states.take(json.loads(self.lines[place]), self.ats[place])


class Timeline:
    """Every moment of the lines that a journal has of the lab, oldest first."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        """What makes no sense is passed over."""
        self._tracks: dict[Source, _Track] = {source: _Track() for source in SOURCES}
        self.events: list[ClusterEvent] = []
        """What happened, oldest first."""
        for line in lines:
            self._take(line)
        self.events.sort(key=lambda event: event.at)
        self.moments: list[float] = sorted(
            {at for track in self._tracks.values() for at in track.ats} | {event.at for event in self.events}
        )[-MOST:]
        """When something changed or happened."""

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            at = happened_at(entry)
            kind, source = entry.get("event"), entry.get("source")
            if at is None:
                return
            if kind == "Happened":
                self.events.append(from_json(ClusterEvent, entry, _LONGEST))
            elif kind in ("ClusterStood", "ClusterMoved") and source in SOURCES:
                self._tracks[source].add(at, line, whole=kind == "ClusterStood")
        except (ValueError, AttributeError, TypeError, RecursionError):
            return

    def frame(self, at: float) -> Frame:
        """The cluster as it was known to be at a moment; its snapshots are as old as they were then."""
        states = States()
        for track in self._tracks.values():
            track.follow(states, at)
        return Frame(at, states.nodes, states.etcd, states.patroni)

    def happened(self, since: float, until: float) -> list[ClusterEvent]:
        """What happened after one moment and up to another."""
        return [event for event in self.events if since < event.at <= until]


def as_of_now(frame: Frame) -> Frame:
    """The same with snapshots that a pane shows as fresh: what they tell is what was true at that moment."""
    now = time.monotonic()
    return Frame(
        frame.at,
        frame.nodes and replace(frame.nodes, taken_at=now),
        frame.etcd and replace(frame.etcd, taken_at=now),
        frame.patroni and replace(frame.patroni, taken_at=now),
    )
