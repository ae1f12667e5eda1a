"""In the place of a monitor: publishes how the cluster stood at the moment that is shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pghalab.cluster.model import Snapshot, Update
from pghalab.session.replay.position import Position

AGAIN = 4.0
"""Seconds after which the same is published again, so that no pane calls it old."""


class RecordedMonitor:
    """Publishes a recording."""

    def __init__(self, position: Position, publish: Callable[[Update], None]) -> None:
        self._position, self._publish = position, publish
        self._moved = asyncio.Event()
        self._paused = False
        position.subscribe(self._moved.set)

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self._moved.clear()
            if not self._paused:
                self._show()
            try:
                async with asyncio.timeout(AGAIN):
                    await self._moved.wait()
            except TimeoutError:
                continue

    def _show(self) -> None:
        frame, nothing = self._position.frame(), time.monotonic()
        self._publish(("nodes", frame.nodes or Snapshot(None, None, nothing)))
        self._publish(("etcd", frame.etcd or Snapshot(None, None, nothing)))
        self._publish(("patroni", frame.patroni or Snapshot(None, None, nothing)))

    def refresh(self, node: str | None = None) -> None:
        """Publish now."""
        self._moved.set()

    def pause(self, paused: bool) -> None:
        """Stop publishing, or go on."""
        self._paused = paused
        self._moved.set()

    def seen(self, node: str, service: str, *, runs: bool = True) -> None:
        """Nobody sees anything."""
