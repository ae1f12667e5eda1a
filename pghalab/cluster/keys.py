"""What Patroni's keys and each node's own Patroni say, as one picture."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, Final

from pghalab.cluster import etcd, patroni
from pghalab.cluster.dcs import PREFIX, Dcs, parse
from pghalab.cluster.model import Patroni, Snapshot
from pghalab.cluster.rest import NoAnswer
from pghalab.cluster.roles import Roles
from pghalab.cluster.services import Services
from pghalab.lab.types import LabError, Node

LEASE_EVERY: Final = 3.0
"""Seconds between two questions for the lease of a leader that is silent."""


class Keys:
    """The keys as they were pushed last, and the last `GET /patroni` of every node that answers."""

    def __init__(self, nodes: Mapping[str, Node], services: Services, roles: Roles) -> None:
        self._nodes = nodes
        self._services = services
        self._roles = roles
        self._truths: dict[str, Mapping[str, Any]] = {}
        self.dcs: Dcs | None = None
        self.error: LabError | None = LabError("etcd was not reached yet")
        """Why the keys may be old."""
        self._at = (time.monotonic(), time.time())
        self._lease_ends: float | None = None
        self._lease_asked = float("-inf")

    async def look(self, name: str) -> bool:
        """Ask one node's Patroni; True when it answers."""
        asked = time.monotonic()
        try:
            truth = await patroni.status(self._nodes[name])
        except LabError as error:
            if self._services.missed("patroni", name, error) or not isinstance(error, NoAnswer):
                self._truths.pop(name, None)
            return False
        self._truths[name] = truth
        self._services.answered("patroni", name)
        self._roles.told(name, truth, asked)
        return True

    def seen(self, keys: Mapping[str, str]) -> tuple[Dcs | None, Dcs]:
        """Take the keys; gives the ones before and the new ones."""
        before, self.dcs = self.dcs, parse(keys)
        self.error = None
        if before is None or before.leader != self.dcs.leader:
            self._lease_ends, self._lease_asked = None, float("-inf")
        return before, self.dcs

    def lost(self, error: LabError) -> None:
        """The keys are not followed any more."""
        if self.error is None:
            self._at = (time.monotonic(), time.time())
        self.error = error

    def forget(self, name: str) -> None:
        """The node does not run any more."""
        self._truths.pop(name, None)

    def silent_leader(self) -> bool:
        """Who holds the leader key does not answer."""
        holder = self.dcs.leader if self.dcs is not None and self.error is None else None
        return holder is not None and holder not in self._truths

    async def ask_lease(self) -> bool:
        """Ask etcd how long the leader key lives on, if its holder is silent; True when that was asked."""
        if not self.silent_leader():
            self._lease_ends, self._lease_asked = None, float("-inf")
            return False
        now = time.monotonic()
        if now - self._lease_asked < LEASE_EVERY:
            return False
        self._lease_asked = now
        for name, node in self._nodes.items():
            if self._services.word("etcd", name) != "running":
                continue
            try:
                left = await etcd.lease_left(node, PREFIX + "leader")
            except LabError:
                continue
            self._lease_ends = None if left is None else now + left
            return True
        return False

    def snapshot(self, why: str) -> Patroni:
        """What is known; `why` tells why the keys are not, if they are not."""
        seen = self.dcs is not None or bool(self._truths)
        value = None
        if seen:
            writes = {name: self._roles.words.writes(name) for name in self._nodes}
            left = None if self._lease_ends is None else max(0, math.ceil(self._lease_ends - time.monotonic()))
            value = patroni.view(self.dcs, self._truths, writes, left if self.silent_leader() else None)
        if self.error is None:
            self._at = (time.monotonic(), time.time())
            return Snapshot(value, None, *self._at)
        return Snapshot(value, why, *self._at)

    @property
    def known(self) -> bool:
        """Anything was ever seen of Patroni."""
        return self.dcs is not None or bool(self._truths)
