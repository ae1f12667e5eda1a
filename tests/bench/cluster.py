"""A running cluster for the measurements: etcd on every node, Patroni on the first three."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePath

from textual.pilot import Pilot

import pghalab.app
from pghalab.cluster import postgres
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import load_settings
from pghalab.lab.types import LabError, Node
from tests.bench.lab import LabHere, verb

STYLES: list[str | PurePath] = [Path(pghalab.app.__file__).parent / path for path in pghalab.app.PghalabApp.CSS_PATH]
START_ETCD = "nohup etcd --config-file /pgha/config/etcd.yaml > /var/log/etcd/etcd-standalone.log 2>&1 &"
START_PATRONI = "nohup patroni /pgha/config/patroni.yaml > /var/log/patroni/patroni.out 2>&1 &"
PREPARE = "cp -p /createRoles.sh /pgha/config; rm -rf /pgdata/17/data; /patroniSetup.sh"


async def holds(node: Node, condition: str, limit: float = 120.0) -> None:
    """Wait until a shell condition holds on a node; raises TimeoutError."""
    async with asyncio.timeout(limit):
        while (await node.run(condition, user="postgres")).exit_status:
            await asyncio.sleep(0.3)


async def bring_up(lab: LocalLab) -> None:
    """etcd on every node, then the leader and two replicas, streaming."""
    nodes: Sequence[Node] = list(lab.nodes.values())

    async def etcd(node: Node) -> None:
        await node.run(f"/etcdSetup.sh -y && {{ {START_ETCD} }}", user="postgres", timeout=60)

    await asyncio.gather(*(etcd(node) for node in nodes))
    await holds(nodes[0], f"test $(etcdctl endpoint health --cluster 2>&1 | grep -c 'is healthy') = {len(nodes)}")
    for node in nodes[:3]:
        await node.run(f"{PREPARE} && {{ {START_PATRONI} }}", user="postgres", timeout=60)
        if node is nodes[0]:
            await holds(node, "curl -sf localhost:8008/primary")
    async with asyncio.timeout(180):
        while True:
            try:
                rows = await postgres.query(
                    lab, nodes[0].name, "select count(*) from pg_stat_replication where state = 'streaming'"
                )
                if rows[0][0] == 2:
                    return
            except LabError:
                pass  # PostgreSQL is still starting
            await asyncio.sleep(0.5)


class Shared:
    """The one cluster of five nodes that all parts of a run measure on, one after the other, made for the first."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._here: LabHere | None = None
        self._ready = False

    def prepare(self, beside: LabHere | None = None) -> LabHere:
        """A lab of five nodes without a node yet, for who brings the cluster up by other ways; then it `is_up`."""
        self.remove()
        self._folder = tempfile.TemporaryDirectory()
        self._here = LabHere.prepare(Path(self._folder.name), beside=beside)
        return self._here

    def is_up(self) -> None:
        """The cluster that was prepared is there."""
        self._ready = True

    @asynccontextmanager
    async def cluster(self) -> AsyncGenerator[tuple[LabHere, LocalLab], None]:
        """The cluster; who breaks it is the last of them."""
        if not self._ready or self._here is None:
            here = await asyncio.to_thread(self.prepare)
            async with _made(here, 5) as lab:
                self.is_up()
                yield here, lab
        else:
            # A part that prepared a lab of its own has left its state folder behind.
            os.environ["PGHALAB_STATE_DIR"] = self._here.env["PGHALAB_STATE_DIR"]
            async with _connected(self._here) as lab:
                yield self._here, lab

    def remove(self) -> None:
        """Remove it with everything in it."""
        if self._here is not None and self._folder is not None:
            verb(self._here, "down", "-f")
            self._folder.cleanup()
            self._here, self._folder, self._ready = None, None, False


SHARED = Shared()


@asynccontextmanager
async def cluster(folder: Path, nodes: int) -> AsyncGenerator[tuple[LabHere, LocalLab], None]:
    """A cluster of a part's own; removed at the end, with everything in it."""
    here = await asyncio.to_thread(LabHere.prepare, folder, nodes=nodes)
    try:
        async with _made(here, nodes) as lab:
            yield here, lab
    finally:
        await asyncio.to_thread(verb, here, "down", "-f")


@asynccontextmanager
async def _made(here: LabHere, nodes: int) -> AsyncGenerator[LocalLab, None]:
    await asyncio.to_thread(verb, here, "up", "-n", str(nodes))
    async with _connected(here) as lab:
        await bring_up(lab)
        yield lab


@asynccontextmanager
async def _connected(here: LabHere) -> AsyncGenerator[LocalLab, None]:
    lab = LocalLab(load_settings(here.name))
    await lab.open()
    try:
        async with asyncio.timeout(60):
            while any(node.link != "up" for node in lab.nodes.values()):
                await asyncio.sleep(0.1)
        yield lab
    finally:
        await lab.close()


@asynccontextmanager
async def console(app: pghalab.app.PghalabApp, size: tuple[int, int]) -> AsyncGenerator[Pilot[int], None]:
    """A console that has opened its lab and seen Patroni; it leaves the right to drive behind to nobody."""
    async with app.run_test(size=size) as pilot:
        try:
            await _opened(app)
            yield pilot
        finally:
            await app.session.close()


async def _opened(app: pghalab.app.PghalabApp, limit: float = 60.0) -> None:
    """Wait until it has; raises RuntimeError with what stands in the way."""
    try:
        async with asyncio.timeout(limit):
            while (
                app.session.state.backend is None
                or app.session.state.patroni is None
                or any(node.link != "up" for node in app.session.state.backend.lab.nodes.values())
            ):
                await asyncio.sleep(0.02)
    except TimeoutError:
        told = [str(notification.message) for notification in app._notifications]
        raise RuntimeError(f"the console did not open the lab: {app.session.state.trouble or told}") from None
