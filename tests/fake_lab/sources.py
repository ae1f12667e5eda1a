"""etcd, Patroni and PostgreSQL of a lab in memory: as they were on a real one, unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pghalab.cluster.etcd import WAITS
from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.lab.types import Lab, LabError, Node
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.recording import Login, recording

MOMENT = recording("three")


class FakeSources:
    """Answers for every node; what runs where is told by the nodes themselves."""

    def __init__(self) -> None:
        self.etcd_leader = next(name for name, one in MOMENT.endpoints.items() if one.is_leader)
        self.also_leads = ""
        self.terms: dict[str, int] = {}
        """Of nodes whose term differs."""
        self.clusters: dict[str, str] = {}
        """The cluster ids of nodes whose member belongs to another cluster."""
        self.errors: dict[str, str] = {}
        self.members_of: dict[str, list[str]] = {}
        """The names in the member lists of nodes whose own differs."""
        self.silent: set[str] = set()
        """Nodes whose etcd and Patroni run and do not answer."""
        self.waiting: set[str] = set()
        """Nodes whose etcd has not joined a cluster that never had a majority."""
        self.sick: set[str] = set()
        """Nodes whose etcd cannot commit."""
        self.dcs: dict[str, str] = {}
        """Patroni's keys without their prefix."""
        self.patronis: dict[str, dict[str, Any]] = {}
        """What each Patroni says of itself, by node."""
        self.rows: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        """What queries are answered, by node and a part of the query."""
        self.logins: dict[tuple[str, str], tuple[bool, str]] = {}
        """How logins with the right password end, by the nodes from and to which they go."""
        self.wrong_password = next(said for login, said in MOMENT.logins.items() if not login.right)
        self.copies = True
        """Marker rows arrive on the replicas."""
        self.marker = ""
        self.asked: list[str] = []

    async def endpoint(self, node: Node) -> EtcdEndpoint:
        """The status of a member."""
        self.asked.append(f"endpoint {node.name}")
        if node.name in self.silent:
            raise LabError(f"etcd does not run on {node.name}")
        real = MOMENT.endpoints[node.name]
        cluster_id = self.clusters.get(node.name, real.cluster_id)
        if node.name in self.waiting:
            return EtcdEndpoint(node.name, real.endpoint, errors=WAITS, cluster_id=cluster_id, waits=True)
        return replace(
            real,
            is_leader=node.name in (self.etcd_leader, self.also_leads),
            raft_term=self.terms.get(node.name, real.raft_term),
            errors=self.errors.get(node.name, real.errors),
            cluster_id=cluster_id,
        )

    async def members(self, node: Node) -> Sequence[EtcdMember]:
        """The list of members that one of them has."""
        self.asked.append(f"members {node.name}")
        if node.name not in self.members_of:
            return MOMENT.members[node.name]
        return [
            EtcdMember(f"{number:016x}", name, (f"http://{name}:2380",), ())
            for number, name in enumerate(self.members_of[node.name], 1)
        ]

    async def health(self, node: Node) -> bool:
        """Whether a member can commit."""
        return node.name not in self.sick

    async def keys(self, node: Node, prefix: str) -> Mapping[str, str]:
        """Patroni's keys."""
        self.asked.append(f"keys {node.name}")
        return {f"{prefix}{key}": value for key, value in self.dcs.items()}

    async def patroni(self, node: Node) -> Mapping[str, Any]:
        """What a Patroni says of itself."""
        if node.name in self.silent:
            raise LabError(f"Patroni does not run on {node.name}")
        return self.patronis[node.name]

    async def query(self, lab: Lab, node: Node, sql: str, database: str) -> Sequence[tuple[Any, ...]]:
        """The rows of a query: those that a test gives, the marker's, or those of the real node."""
        self.asked.append(f"{node.name}: {sql}")
        if "insert into pghalab.marker" in sql:
            self.marker = sql.split("values ('")[1].split("'")[0]
            return [(self.marker,)]
        if self.marker and "from pghalab.marker" in sql:
            return [(self.marker if self.copies else "older",)]
        for (name, part), rows in self.rows.items():
            if name == node.name and part in sql:
                return rows
        return MOMENT.rows.get((node.name, database, sql), [])

    async def login(
        self, lab: Lab, *, via: Node, to: Node, user: str, database: str, password: str
    ) -> tuple[bool, str]:
        """How a login ends."""
        right = password == lab.password
        if right and (via.name, to.name) in self.logins:
            return self.logins[(via.name, to.name)]
        if not right:
            return self.wrong_password
        return MOMENT.logins[Login(via.name, to.name, user, database, right)]


def cluster_of_three(lab: FakeLab, sources: FakeSources) -> None:
    """Everything runs as it did on the real lab: five etcd members, pgha1 leads, pgha2 and pgha3 stream."""
    lab.versions = MOMENT.versions
    for name, node in lab.nodes.items():
        node.processes |= MOMENT.processes(name)
        node.recorded = MOMENT.commands[name]
    sources.patronis = {name: dict(truth) for name, truth in MOMENT.patroni.items()}
    sources.dcs = dict(MOMENT.dcs)
