"""A real cluster, watched while things happen to it: every event is awaited, none is made up."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pghalab.cluster import codec, etcd, patroni, postgres, render
from pghalab.cluster.cells import printed, written
from pghalab.cluster.dcs import PREFIX
from pghalab.cluster.headline import headline
from pghalab.cluster.model import ClusterEvent, Trouble
from pghalab.cluster.monitor import Monitor
from pghalab.cluster.rest import NotRunning
from pghalab.cluster.trouble import troubles
from pghalab.lab.engine.client import Engine
from pghalab.lab.local import LocalLab
from tests.fake_lab import record
from tests.live.conftest import MakeSettings, told

BOUND = 3.0
"""Seconds within which the gravest states are told: two, and one for a machine that is busy with other tests."""
START_ETCD = "nohup etcd --config-file /pgha/config/etcd.yaml > /var/log/etcd/etcd-standalone.log 2>&1 &"
STRANGER = (
    "nohup etcd --name stranger --data-dir /tmp/stranger --initial-cluster stranger=http://{address}:2380"
    " --initial-advertise-peer-urls http://{address}:2380 --listen-peer-urls http://{address}:2380"
    " --listen-client-urls http://{address}:2379,http://localhost:2379"
    " --advertise-client-urls http://{address}:2379 > /dev/null 2>&1 &"
)
"""A member of a cluster of its own."""
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

    def waiting(self, members: int) -> bool:
        """So many members of etcd wait for a majority."""
        view = self.value("etcd")
        return bool(view) and view.waits and view.alive == members

    def etcd_is(self, number: int, word: str) -> bool:
        """What the row of a node, counted from 1, says of etcd."""
        return bool(self.value("nodes")[number - 1].etcd == word)

    def troubles(self) -> tuple[Trouble, ...]:
        return troubles(self.last("nodes"), self.last("etcd"), self.last("patroni"))

    def headline(self) -> str:
        cells = headline("x", self.last("nodes"), self.last("etcd"), self.last("patroni"))
        return "".join(written(cell) for cell in cells)

    def screen(self) -> str:
        """The Patroni pane and the headline."""
        return "\n".join([*printed(render.patroni(self.last("patroni"))), self.headline()])

    def keep(self, name: str, about: str) -> None:
        """Record this moment for the tests of the screen, if PGHALAB_RECORD names a folder."""
        folder = os.environ.get("PGHALAB_RECORD")
        if folder:
            kept = {kind: codec.plain(self.last(kind)) for kind in ("nodes", "etcd", "patroni")}
            kept |= {"about": about, "events": [codec.plain(v) for kind, v in self.updates if kind == "event"][-20:]}
            (Path(folder) / f"seen-{name}.json").write_text(json.dumps(kept, indent=1) + "\n")

    async def until(self, holds: Callable[[], object], limit: float = 60.0) -> None:
        try:
            async with asyncio.timeout(limit):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not seen within {limit:g} s; events: {self.events()}") from None

    async def event(self, text: str, since: int = 0, limit: float = 60.0) -> ClusterEvent:
        def found() -> list[ClusterEvent]:
            return [value for what, value in self.updates[since:] if what == "event" and text in value.text]

        await self.until(found, limit)
        return found()[0]


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
        await _is_recorded(five)
        await _switch_over(five, seen)
        await _lose_etcd(five, monitor, seen)
        await _two_writers(five, seen)
        await _freeze_the_leader(five, engine, seen)
        await _crash_and_freeze(five, engine, seen)
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _grow(lab: LocalLab, monitor: Monitor, seen: Seen) -> None:
    names = list(lab.nodes)
    data = names[:3]
    await seen.until(lambda: seen.value("nodes") and all(row.etcd == "stopped" for row in seen.value("nodes")))
    await seen.until(lambda: seen.last("etcd") is not None and seen.last("patroni") is not None)
    for kind in ("etcd", "patroni"):
        assert (seen.value(kind), seen.error(kind)) == (None, None)
    with pytest.raises(NotRunning, match=f"etcd does not run on {names[1]}"):
        await etcd.get_prefix(lab.nodes[names[1]], PREFIX)
    with pytest.raises(NotRunning, match=f"PostgreSQL does not run on {names[3]}"):
        await postgres.query(lab, names[3], "select 1")

    await _on(lab, names, "/etcdSetup.sh -y >/dev/null")
    for number in (1, 2):
        await _on(lab, names[number - 1 : number], START_ETCD)
        # A check has just seen the process: no pane may say "stopped" beside it from here on.
        monitor.seen(names[number - 1], "etcd")
        since = len(seen.updates)
        await seen.until(partial(seen.waiting, number))
        words = {value.value[number - 1].etcd for kind, value in seen.updates[since:] if kind == "nodes"}
        assert words <= {"starting", "waiting"}
        assert f"etcd waits for a majority, {number} of 3" in seen.headline()
        await seen.until(partial(seen.etcd_is, number, "waiting"))
    seen.keep("waiting", "two of five etcd members were started for the first time")
    await _on(lab, names[2:], START_ETCD)
    await seen.event("etcd has a quorum")
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


async def _is_recorded(lab: LocalLab) -> None:
    """What the fake lab answers is recorded from a lab like this one."""
    text = await record.look(lab, "five members, and three servers of which the first leads")
    assert lab.password not in text and not any(name in text for name in (*lab.nodes, lab.subnet))
    kept = json.loads(text)
    assert kept["dcs"]["leader"] == "pgha1" and set(kept["patroni"]) == {"pgha1", "pgha2", "pgha3"}
    assert len(kept["endpoints"]) == len(kept["commands"]) == 5 and all(kept["health"].values())
    assert kept["steps"]["leader-elected"] == "done" and kept["steps"]["replication-create"] == "todo"


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
    await _on(lab, names[4:], STRANGER.format(address=lab.nodes[names[4]].address))
    await seen.event(f"etcd on {names[4]} belongs to another cluster", since)
    assert (seen.value("etcd").alive, seen.value("etcd").members) == (4, 5)
    await _on(lab, names[4:], "pkill -9 -x etcd; rm -rf /tmp/stranger")
    await seen.until(lambda: not seen.value("etcd").endpoints[4].runs)
    lost = len(seen.updates)
    await _on(lab, names[2:4], "pkill -9 -x etcd")
    await seen.event("etcd lost its quorum: 2 of 5 members alive, 3 needed", since)
    shown = [snapshot.value.alive for kind, snapshot in seen.updates[lost:] if kind == "etcd"]
    assert set(shown) <= {4, 3, 2}, "a count was shown that was never so"
    await seen.until(lambda: "no quorum" in (seen.error("patroni") or ""))
    said, stale = len(seen.updates), seen.last("patroni").taken_at
    await seen.until(lambda: any(kind == "patroni" for kind, _ in seen.updates[said:]))
    assert seen.last("patroni").taken_at == stale
    assert not await etcd.health(lab.nodes[names[0]])
    assert len(await etcd.members(lab.nodes[names[0]])) == 5
    await _read_only(lab, seen, since)
    await _on(lab, names[2:], START_ETCD)
    monitor.refresh()
    await seen.event("etcd has its quorum back", since)
    await seen.until(lambda: seen.value("etcd").alive == 5 and seen.error("patroni") is None)
    await seen.until(lambda: _streaming(seen), 90)


async def _read_only(lab: LocalLab, seen: Seen, since: int) -> None:
    """Without a quorum the leader becomes read-only: told by its own word, not by the key that it held."""
    leader = seen.value("patroni").leader
    row = list(lab.nodes).index(leader)
    event = await seen.event(f"{leader} takes no writes any more", since)
    await seen.until(lambda: seen.value("nodes")[row].writes is False)
    ((began,),) = await postgres.query(lab, leader, "select extract(epoch from pg_postmaster_start_time())::float8")
    assert event.at - began < BOUND, f"told {event.at - began:.1f} s after the server began anew as a read-only one"
    await seen.until(lambda: "★" not in seen.screen() and f"{leader} held the leader key" in seen.screen())
    assert "no server takes writes" in [one.text for one in seen.troubles()]
    seen.keep("read-only", "three of five etcd members were killed; the leader became read-only")


async def _two_writers(lab: LocalLab, seen: Seen) -> None:
    """Patroni is killed on the leader: its server goes on taking writes while another one is promoted."""
    old = seen.value("patroni").leader
    since = len(seen.updates)
    await _on(lab, [old], "pkill -9 -f patroni.yaml", "root")
    await seen.until(lambda: any(one.kind == "leader-silent" for one in seen.troubles()), 10)
    (silent,) = [one for one in seen.troubles() if one.kind == "leader-silent"]
    await seen.until(lambda: seen.value("patroni").lease_left is not None, 10)
    assert 0 < seen.value("patroni").lease_left <= 30
    assert f"{old} holds the leader key and does not answer" in silent.text
    assert "★" not in seen.screen()
    seen.keep("silent-leader", "Patroni was killed on the leader; its key still lives")
    others = [name for name in list(lab.nodes)[:3] if name != old]
    new, promoted = await _promoted(lab, others)
    event = await seen.event("two servers take writes", since, 60)
    assert {old, new} == set(event.text.split(": ")[1].split(" and "))
    assert event.at - promoted < BOUND, f"told {event.at - promoted:.1f} s after {new} took writes"
    assert seen.troubles()[0].kind == "writers"
    assert "2 SERVERS TAKE WRITES" in seen.headline()
    seen.keep("two-writers", "Patroni was killed on the leader and another member was promoted: both take writes")
    await _on(lab, [old], START_PATRONI)
    await seen.event("do not both take writes any more", since, 60)
    await seen.until(lambda: _streaming(seen), 90)
    assert not [one for one in seen.troubles() if one.severity == "critical"]


async def _promoted(lab: LocalLab, names: list[str]) -> tuple[str, float]:
    """The first of these servers that takes writes, and when it was seen, asked several times a second."""
    async with asyncio.timeout(90):
        while True:
            for name in names:
                if (await postgres.query(lab, name, "select pg_is_in_recovery()")) == [(False,)]:
                    return name, time.time()
            await asyncio.sleep(0.1)


async def _freeze_the_leader(lab: LocalLab, engine: Engine, seen: Seen) -> None:
    """A frozen leader still holds its key: said at once, with what etcd says is left of it."""
    leader = seen.value("patroni").leader
    await engine.call("Pausing", engine.freeze, leader)
    frozen = time.time()
    try:
        await seen.until(lambda: any(one.kind == "leader-silent" for one in seen.troubles()), 10)
        assert time.time() - frozen < BOUND
        await seen.until(lambda: "s are left" in seen.headline(), 10)
        seen.keep("frozen-leader", "the leader's container was paused; its key still lives")
    finally:
        await engine.call("Waking", engine.api.unpause, leader)
    await seen.until(lambda: not [one for one in seen.troubles() if one.severity != "notice"], 90)


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
    await engine.call("Pausing", engine.freeze, last)
    try:
        await seen.event(f"{last} is down", since)
        await seen.until(lambda: seen.value("nodes")[4].container == "paused")
        await seen.event(f"etcd on {last} does not answer", since)
        assert seen.value("etcd").alive == 4
    finally:
        await engine.call("Waking", engine.api.unpause, last)
    await seen.event(f"{last} is up", since)
    await seen.event(f"etcd on {last} answers", since)
