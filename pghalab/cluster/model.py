"""What is seen of the cluster, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from pghalab.lab.types import ContainerState, LinkState

T = TypeVar("T")
Service = Literal["running", "stopped", "unknown"]
EventKind = Literal["leader", "member", "etcd", "quorum", "timeline", "node", "config"]


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """A value as it was at `taken_at` (seconds of `time.monotonic`); after a failure the last value, and why."""

    value: T | None
    error: str | None
    taken_at: float
    """When `value` was last true; of an error without any value, when it happened."""


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
    """Hexadecimal; two members of one cluster have the same."""


@dataclass(frozen=True, slots=True)
class EtcdView:
    """The etcd pane: endpoints in node order, and the arithmetic of the quorum."""

    endpoints: tuple[EtcdEndpoint, ...]
    members: int
    """Members of the cluster as etcd knows them; 0 before it was ever formed."""
    alive: int
    """Members that answer and see a leader; while none sees one, those that answer."""
    leaderless: bool = False
    """Members answer, and none of them sees a leader."""

    @property
    def majority(self) -> int:
        """floor(N/2)+1 of the members."""
        return self.members // 2 + 1 if self.members else 0

    @property
    def has_quorum(self) -> bool:
        """A majority of the members is alive and has a leader."""
        return self.members > 0 and self.alive >= self.majority and not self.leaderless

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


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """Something changed; `at` is wall-clock time (`time.time`)."""

    at: float
    kind: EventKind
    text: str
    good: bool
    """False for what a DBA would be woken up for."""


Nodes = Snapshot[tuple[NodeHealth, ...]]
Etcd = Snapshot[EtcdView]
Patroni = Snapshot[PatroniView]
Update = (
    tuple[Literal["nodes"], Nodes]
    | tuple[Literal["etcd"], Etcd]
    | tuple[Literal["patroni"], Patroni]
    | tuple[Literal["event"], ClusterEvent]
)
