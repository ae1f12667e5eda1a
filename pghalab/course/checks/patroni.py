"""Checks of Patroni: roles and states by each node's own word, the cluster as a whole, its configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pghalab.cluster.truth import replay_lag, role, state
from pghalab.course.checks.base import COUNT, ON, VALUES, CheckType, Context, Param, in_words
from pghalab.course.checks.blind import looked
from pghalab.course.checks.nodes import different
from pghalab.course.events import CheckResult
from pghalab.lab.types import LabError, Node


async def patroni(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """Each node's own REST API tells this role and state; a streaming replica is running too.

    The role `member` is that of a node that leads, or streams as a replica.
    """
    wanted_role, wanted_state = params.get("role"), params.get("state")

    async def look(node: Node) -> tuple[bool, str]:
        truth = await ctx.facts.patroni(node)
        states = {str(truth.get("state")), state(truth)}
        if wanted_role == "member":
            fits = state(truth) == ("running" if role(truth) == "leader" else "streaming")
        else:
            fits = wanted_role is None or role(truth) == wanted_role
        return fits and (wanted_state is None or wanted_state in states), _says(node.name, truth)

    as_whom = "leads, or streams as a replica" if wanted_role == "member" else wanted_role
    wanted = ", ".join(word for word in (as_whom, wanted_state) if word) or "answers"
    return await ctx.per_node(params.get("on", "data"), "Patroni", wanted, look)


def _says(name: str, truth: Mapping[str, Any]) -> str:
    return f"{name} is {role(truth)}, {state(truth)}"


async def cluster(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """One leader, so many streaming replicas, one timeline."""
    nodes = ctx.facts.data_nodes()
    streaming = int(params.get("streaming", len(nodes) - 1))
    answers = dict(
        zip((node.name for node in nodes), await asyncio.gather(*(_asked(ctx, n) for n in nodes)), strict=True)
    )
    up = {name: answer for name, answer in answers.items() if isinstance(answer, Mapping)}
    saw = "; ".join(
        in_words(answer, name) if isinstance(answer, LabError) else _says(name, answer)
        for name, answer in answers.items()
    )
    leaders = [name for name, truth in up.items() if role(truth) == "leader"]
    replicas = [name for name, truth in up.items() if truth.get("replication_state") == "streaming"]
    timelines = {up[name].get("timeline") for name in (*leaders, *replicas)}
    results = [
        CheckResult(
            "the cluster streams", len(leaders) == 1 and len(replicas) == streaming and len(timelines) == 1,
            saw if len(timelines) <= 1 else f"{saw}; timelines {', '.join(sorted(map(str, timelines)))}",
            f"one leader, {streaming} streaming, one timeline",
            known=looked(*answers.values()) or len(leaders) > 1 or len(timelines) > 1,
        )
    ]  # fmt: skip
    if "max_lag" in params:
        results.append(_lags({name: up[name] for name in replicas}, [up[name] for name in leaders], params["max_lag"]))
    return results


def _lags(replicas: Mapping[str, Mapping[str, Any]], leaders: Sequence[Mapping[str, Any]], most: int) -> CheckResult:
    """A lag that is not known is no lag of 0: without one leader's position, or a replica's own, nothing keeps up."""
    lags = {name: replay_lag(leaders[0], truth) if len(leaders) == 1 else None for name, truth in replicas.items()}
    words = [f"{name}'s lag is unknown" if lag is None else f"{name} lags {lag} bytes" for name, lag in lags.items()]
    keep_up = bool(lags) and all(lag is not None and lag <= most for lag in lags.values())
    return CheckResult(
        "the replicas keep up", keep_up, ", ".join(words) or "no replica streams", f"at most {most} bytes of lag"
    )


async def _asked(ctx: Context, node: Node) -> Mapping[str, Any] | LabError:
    try:
        return await ctx.facts.patroni(node)
    except LabError as error:
        return error


async def config(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """The dynamic configuration in the DCS has these values; null is "not set", a list may have more entries."""
    values: Mapping[str, Any] = params["values"]
    wrong = different(await ctx.facts.config(), values, more=True)
    wanted = ", ".join(f"{key}: {value}" for key, value in values.items())
    return [CheckResult("the dynamic configuration", not wrong, wrong or "as wanted", wanted)]


CHECKS = {
    "patroni": CheckType(
        patroni, {"on": ON, "role": Param((str,), choices=("leader", "replica", "member")), "state": Param((str,))}
    ),
    "cluster": CheckType(cluster, {"streaming": COUNT, "max_lag": COUNT}),
    "config": CheckType(config, {"values": VALUES}),
}
