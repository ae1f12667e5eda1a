"""The lab's condition in one line."""

from __future__ import annotations

from pghalab.cluster.cells import Cell, Line, joined
from pghalab.cluster.model import Etcd, EtcdView, NodeHealth, Nodes, Patroni, PatroniView
from pghalab.cluster.trouble import silent_leader, waits, writers


def headline(
    lab: str,
    nodes: Nodes | None,
    etcd: Etcd | None,
    patroni: Patroni | None,
    trouble: str = "",
    paused: bool = False,
    nothing: str = "looking…",
) -> Line:
    """`lab pgha · ● 5 of 5 nodes up · etcd 5 of 5, quorum · ★ pgha1 leads, timeline 1, 2 streaming`.

    `nothing` is what is said before anything was seen.
    """
    parts = [Cell(f"lab {lab}", bold=True)]
    if paused:
        parts.append(Cell("as it was when you paused", "warn", "held"))
    if trouble:
        return joined([*parts, Cell(trouble.splitlines()[0], "bad", "bad")])
    if nodes is None or nodes.value is None:
        error = nodes.error if nodes is not None else None
        return joined([*parts, Cell(error.splitlines()[0], "bad") if error else Cell(nothing, "quiet")])
    if nodes.error:
        return joined([*parts, Cell(nodes.error.splitlines()[0], "bad", "bad")])
    rows = nodes.value
    if not any(node.container not in ("absent", "foreign") for node in rows):
        return joined([*parts, Cell("no nodes", "quiet")])
    writing = writers(rows)
    if len(writing) > 1:
        parts.append(Cell(f"{len(writing)} SERVERS TAKE WRITES: {', '.join(writing)}", "bad", "bad", bold=True))
    parts.append(_up(rows))
    if etcd is not None and etcd.value is not None:
        parts += [Cell("etcd not seen", "warn", "ask")] if etcd.error else _etcd(etcd.value)
    if patroni is not None and patroni.value is not None and patroni.value.members:
        parts += _unknown_leader(rows) if patroni.error else [_leader(patroni.value)]
    return joined(parts)


def _up(rows: tuple[NodeHealth, ...]) -> Cell:
    up = sum(node.container == "running" and node.ssh == "up" for node in rows)
    well = up == len(rows)
    return Cell(f"{up} of {len(rows)} nodes up", "ok" if well else "warn", "on" if well else "warn")


def _etcd(view: EtcdView) -> list[Cell]:
    if view.waits:
        return [Cell(f"etcd {waits(view)}", "warn", "half")]
    if not view.members:
        return []
    if view.unsure:
        return [Cell(f"etcd {view.alive} of {view.members} heard, quorum unknown", "warn", "ask")]
    text = f"etcd {view.alive} of {view.members}, {'quorum' if view.has_quorum else 'NO QUORUM'}"
    return [Cell(text, ("ok" if view.alive == view.members else "warn") if view.has_quorum else "bad")]


def _unknown_leader(rows: tuple[NodeHealth, ...]) -> list[Cell]:
    """Without the keys nobody knows who leads, and the servers still say which of them takes writes."""
    parts = [Cell("leader not known", "warn", "ask")]
    writing = writers(rows)
    if len(writing) == 1:
        parts.append(Cell(f"{writing[0]} takes writes", "warn", "warn"))
    elif not writing and any(row.writes is False for row in rows):
        parts.append(Cell("no server seen that takes writes", "bad", "bad"))
    return parts


def _leader(view: PatroniView) -> Cell:
    holder = view.holder
    if view.leader is None:
        # Who bootstraps a cluster takes the key only when that is done.
        return Cell("no leader", "bad", "bad") if view.system_id else Cell("the cluster begins", "warn", "half")
    if holder is None or not holder.answers:
        return Cell(silent_leader(view), "warn", "warn", bold=True)
    if holder.writes is False:
        return Cell(f"{view.leader} holds the leader key and is read-only", "warn", "warn")
    timeline = f", timeline {holder.timeline}" if holder.timeline else ""
    streaming = sum(member.state == "streaming" and member.answers for member in view.members)
    return Cell(f"{view.leader} leads{timeline}, {streaming} streaming", "ok", "star")
