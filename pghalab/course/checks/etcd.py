"""Checks of etcd: its members, its one leader and term, and the keys that Patroni keeps in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pghalab.cluster.identity import home
from pghalab.cluster.model import EtcdEndpoint
from pghalab.course.checks.base import COUNT, FLAG, TEXT, CheckType, Context, Param, in_words
from pghalab.course.checks.blind import looked
from pghalab.course.events import CheckResult
from pghalab.lab.types import LabError, Node

ONE_LEADER = "etcd has one leader"


async def etcd(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """Exactly one leader and one term; so many started members and so many healthy ones where these are given."""
    nodes = list(ctx.facts.lab.nodes.values())
    answers = await asyncio.gather(*(_endpoint(ctx, node) for node in nodes))
    up = [answer for answer in answers if isinstance(answer, EtcdEndpoint) and answer.member_id]
    most = home(up)
    ours = [endpoint for endpoint in up if most in (None, endpoint.cluster_id)]
    missing = [in_words(answer, node.name) for node, answer in zip(nodes, answers, strict=True)
               if isinstance(answer, LabError)]  # fmt: skip
    missing += [f"etcd on {answer.node} {answer.errors}" for answer in answers
                if isinstance(answer, EtcdEndpoint) and answer.waits]  # fmt: skip
    missing += [f"etcd on {endpoint.node} belongs to another cluster" for endpoint in up if endpoint not in ours]
    results: list[CheckResult] = []
    if "members" in params:
        results.append(await _members(ctx, int(params["members"]), ours, missing))
    results.append(_one_leader(ours, missing))
    if ours and ("healthy" in params or "members" in params):
        wanted = int(params.get("healthy", params.get("members", 0)))
        results.append(await _health(ctx, wanted, ours, missing))
    if looked(*answers):
        return results
    return [replace(result, known=result.ok or _contradicted(result, ours)) for result in results]


def _contradicted(result: CheckResult, ours: Sequence[EtcdEndpoint]) -> bool:
    """Two leaders or two terms are seen, whatever the members that nobody could ask would say."""
    several = sum(bool(endpoint.is_leader) for endpoint in ours) > 1 or len(_terms(ours)) > 1
    return result.check == ONE_LEADER and several


def _terms(ours: Sequence[EtcdEndpoint]) -> list[int]:
    return sorted({endpoint.raft_term for endpoint in ours if endpoint.raft_term is not None})


async def _endpoint(ctx: Context, node: Node) -> EtcdEndpoint | LabError:
    try:
        return await ctx.facts.endpoint(node)
    except LabError as error:
        return error


async def _healthy(ctx: Context, node: Node) -> str:
    try:
        return "" if await ctx.facts.healthy(node) else f"etcd on {node.name} cannot commit"
    except LabError as error:
        return in_words(error, node.name)


async def _health(ctx: Context, wanted: int, ours: Sequence[EtcdEndpoint], missing: list[str]) -> CheckResult:
    nodes = [ctx.facts.lab.nodes[endpoint.node] for endpoint in ours]
    said = await asyncio.gather(*(_healthy(ctx, node) for node in nodes))
    sick = [why for why in said if why]
    healthy = len(nodes) - len(sick)
    saw = "; ".join([f"{healthy} healthy", *sick, *missing])
    return CheckResult("etcd is healthy", healthy >= wanted, saw, f"{wanted} healthy members")


async def _members(ctx: Context, wanted: int, ours: Sequence[EtcdEndpoint], missing: list[str]) -> CheckResult:
    """The list as one of our members knows it; what it says of a cluster without any that answers is nothing."""
    check, words = "etcd has its members", f"{wanted} started members"
    if not ours:
        return CheckResult(check, False, _why_none(missing), words)
    listed = await ctx.facts.members_of(ctx.facts.lab.nodes[ours[0].node])
    started = [member for member in listed if member.started]
    saw = "; ".join([f"{len(started)} started", *(missing if len(started) != wanted else [])])
    return CheckResult(check, len(started) == wanted, saw, words)


def _why_none(missing: list[str]) -> str:
    return "; ".join(missing[:3]) or "no etcd member answers"


def _one_leader(ours: Sequence[EtcdEndpoint], missing: list[str]) -> CheckResult:
    check, wanted = ONE_LEADER, "one leader, one term"
    if not ours:
        return CheckResult(check, False, _why_none(missing), wanted)
    leaders = [endpoint.node for endpoint in ours if endpoint.is_leader]
    terms = _terms(ours)
    who = f"{' and '.join(leaders)} {'leads' if len(leaders) == 1 else 'lead'}" if leaders else "no leader"
    saw = f"{who}, " + (f"term {terms[0]}" if len(terms) == 1 else f"terms {', '.join(map(str, terms))}")
    return CheckResult(check, len(leaders) == 1 and len(terms) == 1, saw, wanted)


async def dcs_key(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """A key of Patroni's is there, or is not, or has a value."""
    key = str(params["key"])
    present = params.get("present", True)
    wanted = f"= {params['equals']}" if "equals" in params else "present" if present else "absent"
    value = (await ctx.facts.dcs()).get(key)
    ok = (value is not None) == present and ("equals" not in params or value == str(params["equals"]))
    saw = "no such key" if value is None else value if len(value) <= 60 else f"{value[:57]}..."
    return [CheckResult(f"the DCS key {key}", ok, saw, wanted)]


CHECKS = {
    "etcd": CheckType(etcd, {"members": COUNT, "healthy": COUNT}),
    "dcs_key": CheckType(dcs_key, {"key": TEXT, "equals": Param((str, int)), "present": FLAG}),
}
