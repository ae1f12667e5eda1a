"""A real cluster, watched while things happen to it: every event is awaited, none is made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pghalab.cluster import etcd, patroni, postgres
from pghalab.cluster.dcs import PREFIX
from pghalab.cluster.monitor import Monitor
from pghalab.cluster.rest import NotRunning
from pghalab.lab.engine.client import Engine
from pghalab.lab.local import LocalLab
from tests.live.conftest import MakeSettings, told

START_ETCD = "nohup etcd --config-file /pgha/config/etcd.yaml > /var/log/etcd/etcd-standalone.log 2>&1 &"
START_PATRONI = "nohup patroni /pgha/config/patroni.yaml >> /var/log/patroni/patroni.log 2>&1 &"


class Seen:
    """What a monitor said, and a way to wait for more."""

    def __init__(self) -> None:
        self.updates: list[Any] = []
        self._changed = asyncio.Event()

    def publish(self, update: Any) -> None:
        self.updates.append(update)
        self._changed.set()

    def last(self, kind: str) -> Any:
        return next((value for what, value in reversed(self.updates) if what == kind), None)

    def value(self, kind: str) -> Any:
        last = self.last(kind)
        return last.value if last is not None else None

    def error(self, kind: str) -> str | None:
        last = self.last(kind)
        return last.error if last is not None else "nothing was published yet"

    def events(self, since: int = 0) -> list[str]:
        return [value.text for what, value in self.updates[since:] if what == "event"]

    async def until(self, holds: Callable[[], object], limit: float = 60.0) -> None:
        try:
            async with asyncio.timeout(limit):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not seen within {limit:g} s; events: {self.events()}") from None

    async def event(self, text: str, since: int = 0, limit: float = 60.0) -> None:
        await self.until(lambda: any(text in said for said in self.events(since)), limit)


@pytest.fixture
async def five(make_settings: MakeSettings) -> AsyncIterator[LocalLab]:
    """Five nodes that run, with nothing started on them."""
    lab = LocalLab(await make_settings(5))
    await lab.open()
    await told(lab.up())
    yield lab
    await lab.close()


async def _on(lab: LocalLab, names: list[str], command: str, user: Any = "postgres") -> None:
    results = await asyncio.gather(*(lab.nodes[name].run(command, user=user, timeout=60) for name in names))
    for name, result in zip(names, results, strict=True):
        assert result.exit_status == 0, f"{name}: {result.stdout}{result.stderr}"


def _streaming(seen: Seen) -> bool:
    view = seen.value("patroni")
    return bool(view) and [member.state for member in view.members].count("streaming") == 2


async def test_a_cluster_is_seen_growing_failing_and_coming_back(five: LocalLab, engine: Engine) -> None:
    seen = Seen()
    monitor = Monitor(five, seen.publish)
    task = asyncio.create_task(monitor.run())
    try:
        await _grow(five, monitor, seen)
        await _push(five, monitor, seen)
        await _switch_over(five, seen)
        await _lose_etcd(five, monitor, seen)
        await _crash_and_freeze(five, engine, seen)
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _grow(lab: LocalLab, monitor: Monitor, seen: Seen) -> None:
    names = list(lab.nodes)
    data = names[:3]
    await seen.until(lambda: seen.value("nodes") and all(row.etcd == "stopped" for row in seen.value("nodes")))
    for kind in ("etcd", "patroni"):
        await seen.until(lambda kind=kind: seen.last(kind) is not None)
        assert (seen.value(kind), seen.error(kind)) == (None, None)
    with pytest.raises(NotRunning, match=f"etcd does not run on {names[1]}"):
        await etcd.get_prefix(lab.nodes[names[1]], PREFIX)
    with pytest.raises(NotRunning, match=f"PostgreSQL does not run on {names[3]}"):
        await postgres.query(lab, names[3], "select 1")

    await _on(lab, names, f"/etcdSetup.sh -y >/dev/null && {{ {START_ETCD} }}")
    await seen.until(lambda: (view := seen.value("etcd")) and view.alive == 5 and view.can_lose == 2)
    first = lab.nodes[names[0]]
    assert [member.name for member in await etcd.members(first)] == names
    assert all([await etcd.health(node) for node in lab.nodes.values()])
    assert await etcd.get_prefix(first, PREFIX) == {}
    await seen.until(lambda: seen.error("patroni") is None)

    prepare = (
        f"cp -p /createRoles.sh /pgha/config/ && rm -rf /pgdata/17/data && /patroniSetup.sh && {{ {START_PATRONI} }}"
    )
    await _on(lab, data[:1], prepare)
    await seen.event(f"{data[0]} joined the cluster")
    await seen.until(lambda: (view := seen.value("patroni")) and view.leader == data[0] and view.system_id)
    await _on(lab, data[1:], prepare)
    await seen.until(lambda: _streaming(seen), 90)
    view = seen.value("patroni")
    assert [(m.role, m.timeline, m.answers) for m in view.members] == [
        ("Leader", 1, True),
        ("Replica", 1, True),
        ("Replica", 1, True),
    ]
    truth = await patroni.status(lab.nodes[data[0]])
    assert (truth["role"], truth["database_system_identifier"]) == ("primary", view.system_id)
    assert await postgres.query(lab, data[0], "select count(*) from pg_stat_replication where state = 'streaming'") == [
        (2,)
    ]
    said = await postgres.login(lab, via=data[1], to=data[0], user="nobody", database="postgres", password="x")
    assert not said.accepted
    assert said.message.startswith(f'FATAL:  no pg_hba.conf entry for host "{lab.nodes[data[1]].address}"')


async def _push(lab: LocalLab, monitor: Monitor, seen: Seen) -> None:
    """A changed key is shown without any poll."""
    monitor.pause(True)
    key = f"{PREFIX}members/zz"
    put = f"""ETCDCTL_API=3 etcdctl put {key} '{{"conn_url":"postgres://zz:5432/postgres","state":"starting"}}'"""
    await _on(lab, list(lab.nodes)[4:], put)
    await seen.until(lambda: any(member.name == "zz" for member in seen.value("patroni").members), 10)
    await _on(lab, list(lab.nodes)[4:], f"etcdctl del {key}")
    await seen.until(lambda: all(member.name != "zz" for member in seen.value("patroni").members), 10)
    monitor.pause(False)


async def _switch_over(lab: LocalLab, seen: Seen) -> None:
    old, new, *_ = lab.nodes
    since = len(seen.updates)
    switch = f"patronictl -c /pgha/config/patroni.yaml switchover --leader {old} --candidate {new} --force"
    await _on(lab, [old], switch)
    await seen.event(f"leader changed: {old} -> {new}", since)
    await seen.event("timeline 1 -> 2", since)
    await seen.event(f"{old} is streaming", since)
    await seen.until(lambda: _streaming(seen) and seen.value("patroni").leader == new)


async def _lose_etcd(lab: LocalLab, monitor: Monitor, seen: Seen) -> None:
    names = list(lab.nodes)
    since = len(seen.updates)
    await _on(lab, names[4:], "pkill -9 -x etcd")
    await seen.event(f"etcd on {names[4]} does not answer", since)
    assert seen.value("etcd").can_lose == 1
    await _on(lab, names[2:4], "pkill -9 -x etcd")
    await seen.event("etcd lost its quorum: 2 of 5 members alive, 3 needed", since)
    await seen.until(lambda: "no quorum" in (seen.error("patroni") or ""))
    said, stale = len(seen.updates), seen.last("patroni").taken_at
    await seen.until(lambda: any(kind == "patroni" for kind, _ in seen.updates[said:]))
    assert seen.last("patroni").taken_at == stale
    assert not await etcd.health(lab.nodes[names[0]])
    assert len(await etcd.members(lab.nodes[names[0]])) == 5
    await _on(lab, names[2:], START_ETCD)
    monitor.refresh()
    await seen.event("etcd has its quorum back", since)
    await seen.until(lambda: seen.value("etcd").alive == 5 and seen.error("patroni") is None)
    await seen.until(lambda: _streaming(seen), 90)


async def _crash_and_freeze(lab: LocalLab, engine: Engine, seen: Seen) -> None:
    replica = next(m.name for m in seen.value("patroni").members if m.role == "Replica")
    row = list(lab.nodes).index(replica)
    since = len(seen.updates)
    # Paused, Patroni leaves the crash to be seen; else it may have ended it before anybody looked.
    await _on(lab, [replica], "patronictl -c /pgha/config/patroni.yaml pause --wait")
    await seen.until(lambda: seen.value("patroni").paused)
    await _on(lab, [replica], "kill -9 $(head -1 /pgdata/17/data/postmaster.pid)")
    await seen.event(f"{replica}: streaming -> stopped", since)
    await seen.until(lambda: seen.value("nodes")[row].postgres == "stopped")
    await _on(lab, [replica], "patronictl -c /pgha/config/patroni.yaml resume --wait")
    await seen.event(f"{replica} is streaming", since, 90)
    await seen.until(lambda: seen.value("nodes")[row].postgres == "running")

    last = list(lab.nodes)[4]
    since = len(seen.updates)
    await engine.call("Pausing", engine.api.pause, last)
    try:
        await seen.event(f"{last} is down", since)
        await seen.until(lambda: seen.value("nodes")[4].container == "paused")
        await seen.event(f"etcd on {last} does not answer", since)
        assert seen.value("etcd").alive == 4
    finally:
        await engine.call("Waking", engine.api.unpause, last)
    await seen.event(f"{last} is up", since)
    await seen.event(f"etcd on {last} answers", since)
