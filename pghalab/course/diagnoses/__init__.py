"""What is wrong, said from the live state: common mistakes, each with how it shows and what to do.

A new one is an entry in one of the files beside this one, and its name in the steps of the lessons that it is about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pghalab.course.checks.facts import Facts
from pghalab.course.diagnoses import drills, etcd, files, hba, nodes, patroni, shells
from pghalab.course.diagnoses.base import Diagnosis, Mistake, look
from pghalab.course.localise import Names
from pghalab.course.model import Step
from pghalab.lab.types import Node

__all__ = ["MISTAKES", "Diagnosis", "about", "diagnose"]

MISTAKES: Mapping[str, Mistake] = {
    **nodes.MISTAKES, **files.MISTAKES, **shells.MISTAKES, **etcd.MISTAKES, **patroni.MISTAKES, **hba.MISTAKES,
    **drills.MISTAKES,
}  # fmt: skip


async def diagnose(names: Sequence[str], facts: Facts, nodes: Sequence[Node], words: Names) -> tuple[Diagnosis, ...]:
    """The mistakes of these names that show now, in their order; of what nobody can look at nothing is said.

    `nodes` are those that the step at hand is about.
    """
    found = await asyncio.gather(*(look(name, MISTAKES[name], facts, nodes, words, step=True) for name in names))
    return tuple(one for each in found for one in each)


def about(step: Step, facts: Facts, words: Names) -> list[Node]:
    """The nodes that a step is about: those that its checks look at, else the one on which its command runs."""
    nodes = facts.lab.nodes
    named: set[str] = set()
    for spec in step.checks:
        on = spec.params.get("on")
        named |= set(on) if isinstance(on, (list, tuple)) else {on} if isinstance(on, str) else set()
    if not named:
        named = {step.kind.where.node}
    if named & {"data", "leader", "replicas"}:
        return facts.data_nodes()
    found = [node for name in map(words.text, sorted(named)) if (node := nodes.get(name)) is not None]
    return found or list(nodes.values())
