"""Checks of etcd: its members, its one leader and term, and the keys that Patroni keeps in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pghalab.cluster.identity import member_id
from pghalab.cluster.model import EtcdEndpoint
from pghalab.course.checks.base import COUNT, FLAG, TEXT, TEXTS, CheckType, Context, Param, in_words
from pghalab.course.checks.blind import looked
from pghalab.course.events import CheckResult
from pghalab.lab.types import LabError, Node

TOKEN = "pgha-token"
"""The token of the course's cluster, as etcdSetup.sh writes it."""


async def etcd(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """So many started and healthy members, exactly one leader, one term."""
    nodes = list(ctx.facts.lab.nodes.values())
    members = int(params.get("members", len(nodes)))
    healthy = int(params.get("healthy", members))
    answers = await asyncio.gather(*(_endpoint(ctx, node) for node in nodes))
    up = [answer for answer in answers if isinstance(answer, EtcdEndpoint) and answer.member_id]
    missing = [in_words(answer, node.name) for node, answer in zip(nodes, answers, strict=True)
               if isinstance(answer, LabError)]  # fmt: skip
    missing += [f"{answer.node}: {answer.errors or 'no answer'}" for answer in answers
                if isinstance(answer, EtcdEndpoint) and not answer.member_id]  # fmt: skip
    known = looked(*answers)
    results = [await _members(ctx, members, missing, known)]
    if not up:
        # The list of members may come a moment later than the endpoints were asked, and alone proves nothing.
        saw = "; ".join(missing[:3]) or "no endpoint answers"
        return [*results, CheckResult("etcd has one leader", False, saw, "one leader, one term", known=known)]
    results.append(_one_leader(up, known))
    health = await asyncio.gather(*(_healthy(ctx, node) for node in nodes))
    sick = [why for why in health if why]
    saw = f"{len(nodes) - len(sick)} healthy" + (f"; {'; '.join(sick)}" if sick else "")
    fit = len(nodes) - len(sick) >= healthy
    results.append(CheckResult("etcd is healthy", fit, saw, f"{healthy} healthy members", known=known))
    if params.get("ids"):
        results.append(_ids(ctx, [str(item) for item in params["ids"]], up))
    return results


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


async def _members(ctx: Context, wanted: int, missing: list[str], known: bool) -> CheckResult:
    check, words = "etcd has its members", f"{wanted} started members"
    try:
        started = [member for member in await ctx.facts.members() if getattr(member, "started", bool(member.name))]
    except LabError as error:
        saw = "; ".join(list(dict.fromkeys([error.what, *missing]))[:3])
        return CheckResult(check, False, saw, words, known=known and looked(error))
    saw = f"{len(started)} started" + (f"; {'; '.join(missing)}" if missing and len(started) != wanted else "")
    return CheckResult(check, len(started) == wanted, saw, words, known=known)


def _one_leader(up: Sequence[EtcdEndpoint], known: bool) -> CheckResult:
    leaders = [endpoint.node for endpoint in up if endpoint.is_leader]
    terms = sorted({endpoint.raft_term for endpoint in up if endpoint.raft_term is not None})
    who = f"{' and '.join(leaders)} {'leads' if len(leaders) == 1 else 'lead'}" if leaders else "no leader"
    saw = f"{who}, " + (f"term {terms[0]}" if len(terms) == 1 else f"terms {', '.join(map(str, terms))}")
    check, wanted = "etcd has one leader", "one leader, one term"
    # Two leaders or two terms are seen, whatever the members that nobody could ask would say.
    known = known or len(leaders) > 1 or len(terms) > 1
    return CheckResult(check, len(leaders) == 1 and len(terms) == 1, saw, wanted, known=known)


def _ids(ctx: Context, ids: list[str], up: Sequence[EtcdEndpoint]) -> CheckResult:
    """The ids follow from the addresses; a lab on another subnet has its own."""
    nodes = list(ctx.facts.lab.nodes.values())
    if ctx.names.subnet != "192.168.50":
        ids = [member_id(f"http://{node.address}:2380", TOKEN) for node in nodes[: len(ids)]]
    seen = sorted(str(endpoint.member_id) for endpoint in up)
    return CheckResult("the member ids", seen == sorted(ids), ", ".join(seen), ", ".join(sorted(ids)))


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
    "etcd": CheckType(etcd, {"members": COUNT, "healthy": COUNT, "ids": TEXTS}),
    "dcs_key": CheckType(dcs_key, {"key": TEXT, "equals": Param((str, int)), "present": FLAG}),
}
