"""Which of all the common mistakes show on a lab now, whatever step is on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pghalab.cluster.traces import MANAGED, MEMBER
from pghalab.cluster.trouble import RANK
from pghalab.course.checks.facts import Facts
from pghalab.course.diagnoses import MISTAKES, begun, files, hba, nodes, shells
from pghalab.course.diagnoses.base import Diagnosis, look
from pghalab.course.localise import Names
from pghalab.lab.types import Lab, LabError, Node
from pghalab.text import enumerated
from pghalab.values import dataclass

if TYPE_CHECKING:
    from pghalab.lab.doctor import Fact

LIMIT = 4.0
"""Seconds; what has had no answer by then is not waited for, once each node was heard."""

_READ = (*files.FOLDERS, begun.ETCD_YAML, files.ETCD_CONF, files.VARS, files.PATRONI_YAML, files.ROLES, files.OWN_DATA,
         MANAGED, MEMBER, hba.FILE, nodes.HOSTS, shells.PROFILE)  # fmt: skip
"""What most looks ask for, so that the first command on a node answers it."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen of a lab as a whole."""

    found: tuple[Diagnosis, ...]
    """The gravest first, causes before what they cause."""
    unseen: tuple[str, ...] = ()
    """What nobody could look at, in words."""
    looked: tuple[str, ...] = ()
    """The nodes that were looked at."""


async def survey(facts: Facts, words: Names) -> Survey:
    """Look for every mistake on every node at the same time, for a few seconds at most."""
    nodes = list(facts.lab.nodes.values())
    answers = await asyncio.gather(*(facts.look(node, _READ, begun.TRACES) for node in nodes), return_exceptions=True)
    seen = [node for node, answer in zip(nodes, answers, strict=True) if not isinstance(answer, BaseException)]
    silent = [answer for answer in answers if isinstance(answer, LabError)]
    if not seen and all(error.kind == "not-running" for error in silent):
        return Survey(())
    # That a container does not run is a mistake of its own, and no reason to know nothing.
    unseen = [error.what for error in silent if not seen or error.kind not in ("not-running", "paused")]
    if not seen:
        return Survey((), tuple(unseen))
    looks = {name: asyncio.ensure_future(_where_it_counts(name, facts, words)) for name in MISTAKES}
    try:
        await asyncio.wait(looks.values(), timeout=LIMIT)
        late = [name for name, task in looks.items() if not task.done()]
        found = [one for task in looks.values() if task.done() for one in task.result()]
    finally:
        for task in looks.values():
            task.cancel()
        await asyncio.gather(*looks.values(), return_exceptions=True)
    if late:
        unseen.append(f"{len(late)} of {len(looks)} looks had no answer within {LIMIT:g} s: {', '.join(late)}")
    found.sort(key=lambda one: RANK[one.severity])
    return Survey(tuple(found), tuple(unseen), tuple(node.name for node in seen))


async def of_lab(lab: Lab) -> Survey:
    """Look at a lab once."""
    facts = Facts(lab)
    try:
        return await survey(facts, Names(lab.prefix, lab.subnet, lab.auth_method, lab.network))
    finally:
        await facts.close()


async def _where_it_counts(name: str, facts: Facts, words: Names) -> Sequence[Diagnosis]:
    begun = MISTAKES[name].begun
    nodes: Sequence[Node] = list(facts.lab.nodes.values()) if begun is None else await begun(facts)
    return await look(name, MISTAKES[name], facts, nodes, words, step=False) if nodes else []


def as_facts(seen: Survey) -> list[Fact]:
    """A survey as what the doctor tells."""
    from pghalab.lab.doctor import Fact

    facts = [Fact("lab", one.severity == "notice", one.says, one.todo) for one in seen.found]
    facts += map(not_looked_at, seen.unseen)
    if not facts and not seen.looked:
        return [Fact("lab", True, "no node runs")]
    if not facts:
        facts = [Fact("lab", True, f"none of {len(MISTAKES)} common mistakes shows on {enumerated(seen.looked)}")]
    return facts


def not_looked_at(words: str) -> Fact:
    """What could not be looked at, as what the doctor tells."""
    from pghalab.lab.doctor import Fact

    return Fact("lab", False, f"not looked at: {words}", "The facts above, and pghalab status, say more.")
