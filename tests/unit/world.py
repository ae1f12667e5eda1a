"""A lab made of nothing under the eyes of a monitor: what etcd, Patroni and PostgreSQL say there is a test's to set."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pghalab.cluster import etcd, monitor, postgres, sweep
from pghalab.cluster.dcs import PREFIX
from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.cluster.rest import NotRunning, OutOfReach
from pghalab.lab.types import Node
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.fake_lab.wired import Wired

MEMBER = json.dumps({"conn_url": "postgres://x:5432/postgres", "state": "running", "role": "replica"})


class World(Wired):
    """What the monitor sees, and what it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int = 3) -> None:
        self.lab = FakeLab(count)
        super().__init__(self.lab, FakeSources(), monkeypatch)
        self.etcd: dict[str, Exception | str] = {}
        self.patroni: dict[str, Exception | dict[str, Any]] = {}
        self.postgres: dict[str, Exception | postgres.Role] = {}
        self.lease: int | None = 20
        self.logins = self.probes = 0
        self.keys = {PREFIX + "leader": "pgha1", PREFIX + "members/pgha1": MEMBER, PREFIX + "initialize": "7"}
        self.looks = 0
        self.said: list[Any] = []
        self._changed = asyncio.Event()
        monkeypatch.setattr(monitor, "ETCD_EVERY", 0.02)
        monkeypatch.setattr(monitor, "PATRONI_EVERY", 0.02)
        monkeypatch.setattr(monitor, "RESTART_AFTER", 0.02)
        monkeypatch.setattr(sweep, "AGAIN_SOON", 0.02)
        monkeypatch.setattr(monitor, "POSTGRES_EVERY", 0.02)

    async def endpoint(self, node: Node) -> EtcdEndpoint:
        self.looks += 1
        what = self.etcd.get(node.name, "")
        if isinstance(what, Exception):
            raise what
        return EtcdEndpoint(
            node.name, f"{node.name}:2379", node.name[-1], "3.5.16", 1, node.name == "pgha1", errors=what
        )

    async def members(self, node: Node) -> tuple[EtcdMember, ...]:
        return tuple(EtcdMember(name[-1], name, (), ()) for name in self.lab.nodes)

    async def listing(self, node: Node, prefix: str) -> etcd.Listing:
        if node.link != "up":
            raise OutOfReach(node.link_reason, node=node.name)
        return etcd.Listing(1, dict(self.keys))

    async def get_prefix(self, node: Node, prefix: str) -> dict[str, str]:
        return dict(self.keys)

    async def status(self, node: Node) -> dict[str, Any]:
        what = self.patroni.get(node.name, NotRunning(f"Patroni does not run on {node.name}"))
        if isinstance(what, Exception):
            raise what
        return what

    async def probe(self, node: Node) -> None:
        self.probes += 1
        if node.name not in self.postgres:
            raise NotRunning(f"PostgreSQL does not run on {node.name}")

    async def role(self, lab: FakeLab, name: str) -> postgres.Role:
        self.logins += 1
        what = self.postgres.get(name, NotRunning(f"PostgreSQL does not run on {name}"))
        if isinstance(what, Exception):
            raise what
        return what

    async def lease_left(self, node: Node, key: str) -> int | None:
        assert key == PREFIX + "leader"
        return self.lease

    def publish(self, update: Any) -> None:
        self.said.append(update)
        self._changed.set()

    def last(self, kind: str) -> Any:
        return next((value for what, value in reversed(self.said) if what == kind), None)

    def events(self) -> list[str]:
        return [value.text for what, value in self.said if what == "event"]

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[monitor.Monitor]:
        one = monitor.Monitor(self.lab, self.publish)
        task = asyncio.create_task(one.run())
        try:
            await self.until(lambda: self.full("etcd") and self.full("patroni") and self.full("nodes"))
            await self.until(lambda: self.last("etcd").value.alive == len(self.lab.nodes))
            yield one
        finally:
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def full(self, kind: str) -> bool:
        last = self.last(kind)
        return last is not None and last.value is not None and last.error is None
