"""What is said where no etcd and no cluster is seen: never that there was none, unless that was looked at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from pghalab.cluster import monitor, sweep
from pghalab.cluster.absent import no_cluster, no_etcd
from pghalab.cluster.model import NodeHealth, Nodes, Snapshot, Update
from pghalab.cluster.monitor import Monitor
from pghalab.cluster.traces import MANAGED, MEMBER
from pghalab.lab.types import LinkChanged, Result
from pghalab.verbs import status
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.fake_lab.wired import Wired

BRINGS_ETCD = ": the step that starts the first member brings it."
BRINGS_CLUSTER = ": the step that bootstraps the leader brings it."
ETCD_BACK = ": the steps that start its members bring it back."
PATRONI_BACK = ": the steps that start Patroni bring it back."


def nodes(*changes: dict[str, Any], error: str | None = None) -> Nodes:
    """Three nodes on which everything is stopped, but for what is said; the last one carries etcd alone."""
    rows = [NodeHealth(f"pgha{n}", "running", "", "up", "stopped", "stopped", "stopped") for n in (1, 2)]
    rows.append(NodeHealth("pgha3", "running", "", "up", "stopped", "none", "none"))
    found = [replace(row, **(changes[at] if at < len(changes) else {})) for at, row in enumerate(rows)]
    return Snapshot(tuple(found), error, 0.0)


NONE, BOTH = {"member": False, "managed": False}, {"member": True, "managed": True}
ETCD: dict[str, Any] = {"member": True, "managed": False}


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (None, "No etcd is seen to run" + BRINGS_ETCD),
        (nodes(NONE, NONE, NONE), "No etcd yet" + BRINGS_ETCD),
        (nodes(NONE, NONE), "No etcd runs" + BRINGS_ETCD),
        (nodes(BOTH, BOTH, ETCD), "No etcd runs; its data lie on every node" + ETCD_BACK),
        (nodes(BOTH, NONE, ETCD), "No etcd runs; its data lie on pgha1 and pgha3" + ETCD_BACK),
        (nodes(BOTH), "No etcd runs; its data lie on pgha1" + ETCD_BACK),
        (nodes({**BOTH, "etcd": "no answer"}), "No etcd is seen to run; its data lie on pgha1" + ETCD_BACK),
        (nodes(NONE, NONE, {**NONE, "etcd": "unknown"}), "No etcd is seen to run" + BRINGS_ETCD),
        (nodes(NONE, NONE, {"container": "exited", "etcd": "unknown"}), "No etcd runs" + BRINGS_ETCD),
        (nodes(NONE, NONE, {"container": "paused", "etcd": "unknown"}), "No etcd is seen to run" + BRINGS_ETCD),
        (nodes(NONE, NONE, NONE, error="no engine"), "No etcd is seen to run" + BRINGS_ETCD),
    ],
)
def test_that_there_never_was_an_etcd_is_said_only_where_every_node_was_looked_at(
    seen: Nodes | None, words: str
) -> None:
    assert no_etcd(seen) == words


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (None, "No cluster is seen" + BRINGS_CLUSTER),
        (nodes(NONE, NONE), "No cluster yet" + BRINGS_CLUSTER),
        (nodes(NONE), "No cluster is seen" + BRINGS_CLUSTER),
        (nodes(BOTH, ETCD), "No Patroni runs; its data lie on pgha1" + PATRONI_BACK),
        (nodes({**BOTH, "patroni": "unknown"}), "No cluster is seen; its data lie on pgha1" + PATRONI_BACK),
        (nodes(NONE, {**NONE, "patroni": "running"}), "No cluster is seen" + BRINGS_CLUSTER),
    ],
)  # fmt: skip
def test_that_there_never_was_a_cluster_is_said_only_where_every_node_was_looked_at(
    seen: Nodes | None, words: str
) -> None:
    assert no_cluster(seen) == words


class At:
    """A lab in memory under a real monitor."""

    def __init__(self, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> None:
        cluster_of_three(lab, sources)
        Wired(lab, sources, monkeypatch)
        self.lab = lab

    def stop(self) -> None:
        """Every service ends; what it has written stays."""
        for node in self.lab.nodes.values():
            node.processes.clear()

    def lies(self, name: str, *paths: str) -> None:
        """Of what is looked for, this lies on a node."""
        self.lab.nodes[name].answers["for path in"] = "".join(f"{path}\n" for path in (*paths, "looked"))

    async def seen(self) -> list[str]:
        """What `status` prints of etcd and Patroni."""
        look = await Monitor(self.lab, lambda _: None).once()
        return [line for line in status.text(*look).splitlines() if line.startswith("No ")]

    @property
    def looks(self) -> int:
        return sum("for path in" in command for node in self.lab.nodes.values() for command in node.ran)


@pytest.fixture
def at(lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> At:
    return At(lab, sources, monkeypatch)


async def test_of_a_cluster_that_was_stopped_it_is_not_said_that_there_was_none(at: At) -> None:
    assert await at.seen() == [] and at.looks == 0, "where a cluster is seen nobody looks for what it left"
    at.stop()
    for name in at.lab.nodes:
        at.lies(name, MEMBER, *([MANAGED] if name in ("pgha1", "pgha2", "pgha3") else []))
    assert await at.seen() == [
        "No etcd runs; its data lie on every node" + ETCD_BACK,
        "No Patroni runs; its data lie on pgha1, pgha2 and pgha3" + PATRONI_BACK,
    ]
    assert at.looks == len(at.lab.nodes)


async def test_that_there_is_none_yet_is_said_once_every_node_has_said_so(at: At) -> None:
    at.stop()
    for name in at.lab.nodes:
        at.lies(name)
    assert await at.seen() == ["No etcd yet" + BRINGS_ETCD, "No cluster yet" + BRINGS_CLUSTER]
    at.lab.nodes["pgha2"].answers["for path in"] = Result(127, "", "bash: fork: Resource temporarily unavailable", 0.0)
    assert await at.seen() == ["No etcd runs" + BRINGS_ETCD, "No cluster is seen" + BRINGS_CLUSTER]


async def test_the_panes_learn_what_lies_there_while_they_watch(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "ETCD_EVERY", 0.02)
    monkeypatch.setattr(sweep, "AGAIN_SOON", 0.02)
    at.stop()
    for name in at.lab.nodes:
        at.lies(name)
    said: list[str] = []
    changed = asyncio.Event()

    def hear(update: Update) -> None:
        if update[0] == "nodes":
            said.append(no_etcd(update[1]))
            changed.set()

    async def until(begin: str) -> None:
        async with asyncio.timeout(20):
            while not (said and said[-1].startswith(begin)):
                changed.clear()
                await changed.wait()

    watching = Monitor(at.lab, hear)
    task = asyncio.create_task(watching.run())
    try:
        await until("No etcd yet")
        at.lies("pgha1", MEMBER)
        watching.refresh()
        await until("No etcd runs; its data lie on pgha1:")
        # Over a link that is down nobody sees whether they still lie there.
        at.lab.nodes["pgha1"].link = "down"
        at.lab.tell(LinkChanged("pgha1", "down", "up"))
        await until("No etcd is seen to run:")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
