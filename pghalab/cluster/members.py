"""The etcd members, looked at one by one through their own nodes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Final

from pghalab.cluster import etcd
from pghalab.cluster.model import Etcd, EtcdEndpoint, Snapshot
from pghalab.cluster.quorum import etcd_view, ours
from pghalab.cluster.rest import NoAnswer, NotRunning
from pghalab.cluster.services import Services
from pghalab.lab.types import LabError, Node

MEMBERS_EVERY: Final = 15.0
"""Seconds between two looks at the list of members."""
SETTLE: Final = 0.3
SETTLED_BY: Final = 1.0
"""Seconds until the next look when something changed, and after which it is shown even if more changes."""


class Members:
    """The last look at every member."""

    def __init__(self, nodes: Mapping[str, Node], services: Services) -> None:
        self._nodes = nodes
        self._services = services
        self._rows = {name: EtcdEndpoint(name, f"{name}:{etcd.PORT}") for name in nodes}
        self._counted: dict[str | None, tuple[int, float]] = {}
        """How many members a cluster has, and when that was asked."""
        self._cluster: str | None = None
        self._seen = (time.monotonic(), time.time())
        self._shown: tuple[object, ...] = ()
        self._last: tuple[object, ...] = ()
        self._changing = 0.0

    async def look(self, name: str) -> bool:
        """Ask one member; True when it answers and sees a leader."""
        node = self._nodes[name]
        try:
            row, count = await self._ask(node)
        except LabError as error:
            if self._services.missed("etcd", name, error):
                refused = isinstance(error, NotRunning)
                self._rows[name] = EtcdEndpoint(name, f"{name}:{etcd.PORT}", errors=error.what, refused=refused)
            return False
        if count is None:
            count = await self._count(node, row.cluster_id)
        if count is not None:
            self._counted[row.cluster_id] = (count, time.monotonic())
        self._rows[name] = row
        self._services.answered("etcd", name, "waiting" if row.waits else "running")
        return row.follows

    async def _ask(self, node: Node) -> tuple[EtcdEndpoint, int | None]:
        """Ask a member as its clients do; one that lets them wait, because it has not joined, as the others do.

        A member of a cluster that once had a majority is asked so when its clients got no answer twice.
        """
        try:
            return await etcd.standing(node)
        except NoAnswer:
            if self._services.misses("etcd", node.name):
                with contextlib.suppress(LabError):
                    return await etcd.waiting(node)
            raise

    async def _count(self, node: Node, cluster: str | None) -> int | None:
        _, asked = self._counted.get(cluster, (0, float("-inf")))
        if time.monotonic() - asked <= MEMBERS_EVERY:
            return None
        try:
            return sum(not member.is_learner for member in await etcd.members(node)) or None
        except LabError:
            return None

    def settled(self) -> bool:
        """What is seen may be shown: it was seen twice in a row, or changes for longer than anybody wants to wait."""
        now = tuple((row.runs, row.follows, row.is_leader, row.cluster_id) for row in self._rows.values())
        at = time.monotonic()
        last, self._last = self._last, now
        if now == self._shown:
            self._changing = 0.0
            return True
        self._changing = self._changing or at
        if self._shown and now != last and at - self._changing < SETTLED_BY:
            return False
        self._shown, self._changing = now, 0.0
        return True

    def snapshot(self) -> Etcd:
        """What is known; nothing before the first member was ever seen."""
        rows = tuple(self._rows.values())
        self._cluster = ours(rows, self._cluster)
        members, _ = self._counted.get(self._cluster, (0, 0.0))
        if not members and not any(row.runs for row in rows):
            return Snapshot(None, None, time.monotonic())
        value = etcd_view(rows, members, self._cluster)
        if any(node.link == "up" for node in self._nodes.values()):
            self._seen = (time.monotonic(), time.time())
            return Snapshot(value, None, *self._seen)
        return Snapshot(value, "no node is in reach", *self._seen)

    def is_foreign(self, name: str) -> bool:
        """The member on this node belongs to another cluster."""
        row = self._rows[name]
        return row.cluster_id is not None and self._cluster is not None and row.cluster_id != self._cluster
