"""Watches a lab and publishes what changes, as snapshots and events; fails only into its snapshots."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Literal, cast

from pghalab.cluster import etcd, events, postgres, rest
from pghalab.cluster.dcs import PREFIX
from pghalab.cluster.health import health
from pghalab.cluster.keys import Keys
from pghalab.cluster.members import SETTLE, Members
from pghalab.cluster.model import ClusterEvent, Etcd, EtcdView, Nodes, Patroni, PatroniView, Snapshot, Update
from pghalab.cluster.roles import Roles
from pghalab.cluster.services import SERVICES, Name, Services
from pghalab.cluster.sweep import AGAIN_SOON, Sweep
from pghalab.cluster.traces import Traces
from pghalab.cluster.trouble import counts
from pghalab.cluster.watch import PrefixWatch
from pghalab.lab.types import Container, Lab, LabError, LinkChanged

log = logging.getLogger(__name__)

POSTGRES_EVERY: Final = 1.5
"""So that who takes writes is told within 2 s; an answer is a few packets over connections that are kept."""
PATRONI_EVERY: Final = 2.0
ETCD_EVERY: Final = 3.0
TRACES_EVERY: Final = 30.0
CONTAINERS_EVERY: Final = 3.0
"""Seconds between looks; containers are polled only if the lab does not tell of their changes itself."""
CONTAINERS_ANYWAY: Final = 15.0
CONTAINERS_LIMIT: Final = 6.0
"""Seconds after which an engine that says nothing is told as one that does not answer."""
RESTART_AFTER: Final = 5.0
REFRESH_AGE: Final = 5.0
"""An unchanged snapshot is published again after this many seconds, so that its age is seen."""


class Monitor:
    """Looks at nodes, etcd, Patroni and PostgreSQL, and calls `publish` in the event loop with every change."""

    def __init__(self, lab: Lab, publish: Callable[[Update], None]) -> None:
        self._lab = lab
        self._publish = publish
        self._paused = False
        self._look_at_containers = asyncio.Event()
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._begin()

    def _begin(self) -> None:
        """Start from nothing, with the nodes that the lab has now."""
        self._nodes = dict(self._lab.nodes)
        self._names = tuple(self._nodes)
        self._moved.clear()
        self._containers: dict[str, Container] = {}
        self._containers_error: str | None = None
        self._containers_at = (time.monotonic(), time.time())
        self._were_up: set[str] = set()
        self._services = Services(self._nodes)
        self._roles = Roles(self._lab, self._services)
        self._members = Members(self._nodes, self._services)
        self._traces = Traces(self._nodes, self._services)
        self._keys = Keys(self._nodes, self._services, self._roles)
        self._judge = events.Judge(self._tell)
        self._writes: dict[str, bool | None] = {}
        self._published: dict[str, tuple[object, str | None, float]] = {}
        self._etcd_sweep = Sweep(self._names, self._look_at_etcd, self._etcd_swept, ETCD_EVERY)
        self._patroni_sweep = Sweep(self._names, self._look_at_patroni, self._patroni_swept, PATRONI_EVERY)
        self._postgres_sweep = Sweep(self._names, self._roles.look, self._postgres_swept, POSTGRES_EVERY)
        self._traces_sweep = Sweep(self._names, self._look_for_traces, self._nodes_changed, TRACES_EVERY)
        self._watch = PrefixWatch(self._nodes, PREFIX, self._keys_seen, self._keys_lost, self._serves_our_keys)
        self.pause(self._paused)

    async def run(self) -> None:
        """Watch until cancelled; a lab that gets other nodes is watched anew from the beginning."""
        subscribe = getattr(self._lab, "subscribe", None)
        unsubscribe = subscribe(self._lab_changed) if subscribe is not None else None
        every = CONTAINERS_ANYWAY if unsubscribe else CONTAINERS_EVERY
        try:
            while True:
                parts = (
                    lambda: self._follow_containers(every),
                    *(sweep.run for sweep in self._sweeps),
                    self._watch.run,
                )
                tasks = [asyncio.create_task(_for_ever(part)) for part in parts]
                try:
                    await self._moved.wait()
                finally:
                    await self._let_go(tasks)
                self._begin()
        finally:
            if unsubscribe is not None:
                unsubscribe()

    async def _let_go(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in (*tasks, *self._tasks):
            task.cancel()
        await asyncio.gather(*tasks, *self._tasks, return_exceptions=True)
        for node in self._nodes.values():
            rest.forget(node)
            etcd.forget(node)
            await postgres.forget(node)

    def refresh(self, node: str | None = None) -> None:
        """Look at a node now, or at everything."""
        if node is not None and node not in self._nodes:
            return
        names = () if node is None else (node,)
        self._look_at_containers.set()
        for sweep in self._sweeps:
            sweep.refresh(*names)
        self._watch.poke()

    def seen(self, node: str, service: Name, *, runs: bool = True) -> None:
        """Somebody has just seen a service's process on a node, or that there is none: show that and look there now."""
        if node not in self._nodes:
            return
        if self._services.process(service, node, runs=runs):
            self._nodes_changed()
            self.refresh(node)

    def pause(self, paused: bool) -> None:
        """Stop the polls, or go on; etcd's keys are pushed in any case."""
        self._paused = paused
        for sweep in self._sweeps:
            sweep.pause(paused)
        if not paused:
            self._look_at_containers.set()

    @property
    def _of_services(self) -> tuple[Sweep, ...]:
        """Those that ask the services, in their order."""
        return self._etcd_sweep, self._patroni_sweep, self._postgres_sweep

    @property
    def _sweeps(self) -> tuple[Sweep, ...]:
        return *self._of_services, self._traces_sweep

    async def once(self) -> tuple[Nodes, Etcd, Patroni]:
        """One look at everything, without watching; takes a few seconds at most."""
        try:
            await asyncio.gather(self._ask_for_containers(), *(sweep.once() for sweep in self._of_services))
            await self._ask_the_silent_again()
            await self._ask_for_keys()
            self._forget_the_gone()
            await self._keys.ask_lease()
            await self._traces_sweep.once()
        finally:
            await self._let_go([])
        return self._nodes_snapshot(), self._members.snapshot(), self._patroni_snapshot()

    async def _ask_the_silent_again(self) -> None:
        """Once is nothing; and two servers that take writes are believed only by words of the same moment."""
        for service, sweep in zip(SERVICES, self._of_services, strict=True):
            silent = [name for name in self._names if self._services.misses(service, name) == 1]
            again = [name for name in silent if self._services.word(service, name) == "unknown"]
            if again:
                await sweep.once(*again)
        if outdated := self._roles.words.outdated():
            await self._postgres_sweep.once(*outdated)

    async def _ask_for_keys(self) -> None:
        self._members.snapshot()
        answering = [
            name
            for name in self._names
            if self._services.word("etcd", name) == "running" and not self._members.is_foreign(name)
        ]
        if not answering:
            self._keys.lost(LabError("etcd does not answer"))
        for name in answering:
            try:
                self._keys.seen(await etcd.get_prefix(self._nodes[name], PREFIX))
                return
            except LabError as error:
                self._keys.lost(error)

    # containers and links

    async def _follow_containers(self, every: float) -> None:
        while True:
            self._look_at_containers.clear()
            if not self._paused:
                await self._ask_for_containers()
                self._nodes_changed()
            pause = CONTAINERS_EVERY if self._containers_error else every
            try:
                async with asyncio.timeout(pause):
                    await self._look_at_containers.wait()
            except TimeoutError:
                continue

    async def _ask_for_containers(self) -> None:
        try:
            async with asyncio.timeout(CONTAINERS_LIMIT):
                self._containers = {container.name: container for container in await self._lab.containers()}
        except TimeoutError:
            self._containers_error = f"The container engine does not answer within {CONTAINERS_LIMIT:g} s."
        except LabError as error:
            self._containers_error = str(error)
        else:
            self._containers_error = None
            self._containers_at = (time.monotonic(), time.time())

    def _lab_changed(self, change: LinkChanged | Container) -> None:
        if isinstance(change, LinkChanged):
            if change.node not in self._nodes:
                return
            for sweep in self._sweeps:
                sweep.refresh(change.node)
        else:
            self._containers[change.name] = change
        self._nodes_changed()
        if isinstance(change, Container):
            self._etcd_changed()
            self._patroni_changed()

    def _gone(self) -> list[str]:
        """The nodes whose container is known not to run."""
        return [name for name in self._names if (c := self._containers.get(name)) and c.state != "running"]

    def _forget_the_gone(self) -> None:
        """What a node said while it ran is no longer true of one that was ended or frozen."""
        for name in self._gone():
            self._roles.forget(name)
            self._keys.forget(name)

    def _nodes_changed(self) -> None:
        if list(self._lab.nodes.values()) != list(self._nodes.values()):
            self._moved.set()
            return
        self._forget_the_gone()
        outdated = self._roles.words.outdated()
        if outdated:
            self._postgres_sweep.refresh(*outdated)
        snapshot = self._nodes_snapshot()
        if snapshot.value is not None and not snapshot.error:
            self._were_up.update(row.name for row in snapshot.value if (row.ssh, row.container) == ("up", "running"))
            # A container that was not asked about and a link that was never tried say nothing yet.
            known = [row for row in snapshot.value if row.name in self._containers]
            told = [row for row in known if row.name in self._were_up or row.container != "running"]
            self._judge.hear("nodes", events.node_words(told))
            if self._were_up and all(row.container == "absent" for row in known) and len(known) == len(self._names):
                # Whatever is created next is another cluster: nothing known of this one is held against it.
                self._moved.set()
        if snapshot.value is not None and not outdated:
            self._judge.hear("writes", events.writes_words(snapshot.value))
        self._show("nodes", snapshot)

    def _nodes_snapshot(self) -> Nodes:
        if not self._containers_error and not self._containers.keys() >= self._nodes.keys():
            # What nobody has looked at yet is not absent.
            return Snapshot(None, None, time.monotonic())
        rows = tuple(
            health(node, self._containers.get(name), self._services, self._roles, self._traces)
            for name, node in self._nodes.items()
        )
        if self._containers_error:
            return Snapshot(rows, self._containers_error, *self._containers_at)
        return Snapshot(rows, None, time.monotonic())

    # PostgreSQL

    def _postgres_swept(self) -> None:
        self._nodes_changed()
        writes = {name: self._roles.words.writes(name) for name in self._names}
        if writes != self._writes:
            self._writes = writes
            self._patroni_changed()

    # etcd

    async def _look_at_etcd(self, name: str) -> bool:
        was = self._services.word("etcd", name)
        well = await self._members.look(name)
        if was != "running" and self._services.word("etcd", name) == "running":
            self._watch.poke()
        self._soon_if_starting("etcd", name, self._etcd_sweep)
        return well

    def _etcd_swept(self) -> None:
        if not self._members.settled():
            # One member that was seen to change is seldom the only one: look at all of them again before any is shown.
            asyncio.get_running_loop().call_later(SETTLE, self._etcd_sweep.refresh)
            return
        self._etcd_changed()
        self._nodes_changed()

    def _etcd_changed(self) -> None:
        snapshot = self._members.snapshot()
        if snapshot.value is not None and snapshot.error is None:
            self._judge.hear("etcd", events.etcd_words(snapshot.value, self._services.settled("etcd", self._gone())))
        self._show("etcd", snapshot)

    def _serves_our_keys(self, name: str) -> bool:
        return not self._members.is_foreign(name)

    # Patroni and its keys in etcd

    async def _look_at_patroni(self, name: str) -> bool:
        well = await self._keys.look(name)
        self._soon_if_starting("patroni", name, self._patroni_sweep)
        return well

    def _patroni_swept(self) -> None:
        if self._keys.silent_leader():
            self._spawn(self._ask_lease())
        self._patroni_changed()
        self._nodes_changed()

    def _patroni_changed(self) -> None:
        snapshot = self._patroni_snapshot()
        if snapshot.value is not None and self._keys.dcs is not None and self._keys.error is None:
            servers = {name: self._services.word("postgres", name) for name in self._names}
            self._judge.hear("patroni", events.patroni_words(snapshot.value, servers))
        self._show("patroni", snapshot)

    async def _ask_lease(self) -> None:
        if await self._keys.ask_lease():
            self._patroni_changed()

    def _patroni_snapshot(self) -> Patroni:
        error = self._keys.error
        running = any(self._services.word("etcd", name) == "running" for name in self._names)
        if not self._keys.known and not running:
            return Snapshot(None, None, time.monotonic())
        return self._keys.snapshot(self._why_no_keys(error) if error is not None else "")

    def _why_no_keys(self, error: LabError) -> str:
        if all(self._services.word("etcd", name) == "stopped" for name in self._names):
            return "etcd runs on no node"
        view = self._members.snapshot().value
        if view is not None and view.leaderless and view.members and not view.unsure:
            return f"etcd has no quorum: {counts(view)}"
        return f"etcd's keys are not known: {error.what}"

    def _keys_seen(self, keys: Mapping[str, str]) -> None:
        old, new = self._keys.seen(keys)
        if old is not None:
            for event in events.config_changes(old.config, new.config, time.time()):
                self._publish(("event", event))
        self._judge.hear("leader", events.leader_words(new.leader))
        self._show("patroni", self._patroni_snapshot())
        if old is None or old.outline != new.outline:
            self._patroni_sweep.refresh()
            self._postgres_sweep.refresh()

    def _keys_lost(self, error: LabError) -> None:
        self._keys.lost(error)
        self._etcd_sweep.refresh()
        self._show("patroni", self._patroni_snapshot())

    # what lies on the nodes

    async def _look_for_traces(self, name: str) -> bool:
        seen: dict[Name, EtcdView | PatroniView | None] = {
            "etcd": self._members.snapshot().value,
            "patroni": self._patroni_snapshot().value,
        }
        return await self._traces.look(name, [each for each, view in seen.items() if view is None or not view.seen])

    # what all sources share

    def _soon_if_starting(self, service: Name, name: str, sweep: Sweep) -> None:
        """Whatever starts is asked again soon, not less and less often."""
        if self._services.word(service, name) == "starting":
            asyncio.get_running_loop().call_later(AGAIN_SOON, sweep.refresh, name)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, event: ClusterEvent) -> None:
        self._publish(("event", event))

    def _show(self, kind: Literal["nodes", "etcd", "patroni"], snapshot: Snapshot[Any]) -> None:
        value, error, at = self._published.get(kind, (None, None, float("-inf")))
        now = time.monotonic()
        if now - at < REFRESH_AGE and value == snapshot.value and error == snapshot.error:
            return
        self._published[kind] = (snapshot.value, snapshot.error, now)
        self._publish(cast(Update, (kind, snapshot)))


async def _for_ever(part: Callable[[], Awaitable[None]]) -> None:
    """Run a part of the monitor, and again if it fails: a defect in one must not blind the others."""
    while True:
        try:
            await part()
        except Exception:
            log.exception("a part of the monitor failed and begins again")
        await asyncio.sleep(RESTART_AFTER)
