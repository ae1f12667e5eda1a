"""How the cluster stood, in few bytes: a whole value of each source now and then, and between them what changed.

A whole one is `{"event": "ClusterStood", "source": "etcd", "number": 7, "seen": {"value": …, "error": …}}`, a change
`{"event": "ClusterMoved", "source": "etcd", "number": 8, "change": …}`. A change is a mapping of what is below it, with
the places of a list as texts, and at its ends a list of one: the new value. One that follows on a line that was lost
says nothing: the numbers are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from pghalab.cluster.codec import LONGEST
from pghalab.cluster.model import Etcd, EtcdView, NodeHealth, Nodes, Patroni, PatroniView, Snapshot
from pghalab.codec import from_json, to_json

Source = Literal["nodes", "etcd", "patroni"]
SOURCES: tuple[Source, ...] = get_args(Source)
FIGURES_EVERY: Final = 30.0
"""Seconds between two changes of one source that are kept, when nothing but figures changed."""
SIGN_EVERY: Final = 600.0
"""Seconds after which a source that never changes is kept once more: nothing new is not the same as nobody watching."""
WHOLE_EVERY: Final = 50
"""Changes after which a whole value is kept."""
_FIGURES = {
    "db_size", "raft_index", "raft_applied_index", "receive_lsn", "receive_lag", "replay_lsn", "replay_lag",
    "lease_left",
}  # fmt: skip
_KINDS: dict[Source, Any] = {"nodes": tuple[NodeHealth, ...], "etcd": EtcdView, "patroni": PatroniView}


class Recorder:
    """Makes the entries of what a monitor publishes, where something changed."""

    def __init__(self) -> None:
        self._kept: dict[Source, _Kept] = {}

    def begin_anew(self) -> None:
        """What comes next is whole: a new file begins, or what was kept is lost."""
        self._kept.clear()

    def take(self, source: Source, snapshot: Snapshot[Any], at: float) -> dict[str, Any] | None:
        """The entry that tells what changed in this source; None when nothing worth keeping did."""
        kept = self._kept.get(source)
        quiet = kept is not None and at - kept.at < SIGN_EVERY
        if kept is not None and quiet and kept.value == snapshot.value and kept.error == snapshot.error:
            return None
        seen = {"value": to_json(snapshot.value), "error": snapshot.error}
        if kept is not None and at - kept.at < FIGURES_EVERY and _standing(seen) == _standing(kept.seen):
            return None
        number = 0 if kept is None else kept.number + 1
        self._kept[source] = _Kept(snapshot.value, snapshot.error, seen, at, number)
        if kept is None or number % WHOLE_EVERY == 0:
            return {"event": "ClusterStood", "source": source, "number": number, "seen": seen}
        return {"event": "ClusterMoved", "source": source, "number": number, "change": difference(kept.seen, seen)}


class _Kept:
    """What was kept last of one source."""

    __slots__ = ("at", "error", "number", "seen", "value")

    def __init__(self, value: object, error: str | None, seen: dict[str, Any], at: float, number: int) -> None:
        self.value, self.error, self.seen, self.at, self.number = value, error, seen, at, number


class States:
    """Follows the entries, oldest first, and knows how the cluster stood."""

    def __init__(self) -> None:
        self._seen: dict[Source, tuple[int, Any]] = {}
        self._told: dict[Source, tuple[float, Any]] = {}
        self._snapshots: dict[Source, Snapshot[Any] | None] = {}

    def take(self, entry: Mapping[str, Any], at: float) -> bool:
        """Take the next entry; true when it told how the cluster stood. One that does not fit is passed over."""
        source, number = entry.get("source"), entry.get("number")
        if source not in SOURCES or not isinstance(number, int):
            return False
        before = self._seen.pop(source, None)
        try:
            if entry.get("event") == "ClusterStood":
                seen = entry["seen"]
            elif entry.get("event") == "ClusterMoved" and before is not None and number == before[0] + 1:
                seen = applied(before[1], entry["change"])
            else:
                return False
        except (ValueError, LookupError, TypeError):
            return False
        self._seen[source], self._told[source] = (number, seen), (at, seen)
        self._snapshots.pop(source, None)
        return True

    @property
    def nodes(self) -> Nodes | None:
        """The nodes, as they were last told; None before, and when that makes no sense."""
        return self._snapshot("nodes")

    @property
    def etcd(self) -> Etcd | None:
        """The same of etcd."""
        return self._snapshot("etcd")

    @property
    def patroni(self) -> Patroni | None:
        """The same of Patroni."""
        return self._snapshot("patroni")

    def _snapshot(self, source: Source) -> Snapshot[Any] | None:
        """The value itself, which is made when it is asked for: of many changes mostly the last one is."""
        if source not in self._snapshots:
            at, seen = self._told.get(source, (0.0, None))
            try:
                self._snapshots[source] = None if seen is None else _snapshot(source, seen, at)
            except ValueError:
                self._snapshots[source] = None
        return self._snapshots[source]


def difference(old: Any, new: Any) -> Any:
    """What changed from one plain value to another; an empty mapping when nothing did."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        pairs = ((key, old[key], new[key]) for key in old)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = ((str(index), *pair) for index, pair in enumerate(zip(old, new, strict=True)))
    else:
        return {} if old == new else [new]
    return {key: change for key, before, now in pairs if (change := difference(before, now))}


def applied(old: Any, change: Any) -> Any:
    """The value that `difference` made this change of; raises ValueError, LookupError or TypeError when it fits not."""
    if isinstance(change, list):
        (new,) = change
        return new
    if not isinstance(change, dict):
        raise ValueError("not a change")
    if isinstance(old, list):
        new_list = list(old)
        for place, below in change.items():
            new_list[int(place)] = applied(old[int(place)], below)
        return new_list
    return {**old, **{key: applied(old[key], below) for key, below in change.items()}}


def _standing(seen: Any) -> Any:
    """A plain value without the figures that change all the time."""
    if isinstance(seen, dict):
        return {key: _standing(value) for key, value in seen.items() if key not in _FIGURES}
    return [_standing(value) for value in seen] if isinstance(seen, list) else seen


def _snapshot(source: Source, seen: Any, at: float) -> Snapshot[Any]:
    if not isinstance(seen, dict):
        raise ValueError("not a snapshot")
    error = from_json(str | None, seen.get("error"), LONGEST)
    value = None if seen.get("value") is None else from_json(_KINDS[source], seen["value"], LONGEST)
    return Snapshot(value, error, at, at)
