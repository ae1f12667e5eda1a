"""What a diagnosis is made of: a mistake, how it shows in the lab, what is said of it and what to do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from pghalab.cluster.model import Severity
from pghalab.course.checks.facts import Facts
from pghalab.course.localise import Names
from pghalab.lab.types import LabError, Node
from pghalab.text import enumerated
from pghalab.values import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One mistake that was seen."""

    name: str
    """The mistake's name, as lessons call it."""
    says: str
    """What is so, in a sentence that names the nodes."""
    todo: str
    """What to do."""
    nodes: tuple[str, ...] = ()
    severity: Severity = "warning"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where one looks: the facts of this look, and the nodes that the step at hand is about."""

    facts: Facts
    nodes: tuple[Node, ...]

    @property
    def everywhere(self) -> tuple[Node, ...]:
        """Every node of the lab."""
        return tuple(self.facts.lab.nodes.values())

    @property
    def data(self) -> tuple[Node, ...]:
        """The nodes of the scene that carry PostgreSQL."""
        known = {node.name for node in self.facts.data_nodes()}
        return tuple(node for node in self.nodes if node.name in known)


@dataclass(frozen=True, slots=True)
class Sign:
    """How a mistake shows: on which nodes, and what fills the `{}` of the sentence."""

    nodes: tuple[str, ...]
    detail: str = ""


Look = Callable[[Scene], Awaitable[Sequence[Sign]]]
Begun = Callable[[Facts], Awaitable[Sequence[Node]]]
"""The nodes on which something has begun, whatever step is on the screen: see `begun`."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake: how one looks for it, what is said when it shows, and what to do.

    In `says` and `todo` stand `{nodes}` and `{detail}`, in `here` also `{meant}`, the nodes that the step is about.
    """

    look: Look
    says: str
    todo: str
    here: str = ""
    """What to do beyond that where a step is at hand."""
    severity: Severity = "warning"
    begun: Begun | None = None
    """Where it is a mistake although no step asks for it: elsewhere it is what is still to be done. None: anywhere."""


Seen = Callable[[Facts, Node], Awaitable[str | None]]
"""What is wrong on one node, as a detail that may be empty; None when nothing is."""


def on_nodes(seen: Seen, nodes: Callable[[Scene], Sequence[Node]] = lambda scene: scene.nodes) -> Look:
    """Look at each node at the same time; of one that cannot be looked at nothing is said."""

    async def one(facts: Facts, node: Node) -> str | None:
        try:
            return await seen(facts, node)
        except LabError:
            return None

    async def look(scene: Scene) -> Sequence[Sign]:
        chosen = nodes(scene)
        details = await asyncio.gather(*(one(scene.facts, node) for node in chosen))
        groups: dict[str, list[str]] = {}
        for node, detail in zip(chosen, details, strict=True):
            if detail is not None:
                groups.setdefault(detail, []).append(node.name)
        return [Sign(tuple(names), detail) for detail, names in groups.items()]

    return look


def everywhere(scene: Scene) -> Sequence[Node]:
    """Every node, for a mistake that shows elsewhere than where the step works."""
    return scene.everywhere


def data(scene: Scene) -> Sequence[Node]:
    """The nodes of the step that carry PostgreSQL."""
    return scene.data


async def tail(facts: Facts, node: Node, *paths: str, lines: int = 60) -> str:
    """The last lines of those logs of a node that exist; of what one pattern names the newest comes last."""
    listed = "; ".join(f"ls -1tr {path}" for path in paths)
    _, out = await facts.command(
        node, f"{{ {listed}; }} 2>/dev/null | tr '\\n' '\\0' | xargs -0r tail -q -n {lines} -- 2>/dev/null; true"
    )
    return out


async def runs(facts: Facts, node: Node, name: str) -> str:
    """As whom a program runs on a node; empty when it does not."""
    return next((process.user for process in await facts.processes(node) if process.name == name), "")


async def quietly(answer: Awaitable[str]) -> str:
    """An answer, or nothing where nobody could look."""
    try:
        return await answer
    except LabError:
        return ""


def has_ended(process: str, trace: str) -> Callable[[Facts, Node], Awaitable[str | None]]:
    """A look that finds where a process has run, by a file that it left, and does not run now."""

    async def ended(facts: Facts, node: Node) -> str | None:
        if await runs(facts, node, process):
            return None
        return None if await facts.file(node, trace) is None else ""

    return ended


async def look(
    name: str, mistake: Mistake, facts: Facts, nodes: Sequence[Node], words: Names, *, step: bool
) -> list[Diagnosis]:
    """Whether a mistake shows, in words for the lab's own names; nothing where nobody can look.

    `step` tells that a step is at hand, and that the nodes are those that it is about.
    """
    try:
        signs = await mistake.look(Scene(facts, tuple(nodes)))
    except LabError:
        return []
    except Exception:
        # A diagnosis is help: that it fails is for the log, and no reason to say nothing else.
        _log.exception("diagnosis %s", name)
        return []
    meant = enumerated([node.name for node in nodes])
    todo = f"{mistake.todo} {mistake.here}".strip() if step else mistake.todo
    return [
        Diagnosis(name, _filled(mistake.says, sign, meant, words), _filled(todo, sign, meant, words), sign.nodes,
                  mistake.severity)
        for sign in signs
    ]  # fmt: skip


def _filled(text: str, sign: Sign, meant: str, words: Names) -> str:
    return words.command(text).format(nodes=enumerated(list(sign.nodes)), detail=sign.detail, meant=meant)
