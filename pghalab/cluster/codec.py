"""Snapshots and events as JSON, and back.

A snapshot is `{"value": …, "error": …, "at": seconds since 1970, "age": seconds}`; a value has the names of its
fields, and what follows from them beside it (`majority`, `has_quorum`, …), which reading ignores. Unknown names are
ignored too, so that an older reader understands a newer writer.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, Final, cast

from pghalab.cluster.model import (
    ClusterEvent,
    Etcd,
    EtcdView,
    NodeHealth,
    Nodes,
    Patroni,
    PatroniView,
    Snapshot,
    Trouble,
    Update,
)
from pghalab.codec import from_json

LONGEST: Final = 10_000
"""Characters of a text and entries of a list that are read; more is an error."""


def plain(value: Any) -> Any:
    """A snapshot, a view, an event or a trouble as what `json.dumps` takes."""
    if isinstance(value, Snapshot):
        shown = {"value": plain(value.value), "error": value.error}
        return {**shown, "at": round(value.at, 3), "age": round(value.age, 3)}
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return fields | _derived(value)
    return value


def _derived(value: Any) -> dict[str, Any]:
    if isinstance(value, EtcdView):
        return {
            "majority": value.majority,
            "has_quorum": value.has_quorum,
            "can_lose": value.can_lose,
            "waits": value.waits,
            "unsure": value.unsure,
        }
    return {}


def update(update: Update) -> dict[str, Any]:
    """An update of the monitor as JSON: `{"nodes": …}`, `{"event": …}`."""
    kind, value = update
    return {kind: plain(value)}


def read_nodes(data: object) -> Nodes:
    """A snapshot of the nodes; raises ValueError."""
    return _snapshot(data, tuple[NodeHealth, ...])


def read_etcd(data: object) -> Etcd:
    """A snapshot of etcd; raises ValueError."""
    return _snapshot(data, EtcdView)


def read_patroni(data: object) -> Patroni:
    """A snapshot of Patroni; raises ValueError."""
    return _snapshot(data, PatroniView)


def read_event(data: object) -> ClusterEvent:
    """An event; raises ValueError."""
    return cast(ClusterEvent, from_json(ClusterEvent, data, LONGEST))


def read_trouble(data: object) -> Trouble:
    """A trouble; raises ValueError."""
    return cast(Trouble, from_json(Trouble, data, LONGEST))


def read_update(data: object) -> Update:
    """What `update` wrote; raises ValueError."""
    if isinstance(data, Mapping) and len(data) == 1:
        match next(iter(data.items())):
            case ("nodes", value):
                return "nodes", read_nodes(value)
            case ("etcd", value):
                return "etcd", read_etcd(value)
            case ("patroni", value):
                return "patroni", read_patroni(value)
            case ("event", value):
                return "event", read_event(value)
    raise ValueError("not an update")


def _snapshot(data: object, kind: Any) -> Snapshot[Any]:
    if not isinstance(data, Mapping):
        raise ValueError("not a snapshot")
    at = from_json(float, data.get("at"))
    error = from_json(str | None, data.get("error"), LONGEST)
    value = None if data.get("value") is None else from_json(kind, data["value"], LONGEST)
    # The age goes on growing while nobody reads it, so the wall clock is all there is to count it by.
    return Snapshot(value, error, time.monotonic() - max(0.0, time.time() - at), at)
