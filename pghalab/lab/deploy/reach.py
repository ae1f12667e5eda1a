"""Who reaches the nodes' ports: what each node's packet filter says, and how it is closed or opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pghalab.lab.engine.client import Engine
from pghalab.lab.types import LabError
from pghalab.text import enumerated

FILTER = "/usr/local/sbin/node-filter"
SAID = "/run/pghalab/filter"
CLOSED, OPEN, NONE = "closed", "open", "none"
"""What a node says of itself; `none` is followed by the kernel's reason."""

_WHO = "Whoever reaches the lab's network (on Linux every user of this machine) reaches etcd, Patroni and PostgreSQL"


async def said(engine: Engine, container: str) -> str:
    """What a running node's filter last said, empty when its image has none; raises LabError."""
    try:
        return (await engine.read_file(container, SAID)).strip()
    except LabError as error:
        if error.kind == "gone":
            return ""
        raise


async def change(engine: Engine, container: str, *, to_open: bool) -> str:
    """Close or open a running node, now and at its next starts, and return what holds then; raises LabError."""
    return (await engine.run_in(container, [FILTER, OPEN if to_open else CLOSED])).strip().rpartition("\n")[2]


def differs(state: str, *, to_open: bool) -> bool:
    """Whether a node that has a filter has to be told."""
    return state != "" and (state == OPEN) != to_open


def warnings(states: Mapping[str, str]) -> list[str]:
    """What has to be known about nodes that answer everybody: one sentence for each reason, by node name."""
    told = []
    if names := [name for name, state in states.items() if state == OPEN]:
        told.append(f"{_WHO} on {listed(names)}: the lab is open. To close it: pghalab up --no-open")
    if names := [name for name, state in states.items() if state.startswith(NONE)]:
        reason = states[names[0]].removeprefix(NONE).strip() or "no reason given"
        told.append(f"{_WHO} on {listed(names)}: the engine's kernel filters no packets for them ({reason}).")
    if names := [name for name, state in states.items() if not state]:
        anew = "pghalab build, then pghalab rm and pghalab up, which keep the data"
        told.append(f"{_WHO} on {listed(names)}: made from an older image, which filters nothing. To close: {anew}")
    return told


def listed(names: Iterable[str]) -> str:
    """Nodes in the order of their numbers: `pgha1`, `pgha1 and pgha2`, `pgha1, pgha2 and pgha3`."""
    return enumerated(sorted(names, key=lambda name: (len(name), name)))
