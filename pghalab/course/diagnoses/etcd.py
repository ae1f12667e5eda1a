"""Mistakes that show in etcd: who started it, what it found, and whom it meets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import urlsplit

from pghalab.cluster.identity import home
from pghalab.cluster.model import EtcdEndpoint
from pghalab.cluster.traces import MEMBER
from pghalab.course.checks.facts import Facts
from pghalab.course.checks.services import LOGS
from pghalab.course.diagnoses import begun
from pghalab.course.diagnoses.base import Mistake, Scene, Sign, everywhere, has_ended, on_nodes, quietly, runs, tail
from pghalab.lab.types import LabError, Node

LOG = LOGS["etcd"][0]
RECENT = 600
"""Seconds for which a second start is worth a word: the log keeps it until etcd is started anew."""
OWN = "There, as root: chown -R postgres:postgres /pgha/data/etcd /var/log/etcd"


async def as_root(facts: Facts, node: Node) -> str | None:
    """It was started by somebody else than postgres."""
    user = await runs(facts, node, "etcd")
    return user if user and user != "postgres" else None


async def log_owner(facts: Facts, node: Node) -> str | None:
    """postgres may not write the log, since somebody else made it."""
    if await runs(facts, node, "etcd"):
        return None
    file = await facts.file(node, LOG)
    return file.owner if file is not None and file.owner != "postgres" else None


async def member_owner(facts: Facts, node: Node) -> str | None:
    """postgres may not read the member's data, since somebody else made it."""
    file = await facts.file(node, MEMBER)
    if file is None or file.owner == "postgres" or await runs(facts, node, "etcd") not in ("", "postgres"):
        return None
    return file.owner


async def twice(facts: Facts, node: Node) -> str | None:
    """A second start failed on the port a while ago, and emptied the log of the first."""
    if not await runs(facts, node, "etcd"):
        return None
    _, out = await facts.command(node, f"date +%s; tail -n 60 {LOG} 2>/dev/null; true")
    now, _, log = out.partition("\n")
    failed = [moment for line in log.splitlines() if "address already in use" in line and (moment := _moment(line))]
    return "" if failed and now.isdigit() and int(now) - failed[-1] < RECENT else None


def _moment(line: str) -> float | None:
    """When etcd wrote a line of its log, in seconds since the epoch."""
    try:
        return datetime.fromisoformat(str(json.loads(line)["ts"]).replace("Z", "+00:00")).timestamp()
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


async def bootstrapped(facts: Facts, node: Node) -> str | None:
    """Its data is gone, and the cluster knows it."""
    if await runs(facts, node, "etcd"):
        return None
    return "" if "has already been bootstrapped" in await tail(facts, node, LOG) else None


async def removed(facts: Facts, node: Node) -> str | None:
    """The others have removed it from the cluster."""
    if await runs(facts, node, "etcd"):
        return None
    return "" if "has been permanently removed" in await tail(facts, node, LOG) else None


async def waits(scene: Scene) -> Sequence[Sign]:
    """Members run, and are too few to agree on anything."""
    running = [node.name for node in scene.everywhere if await quietly(runs(scene.facts, node, "etcd"))]
    needed = len(scene.everywhere) // 2 + 1
    if not running or len(running) >= needed:
        return []
    return [Sign(tuple(running), f"{len(running)} of the {needed}")]


async def stranger(scene: Scene) -> Sequence[Sign]:
    """A member is in a cluster of its own."""
    answers = await asyncio.gather(*(scene.facts.endpoint(node) for node in scene.everywhere), return_exceptions=True)
    endpoints = [answer for answer in answers if isinstance(answer, EtcdEndpoint)]
    most = home(endpoints)
    return [
        Sign((one.node,), one.cluster_id) for one in endpoints if most and one.cluster_id and one.cluster_id != most
    ]


async def elsewhere(scene: Scene) -> Sequence[Sign]:
    """The data was made at other addresses than the lab has now."""

    async def hosts_of(node: Node) -> set[str]:
        try:
            listed = await scene.facts.members_of(node)
        except LabError:
            return set()
        return {urlsplit(url).hostname or "" for member in listed for url in member.peer_urls}

    mine = {one.address for one in scene.everywhere}
    found: dict[str, Node] = {}
    for node, hosts in zip(scene.everywhere, await asyncio.gather(*map(hosts_of, scene.everywhere)), strict=True):
        foreign = sorted(host for host in hosts if _is_address(host) and host not in mine)
        if len(foreign) > len(hosts) // 2:
            found.setdefault(foreign[0].rpartition(".")[0], node)
    subnet = scene.facts.lab.subnet
    return [Sign((node.name,), f"{net}.x; the nodes are at {subnet}.x") for net, node in found.items()]


def _is_address(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


MISTAKES: Mapping[str, Mistake] = {
    "etcd-root": Mistake(
        on_nodes(as_root, everywhere),
        "etcd runs as {detail} on {nodes}; what it writes there belongs to {detail}.",
        f"End it (as root: pkill -x etcd). {OWN}; then start it as postgres.",
    ),
    "etcd-log-owner": Mistake(
        on_nodes(log_owner), "postgres may not write etcd's log on {nodes}: it belongs to {detail}.", OWN
    ),
    "etcd-member-owner": Mistake(
        on_nodes(member_owner), f"etcd cannot open its data on {{nodes}}: {MEMBER} belongs to {{detail}}.", OWN
    ),
    "etcd-twice": Mistake(
        on_nodes(twice, everywhere),
        "etcd was started twice on {nodes}: the first one still runs, and the second has emptied its log and ended.",
        "Nothing is lost.",
        here="This step is about {meant}: look at which node the prompt names.",
        severity="notice",
    ),
    "etcd-bootstrapped": Mistake(
        on_nodes(bootstrapped, everywhere),
        "etcd on {nodes} has no data, and the cluster knows it as a member that has.",
        "On a member that runs: etcdctl member remove ID, then member add with its peer URL; then start it with the "
        "state `existing` (lesson 16 does it).",
    ),
    "etcd-removed": Mistake(
        on_nodes(removed, everywhere),
        "etcd on {nodes} was removed from the cluster.",
        "Empty its data directory, add it (etcdctl member add NAME --peer-urls URL), start it with `existing`.",
    ),
    "etcd-ended": Mistake(
        on_nodes(has_ended("etcd", MEMBER), everywhere),
        "etcd has run on {nodes}, and does not run there now.",
        f"Start it there as postgres (lesson 8); the end of {LOG} says why it ended.",
    ),
    "etcd-waits": Mistake(
        waits,
        "etcd on {nodes} waits for a majority: {detail} that are needed run.",
        "Start etcd on the next node; until then nobody answers.",
        severity="critical",
        begun=begun.quorum,
    ),
    "etcd-stranger": Mistake(
        stranger,
        "etcd on {nodes} is in a cluster of its own ({detail}), made from old data.",
        "End it there, empty /pgha/data/etcd, and start it again.",
        severity="critical",
    ),
    "etcd-elsewhere": Mistake(
        elsewhere,
        "etcd's data was made at {detail}.",
        "Create the lab with the addresses that it had, or remove its data (pghalab down -f) and begin again.",
        severity="critical",
    ),
}
