"""What every kind of check is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from pghalab.course.checks.blind import looked
from pghalab.course.checks.facts import Facts
from pghalab.course.events import CheckResult
from pghalab.course.localise import Names
from pghalab.lab.types import LabError, Node
from pghalab.values import dataclass

GROUPS = ("all", "data", "leader", "replicas")
"""Words that stand for nodes in `on`."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a check: the types it may have, and whether it must be given."""

    types: tuple[type, ...]
    required: bool = False
    nodes: bool = False
    """It names nodes."""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a check looks with: the facts of this pass, the lab's own names, and what its step printed last."""

    facts: Facts
    names: Names = field(default_factory=Names)
    output: str | None = None
    may_write: bool = True
    """False for a console that only looks: a check then leaves the databases as they are."""

    async def targets(self, on: Any) -> list[Node]:
        """The nodes that `on` names; raises LabError when they cannot be told."""
        nodes = self.facts.lab.nodes
        if on is None or on == "all":
            return list(nodes.values())
        if on == "data":
            return self.facts.data_nodes()
        if on == "leader":
            return [await self.facts.leader()]
        if on == "replicas":
            leader = await self.facts.leader()
            return [node for node in self.facts.data_nodes() if node.name != leader.name]
        wanted = [on] if isinstance(on, str) else list(on)
        missing = [name for name in wanted if name not in nodes]
        if missing:
            raise LabError(f"this lab has no node {missing[0]}")
        return [nodes[name] for name in wanted]

    async def per_node(self, on: Any, check: str, wanted: str, look: NodeLook) -> list[CheckResult]:
        """Look at every node of `on` at the same time; what a node cannot answer is a failed check."""

        async def one(node: Node) -> CheckResult:
            try:
                ok, saw = await look(node)
            except LabError as error:
                return CheckResult(check, False, in_words(error, node.name), wanted, node.name, looked(error))
            return CheckResult(check, ok, saw, wanted, node.name)

        return list(await asyncio.gather(*(one(node) for node in await self.targets(on))))


NodeLook = Callable[[Node], Awaitable[tuple[bool, str]]]
Look = Callable[[Context, Mapping[str, Any]], Awaitable[Sequence[CheckResult]]]


@dataclass(frozen=True, slots=True)
class CheckType:
    """A kind of check: its parameters, and how it looks."""

    look: Look
    params: Mapping[str, Param] = field(default_factory=dict)


def in_words(error: LabError, node: str) -> str:
    """What went wrong, with its node named: `etcd is not running on pgha2`."""
    name = error.node or node
    return error.what if name in error.what else f"{name}: {error.what}"


ON = Param((str, list), nodes=True)
TEXT = Param((str,), required=True)
TEXTS = Param((list,))
FLAG = Param((bool,))
COUNT = Param((int,))
VALUES = Param((dict,), required=True)


def problems(params: Mapping[str, Any], kind: CheckType, known: Sequence[str]) -> list[str]:
    """What is wrong with the parameters of a check; `known` are the node names that lessons may use."""
    found: list[str] = []
    for name, value in params.items():
        param = kind.params.get(name)
        if param is None:
            found.append(f"unknown parameter `{name}`; it knows {', '.join(kind.params) or 'none'}")
            continue
        if not isinstance(value, param.types) or (isinstance(value, bool) and bool not in param.types):
            found.append(f"`{name}` is {' or '.join(_WORDS.get(one, one.__name__) for one in param.types)}")
        elif param.choices and value not in param.choices:
            found.append(f"`{name}` is one of {', '.join(param.choices)}; found `{value}`")
        elif param.nodes:
            words = value if isinstance(value, list) else [value]
            allowed = (*known, *GROUPS) if isinstance(value, str) else known
            found += [f"`{name}`: unknown node `{word}`" for word in words if word not in allowed]
    found += [f"needs `{name}`" for name, param in kind.params.items() if param.required and name not in params]
    return found


_WORDS = {
    str: "text",
    list: "a list",
    dict: "a mapping",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}
