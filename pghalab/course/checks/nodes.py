"""Checks of the image, the containers, and what lies and runs on the nodes."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pghalab.course.checks.base import FLAG, ON, TEXT, TEXTS, VALUES, CheckType, Context, Param
from pghalab.course.checks.paths import File
from pghalab.course.checks.services import LABELS
from pghalab.course.events import CheckResult
from pghalab.lab.types import LabError, Node

MARK = "patroni.dynamic.json"
"""The copy of the dynamic configuration in a data directory that Patroni manages; it comes with a copy of the data."""


async def image(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """The lab's image is built and carries its versions."""
    versions = await ctx.facts.image()
    named = ", ".join(f"{name} {at}" for name, at in (versions or {}).items())
    saw = "it is not built" if versions is None else named or "it names no versions"
    return [CheckResult("the image is built", bool(versions), saw, "an image that names its versions")]


async def containers(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """Every node runs with its own address, and its ssh answers."""
    found = {container.name: container for container in await ctx.facts.containers()}

    async def look(node: Node) -> tuple[bool, str]:
        container = found.get(node.name)
        if container is None or container.state == "absent":
            return False, "there is no container"
        if container.state == "foreign":
            return False, f"the container {node.name} does not belong to this lab"
        if container.state != "running":
            return False, f"the container {node.name} is {container.state}"
        if container.address != node.address:
            has = f"has the address {container.address}" if container.address else "is not on the lab's network"
            return False, f"{node.name} {has}"
        await ctx.facts.processes(node)
        return True, f"runs at {container.address}, ssh answers"

    return await ctx.per_node("all", "the node runs", "running at its own address, ssh answers", look)


async def resolves(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """Each name resolves on each node to the address the lab gives it."""
    nodes = ctx.facts.lab.nodes
    addresses = {name: node.address for name, node in nodes.items()}
    addresses |= {f"etcd{number}": node.address for number, node in enumerate(nodes.values(), 1)}
    names = [str(name) for name in params.get("names") or nodes]
    unknown = [name for name in names if name not in addresses]
    if unknown:
        raise LabError(f"this lab has no name {unknown[0]}")
    # Programs are what takes time on a node: one for each name.
    command = f'for n in {shlex.join(names)}; do echo "$n $(getent ahostsv4 "$n")"; done'

    async def look(node: Node) -> tuple[bool, str]:
        _, out = await ctx.facts.command(node, command)
        # The first line of each name: the name, its first address, the type of its socket, and sometimes a name again.
        seen = {
            name: rest.split(" STREAM")[0].strip()
            for name, _, rest in (line.partition(" ") for line in out.splitlines())
        }
        wrong = [name for name in names if seen.get(name, "") != addresses[name]]
        if not wrong:
            return True, "every name resolves"
        return False, ", ".join(
            f"{name} is {seen[name]}, not {addresses[name]}" if seen.get(name) else f"{name} does not resolve"
            for name in wrong
        )

    return await ctx.per_node(params.get("on"), f"{', '.join(names)} resolve", "each name at its node's address", look)


async def path(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A file or directory is there, or is not, with its owner, mode and content."""
    where = str(params["path"])
    wanted = _wanted(params)

    async def look(node: Node) -> tuple[bool, str]:
        found = await ctx.facts.file(node, where)
        if found is None:
            return bool(params.get("absent")), f"{where} does not exist"
        if params.get("absent"):
            return False, f"{where} exists"
        wrong = _wrong(found, params)
        return not wrong, "; ".join(wrong) or "as wanted"

    return await ctx.per_node(params.get("on"), where, wanted, look)


async def emptied(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A data directory is gone, or Patroni is filling it and has not marked it as its own yet."""
    where = str(params["path"])

    async def look(node: Node) -> tuple[bool, str]:
        if await ctx.facts.file(node, where) is None:
            return True, f"{where} does not exist"
        runs = any(found.name == "patroni" for found in await ctx.facts.processes(node))
        if runs and await ctx.facts.file(node, f"{where.rstrip('/')}/{MARK}") is None:
            return True, f"Patroni is filling {where}"
        return False, f"{where} exists"

    return await ctx.per_node(params.get("on"), where, "does not exist", look)


def _wanted(params: Mapping[str, Any]) -> str:
    if params.get("absent"):
        return "does not exist"
    words = [f"a {params['type']}" if "type" in params else "exists"]
    if "owner" in params:
        words.append(f"owned by {params['owner']}")
    if "mode" in params:
        words.append(f"mode {params['mode']}")
    if "empty" in params:
        words.append("empty" if params["empty"] else "not empty")
    words += [f"with `{text}`" for text in params.get("contains", [])]
    return ", ".join(words)


def _wrong(found: File, params: Mapping[str, Any]) -> list[str]:
    wrong: list[str] = []
    if "type" in params and found.type != params["type"]:
        wrong.append(f"it is a {found.type}")
    if "owner" in params and found.owner != params["owner"]:
        wrong.append(f"it is owned by {found.owner}")
    if "mode" in params and found.mode != str(params["mode"]).lstrip("0"):
        wrong.append(f"its mode is {found.mode}")
    empty = found.entries == 0 if found.type == "directory" else not found.text
    if "empty" in params and empty != params["empty"]:
        wrong.append(
            "it is empty" if empty else f"it holds {found.entries} entries" if found.entries else "it has text"
        )
    wrong += [f"`{text}` is not in it" for text in params.get("contains", []) if str(text) not in found.text]
    return wrong


async def yaml(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A YAML file has these values, each one value or `{one_of: [...]}`.

    `{{node}}` and `{{address}}` stand for the node looked at.
    """
    where = str(params["path"])
    values: Mapping[str, Any] = params["values"]

    async def look(node: Node) -> tuple[bool, str]:
        from yaml import YAMLError, safe_load

        found = await ctx.facts.file(node, where)
        if found is None:
            return False, f"{where} does not exist"
        try:
            data = await asyncio.to_thread(safe_load, found.text)
        except YAMLError:
            return False, f"{where} is not valid YAML"
        mine = {key: _own(value, node) for key, value in values.items()}
        wrong = different(data, mine)
        return not wrong, wrong or "as wanted"

    wanted = ", ".join(f"{key}: {_told(value)}" for key, value in values.items())
    results = await ctx.per_node(params.get("on"), where, wanted, look)
    nodes = ctx.facts.lab.nodes
    return [replace(result, wanted=_own(wanted, nodes[result.node or ""])) for result in results]


def _told(value: Any) -> str:
    if isinstance(value, Mapping) and set(value) == {"one_of"}:
        return " or ".join(map(str, value["one_of"]))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _own(value: Any, node: Node) -> Any:
    if isinstance(value, str):
        return value.replace("{{node}}", node.name).replace("{{address}}", node.address)
    if isinstance(value, list):
        return [_own(item, node) for item in value]
    if isinstance(value, Mapping):
        return {key: _own(item, node) for key, item in value.items()}
    return value


_ABSENT = object()


def different(data: Any, values: Mapping[str, Any], *, more: bool = False) -> str:
    """What differs from the wanted values (keys are dotted paths), in words; empty when nothing does.

    With `more` a list may have other entries between and around the wanted ones.
    """
    words: list[str] = []
    for key, wanted in values.items():
        found = _dig(data, key)
        if found is _ABSENT:
            if wanted is not None:
                words.append(f"{key} is not set")
        elif not (_within(found, wanted) if more else _same(found, wanted)):
            words.append(f"{key} is {found}")
    return ", ".join(words)


def _dig(data: Any, key: str) -> Any:
    if isinstance(data, Mapping):
        if key in data:
            return data[key]
        for end in range(len(key)):
            if key[end] == "." and key[:end] in data:
                return _dig(data[key[:end]], key[end + 1 :])
    return _ABSENT


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and set(wanted) == {"one_of"}:
        return any(_same(found, one) for one in wanted["one_of"])
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(_same(a, b) for a, b in zip(found, wanted, strict=True))
    # etcd takes its comma lists in any order.
    return bool(found == wanted) or sorted(str(found).split(",")) == sorted(str(wanted).split(","))


def _within(found: Any, wanted: Any) -> bool:
    if isinstance(found, list) and isinstance(wanted, list):
        rest = iter(found)
        return all(any(_same(entry, one) for entry in rest) for one in wanted)
    return _same(found, wanted)


async def process(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A program runs, or does not, as a user."""
    name = str(params["name"])
    user = params.get("user")
    running = params.get("running", True)
    label = LABELS.get(name, name)

    async def look(node: Node) -> tuple[bool, str]:
        owners = {found.user for found in await ctx.facts.processes(node) if found.name == name}
        if not owners:
            return not running, f"{label} is not running on {node.name}"
        if running and user and user not in owners:
            return False, f"{label} runs as {', '.join(sorted(owners))} on {node.name}"
        return bool(running), f"{label} runs on {node.name}"

    wanted = (f"running as {user}" if user else "running") if running else "not running"
    check = f"{label} {'runs' if running else 'does not run'}"
    return await ctx.per_node(params.get("on"), check, wanted, look)


CHECKS = {
    "image": CheckType(image),
    "containers": CheckType(containers),
    "resolves": CheckType(resolves, {"on": ON, "names": TEXTS}),
    "path": CheckType(
        path,
        {
            "on": ON,
            "path": TEXT,
            "type": Param((str,), choices=("file", "directory")),
            "owner": Param((str,)),
            "mode": Param((str,)),
            "contains": TEXTS,
            "absent": FLAG,
            "empty": FLAG,
        },
    ),
    "emptied": CheckType(emptied, {"on": ON, "path": TEXT}),
    "yaml": CheckType(yaml, {"on": ON, "path": TEXT, "values": VALUES}),
    "process": CheckType(process, {"on": ON, "name": TEXT, "user": Param((str,)), "running": FLAG}),
}
