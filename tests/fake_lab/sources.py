"""etcd, Patroni and PostgreSQL of a lab in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.lab.types import Lab, LabError, Node
from tests.fake_lab.lab import FakeLab


@dataclass
class FakeSources:
    """etcd, Patroni and PostgreSQL as a test sets them."""

    term: int = 2
    terms: dict[str, int] = field(default_factory=dict)
    """Of nodes whose term differs."""
    etcd_leader: str = "pgha2"
    also_leads: str = ""
    clusters: dict[str, str] = field(default_factory=dict)
    """The cluster ids of nodes whose member belongs to another cluster."""
    errors: dict[str, str] = field(default_factory=dict)
    members_of: dict[str, list[str]] = field(default_factory=dict)
    """The member lists of nodes whose own differs from pgha1 to pgha5."""
    silent: set[str] = field(default_factory=set)
    """Nodes whose etcd and Patroni run and do not answer."""
    sick: set[str] = field(default_factory=set)
    dcs: dict[str, str] = field(default_factory=dict)
    patronis: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[tuple[str, str], list[tuple[Any, ...]]] = field(default_factory=dict)
    """By node and a part of the query."""
    logins: dict[tuple[str, str], tuple[bool, str]] = field(default_factory=dict)
    wrong_password: tuple[bool, str] = (False, "FATAL: password authentication failed")
    asked: list[str] = field(default_factory=list)
    copies: bool = True
    """Marker rows arrive on the replicas."""
    marker: str = ""

    async def endpoint(self, node: Node) -> EtcdEndpoint:
        self.asked.append(f"endpoint {node.name}")
        if node.name in self.silent:
            raise LabError(f"etcd does not run on {node.name}")
        return EtcdEndpoint(
            node=node.name,
            endpoint=f"{node.name}:2379",
            member_id=f"id-{node.name}",
            version="3.5",
            db_size=1,
            is_leader=node.name in (self.etcd_leader, self.also_leads),
            is_learner=False,
            raft_term=self.terms.get(node.name, self.term),
            errors=self.errors.get(node.name, ""),
            cluster_id=self.clusters.get(node.name, "c1"),
        )

    async def members(self, node: Node) -> Sequence[EtcdMember]:
        self.asked.append(f"members {node.name}")
        return [
            EtcdMember(f"id-{name}", name, (f"http://{name}:2380",), ())
            for name in self.members_of.get(node.name, [f"pgha{number}" for number in range(1, 6)])
        ]

    async def health(self, node: Node) -> bool:
        return node.name not in self.sick

    async def keys(self, node: Node, prefix: str) -> Mapping[str, str]:
        self.asked.append(f"keys {node.name}")
        return {f"{prefix}{key}": value for key, value in self.dcs.items()}

    async def patroni(self, node: Node) -> Mapping[str, Any]:
        if node.name in self.silent:
            raise LabError(f"Patroni does not run on {node.name}")
        return self.patronis[node.name]

    async def query(self, lab: Lab, node: Node, sql: str, database: str) -> Sequence[tuple[Any, ...]]:
        self.asked.append(f"{node.name}: {sql}")
        if "insert into pghalab.marker" in sql:
            self.marker = sql.split("values ('")[1].split("'")[0]
            return [(self.marker,)]
        if "from pghalab.marker" in sql:
            return [(self.marker if self.copies else "older",)]
        for (name, part), rows in self.rows.items():
            if name == node.name and part in sql:
                return rows
        return []

    async def login(
        self, lab: Lab, *, via: Node, to: Node, user: str, database: str, password: str
    ) -> tuple[bool, str]:
        if password != lab.password:
            return self.wrong_password
        return self.logins[(via.name, to.name)]


def cluster_of_three(lab: FakeLab, sources: FakeSources) -> None:
    """Everything runs: five etcd members, pgha1 leads, pgha2 and pgha3 stream."""
    names = list(lab.nodes)
    for node in lab.nodes.values():
        node.processes["etcd"] = "postgres"
    for name in names[:3]:
        lab.nodes[name].processes |= {"patroni": "postgres", "postgres": "postgres"}
        sources.patronis[name] = {
            "state": "running",
            "role": "replica",
            "timeline": 1,
            "replication_state": "streaming",
            "xlog": {"replayed_location": 1000},
        }
    sources.etcd_leader = names[1]
    sources.patronis[names[0]] = {"state": "running", "role": "primary", "timeline": 1, "xlog": {"location": 1000}}
    sources.dcs |= {"leader": names[0], "initialize": "7573"}
    sources.dcs["config"] = '{"ttl": 30, "postgresql": {"use_slots": true}}'
