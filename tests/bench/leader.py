"""How long a change of the leader key takes to reach the Patroni pane, and beside it `patronictl list -W`."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from contextlib import aclosing
from typing import Any

from pghalab.app import PghalabApp
from pghalab.cluster import etcd
from pghalab.cluster.dcs import PREFIX
from pghalab.lab.types import Ended, Node
from pghalab.widgets.patroni_pane import PatroniPane
from pghalab.widgets.table import Table
from tests.bench.cluster import SHARED, STYLES, console
from tests.bench.report import Figure

CHANGES = 5
LEADER_ROW = re.compile(r"\|\s*(\S+)\s*\|\s*\S+\s*\|\s*Leader")


class Watched(PghalabApp):
    """The console, telling at every paint who is shown as leader."""

    CSS_PATH = STYLES  # paths are relative to the file of the class that names them

    def __init__(self, lab: str) -> None:
        super().__init__(lab)
        self.painted: dict[str, float] = {}
        """When each name was first painted as leader since the last clearing."""

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        for pane in self.screen.query(PatroniPane):
            for line in str(pane.query_one(Table).visual).splitlines():
                if "Leader" in line:
                    self.painted.setdefault(line.split()[0], time.time())


class Patronictl:
    """`patronictl list -W` in a terminal on a node, telling when it first prints a name as leader."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.printed: dict[str, float] = {}

    async def run(self) -> None:
        """Follow it until cancelled."""
        command = "script -qfc 'patronictl -c /pgha/config/patroni.yaml list -W' /dev/null"
        tail = ""
        async with aclosing(self._node.stream(command, user="postgres")) as pieces:
            async for piece in pieces:
                if isinstance(piece, Ended):
                    raise RuntimeError(f"patronictl list -W ended by itself: {tail[-500:]}")
                tail = (tail + piece.text)[-8000:]
                for name in LEADER_ROW.findall(tail):
                    self.printed.setdefault(name, time.time())
                tail = tail.rpartition("\n")[2] if LEADER_ROW.search(tail) else tail


async def _until(condition: Any, limit: float = 60.0) -> None:
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.01)


async def _measure() -> list[Figure]:
    async with SHARED.cluster() as (_, lab):
        nodes = list(lab.nodes.values())
        keys = dict(await etcd.get_prefix(nodes[0], PREFIX))
        # Without Patroni nobody else writes the keys; they are put back without a lease.
        for node in nodes[:3]:
            await node.run("pkill -9 -f [b]in/patroni; pkill -9 -x postgres; true")

        async def put(key: str, value: str) -> float:
            """Write a key; the time just before, by the clock that containers share with this machine."""
            put = await nodes[0].run(f"date +%s.%N; etcdctl put {PREFIX}{key}", user="postgres", stdin=value)
            return float(put.stdout.split()[0])

        for key, value in keys.items():
            await put(key.removeprefix(PREFIX), value)
        app = Watched(lab.name)
        async with console(app, (200, 50)) as pilot:
            app.open_step("replicas-streaming")
            await _until(lambda: app.session.state.patroni is not None and app.session.state.patroni.value is not None)
            await pilot.pause()
            # A console ends what others have left running on the nodes, so it runs as the console's own.
            backend = app.session.state.backend
            assert backend is not None
            ctl = Patronictl(backend.lab.nodes[nodes[1].name])
            following = asyncio.create_task(ctl.run())
            ours, theirs = [], []
            names = [node.name for node in nodes[:3]]
            for change in range(CHANGES):
                name = names[(change + 1) % 3]
                app.painted.clear()
                ctl.printed.clear()
                start = await put("leader", name)
                await _until(lambda n=name: (n in app.painted and n in ctl.printed) or following.done())
                if following.done():
                    following.result()
                ours.append(app.painted[name] - start)
                theirs.append(ctl.printed[name] - start)
            following.cancel()
    pane, listed = statistics.median(ours) * 1000, statistics.median(theirs) * 1000
    detail = f"median of {CHANGES} changes; worst {max(ours) * 1000:.0f} ms"
    return [
        Figure("leader key changed -> shown in the pane", pane, "ms", 250.0, detail),
        Figure("leader key changed -> patronictl list -W", listed, "ms", None, f"worst {max(theirs) * 1000:.0f} ms"),
    ]


def measure() -> list[Figure]:
    """Both, on the same changes; the cluster has no Patroni afterwards."""
    return asyncio.run(_measure())
