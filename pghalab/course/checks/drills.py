"""Checks for the lessons that take something away: what a drill wrote down, and what it left behind."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pghalab.course.checks.base import FLAG, ON, TEXT, CheckType, Context
from pghalab.course.events import CheckResult
from pghalab.lab.types import LabError, Node

# A member answers this from its own copy, so also when the quorum is away; it has to answer at once or not at all.
_GET = "etcdctl --command-timeout=2s get --print-value-only --consistency=s {key}"


async def etcd_key(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A key in etcd has this value by the word of every member that answers, with or without a quorum."""
    key, wanted = str(params["key"]), str(params["equals"])
    command = _GET.format(key=shlex.quote(key))

    async def ask(node: Node) -> str | None:
        try:
            if (await ctx.facts.endpoint(node)).waits:
                return None
            status, out = await ctx.facts.command(node, command)
        except LabError:
            return None
        return None if status else out.rstrip("\n")

    answers = [value for value in await asyncio.gather(*map(ask, ctx.facts.lab.nodes.values())) if value is not None]
    values = sorted({value or "no such key" for value in answers})
    saw = " and ".join(values) or "no etcd member answers"
    return [CheckResult(f"the etcd key {key}", values == [wanted], saw, wanted)]


async def job(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A command line that begins with these words runs as postgres, or does not."""
    words, running = str(params["command"]), bool(params.get("running", True))

    async def look(node: Node) -> tuple[bool, str]:
        processes = await ctx.facts.processes(node)
        found = any(one.user == "postgres" and one.line.startswith(words) for one in processes)
        return found == running, f"`{words}` {'runs' if found else 'does not run'} on {node.name}"

    wanted = "running" if running else "not running"
    return await ctx.per_node(params.get("on"), f"`{words}`", wanted, look)


async def relation(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A table or view of this name exists in a database on each node."""
    database, name = str(params["database"]), str(params["name"])

    async def look(node: Node) -> tuple[bool, str]:
        rows = await ctx.facts.query(node, "select relname from pg_class where relkind in ('r', 'v')", database)
        there = any(row[0] == name for row in rows)
        return there, f"{name} {'exists' if there else 'is missing'} in {database}"

    return await ctx.per_node(params.get("on", "data"), f"{name} in {database}", f"{name} exists", look)


CHECKS = {
    "etcd_key": CheckType(etcd_key, {"key": TEXT, "equals": TEXT}),
    "job": CheckType(job, {"on": ON, "command": TEXT, "running": FLAG}),
    "relation": CheckType(relation, {"on": ON, "database": TEXT, "name": TEXT}),
}
