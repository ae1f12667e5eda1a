"""Snapshots and events as JSON, and back.

A snapshot is `{"value": …, "error": …, "at": seconds since 1970, "age": seconds}`; a value has the names of its
fields, and what follows from them beside it (`majority`, `has_quorum`, …), which reading ignores. Unknown names are
ignored too, so that an older reader understands a newer writer.
"""

from __future__ import annotations

import dataclasses
import time
import types
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

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

T = TypeVar("T")
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
    return cast(ClusterEvent, _read(data, ClusterEvent, "event"))


def read_trouble(data: object) -> Trouble:
    """A trouble; raises ValueError."""
    return cast(Trouble, _read(data, Trouble, "trouble"))


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
    at = _read(data.get("at"), float, "at")
    error = _read(data.get("error"), str | None, "error")
    value = None if data.get("value") is None else _read(data["value"], kind, "value")
    # The age goes on growing while nobody reads it, so the wall clock is all there is to count it by.
    return Snapshot(value, error, time.monotonic() - max(0.0, time.time() - at), at)


def _read(data: object, kind: Any, where: str) -> Any:
    origin = get_origin(kind)
    if origin is Literal:
        if isinstance(data, str) and data in get_args(kind):
            return data
    elif origin in (Union, types.UnionType):
        if data is None:
            return None
        (inner,) = (one for one in get_args(kind) if one is not type(None))
        return _read(data, inner, where)
    elif origin is tuple:
        inner, rest = get_args(kind)
        assert rest is Ellipsis
        if isinstance(data, list) and len(data) <= LONGEST:
            return tuple(_read(one, inner, where) for one in data)
    elif dataclasses.is_dataclass(kind):
        if isinstance(data, Mapping):
            return _fields(data, cast(type, kind), where)
    elif kind is float:
        if isinstance(data, (int, float)) and not isinstance(data, bool) and abs(data) < 1e12:
            return float(data)
    elif kind is int:
        if isinstance(data, int) and not isinstance(data, bool):
            return data
    elif isinstance(data, kind) and (kind is not str or len(cast(str, data)) <= LONGEST):
        return data
    raise ValueError(f"{where} cannot be read")


def _fields(data: Mapping[str, object], kind: type, where: str) -> Any:
    hints = get_type_hints(kind)
    found = {}
    for field in dataclasses.fields(kind):
        if field.name in data:
            found[field.name] = _read(data[field.name], hints[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING:
            raise ValueError(f"{where} has no {field.name}")
    return kind(**found)
