"""The check that a service runs: it answers for itself, or the same process has kept running for a while."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pghalab.cluster.identity import home
from pghalab.cluster.model import EtcdEndpoint
from pghalab.cluster.truth import role
from pghalab.course.checks.base import ON, CheckType, Context, Param
from pghalab.course.checks.facts import Facts, Process
from pghalab.course.events import CheckResult
from pghalab.lab.types import LabError, Node

LABELS = {"etcd": "etcd", "patroni": "Patroni", "postgres": "PostgreSQL"}
STAYS = {"etcd": 3, "patroni": 12, "postgres": 3}
"""Seconds after which a process that does not answer for itself yet counts as one that stays.

What is wrong with its files ends etcd within a second and Patroni at its first loop, about three seconds after the
start, more on a busy machine.
"""
_SILENT = 60
"""Seconds after which a Patroni counts as one that stays although it never answered, as it does without an etcd."""
_FIRST_LOOP = 3
"""Seconds that Patroni takes to its first loop, in which it compares the system identifiers and may end."""
_UNFINISHED = ("initializing new cluster", "running custom bootstrap script", "starting after custom bootstrap",
               "initdb failed")  # fmt: skip
"""States of a Patroni that has not made its cluster yet, and gives up if that fails (patroni/ha.py: bootstrap)."""
LOGS = {
    "etcd": ("/var/log/etcd/etcd-standalone.log",),
    "patroni": ("/var/log/patroni/patroni.log", "/var/log/patroni/patroni.out", "/var/lib/postgresql/patroni.log"),
    "postgres": (),
}
"""Where a service writes, and where what nohup caught lies; one redirected without a path is in postgres' home."""
_LINES = 40
_SAME = 60
"""Seconds: a log that is this much older than another is of an earlier run."""
_LONGEST = 200
_MARK = "==> pghalab"
_TROUBLE = re.compile(r" (CRITICAL|FATAL|PANIC|ERROR): |^(nohup|bash|sh|\S*etcd): |^[A-Za-z_][\w.]*(Error|Exception)\b")


