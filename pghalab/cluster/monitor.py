"""Watches a lab and publishes what changes, as snapshots and events; fails only into its snapshots."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, cast

from pghalab.cluster import etcd, events, patroni, postgres
from pghalab.cluster.dcs import PREFIX, Dcs, parse
from pghalab.cluster.model import Etcd, EtcdEndpoint, EtcdView, NodeHealth, Nodes, Patroni, Service, Snapshot, Update
from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.cluster.sweep import Sweep
from pghalab.cluster.truth import runs_postgres
from pghalab.cluster.watch import PrefixWatch
from pghalab.lab.types import Container, Lab, LabError, LinkChanged

log = logging.getLogger(__name__)

PATRONI_EVERY: Final = 2.0
ETCD_EVERY: Final = 3.0
CONTAINERS_EVERY: Final = 3.0
"""Seconds between looks; containers are polled only if the lab does not tell of their changes itself."""
CONTAINERS_ANYWAY: Final = 15.0
CONTAINERS_LIMIT: Final = 6.0
"""Seconds after which an engine that says nothing is told as one that does not answer."""
MEMBERS_EVERY: Final = 15.0
RESTART_AFTER: Final = 5.0
REFRESH_AGE: Final = 5.0
"""An unchanged snapshot is published again after this many seconds, so that its age is seen."""


class Monitor:
    """Looks at nodes, etcd and Patroni, and calls `publish` in the event loop with every change."""

    def __init__(self, lab: Lab, publish: Callable[[Update], None]) -> None:
        self._lab = lab
        self._publish = publish
        self._paused = False
        self._look_at_containers = asyncio.Event()
        self._moved = asyncio.Event()
        self._begin()

    def _begin(self) -> None:
        """Start from nothing, with the nodes that the lab has now."""
        self._nodes = dict(self._lab.nodes)
        self._names = tuple(self._nodes)
        self._moved.clear()
        self._containers: dict[str, Container] = {}
        self._containers_error: str | None = None
        self._containers_at = time.monotonic()
        self._were_up: set[str] = set()
        self._endpoints = {name: EtcdEndpoint(name, f"{name}:{etcd.PORT}") for name in self._names}
        self._members = 0
        self._members_at = 0.0
        self._etcd_at = time.monotonic()
        self._truths: dict[str, Mapping[str, Any]] = {}
        self._dcs: Dcs | None = None
        self._dcs_error: LabError | None = LabError("etcd was not reached yet")
        self._dcs_at = time.monotonic()
        self._service: dict[tuple[str, str], Service] = {}
        self._misses: dict[tuple[str, str], int] = {}
        self._confirmed: dict[tuple[str, str], str] = {}
        self._previous: dict[str, events.Words] = {}
        self._published: dict[str, tuple[object, str | None, float]] = {}
        self._etcd_sweep = Sweep(self._names, self._look_at_etcd, self._etcd_swept, ETCD_EVERY)
        self._patroni_sweep = Sweep(self._names, self._look_at_patroni, self._patroni_swept, PATRONI_EVERY)
        self._watch = PrefixWatch(self._nodes, PREFIX, self._keys_seen, self._keys_lost)
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
                    self._etcd_sweep.run,
                    self._patroni_sweep.run,
                    self._watch.run,
                )
                tasks = [asyncio.create_task(_for_ever(part)) for part in parts]
                try:
                    await self._moved.wait()
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
                    for node in self._nodes.values():
                        etcd.forget(node)
                self._begin()
        finally:
            if unsubscribe is not None:
                unsubscribe()

    def refresh(self) -> None:
        """Look at everything now."""
        self._look_at_containers.set()
        self._etcd_sweep.refresh()
        self._patroni_sweep.refresh()
        self._watch.poke()

    def pause(self, paused: bool) -> None:
        """Stop the polls, or go on; etcd's keys are pushed in any case."""
        self._paused = paused
        self._etcd_sweep.pause(paused)
        self._patroni_sweep.pause(paused)
        if not paused:
            self._look_at_containers.set()

    async def look(self) -> tuple[Nodes, Etcd, Patroni]:
        """One look at everything, without watching; takes a few seconds at most."""
        await asyncio.gather(self._ask_for_containers(), self._etcd_sweep.once(), self._patroni_sweep.once())
        answering = [name for name in self._names if self._service.get(("etcd", name)) == "running"]
        if not answering:
            self._keys_lost(LabError("etcd does not answer"))
        for name in answering:
            try:
                self._keep_keys(await etcd.get_prefix(self._nodes[name], PREFIX))
                break
            except LabError as error:
                self._keys_lost(error)
        self._etcd_swept()
        return self._nodes_snapshot(), self._etcd_snapshot(), self._patroni_snapshot()

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
            self._containers_at = time.monotonic()

    def _lab_changed(self, change: LinkChanged | Container) -> None:
        if isinstance(change, LinkChanged):
            if change.node not in self._nodes:
                return
            self._etcd_sweep.refresh(change.node)
            self._patroni_sweep.refresh(change.node)
        else:
            self._containers[change.name] = change
        self._nodes_changed()

    def _nodes_changed(self) -> None:
        if list(self._lab.nodes.values()) != list(self._nodes.values()):
            self._moved.set()
            return
        snapshot = self._nodes_snapshot()
        if snapshot.value is not None and not snapshot.error:
            self._were_up.update(row.name for row in snapshot.value if (row.ssh, row.container) == ("up", "running"))
            # A container that was not asked about and a link that was never tried say nothing yet.
            known = [row for row in snapshot.value if row.name in self._containers]
            told = [row for row in known if row.name in self._were_up or row.container != "running"]
            self._judge("nodes", events.node_words(told))
            if self._were_up and all(row.container == "absent" for row in known) and len(known) == len(self._names):
                # Whatever is created next is another cluster: nothing known of this one is held against it.
                self._moved.set()
        self._show("nodes", snapshot)

    def _nodes_snapshot(self) -> Nodes:
        rows = []
        for name, node in self._nodes.items():
            container = self._containers.get(name)
            known = container is None or container.state == "running"
            rows.append(
                NodeHealth(
                    name=name,
                    container=container.state if container else "running" if node.link == "up" else "absent",
                    address=container.address if container else node.address,
                    ssh=node.link,
                    etcd=self._service.get(("etcd", name), "unknown") if known else "unknown",
                    patroni=self._service.get(("patroni", name), "unknown") if known else "unknown",
                    postgres=self._service.get(("postgres", name), "unknown") if known else "unknown",
                )
            )
        at = self._containers_at if self._containers_error else time.monotonic()
        return Snapshot(tuple(rows), self._containers_error, at)

    # etcd

    async def _look_at_etcd(self, name: str) -> bool:
        node = self._nodes[name]
        was = self._service.get(("etcd", name))
        try:
            row = await etcd.endpoint(node)
            if not self._members or time.monotonic() - self._members_at > MEMBERS_EVERY:
                self._members_at = time.monotonic()
                self._members = len(await etcd.members(node)) or self._members
        except LabError as error:
            self._missed("etcd", name, error)
            if isinstance(error, NoAnswer) and self._misses["etcd", name] == 1:
                return False  # once is nothing: keep what is shown, and look again soon
            self._endpoints[name] = EtcdEndpoint(name, f"{name}:{etcd.PORT}", errors=error.what)
            return False
        self._endpoints[name] = row
        self._service["etcd", name] = "running"
        self._misses["etcd", name] = 0
        if was != "running":
            self._watch.poke()
        return "no leader" not in row.errors

    def _etcd_swept(self) -> None:
        snapshot = self._etcd_snapshot()
        if snapshot.value is not None and snapshot.error is None:
            self._judge("etcd", events.etcd_words(snapshot.value, self._settled("etcd")))
        self._show("etcd", snapshot)
        self._nodes_changed()

    def _etcd_snapshot(self) -> Etcd:
        if not self._members and not self._etcd_answers():
            return Snapshot(None, None, time.monotonic())
        rows = tuple(self._endpoints[name] for name in self._names)
        value = etcd_view(rows, self._members)
        if any(node.link == "up" for node in self._nodes.values()):
            self._etcd_at = time.monotonic()
            return Snapshot(value, None, self._etcd_at)
        return Snapshot(value, "no node is in reach", self._etcd_at)

    def _etcd_answers(self) -> bool:
        return any(self._service.get(("etcd", name)) == "running" for name in self._names)

    # Patroni and PostgreSQL

    async def _look_at_patroni(self, name: str) -> bool:
        node = self._nodes[name]
        try:
            truth = await patroni.status(node)
        except LabError as error:
            self._missed("patroni", name, error)
            if not isinstance(error, NoAnswer) or self._misses["patroni", name] > 1:
                self._truths.pop(name, None)
            self._service["postgres", name] = "unknown" if isinstance(error, OutOfReach) else await postgres.probe(node)
            return False
        self._truths[name] = truth
        self._service["patroni", name] = "running"
        self._misses["patroni", name] = 0
        self._service["postgres", name] = "running" if runs_postgres(truth) else await postgres.probe(node)
        return True

    def _patroni_swept(self) -> None:
        snapshot = self._patroni_snapshot()
        if snapshot.value is not None and self._dcs is not None and self._dcs_error is None:
            postgres = {name: self._service.get(("postgres", name), "unknown") for name in self._names}
            self._judge("patroni", events.patroni_words(snapshot.value, postgres))
        self._show("patroni", snapshot)
        self._nodes_changed()

    def _patroni_snapshot(self) -> Patroni:
        seen = self._dcs is not None or bool(self._truths)
        if not seen and not self._etcd_answers():
            return Snapshot(None, None, time.monotonic())
        value = patroni.view(self._dcs, self._truths) if seen else None
        if self._dcs_error is None:
            self._dcs_at = time.monotonic()
            return Snapshot(value, None, self._dcs_at)
        return Snapshot(value, self._why_no_keys(self._dcs_error), self._dcs_at)

    def _why_no_keys(self, error: LabError) -> str:
        services = [self._service.get(("etcd", name), "unknown") for name in self._names]
        if all(service == "stopped" for service in services):
            return "etcd runs on no node"
        view = etcd_view(tuple(self._endpoints.values()), self._members)
        if view.leaderless:
            return f"etcd has no quorum: {view.alive} of {view.members} members alive, {view.majority} needed"
        return f"etcd's keys are not known: {error.what}"

    # Patroni's keys in etcd

    def _keys_seen(self, keys: Mapping[str, str]) -> None:
        old, new = self._dcs, self._keep_keys(keys)
        if old is not None:
            for event in events.config_changes(old.config, new.config, time.time()):
                self._publish(("event", event))
        self._judge("leader", events.leader_words(new.leader))
        self._show("patroni", self._patroni_snapshot())
        if old is None or _outline(old) != _outline(new):
            self._patroni_sweep.refresh()

    def _keep_keys(self, keys: Mapping[str, str]) -> Dcs:
        self._dcs = parse(keys)
        self._dcs_error = None
        return self._dcs

    def _keys_lost(self, error: LabError) -> None:
        if self._dcs_error is None:
            self._dcs_at = time.monotonic()
        self._dcs_error = error
        self._show("patroni", self._patroni_snapshot())

    # what all sources share

    def _missed(self, service: str, name: str, error: LabError) -> None:
        # What was not reached was not asked: it counts as no miss.
        if not isinstance(error, OutOfReach):
            self._misses[service, name] = self._misses.get((service, name), 0) + 1
        if isinstance(error, NotRunning):
            self._service[service, name] = "stopped"
        elif not isinstance(error, NoAnswer) or self._misses[service, name] > 1:
            self._service[service, name] = "unknown"

    def _settled(self, service: str) -> list[str]:
        """The nodes about whose service events may speak: it answered, or missed twice without being out of reach."""
        settled = []
        for name in self._names:
            misses = self._misses.get((service, name))
            container = self._containers.get(name)
            gone = container is not None and container.state != "running"
            if misses == 0 or gone or (misses is not None and misses > 1 and self._nodes[name].link == "up"):
                settled.append(name)
        return settled

    def _judge(self, source: str, words: events.Words) -> None:
        new = events.confirm(self._confirmed, self._previous.get(source, {}), words)
        found = events.changes(self._confirmed, new, time.time())
        self._confirmed, self._previous[source] = new, words
        for event in found:
            self._publish(("event", event))

    def _show(self, kind: Literal["nodes", "etcd", "patroni"], snapshot: Snapshot[Any]) -> None:
        value, error, at = self._published.get(kind, (None, None, float("-inf")))
        now = time.monotonic()
        if now - at < REFRESH_AGE and value == snapshot.value and error == snapshot.error:
            return
        self._published[kind] = (snapshot.value, snapshot.error, now)
        self._publish(cast(Update, (kind, snapshot)))


def etcd_view(rows: tuple[EtcdEndpoint, ...], members: int) -> EtcdView:
    """The endpoints with the arithmetic of the quorum."""
    answering = [row for row in rows if row.member_id is not None]
    following = [row for row in answering if "no leader" not in row.errors]
    return EtcdView(
        endpoints=rows,
        members=members,
        alive=len(following) or len(answering),
        leaderless=bool(answering) and not following,
    )


def _outline(dcs: Dcs) -> tuple[object, ...]:
    """What of the keys makes it worth asking the nodes at once."""
    members = tuple((m.name, m.state, m.replication_state, m.role, m.timeline) for m in dcs.members)
    return dcs.leader, dcs.initialize, members


async def _for_ever(part: Callable[[], Awaitable[None]]) -> None:
    """Run a part of the monitor, and again if it fails: a defect in one must not blind the others."""
    while True:
        try:
            await part()
        except Exception:
            log.exception("a part of the monitor failed and begins again")
        await asyncio.sleep(RESTART_AFTER)
