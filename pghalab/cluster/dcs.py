"""The keys that Patroni keeps in etcd, as values (Patroni docs: the keys below /<namespace>/<scope>/)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final
from urllib.parse import urlsplit

from pghalab.values import dataclass

log = logging.getLogger(__name__)

NAMESPACE: Final = "pgha"
SCOPE: Final = "pgha_patroni_cluster"
PREFIX: Final = f"/{NAMESPACE}/{SCOPE}/"


@dataclass(frozen=True, slots=True)
class DcsMember:
    """A member as its own key tells it; the key's lease ends `ttl` seconds after its Patroni was last heard."""

    name: str
    host: str
    port: int | None
    state: str
    """`running`, `starting`, `stopped`, … as Patroni's main loop last saw it."""
    replication_state: str
    """`streaming`, `in archive recovery` or empty."""
    role: str
    timeline: int | None
    lsn: int | None
    """Byte position: written on a primary, the furthest of received and replayed on a replica."""
    receive_lsn: int | None
    replay_lsn: int | None
    pending_restart: bool


@dataclass(frozen=True, slots=True)
class Dcs:
    """All that the keys say at one moment."""

    initialize: str | None = None
    """The system identifier; empty while a node bootstraps the cluster, None before."""
    leader: str | None = None
    members: tuple[DcsMember, ...] = ()
    """By name."""
    optime: int | None = None
    """The leader's position as of its last loop, bytes."""
    config: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[tuple[int, int, str], ...] = ()
    """(timeline, position where it ended, reason)."""
    sync: Mapping[str, Any] = field(default_factory=dict)
    failover: Mapping[str, Any] = field(default_factory=dict)

    @property
    def paused(self) -> bool:
        """The cluster is in maintenance mode (`patronictl pause`)."""
        return _true(self.config.get("pause"))

    @property
    def outline(self) -> tuple[object, ...]:
        """What makes it worth asking the nodes at once when it changes: who leads, and how the members stand."""
        members = tuple((m.name, m.state, m.replication_state, m.role, m.timeline) for m in self.members)
        return self.leader, self.initialize, members

    @property
    def is_standby_cluster(self) -> bool:
        """The cluster follows another one."""
        standby = self.config.get("standby_cluster")
        return isinstance(standby, dict) and any(standby.get(key) for key in ("host", "port", "restore_command"))

    def role(self, member: str) -> str:
        """The member's role as `patronictl list` prints it."""
        if member == self.leader:
            return "Standby Leader" if self.is_standby_cluster else "Leader"
        mode = self.config.get("synchronous_mode")
        quorum = isinstance(mode, str) and mode.lower() == "quorum"
        if (quorum or _true(mode)) and self.sync.get("leader"):
            standbys = str(self.sync.get("sync_standby") or "").lower().split(",")
            if member.lower() in standbys:
                return "Quorum Standby" if quorum else "Sync Standby"
        return "Replica"


def parse(keys: Mapping[str, str], prefix: str = PREFIX) -> Dcs:
    """Make sense of the keys below `prefix`; a value that cannot be read is logged and counts as missing."""
    below = {key[len(prefix) :]: value for key, value in keys.items() if key.startswith(prefix)}
    status = _mapping(below, "status")
    members = [_member(key[len("members/") :], _mapping(below, key)) for key in below if key.startswith("members/")]
    return Dcs(
        initialize=below.get("initialize"),
        leader=below.get("leader") or None,
        members=tuple(sorted(members, key=lambda member: member.name)),
        optime=_int(status.get("optime")),
        config=_mapping(below, "config"),
        history=_history(below.get("history")),
        sync=_mapping(below, "sync"),
        failover=_mapping(below, "failover"),
    )


def _member(name: str, data: Mapping[str, Any]) -> DcsMember:
    try:
        url = urlsplit(str(data.get("conn_url", "")))
        host, port = url.hostname or "", url.port
    except ValueError:
        host, port = "", None
    return DcsMember(
        name=name,
        host=host,
        port=port,
        state=str(data.get("state", "")),
        replication_state=str(data.get("replication_state") or ""),
        role=str(data.get("role", "")),
        timeline=_int(data.get("timeline")),
        lsn=_int(data.get("xlog_location")),
        receive_lsn=_int(data.get("receive_lsn")),
        replay_lsn=_int(data.get("replay_lsn")),
        pending_restart=_true(data.get("pending_restart")),
    )


def _mapping(values: Mapping[str, str], key: str) -> Mapping[str, Any]:
    text = values.get(key)
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        log.warning("the key %s holds no JSON: %.80r", key, text)
        return {}
    return value if isinstance(value, dict) else {}


def _history(text: str | None) -> tuple[tuple[int, int, str], ...]:
    if not text:
        return ()
    try:
        return tuple((int(line[0]), int(line[1]), str(line[2])) for line in json.loads(text))
    except (ValueError, TypeError, IndexError, KeyError):
        log.warning("the history key cannot be read: %.80r", text)
        return ()


def _int(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def _true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() in {"on", "true", "yes"})
