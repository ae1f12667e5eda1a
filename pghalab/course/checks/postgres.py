"""Checks of PostgreSQL: settings, rules, real logins, and rows that really arrive."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from pghalab.course.checks.base import COUNT, FLAG, ON, TEXT, TEXTS, CheckType, Context, Param
from pghalab.course.events import CheckResult
from pghalab.lab.types import Lab, LabError, Node

_SETTING = re.compile(r"[a-z_][a-z0-9_.]*")
_RULES = "select type, database, user_name, address, netmask, auth_method, error, line_number from pg_hba_file_rules"
_ATTRIBUTES = ("login", "replication", "superuser")
_ROLES = "select rolname, rolcanlogin, rolreplication, rolsuper from pg_roles"
_MARK = """create schema if not exists pghalab;
create table if not exists pghalab.marker (only_row boolean primary key default true check (only_row), value text);
insert into pghalab.marker (value) values ('{value}')
on conflict (only_row) do update set value = excluded.value returning value"""
_ARRIVES = 3.0
"""Seconds in which a marker row must arrive within one look; the next look tries again."""


async def setting(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """`SHOW name` says this on each node."""
    name, given = str(params["name"]), params["value"]
    value = ("on" if given else "off") if isinstance(given, bool) else str(given)
    if not _SETTING.fullmatch(name):
        raise LabError(f"`{name}` is no setting's name")

    async def look(node: Node) -> tuple[bool, str]:
        rows = await ctx.facts.query(node, f"show {name}")
        saw = str(rows[0][0]) if rows else ""
        return saw == value, saw or "it is empty"

    return await ctx.per_node(params.get("on", "data"), f"setting {name}", value or "empty", look)


def rule(text: str) -> str:
    """A pg_hba line in one spelling: `type database user address/bits method`."""
    words = text.split()
    if len(words) == 6:
        words = [*words[:3], _cidr(words[3], words[4]), words[5]]
    elif len(words) == 5:
        words[3] = _cidr(words[3], None)
    return " ".join(words)


def _cidr(address: str, netmask: str | None) -> str:
    try:
        return str(ipaddress.ip_network(f"{address}/{netmask}" if netmask else address, strict=False))
    except ValueError:
        return address


def _row(row: Sequence[Any]) -> str:
    kind, databases, users, address, netmask, method = row[:6]
    words = [str(kind), ",".join(databases or ()), ",".join(users or ())]
    if address:
        words.append(_cidr(str(address), _ipv6_bits(netmask)))
    return " ".join([*words, str(method)])


def _ipv6_bits(netmask: Any) -> str | None:
    """PostgreSQL tells an IPv6 mask as an address; the count of its bits is what a network takes."""
    if not netmask:
        return None
    text = str(netmask)
    return str(bin(int(ipaddress.IPv6Address(text))).count("1")) if ":" in text else text


async def hba(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """The rules in force are free of errors, hold these, and let nobody in by the methods of `without`."""
    wanted = [rule(str(line)) for line in params.get("has", [])]
    unwanted = [str(method) for method in params.get("without", [])]

    async def look(node: Node) -> tuple[bool, str]:
        rows = await ctx.facts.query(node, _RULES)
        broken = [f"line {row[7]}: {row[6]}" for row in rows if row[6]]
        have = {_row(row) for row in rows if not row[6]}
        missing = [line for line in wanted if line not in have]
        words = broken + [f"`{line}` is missing" for line in missing]
        words += [f"line {row[7]} is a rule of {row[5]}" for row in rows if not row[6] and row[5] in unwanted]
        return not words, "; ".join(words) or f"{len(have)} rules, none broken"

    words = ", ".join([f"`{line}`" for line in wanted] + [f"no rule of {method}" for method in unwanted])
    words = words or "rules without error"
    return await ctx.per_node(params.get("on", "data"), "pg_hba", words, look)


async def login(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A fresh connection from one node to another is accepted, or refused with these words.

    The password is the lab's, or with `password: wrong` another one.
    """
    (via,), (to,) = await ctx.targets(params["from"]), await ctx.targets(params["to"])
    user, database = str(params.get("user", "postgres")), str(params.get("database", "postgres"))
    accepted = bool(params.get("accepted", True))
    message = str(params.get("message", ""))
    wrong = params.get("password") == "wrong"
    let_in, words = await ctx.facts.login(via, to, user, database, _wrong(ctx.facts.lab) if wrong else None)
    saw = "accepted" if let_in else f"refused: {words}"
    wanted = "accepted" if accepted else f"refused: {message}" if message else "refused"
    ok = let_in == accepted and (let_in or message in words)
    check = (
        f"{to.name} {'lets in' if accepted else 'refuses'} {user} from {via.name}"
        f"{' with a wrong password' if wrong else ''}"
    )
    return [CheckResult(check, ok, saw, wanted, to.name)]


