"""The keys of Patroni by push: list, then watch from there, on whichever member answers, for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from pghalab.cluster import etcd
from pghalab.lab.types import LabError, Node

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 5.0
"""Seconds between rounds over the nodes while none of them serves the watch."""


class PrefixWatch:
    """Keeps a copy of the keys below a prefix up to date.

    `seen` is called in the event loop with all keys, at first and after every change; `lost` with the reason when the
    copy may have become old: no node serves the watch, or the one that did failed and the next one failed too.
    `serves` tells which nodes may be asked at all.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        prefix: str,
        seen: Callable[[Mapping[str, str]], None],
        lost: Callable[[LabError], None],
        serves: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._serves = serves
        self._nodes = list(nodes.values())
        self._prefix = prefix
        self._seen = seen
        self._lost = lost
        self._poked = asyncio.Event()
        self.node: str | None = None
        """The node whose member serves the watch now."""

    def poke(self) -> None:
        """Try again now if the watch is waiting: etcd was seen to answer."""
        if self.node is None:
            self._poked.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        at = 0
        failures = 0
        followed = told = False
        while True:
            node = self._nodes[at % len(self._nodes)]
            at += 1
            try:
                if not self._serves(node.name):
                    raise LabError(f"etcd on {node.name} belongs to another cluster", node=node.name)
                why = await self._follow(node)
                log.info("the watch through %s ended: %s", node.name, why)
                failures, followed, told = 0, True, False
                continue
            except LabError as error:
                failures += 1
                log.debug("no watch through %s: %s", node.name, error)
                if not told and (followed or failures == len(self._nodes)):
                    told = True
                    self._lost(error)
            if failures % len(self._nodes) == 0:
                rounds = failures // len(self._nodes)
                self._poked.clear()
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(rounds - 1, 8))
                try:
                    async with asyncio.timeout(pause):
                        await self._poked.wait()
                except TimeoutError:
                    continue

    async def _follow(self, node: Node) -> str:
        """List and watch through one node until that ends, and say why; raises LabError if it never began."""
        loop = asyncio.get_running_loop()
        inbox: asyncio.Queue[tuple[etcd.Change, ...] | LabError] = asyncio.Queue()

        def put(item: tuple[etcd.Change, ...] | LabError) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(inbox.put_nowait, item)

        start = await etcd.listing(node, self._prefix)
        watch = await etcd.open_watch(node, self._prefix, start.revision + 1, put, put)
        values = dict(start.values)
        self.node = node.name
        try:
            self._seen(dict(values))
            while True:
                item = await inbox.get()
                if isinstance(item, LabError):
                    return item.what
                for change in item:
                    if change.value is None:
                        values.pop(change.key, None)
                    else:
                        values[change.key] = change.value
                self._seen(dict(values))
        finally:
            self.node = None
            # Closing joins gRPC's own threads, which may take a moment.
            loop.run_in_executor(None, watch.close)
