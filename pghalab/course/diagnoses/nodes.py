"""Mistakes that show in the nodes themselves: whether they run, and what they call each other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pghalab.course.checks.facts import Facts
from pghalab.course.diagnoses.base import Mistake, Scene, Sign, everywhere, on_nodes
from pghalab.lab.types import ContainerState, LabError, Node
from pghalab.text import enumerated

HOSTS = "/etc/hosts"
_DOWN: Mapping[ContainerState, str] = {
    "absent": "has no container", "created": "was created and never started", "exited": "is stopped",
    "paused": "is paused",
}  # fmt: skip


async def stopped(scene: Scene) -> Sequence[Sign]:
    """Nodes whose container does not run; where there is none at all nothing was deployed, which is no mistake."""
    found = await scene.facts.containers()
    if all(one.state == "absent" for one in found):
        return []
    groups: dict[str, list[str]] = {}
    for one in found:
        if one.state in _DOWN:
            groups.setdefault(_DOWN[one.state], []).append(one.name)
    return [Sign(tuple(names), detail) for detail, names in groups.items()]


async def other_address(facts: Facts, node: Node) -> str | None:
    """/etc/hosts has another address for a node than it has in this lab."""
    right = _addresses(facts)
    wrong = [f"{name} is {address}" for name, address in await _lines(facts, node) if address != right[name]]
    return enumerated(wrong) if wrong else None


async def on_some(scene: Scene) -> Sequence[Sign]:
    """The lines of the aliases were written on some nodes only."""

    async def has(node: Node) -> bool | None:
        try:
            return any(name.startswith("etcd") for name, _ in await _lines(scene.facts, node))
        except LabError:
            return None

    held = dict(zip(scene.everywhere, await asyncio.gather(*map(has, scene.everywhere)), strict=True))
    have = [node.name for node, there in held.items() if there]
    lack = [node.name for node, there in held.items() if there is False]
    return [Sign(tuple(have), enumerated(lack))] if have and lack else []


def _addresses(facts: Facts) -> dict[str, str]:
    """The address that each name of the course stands for."""
    nodes = list(facts.lab.nodes.values())
    return {node.name: node.address for node in nodes} | {f"etcd{n}": node.address for n, node in enumerate(nodes, 1)}


async def _lines(facts: Facts, node: Node) -> list[tuple[str, str]]:
    """The names of the course in /etc/hosts of a node, each with its address there; of its own name none is asked."""
    file = await facts.file(node, HOSTS)
    known = _addresses(facts)
    lines = [line.partition("#")[0].split() for line in (file.text if file is not None else "").splitlines()]
    return [(name, words[0]) for words in lines if words for name in words[1:] if name in known and name != node.name]


MISTAKES: Mapping[str, Mistake] = {
    "node-stopped": Mistake(
        stopped,
        "{nodes} {detail}: nothing on it answers.",
        "Start it: pghalab start, or Start in the lab menu; then the services on it, as their steps do.",
    ),
    "hosts-other": Mistake(
        on_nodes(other_address, everywhere),
        "/etc/hosts on {nodes} has addresses that are not this lab's: {detail}.",
        "There, as root: take these lines out of /etc/hosts; without them the network itself answers.",
    ),
    "hosts-some": Mistake(
        on_some,
        "The lines in /etc/hosts stand on {nodes}, and not on {detail}: they help only where they stand.",
        "Write them as root on each of these nodes; the engine writes the file anew whenever a node starts.",
        severity="notice",
    ),
}
