"""The monitor at work: what it sees becomes what the session knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pghalab.cluster.services import SERVICES
from pghalab.session.backend import Backend, Shown, Watcher
from pghalab.session.events import ClusterSeen
from pghalab.session.rechecks import Rechecks
from pghalab.session.state import State

if TYPE_CHECKING:
    from pghalab.cluster.eventlog import EventLog
    from pghalab.cluster.model import Update
    from pghalab.course.journal import Journal


class Watch:
    """Runs the monitor of a backend."""

    def __init__(self, state: State, rechecks: Rechecks) -> None:
        self._state, self._rechecks = state, rechecks
        self._monitor: Watcher | None = None
        self._recorded: Shown | None = None
        self._log: EventLog | None = None
        self._journal: Journal | None = None
        self._standing: object = None

    async def run(self, backend: Backend) -> None:
        """Watch until cancelled; what happened before this console began is known too."""
        log = backend.event_log
        if log is not None:
            kept = await asyncio.to_thread(log.read)
            if not self._state.events:
                self._state.events.extend(kept)
            # Only the console that drives keeps them: two would keep each twice.
            self._log = None if self._state.read_only else log
        self._journal = None if self._state.read_only else backend.runner.journal
        self._recorded = backend.recorded
        self._monitor = backend.monitor(self._take)
        self._monitor.pause(self._state.paused)
        backend.runner.tell_processes(self._processes_listed)
        await self._monitor.run()

    def refresh(self) -> None:
        """Let the monitor look now."""
        if self._monitor is not None:
            self._monitor.refresh()

    def pause(self, paused: bool) -> None:
        """Let the monitor stop looking, or go on."""
        self._state.paused = paused
        if self._monitor is not None:
            self._monitor.pause(paused)

    def _take_recorded(self) -> None:
        """Of a recording, what had happened by the moment that is shown, which may be an earlier one than before."""
        if self._recorded is not None and list(events := self._recorded.events()) != list(self._state.events):
            self._state.events.clear()
            self._state.events.extend(events)
            self._state.bus.publish(ClusterSeen("event"))

    def _processes_listed(self, node: str, processes: frozenset[str]) -> None:
        """A check has just seen what runs on a node: no pane may say anything else beside it."""
        if self._monitor is not None:
            for service in SERVICES:
                self._monitor.seen(node, service, runs=service in processes)

    def _take(self, update: Update) -> None:
        state = self._state
        if self._journal is not None:
            self._journal.saw(update)
        match update:
            case ("event", event):
                state.events.append(event)
                if self._log is not None:
                    self._log.append(event)
                self._rechecks.happened()
            case ("nodes", nodes):
                state.nodes = nodes
                self._take_recorded()
            case ("etcd", etcd):
                state.etcd = etcd
            case ("patroni", patroni):
                state.patroni = patroni
        state.tell_notices()
        state.bus.publish(ClusterSeen(update[0]))
        before, self._standing = self._standing, _standing(state)
        # What is typed in another terminal is seen here first, and no check may say anything else beside it for long.
        if before != self._standing:
            self._rechecks.shown()


def _standing(state: State) -> object:
    """What runs and who is what, without the figures that change all the time."""
    etcd, patroni = state.etcd and state.etcd.value, state.patroni and state.patroni.value
    return (
        state.nodes and state.nodes.value,
        etcd and [(row.node, row.runs, row.follows, row.is_leader) for row in etcd.endpoints],
        patroni and [patroni.leader, *((row.name, row.role, row.state, row.timeline) for row in patroni.members)],
    )
