"""What is seen of the cluster, as frozen values."""

from __future__ import annotations

import time
from dataclasses import field
from typing import Final, Generic, Literal, TypeVar

from pghalab.lab.types import ContainerState, LinkState
from pghalab.values import dataclass

T = TypeVar("T")
Service = Literal["running", "starting", "waiting", "stopped", "no answer", "unknown", "none"]
"""How a service of a node is.

`starting`: its process was seen and it does not answer yet; `waiting`: an etcd member that runs and waits for a
majority; `stopped`: the connection was refused; `no answer`: something took the connection and stayed silent;
`unknown`: it could not be asked; `none`: the node has no such service, as far as anybody has seen.
"""
EventKind = Literal["leader", "member", "etcd", "quorum", "timeline", "node", "config", "writes"]
Severity = Literal["critical", "warning", "notice"]

DATA_NODES: Final = 3
"""The first three nodes carry PostgreSQL and Patroni beside etcd."""


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """A value as it was at `taken_at` (seconds of `time.monotonic`); after a failure the last value, and why."""

    value: T | None
    error: str | None
    taken_at: float
    """When `value` was last true; of an error without any value, when it happened."""
    at: float = field(default_factory=time.time, compare=False)
    """The same moment by the wall clock (`time.time`): for what is written down. Ages are counted by `taken_at`."""

    @property
    def age(self) -> float:
        """Seconds since `taken_at`, whatever was done to the wall clock meanwhile."""
        return max(0.0, time.monotonic() - self.taken_at)


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """One row of the Nodes pane."""

    name: str
    container: ContainerState
    address: str
    ssh: LinkState
    etcd: Service
    patroni: Service
    postgres: Service
    writes: bool | None = None
    """Its PostgreSQL takes writes, or is read-only (in recovery), by its own word; None while that is not known."""
    system_id: str = ""
    """The database system identifier of its PostgreSQL, as it was seen last."""
    member: bool | None = None
    """A member of etcd has left data on it; None while that was not looked at: only while no etcd is seen."""
    managed: bool | None = None
    """A database of Patroni's lies on it; None while that was not looked at: only while no cluster is seen."""


@dataclass(frozen=True, slots=True)
class EtcdMember:
    """One row of `etcdctl member list`."""

    member_id: str
    """Hexadecimal, as etcdctl prints it."""
    name: str
    """Empty until the member has started for the first time."""
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    is_learner: bool = False

    @property
    def started(self) -> bool:
        """The member has joined the cluster at least once."""
        return bool(self.name)


@dataclass(frozen=True, slots=True)
class EtcdEndpoint:
    """One row of `etcdctl endpoint status`; the fields are None while the member does not answer."""

    node: str
    endpoint: str
    member_id: str | None = None
    """Hexadecimal, as etcdctl prints it."""
    version: str | None = None
    db_size: int | None = None
    """Bytes."""
    is_leader: bool | None = None
    is_learner: bool | None = None
    raft_term: int | None = None
    raft_index: int | None = None
    raft_applied_index: int | None = None
    errors: str = ""
    cluster_id: str | None = None
    """Hexadecimal: members with another one belong to another cluster."""
    waits: bool = False
    """The member runs and has not joined yet: it answers the other members only."""
    refused: bool = False
    """Nothing runs there: the connection was refused."""

    @property
    def runs(self) -> bool:
        """The member answers, its clients or at least the other members."""
        return self.member_id is not None or self.waits

    @property
    def follows(self) -> bool:
        """The member answers and sees a leader."""
        return self.member_id is not None and "no leader" not in self.errors


