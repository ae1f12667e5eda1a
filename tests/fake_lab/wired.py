"""Lets the one reader of the cluster read a lab in memory, so that a real monitor sees what the checks see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pghalab.cluster import etcd, patroni, postgres
from pghalab.cluster.dcs import PREFIX
from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.lab.types import Node
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources

Deliver = Callable[[tuple[etcd.Change, ...]], None]


class Wired:
    """Stands behind `pghalab.cluster.etcd`, `patroni` and `postgres`; a service answers where its process runs."""

    def __init__(self, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> None:
        self._lab, self._sources = lab, sources
        self._watchers: list[Deliver] = []
        for name in ("endpoint", "members", "waiting", "is_new", "listing", "get_prefix", "open_watch", "lease_left"):
            monkeypatch.setattr(etcd, name, getattr(self, name))
        monkeypatch.setattr(patroni, "status", self.status)
        monkeypatch.setattr(postgres, "role", self.role)
        monkeypatch.setattr(postgres, "probe", self.probe)

    def put(self, key: str, value: str | None) -> None:
        """Change one of Patroni's keys, or delete it, and tell whoever watches."""
        if value is None:
            self._sources.dcs.pop(key, None)
        else:
            self._sources.dcs[key] = value
        self.push(etcd.Change(PREFIX + key, value))

    def push(self, *changes: etcd.Change) -> None:
        """Tell whoever watches."""
        for deliver in tuple(self._watchers):
            deliver(changes)

    def _runs(self, node: Node, process: str, service: str) -> None:
        if node.link != "up":
            raise OutOfReach(node.link_reason, node=node.name)
        if process not in self._lab.nodes[node.name].processes:
            raise NotRunning(f"{service} does not run on {node.name}")
        if node.name in self._sources.silent and process != "postgres":
            raise NoAnswer(f"{service} does not answer", node=node.name)

    async def endpoint(self, node: Node) -> EtcdEndpoint:
        self._runs(node, "etcd", "etcd")
        return await self._sources.endpoint(node)

    async def members(self, node: Node) -> tuple[EtcdMember, ...]:
        self._runs(node, "etcd", "etcd")
        return tuple(await self._sources.members(node))

    async def waiting(self, node: Node) -> tuple[EtcdEndpoint, int]:
        raise NotRunning(f"etcd does not run on {node.name}")

    async def is_new(self, node: Node) -> bool:
        raise NotRunning(f"etcd does not run on {node.name}")

    async def get_prefix(self, node: Node, prefix: str) -> Mapping[str, str]:
        self._runs(node, "etcd", "etcd")
        return await self._sources.keys(node, prefix)

    async def listing(self, node: Node, prefix: str) -> etcd.Listing:
        return etcd.Listing(1, await self.get_prefix(node, prefix))

    async def open_watch(self, node: Node, prefix: str, start: int, deliver: Deliver, lost: object) -> Watch:
        self._watchers.append(deliver)
        return Watch(lambda: self._watchers.remove(deliver))

    async def lease_left(self, node: Node, key: str) -> int | None:
        return 20

    async def status(self, node: Node) -> dict[str, Any]:
        self._runs(node, "patroni", "Patroni")
        return dict(await self._sources.patroni(node))

    async def role(self, lab: FakeLab, name: str) -> postgres.Role:
        node = lab.nodes[name]
        self._runs(node, "postgres", "PostgreSQL")
        truth = await self._sources.patroni(node)
        return postgres.Role(truth["role"] == "primary", str(truth["database_system_identifier"]))

    async def probe(self, node: Node) -> None:
        self._runs(node, "postgres", "PostgreSQL")


class Watch:
    """A watch on the keys."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end

    def close(self) -> None:
        """End it."""
        self._end()
