"""What is looked at once when a node is reached, and what a driver that was killed left running there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import Lease
from pghalab.lab.ssh.node import SshNode
from pghalab.lab.types import LabError

log = logging.getLogger(__name__)


class Arrivals:
    """Calls `look` in the background for each node that is reached, once for each start of its container."""

    def __init__(self, look: Callable[[SshNode], Awaitable[None]]) -> None:
        self._look = look
        self._seen: dict[str, int | None] = {}
        self._looking: set[asyncio.Task[None]] = set()

    def came_up(self, node: SshNode) -> None:
        """The node is reached; returns at once."""
        if self._seen.get(node.name) != node.port:
            self._seen[node.name] = node.port
            task = asyncio.create_task(self._safely(node), name=f"looking at {node.name}")
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def looked(self) -> None:
        """Wait until every node that was reached was looked at."""
        if self._looking:
            await asyncio.wait(self._looking)

    async def _safely(self, node: SshNode) -> None:
        try:
            await self._look(node)
        except LabError as error:
            log.warning("looking at %s: %s", node.name, error)


async def end_left(engine: Engine, lab: str, node: SshNode) -> list[str]:
    """End what a driver that was killed left running on a node, if this process drives now; a sentence for each.

    Raises LabError.
    """
    driver = await engine.ask("Asking who drives the lab", Lease(lab, "driver").holder, engine.api)
    if driver is None or not driver.is_this_process:
        return []
    said = "a console that was killed had left a command running; it was ended"
    return [f"{node.name}: {said}: {command}" for command in await node.end_left()]
