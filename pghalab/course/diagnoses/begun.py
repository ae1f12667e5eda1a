"""What has begun on a lab, by what lies on its nodes: before that, what is missing is no mistake but still to do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pghalab.cluster.traces import MANAGED, MEMBER
from pghalab.course.checks.facts import Facts
from pghalab.course.checks.services import LOGS
from pghalab.lab.types import LabError, Node

ETCD_YAML = "/pgha/config/etcd.yaml"
TRACES = (ETCD_YAML, MEMBER, MANAGED, *LOGS["etcd"], *LOGS["patroni"])
"""What services, and the scripts that configure them, leave behind."""


async def never(facts: Facts) -> Sequence[Node]:
    """No node: it is a mistake only in a step that asks for it."""
    return []


async def etcd(facts: Facts) -> Sequence[Node]:
    """Every node, once etcd was started on one of them."""
    return list(facts.lab.nodes.values()) if await _with_any(facts, *LOGS["etcd"], MEMBER) else []


async def quorum(facts: Facts) -> Sequence[Node]:
    """Every node, once so many of them were members of etcd that they could agree."""
    nodes = list(facts.lab.nodes.values())
    return nodes if len(await _with_any(facts, MEMBER)) > len(nodes) // 2 else []


async def configured(facts: Facts) -> Sequence[Node]:
    """The nodes that /etcdSetup.sh has written a file for."""
    return await _with_any(facts, ETCD_YAML)


async def patroni(facts: Facts) -> Sequence[Node]:
    """The nodes on which Patroni was started."""
    found = await _with_any(facts, *LOGS["patroni"], MANAGED)
    return [node for node in facts.data_nodes() if node in found]


async def _with_any(facts: Facts, *paths: str) -> list[Node]:
    nodes = list(facts.lab.nodes.values())
    found = await asyncio.gather(*(_there(facts, node) for node in nodes))
    return [node for node, there in zip(nodes, found, strict=True) if there & set(paths)]


async def _there(facts: Facts, node: Node) -> set[str]:
    """Which of all these are there; of a node that cannot be looked at, none is known to be."""
    try:
        return await facts.there(node, TRACES)
    except LabError:
        return set()