async def service(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A service runs and keeps running; one that has ended is told with the last words of its logs."""
    name, user = str(params["name"]), params.get("user")
    label = LABELS[name]
    logs = (*([str(params["log"])] if "log" in params else []), *LOGS[name])

    async def look(node: Node) -> tuple[bool, str]:
        found = [process for process in await ctx.facts.processes(node) if process.name == name]
        if not found:
            last = await _last_words(ctx.facts, node, logs)
            return False, f"{label} is not running on {node.name}{f'; {last}' if last else ''}"
        oldest = max(found, key=lambda process: process.age)
        if user and user not in {process.user for process in found}:
            return False, f"{label} runs as {oldest.user} on {node.name}"
        if name == "etcd":
            return await _etcd(ctx.facts, node, oldest)
        return await (_patroni if name == "patroni" else _postgres)(ctx.facts, node, oldest)

    wanted = f"running{f' as {user}' if user else ''}, and staying so"
    return await ctx.per_node(params.get("on"), f"{label} runs", wanted, look)


def _stays(name: str, node: Node, process: Process, but: str, seconds: int = 0) -> tuple[bool, str]:
    """The second proof: the same process, some seconds after its start."""
    if process.age >= (seconds or STAYS[name]):
        return True, f"{LABELS[name]} runs on {node.name}; {but}"
    return False, f"{LABELS[name]} was started {process.age} s ago on {node.name}; {but}"


async def _etcd(facts: Facts, node: Node, process: Process) -> tuple[bool, str]:
    try:
        endpoint = await facts.endpoint(node)
    except LabError:
        return _stays("etcd", node, process, "it does not answer yet")
    if endpoint.waits:
        # It has read its files and serves the other members: what can be wrong with either would have ended it.
        wrong = await _elsewhere(facts, node, endpoint)
        return not wrong, wrong or f"etcd runs on {node.name} and {endpoint.errors}"
    if endpoint.errors or not endpoint.member_id:
        return _stays("etcd", node, process, endpoint.errors or "it does not answer yet")
    wrong = await _stranger(facts, node, endpoint)
    return not wrong, wrong or f"etcd runs on {node.name} and answers"


async def _stranger(facts: Facts, node: Node, endpoint: EtcdEndpoint) -> str:
    """Why a member that answers is none of this lab's cluster; empty when it is one.

    Its own list of members must name most of the lab's nodes, and its cluster id be that of the other members.
    """
    nodes = facts.lab.nodes.values()
    hosts = {host for number, one in enumerate(nodes, 1) for host in (one.name, one.address, f"etcd{number}")}
    listed = await facts.members_of(node)
    ours = [member for member in listed if any(urlsplit(url).hostname in hosts for url in member.peer_urls)]
    if len(ours) <= len(nodes) // 2:
        return (
            f"etcd on {node.name} is in a cluster of {len(listed)} that names {len(ours)} of this lab's "
            f"{len(nodes)} nodes: it did not read the course's configuration"
        )
    return await _elsewhere(facts, node, endpoint)


async def _elsewhere(facts: Facts, node: Node, endpoint: EtcdEndpoint) -> str:
    """That most other members belong to another cluster than this one, in words; empty when they do not."""
    nodes = facts.lab.nodes.values()
    answers = await asyncio.gather(*(facts.endpoint(one) for one in nodes), return_exceptions=True)
    most = home(answer for answer in answers if isinstance(answer, EtcdEndpoint))
    if most and endpoint.cluster_id != most:
        return f"etcd on {node.name} belongs to the cluster {endpoint.cluster_id}, the others to {most}"
    return ""


async def _patroni(facts: Facts, node: Node, process: Process) -> tuple[bool, str]:
    try:
        truth = await facts.patroni(node)
    except LabError:
        return _stays("patroni", node, process, "it does not answer yet", _SILENT)
    state = str(truth.get("state"))
    unlocked = role(truth) == "leader" and bool(truth.get("cluster_unlocked"))
    if state in _UNFINISHED:
        return False, f"Patroni runs on {node.name} and has not finished: {state}"
    if unlocked and process.age < _SILENT:
        return False, f"Patroni runs on {node.name}, nobody holds the leader key yet, and its PostgreSQL is {state}"
    if state == "running" and process.age >= _FIRST_LOOP:
        return True, f"Patroni runs on {node.name} and answers"
    return _stays("patroni", node, process, f"its PostgreSQL is {state}")


async def _postgres(facts: Facts, node: Node, process: Process) -> tuple[bool, str]:
    try:
        await facts.query(node, "select 1")
    except LabError as error:
        # A refusal by a rule is an answer, too; a server that starts, stops or says nothing is not there yet.
        if "FATAL" not in error.what or "the database system is" in error.what:
            return False, f"PostgreSQL on {node.name} takes no connection: {error.what}"
    return True, f"PostgreSQL runs on {node.name} and takes connections"


async def _last_words(facts: Facts, node: Node, paths: Sequence[str]) -> str:
    """The telling line of each log that was written last, with its age."""
    if not paths:
        return ""
    words = " ".join(shlex.quote(path) for path in dict.fromkeys(paths))
    _, out = await facts.command(
        node,
        f'for f in {words}; do [ -s "$f" ] && echo "{_MARK} $(($(date +%s) - $(stat -c %Y "$f"))) $f" && '
        f'tail -n {_LINES} "$f" && echo; done; true',
    )
    logs: list[tuple[int, str, str]] = []
    for part in out.split(_MARK)[1:]:
        head, _, text = part.partition("\n")
        age, _, path = head.strip().partition(" ")
        line = telling(text)
        if line and age.lstrip("-").isdigit():
            logs.append((max(0, int(age)), PurePosixPath(path).name, line))
    newest = min((age for age, _, _ in logs), default=0)
    return "; ".join(f"{name} ended {_ago(age)} with “{line}”" for age, name, line in logs if age <= newest + _SAME)


def telling(text: str) -> str:
    """The last line that says what went wrong, else the last one; of etcd's JSON the message and the error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    entries = [_entry(line) for line in lines]
    chosen = next((words for bad, words in reversed(entries) if bad), entries[-1][1])
    return chosen if len(chosen) <= _LONGEST else f"{chosen[: _LONGEST - 1]}…"


def _entry(line: str) -> tuple[bool, str]:
    """Whether a line tells of trouble, and its words."""
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = {}
        if isinstance(entry, dict) and "msg" in entry:
            words = f"{entry['msg']}: {entry['error']}" if entry.get("error") else str(entry["msg"])
            return entry.get("level") in ("error", "fatal", "panic", "dpanic"), words
    return bool(_TROUBLE.search(line)), line


def _ago(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 7200 else f"{seconds // 3600} h ago"


CHECKS = {
    "service": CheckType(
        service,
        {
            "on": ON,
            "name": Param((str,), required=True, choices=tuple(LABELS)),
            "user": Param((str,)),
            "log": Param((str,)),
        },
    ),
}
