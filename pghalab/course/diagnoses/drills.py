"""Mistakes that show in the lessons that take something away: where the writer is that measures it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pghalab.course.checks.facts import DATA_NODES, Facts
from pghalab.course.diagnoses import begun
from pghalab.course.diagnoses.base import Mistake, Scene, on_nodes
from pghalab.lab.types import Node

_WRITER = "bash writer.sh"
_HOME = slice(DATA_NODES, DATA_NODES + 1)
"""Where the course has the writer among the nodes: on the first without a database."""


def _home(scene: Scene) -> Sequence[Node]:
    return scene.everywhere[_HOME]


def _elsewhere(scene: Scene) -> Sequence[Node]:
    return [node for node in scene.everywhere if node not in _home(scene)]


async def missing(facts: Facts, node: Node) -> str | None:
    """The writer does not run."""
    return None if await _writes(facts, node) else ""


async def elsewhere(facts: Facts, node: Node) -> str | None:
    """The writer runs where it should not."""
    home = list(facts.lab.nodes)[_HOME]
    return home[0] if home and await _writes(facts, node) else None


async def _writes(facts: Facts, node: Node) -> bool:
    return any(process.line.startswith(_WRITER) for process in await facts.processes(node))


MISTAKES: Mapping[str, Mistake] = {
    "writer-missing": Mistake(
        on_nodes(missing, _home),
        "The writer does not run on {nodes}: there is nobody whose waiting could be measured.",
        "Lesson 14 starts it (step switchover-writer); `cat writer.log` there says why it has ended.",
        begun=begun.never,
    ),
    "writer-elsewhere": Mistake(
        on_nodes(elsewhere, _elsewhere),
        "The writer runs on {nodes}; the course is about {detail}, which outlives whatever happens to a database.",
        "End it there (pkill -f '^bash writer.sh'), and start it on {detail}.",
        severity="notice",
    ),
}
