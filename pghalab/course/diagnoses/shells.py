"""Mistakes that show in what a shell of postgres is given: NODELIST, and ENDPOINTS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pghalab.course.checks.facts import Facts
from pghalab.course.diagnoses import begun
from pghalab.course.diagnoses.base import Mistake, everywhere, on_nodes
from pghalab.lab.types import Node

PROFILE = "/var/lib/postgresql/.profile"
_SHELLS = f"""date +%s; stat -c %Y {PROFILE} 2> /dev/null || echo 0
ps -u postgres -o pid=,etimes=,tty=,comm= | while read -r p age tty name; do
  [ "$name" = bash ] && [ "$tty" != '?' ] || continue
  echo "$age $(tr '\\0' '\\n' < "/proc/$p/environ" 2> /dev/null | grep -c ^NODELIST=.)"
done"""


async def no_nodelist(facts: Facts, node: Node) -> str | None:
    """A shell of postgres was not given NODELIST when it was opened."""
    _, _, shells = await _seen(facts, node)
    return "" if any(not given for _, given in shells) else None


async def opened_before(facts: Facts, node: Node) -> str | None:
    """A shell of postgres is older than the line in its profile."""
    now, written, shells = await _seen(facts, node)
    if not await _endpoints(facts, node):
        return None
    return "" if any(now - age < written for age, _ in shells) else None


async def no_endpoints(facts: Facts, node: Node) -> str | None:
    """The profile of postgres does not set ENDPOINTS."""
    return None if await _endpoints(facts, node) else ""


async def peer_port(facts: Facts, node: Node) -> str | None:
    """It names the port that the members use among themselves."""
    return "" if any(":2380" in line for line in await _endpoints(facts, node)) else None


async def _endpoints(facts: Facts, node: Node) -> list[str]:
    file = await facts.file(node, PROFILE)
    lines = file.text.splitlines() if file is not None else []
    return [line for line in lines if "ENDPOINTS=" in line and not line.lstrip().startswith("#")]


async def _seen(facts: Facts, node: Node) -> tuple[int, int, list[tuple[int, bool]]]:
    """The time there, when the profile was written, and each shell's age, and whether it has NODELIST."""
    _, out = await facts.command(node, _SHELLS)
    numbers = [[int(word) for word in line.split()] for line in out.splitlines() if line.replace(" ", "").isdigit()]
    heads = [row[0] for row in numbers if len(row) == 1]
    now, written = heads if len(heads) == 2 else (0, 0)
    return now, written, [(row[0], row[1] > 0) for row in numbers if len(row) == 2]


async def _first(facts: Facts) -> Sequence[Node]:
    """The first node, on which the course sets it, once etcd was there."""
    return (await begun.quorum(facts))[:1]


MISTAKES: Mapping[str, Mistake] = {
    "nodelist-lost": Mistake(
        on_nodes(no_nodelist),
        "A shell of postgres on {nodes} has no NODELIST: it was not opened from root's by sudo -E.",
        "In a shell of root: sudo -E -u postgres /bin/bash -l; then go on there.",
        begun=begun.never,
    ),
    "endpoints-missing": Mistake(
        on_nodes(no_endpoints),
        "The profile of postgres on {nodes} does not set ENDPOINTS.",
        "Lesson 7 has the line (step etcd-endpoints). The home directories go with the containers, the line too.",
        severity="notice",
        begun=_first,
    ),
    "endpoints-port": Mistake(
        on_nodes(peer_port, everywhere),
        "ENDPOINTS in the profile of postgres on {nodes} names port 2380, on which the members talk to each other.",
        "Use 2379 in ~/.profile there, then open a new shell.",
        severity="notice",
    ),
    "endpoints-old-shell": Mistake(
        on_nodes(opened_before),
        "A shell of postgres on {nodes} was opened before ENDPOINTS stood in the profile: it does not know it, "
        "unless the line was run there too.",
        "Run `. ~/.profile` in that shell, or open a new one.",
        begun=begun.never,
    ),
}
