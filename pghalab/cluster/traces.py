"""What services have left on their nodes: where none runs, it tells that there was one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pghalab.cluster.services import Name, Services
from pghalab.lab.types import LabError, Node

MEMBER: Final = "/pgha/data/etcd/member"
"""What etcd makes at its first start."""
MANAGED: Final = "/pgdata/17/data/patroni.dynamic.json"
"""What Patroni keeps in a data directory of its own."""
LIMIT: Final = 3.0
"""Seconds that a node has to answer."""
_DONE: Final = "looked"
_LOOK: Final = f'for path in {MEMBER} {MANAGED}; do [ ! -e "$path" ] || echo "$path"; done; echo {_DONE}'


class Traces:
    """The last look at each node."""

    def __init__(self, nodes: Mapping[str, Node], services: Services) -> None:
        self._nodes = nodes
        self._services = services
        self._found: dict[str, frozenset[str] | None] = {}

    async def look(self, name: str, unseen: Sequence[Name]) -> bool:
        """Look at a node on which one of the services that are `unseen` everywhere does not run; one command.

        True when it is known now whether it lies there, or need not be known.
        """
        node, words = self._nodes[name], [self._services.word(service, name) for service in unseen]
        if node.link != "up" or "stopped" not in words:
            self._found[name] = None
            return node.link == "up" and "unknown" not in words
        try:
            lines = (await node.run(_LOOK, timeout=LIMIT)).stdout.splitlines()
        except LabError:
            lines = []
        self._found[name] = frozenset(lines) if _DONE in lines else None
        return _DONE in lines

    def lies(self, path: str, name: str) -> bool | None:
        """Whether this lies on a node; None while nobody has looked."""
        found = self._found.get(name)
        return None if found is None else path in found
