"""Patroni's REST API on each node, and one picture from it and the keys in etcd (Patroni docs: REST API)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pghalab.cluster import rest
from pghalab.cluster.dcs import SCOPE, Dcs, DcsMember
from pghalab.cluster.model import PatroniMember, PatroniView
from pghalab.cluster.truth import lag, number, position, runs_postgres, takes_writes
from pghalab.lab.types import LabError, Node

PORT: Final = 8008
TIMEOUT: Final = 2.0
_SERVICE: Final = "Patroni"


async def status(node: Node, *, timeout: float = TIMEOUT) -> dict[str, Any]:
    """`GET /patroni`: what this node knows of itself, answered without etcd too.

    Raises OutOfReach, NotRunning or NoAnswer.
    """
    return await _get(node, "/patroni", timeout)


async def _get(node: Node, path: str, timeout: float) -> dict[str, Any]:
    reply = await rest.request(node, PORT, "GET", path, service=_SERVICE, timeout=timeout)
    try:
        answer = reply.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise LabError(f"Patroni answered {path} with HTTP {reply.status} and no JSON", node=node.name)
    return answer


def view(
    dcs: Dcs | None,
    truths: Mapping[str, Mapping[str, Any]],
    writes: Mapping[str, bool | None] | None = None,
    lease_left: int | None = None,
) -> PatroniView:
    """What `patronictl list` would print, with each node's own newer answer where it has one.

    `truths` holds the last `GET /patroni` of every node that answers, `writes` whether each server takes writes by its
    own word (without it, what the truths say). Without any keys (etcd was never reached) the nodes' answers stand
    alone: nobody is Leader then, since only the key makes one.
    """
    own = {name: takes_writes(truth) for name, truth in truths.items()} | dict(writes or {})
    if dcs is None:
        alone = tuple(_alone(name, truth, own.get(name)) for name, truth in sorted(truths.items()))
        ids = {str(truth["database_system_identifier"]) for truth in truths.values() if _identified(truth)}
        return PatroniView(SCOPE, ids.pop() if len(ids) == 1 else "", None, alone)
    # Without the leader's own word a lag would be counted from where it once was.
    written = position(truths.get(dcs.leader or "", {}), "location")
    return PatroniView(
        scope=SCOPE,
        system_id=dcs.initialize or "",
        leader=dcs.leader,
        members=tuple(
            _row(dcs, member, truths.get(member.name), written, own.get(member.name)) for member in dcs.members
        ),
        paused=dcs.paused,
        lease_left=lease_left,
    )


def _row(
    dcs: Dcs, member: DcsMember, truth: Mapping[str, Any] | None, written: int | None, writes: bool | None
) -> PatroniMember:
    is_leader = member.name == dcs.leader
    state = ("" if is_leader else member.replication_state) or member.state
    timeline, receive, replay = member.timeline, member.receive_lsn, member.replay_lsn
    pending = member.pending_restart
    # `unknown` means that PostgreSQL does not answer its Patroni; patronictl prints what the key says then.
    if truth is not None and truth.get("state") != "unknown":
        state = ("" if is_leader else str(truth.get("replication_state") or "")) or str(truth.get("state", state))
        timeline = number(truth.get("timeline")) or (timeline if runs_postgres(truth) else None)
        receive, replay = position(truth, "received_location"), position(truth, "replayed_location")
        pending = bool(truth.get("pending_restart", False))
    if is_leader:
        receive = replay = None
    return PatroniMember(
        name=member.name,
        host=member.host if member.port in (None, 5432) else f"{member.host}:{member.port}",
        role=dcs.role(member.name),
        state=state,
        timeline=timeline,
        receive_lsn=receive,
        receive_lag=lag(written, receive),
        replay_lsn=replay,
        replay_lag=lag(written, replay),
        pending_restart=pending,
        answers=truth is not None,
        writes=writes,
    )


def _alone(name: str, truth: Mapping[str, Any], writes: bool | None) -> PatroniMember:
    return PatroniMember(
        name=name,
        host=name,
        role="Replica" if truth.get("role") == "replica" else str(truth.get("role", "")).replace("_", " ").title(),
        state=str(truth.get("replication_state") or truth.get("state", "")),
        timeline=number(truth.get("timeline")),
        receive_lsn=position(truth, "received_location"),
        replay_lsn=position(truth, "replayed_location"),
        pending_restart=bool(truth.get("pending_restart", False)),
        writes=writes,
    )


def _identified(truth: Mapping[str, Any]) -> bool:
    return bool(truth.get("database_system_identifier"))
