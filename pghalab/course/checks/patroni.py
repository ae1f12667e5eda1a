"""Checks of Patroni: roles and states by each node's own word, the cluster as a whole, its configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pghalab.course.checks.base import COUNT, ON, VALUES, CheckType, Context, Param, in_words
from pghalab.course.checks.nodes import different
from pghalab.course.events import CheckResult
from pghalab.lab.types import LabError, Node


def _role(answer: Mapping[str, Any]) -> str:
    return "leader" if answer.get("role") in ("primary", "master", "leader") else str(answer.get("role", "unknown"))


def _state(answer: Mapping[str, Any]) -> str:
    return str(answer.get("replication_state") or answer.get("state", "unknown"))


async def patroni(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """Each node's own REST API tells this role and state; a streaming replica is running too."""
    role, state = params.get("role"), params.get("state")

    async def look(node: Node) -> tuple[bool, str]:
        answer = await ctx.facts.patroni(node)
        states = {str(answer.get("state")), _state(answer)}
        ok = (role is None or _role(answer) == role) and (state is None or state in states)
        return ok, f"{node.name} is {_role(answer)}, {_state(answer)}"

    wanted = ", ".join(word for word in (role, state) if word) or "answers"
    return await ctx.per_node(params.get("on", "data"), "Patroni", wanted, look)


async def cluster(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """One leader, so many streaming replicas, one timeline."""
    nodes = ctx.facts.data_nodes()
    streaming = int(params.get("streaming", len(nodes) - 1))
    answers = await asyncio.gather(*(_asked(ctx, node) for node in nodes))
    up = {node.name: answer for node, answer in zip(nodes, answers, strict=True) if isinstance(answer, Mapping)}
    words = [
        in_words(answer, node.name)
        if isinstance(answer, LabError)
        else f"{node.name} is {_role(answer)}, {_state(answer)}"
        for node, answer in zip(nodes, answers, strict=True)
    ]
    leaders = [name for name, answer in up.items() if _role(answer) == "leader"]
    replicas = [name for name, answer in up.items() if answer.get("replication_state") == "streaming"]
    timelines = {answer.get("timeline") for name, answer in up.items() if name in (*leaders, *replicas)}
    saw = "; ".join(words)
    results = [
        CheckResult(
            "the cluster streams", len(leaders) == 1 and len(replicas) == streaming and len(timelines) == 1,
            saw if len(timelines) <= 1 else f"{saw}; timelines {', '.join(sorted(map(str, timelines)))}",
            f"one leader, {streaming} streaming, one timeline",
        )
    ]  # fmt: skip
    if "max_lag" in params and len(leaders) == 1:
        end = _position(up[leaders[0]])
        lags = {name: max(0, end - _position(up[name])) for name in replicas}
        results.append(
            CheckResult(
                "the replicas keep up", bool(lags) and max(lags.values()) <= int(params["max_lag"]),
                ", ".join(f"{name} lags {lag} bytes" for name, lag in lags.items()) or "no replica streams",
                f"at most {params['max_lag']} bytes of lag",
            )
        )  # fmt: skip
    return results


def _position(answer: Mapping[str, Any]) -> int:
    xlog = answer.get("xlog") or {}
    return int(xlog.get("location") or xlog.get("replayed_location") or 0)


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
        patroni, {"on": ON, "role": Param((str,), choices=("leader", "replica")), "state": Param((str,))}
    ),
    "cluster": CheckType(cluster, {"streaming": COUNT, "max_lag": COUNT}),
    "config": CheckType(config, {"values": VALUES}),
}
