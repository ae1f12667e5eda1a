"""What runs on the nodes, by the last looks at their services."""

from __future__ import annotations

import time
from collections.abc import Container as ContainerOf
from collections.abc import Mapping
from typing import Final, Literal, get_args

from pghalab.cluster.model import DATA_NODES, Service
from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.lab.types import LabError, Node

Name = Literal["etcd", "patroni", "postgres"]
SERVICES: Final[tuple[Name, ...]] = get_args(Name)
"""The services of a node, which are also the names of their processes."""

PROCESS_KEPT: Final = 10.0
"""Seconds for which a process that somebody saw counts for more than a refused connection: it may still be starting."""


class Services:
    """The word for each service of each node; one silence alone changes nothing."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._data_nodes = frozenset(list(nodes)[:DATA_NODES])
        self._words: dict[tuple[Name, str], Service] = {}
        self._misses: dict[tuple[Name, str], int] = {}
        self._processes: dict[tuple[Name, str], float] = {}
        self._ever: set[tuple[Name, str]] = set()

    def answered(self, service: Name, node: str, word: Service = "running") -> None:
        """It answered."""
        self._words[service, node] = word
        self._misses[service, node] = 0
        self._processes.pop((service, node), None)
        self._ever.add((service, node))

    def missed(self, service: Name, node: str, error: LabError) -> bool:
        """It did not answer; False while that tells nothing, because it is the first time."""
        key = (service, node)
        if isinstance(error, OutOfReach):
            # What was not reached was not asked: it counts as no miss.
            self._words[key] = "unknown"
            return True
        self._misses[key] = self._misses.get(key, 0) + 1
        if isinstance(error, NotRunning):
            starts = time.monotonic() - self._processes.get(key, float("-inf")) < PROCESS_KEPT
            self._words[key] = "starting" if starts else "stopped"
        elif isinstance(error, NoAnswer):
            if self._misses[key] == 1:
                return False
            self._words[key] = "no answer"
        else:
            # It answered with a refusal.
            self._words[key] = "running"
            self._ever.add(key)
        return True

    def process(self, service: Name, node: str, *, runs: bool) -> bool:
        """Somebody saw its process, or that there is none; True when that is news."""
        before = self.word(service, node)
        key = (service, node)
        if runs:
            self._processes[key] = time.monotonic()
            self._ever.add(key)
            if self._words.get(key, "unknown") in ("stopped", "unknown"):
                self._words[key] = "starting"
        else:
            self._processes.pop(key, None)
            if self._words.get(key) in ("running", "starting", "waiting", "no answer"):
                self._words[key] = "stopped"
        return self.word(service, node) != before

    def is_data_node(self, node: str) -> bool:
        """The node carries PostgreSQL: by its place, or because it was seen there."""
        return node in self._data_nodes or ("postgres", node) in self._ever or ("patroni", node) in self._ever

    def word(self, service: Name, node: str) -> Service:
        """How the service is."""
        key = (service, node)
        word = self._words.get(key, "unknown")
        if word in ("stopped", "unknown", "no answer") and service != "etcd" and not self.is_data_node(node):
            return "none"
        return word

    def misses(self, service: Name, node: str) -> int | None:
        """How often in a row it did not answer; None when it was never asked."""
        return self._misses.get((service, node))

    def settled(self, service: Name, gone: ContainerOf[str]) -> list[str]:
        """The nodes whose answer, or silence, is known.

        It answered, or missed twice without being out of reach, or its node does not run at all (it is in `gone`).
        """
        return [
            name
            for name, node in self._nodes.items()
            if name in gone or (node.link == "up" and self._misses.get((service, name), 1) != 1)
        ]