@dataclass(frozen=True, slots=True)
class EtcdView:
    """The etcd pane: endpoints in node order, and the arithmetic of the quorum."""

    endpoints: tuple[EtcdEndpoint, ...]
    members: int
    """Members of the cluster as etcd knows them; 0 before it was ever formed."""
    alive: int
    """Members of this cluster that answer and see a leader; while they are no majority, those that run."""
    leaderless: bool = False
    """Members run, and those that see a leader are no majority."""
    cluster_id: str | None = None
    """The cluster that is counted, hexadecimal: the one that most of the nodes belong to."""

    @property
    def seen(self) -> bool:
        """There is one: it has members, or one runs."""
        return bool(self.members) or any(row.runs for row in self.endpoints)

    @property
    def waits(self) -> bool:
        """Members run, and all of them wait to join: since their start there was no majority."""
        running = [row for row in self.endpoints if row.runs and not self.is_foreign(row)]
        return bool(running) and all(row.waits for row in running)

    def is_foreign(self, row: EtcdEndpoint) -> bool:
        """The member belongs to another cluster."""
        return row.cluster_id is not None and self.cluster_id is not None and row.cluster_id != self.cluster_id

    @property
    def majority(self) -> int:
        """floor(N/2)+1 of the members."""
        return self.members // 2 + 1 if self.members else 0

    @property
    def has_quorum(self) -> bool:
        """A majority of the members is alive and has a leader."""
        return self.members > 0 and self.alive >= self.majority and not self.leaderless

    @property
    def unsure(self) -> bool:
        """Nobody knows whether there is a quorum: too few were heard, all of them see a leader, and others are silent.

        A member whose connection is refused is not silent: it does not run.
        """
        own = [row for row in self.endpoints if not self.is_foreign(row)]
        heard = [row for row in own if row.runs]
        silent = [row for row in own if not row.runs and not row.refused]
        return (
            bool(heard)
            and not self.has_quorum
            and all(row.follows for row in heard)
            and len(heard) + len(silent) >= self.majority > len(heard)
        )

    @property
    def can_lose(self) -> int:
        """How many more members may fail before the quorum is lost."""
        return self.alive - self.majority if self.has_quorum else 0


@dataclass(frozen=True, slots=True)
class PatroniMember:
    """One row of `patronictl list`; LSNs are byte positions, lags are bytes."""

    name: str
    host: str
    role: str
    """As patronictl prints it: `Leader`, `Replica`, `Sync Standby`, …"""
    state: str
    timeline: int | None = None
    receive_lsn: int | None = None
    receive_lag: int | None = None
    replay_lsn: int | None = None
    replay_lag: int | None = None
    pending_restart: bool = False
    answers: bool = True
    """Its own REST API answered the last time it was asked."""
    writes: bool | None = None
    """Its PostgreSQL takes writes, by its own word; None while that is not known."""


@dataclass(frozen=True, slots=True)
class PatroniView:
    """The Patroni pane."""

    scope: str
    system_id: str
    """The database system identifier; empty while the cluster is being initialised."""
    leader: str | None
    """The holder of the leader key in etcd."""
    members: tuple[PatroniMember, ...]
    paused: bool = False
    lease_left: int | None = None
    """Seconds that the leader key lives on at most unless it is renewed: asked of etcd when its holder is silent."""

    @property
    def seen(self) -> bool:
        """There is one: it has an identifier, a leader or a member."""
        return bool(self.system_id or self.members) or self.leader is not None

    @property
    def holder(self) -> PatroniMember | None:
        """The member that holds the leader key."""
        return next((member for member in self.members if member.name == self.leader), None)


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """Something changed; `at` is wall-clock time (`time.time`)."""

    at: float
    kind: EventKind
    text: str
    good: bool
    """False for what a DBA would be woken up for."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now, in words."""

    kind: str
    """What it is, in one word that stays the same: `writers`, `quorum`, `leader`, `no-writer`, …"""
    severity: Severity
    text: str
    nodes: tuple[str, ...] = ()
    """Whom it is about."""


Nodes = Snapshot[tuple[NodeHealth, ...]]
Etcd = Snapshot[EtcdView]
Patroni = Snapshot[PatroniView]
Update = (
    tuple[Literal["nodes"], Nodes]
    | tuple[Literal["etcd"], Etcd]
    | tuple[Literal["patroni"], Patroni]
    | tuple[Literal["event"], ClusterEvent]
)