def _wrong(lab: Lab) -> str:
    return f"{lab.password} is not it"


async def replication(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """So many replicas stream from the leader, by pg_stat_replication."""
    wanted = int(params.get("streaming", len(ctx.facts.data_nodes()) - 1))
    leader = await ctx.facts.leader()
    rows = await ctx.facts.query(leader, "select application_name, state from pg_stat_replication")
    streaming = [str(row[0]) for row in rows if row[1] == "streaming"]
    saw = ", ".join(f"{row[0]} {row[1]}" for row in rows) or "nobody replicates from it"
    return [CheckResult("pg_stat_replication", len(streaming) == wanted, saw, f"{wanted} streaming", leader.name)]


async def marker(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A row written on the leader arrives on every replica; nothing is written before every replica streams."""
    leader = await ctx.facts.leader()
    replicas = [node for node in ctx.facts.data_nodes() if node.name != leader.name]
    ready = {node.name for node in await ctx.facts.streaming()}
    idle = [node.name for node in replicas if node.name not in ready]
    check, wanted = "a row arrives", f"what was just written on {leader.name}"
    if idle or not replicas:
        return [CheckResult(check, False, f"{name} does not stream", wanted, name) for name in idle] or [
            CheckResult(check, False, "there is no replica", wanted)
        ]
    if ctx.may_write:
        value = uuid.uuid4().hex
        await ctx.facts.query(leader, _MARK.format(value=value))
    else:
        rows = await ctx.facts.query(leader, "select value from pghalab.marker")
        if not rows:
            return [CheckResult(check, False, "no row was ever written", wanted, leader.name)]
        value = str(rows[0][0])
    until = time.monotonic() + _ARRIVES
    seen = await asyncio.gather(*(_arrives(ctx, node, value, until) for node in replicas))
    return [
        CheckResult(check, not why, why or "it arrived", wanted, node.name)
        for node, why in zip(replicas, seen, strict=True)
    ]


async def _arrives(ctx: Context, node: Node, value: str, until: float) -> str:
    attempt = 0
    while True:
        attempt += 1
        try:
            # The number keeps the pass from answering with what it has already seen.
            rows = await ctx.facts.query(node, f"select value from pghalab.marker /* {value} {attempt} */")
            if rows and rows[0][0] == value:
                return ""
            why = "an older row is there"
        except LabError as error:
            why = error.what
        if time.monotonic() > until:
            return why
        await asyncio.sleep(0.1)


async def database(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """The database exists on each node."""
    name = str(params["name"])

    async def look(node: Node) -> tuple[bool, str]:
        names = sorted(str(row[0]) for row in await ctx.facts.query(node, "select datname from pg_database"))
        return name in names, ", ".join(names)

    return await ctx.per_node(params.get("on", "data"), f"database {name}", f"{name} exists", look)


async def role(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """The PostgreSQL role exists on each node, with these attributes."""
    name = str(params["name"])

    async def look(node: Node) -> tuple[bool, str]:
        rows = await ctx.facts.query(node, _ROLES)
        found = next((row for row in rows if row[0] == name), None)
        if found is None:
            return False, f"no role {name}"
        has = dict(zip(_ATTRIBUTES, map(bool, found[1:]), strict=True))
        ok = all(has[key] == params[key] for key in has if key in params)
        return ok, ", ".join(key if value else f"no {key}" for key, value in has.items())

    wanted = ", ".join(["exists", *(key if params[key] else f"no {key}" for key in _ATTRIBUTES if key in params)])
    return await ctx.per_node(params.get("on", "data"), f"role {name}", wanted, look)


ONE_NODE = Param((str,), required=True, nodes=True)
CHECKS = {
    "setting": CheckType(setting, {"on": ON, "name": TEXT, "value": Param((str, int, float, bool), required=True)}),
    "hba": CheckType(hba, {"on": ON, "has": TEXTS, "without": TEXTS}),
    "login": CheckType(
        login,
        {
            "from": ONE_NODE,
            "to": ONE_NODE,
            "user": Param((str,)),
            "database": Param((str,)),
            "accepted": FLAG,
            "message": Param((str,)),
            "password": Param((str,), choices=("right", "wrong")),
        },
    ),
    "replication": CheckType(replication, {"streaming": COUNT}),
    "marker": CheckType(marker),
    "database": CheckType(database, {"on": ON, "name": TEXT}),
    "role": CheckType(role, {"on": ON, "name": TEXT, **dict.fromkeys(_ATTRIBUTES, FLAG)}),
}
