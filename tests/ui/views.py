"""What a monitor publishes, with values as a real cluster gives them."""

from __future__ import annotations

import time
from typing import Literal

from pghalab.cluster.model import (
    ClusterEvent,
    Etcd,
    EtcdEndpoint,
    EtcdView,
    EventKind,
    NodeHealth,
    Nodes,
    Patroni,
    PatroniMember,
    PatroniView,
    Snapshot,
    Update,
)

NAMES = tuple(f"pgha{number}" for number in range(1, 6))
IDS = ("c96171b99f7cfa68", "4ec2b2668990565b", "cebc84bd6d4d9d4b", "29111f285fc78706", "ab6c7f1736bd6eb0")


def nodes(*, etcd: int = 5, patroni: int = 3, containers: int = 5, age: float = 0.0) -> tuple[Literal["nodes"], Nodes]:
    """The first nodes run what is said."""
    rows = tuple(
        NodeHealth(
            name,
            "running" if index < containers else "exited",
            f"192.168.50.{10 + index}",
            "up" if index < containers else "down",
            "running" if index < etcd else "stopped",
            "running" if index < patroni else "stopped",
            "running" if index < patroni else "stopped",
        )
        for index, name in enumerate(NAMES)
    )
    return "nodes", Snapshot(rows, None, time.monotonic() - age)


def etcd(*, alive: int = 5, leader: int = 1, silent: bool = False, age: float = 0.0) -> tuple[Literal["etcd"], Etcd]:
    """`endpoint status` as the course prints it; those that are not alive do not run, or are `silent`."""
    away = "etcd does not answer within 3 s" if silent else "connection refused"
    # Those that are only silent to the console may well make up a majority with the others.
    led = silent or alive > len(NAMES) // 2
    errors = "" if led else "etcdserver: no leader"
    rows = tuple(
        EtcdEndpoint(
            name, f"{name}:2379", IDS[index], "3.5.16", 20480, led and index == leader, False, 2, 13, 13, errors
        )
        if index < alive
        else EtcdEndpoint(name, f"{name}:2379", errors=away, refused=not silent)
        for index, name in enumerate(NAMES)
    )
    return "etcd", Snapshot(EtcdView(rows, 5, alive), None, time.monotonic() - age)


def patroni(*, streaming: int = 2, leader: str = "pgha1", age: float = 0.0) -> tuple[Literal["patroni"], Patroni]:
    """`patronictl list` as the course prints it."""
    members = [PatroniMember(leader, leader, "Leader", "running", 1)]
    for name in [name for name in NAMES if name != leader][:streaming]:
        members.append(PatroniMember(name, name, "Replica", "streaming", 1, 0x6000060, 0, 0x6000060, 0))
    view = PatroniView("pgha_patroni_cluster", "7573485601442316865", leader, tuple(members))
    return "patroni", Snapshot(view, None, time.monotonic() - age)


def event(text: str, *, good: bool = True, kind: EventKind = "leader", at: float = 0.0) -> Update:
    """Something that happened."""
    return "event", ClusterEvent(at, kind, text, good)
