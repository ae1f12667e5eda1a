"""What a node says of itself in `GET /patroni`, as words and numbers (Patroni docs: REST API)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Truth = Mapping[str, Any]


def role(truth: Truth) -> str:
    """`leader`, `replica`, or whatever else the node says that it is."""
    said = str(truth.get("role") or "unknown")
    return "leader" if said in ("primary", "master", "leader") else said


def state(truth: Truth) -> str:
    """How a replica receives (`streaming`, `in archive recovery`), else the state of the node's PostgreSQL."""
    return str(truth.get("replication_state") or truth.get("state") or "unknown")


def runs_postgres(truth: Truth) -> bool:
    """The node's Patroni has just got an answer from its PostgreSQL."""
    return "xlog" in truth


def takes_writes(truth: Truth) -> bool | None:
    """Whether the node's PostgreSQL takes writes, as it has just told its Patroni; None when it told nothing."""
    return role(truth) != "replica" if runs_postgres(truth) else None


def position(truth: Truth, key: str) -> int | None:
    """A byte position: `location` of a primary, `received_location` or `replayed_location` of a replica."""
    xlog = truth.get("xlog")
    return number(xlog.get(key)) if isinstance(xlog, Mapping) else None


def lag(written: int | None, lsn: int | None) -> int | None:
    """Bytes from a position to the leader's; None while one of both is not known."""
    return None if written is None or lsn is None else max(0, written - lsn)


def replay_lag(leader: Truth, replica: Truth) -> int | None:
    """Bytes that a replica has still to apply, by both nodes' own answers; None while one does not say where it is."""
    return lag(position(leader, "location"), position(replica, "replayed_location"))


def number(value: object) -> int | None:
    """A whole number above 0, None for anything else: Patroni says 0 for what it does not know."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value else None
