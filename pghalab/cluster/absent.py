"""What is said where no etcd, or no cluster, is seen: whether none runs or there never was one."""

from __future__ import annotations

from collections.abc import Sequence

from pghalab.cluster.model import NodeHealth, Nodes
from pghalab.text import enumerated

_DOWN = ("absent", "created", "exited", "foreign")
"""States of a container in which nothing of the lab runs."""


def no_etcd(nodes: Nodes | None) -> str:
    """Why the etcd pane is empty, and what fills it."""
    rows = _rows(nodes)
    none_runs = _none(nodes, [(row, row.etcd) for row in rows])
    if none_runs and all(row.member is False for row in rows):
        return "No etcd yet: the step that starts the first member brings it."
    what = "No etcd runs" if none_runs else "No etcd is seen to run"
    kept = [row.name for row in rows if row.member]
    if kept:
        where = "every node" if len(kept) == len(rows) else enumerated(kept)
        return f"{what}; its data lie on {where}: the steps that start its members bring it back."
    return f"{what}: the step that starts the first member brings it."


def no_cluster(nodes: Nodes | None) -> str:
    """Why the Patroni pane is empty, and what fills it."""
    rows = [row for row in _rows(nodes) if row.patroni != "none"]
    none_runs = _none(nodes, [(row, row.patroni) for row in rows])
    if none_runs and all(row.managed is False for row in rows):
        return "No cluster yet: the step that bootstraps the leader brings it."
    kept = [row.name for row in rows if row.managed]
    if kept:
        what = "No Patroni runs" if none_runs else "No cluster is seen"
        return f"{what}; its data lie on {enumerated(kept)}: the steps that start Patroni bring it back."
    return "No cluster is seen: the step that bootstraps the leader brings it."


def _rows(nodes: Nodes | None) -> Sequence[NodeHealth]:
    return (nodes.value if nodes is not None else None) or ()


def _none(nodes: Nodes | None, words: Sequence[tuple[NodeHealth, str]]) -> bool:
    """None of them runs, and that was seen: a refused connection, or a container that does not run."""
    known = nodes is not None and not nodes.error
    return known and bool(words) and all(row.container in _DOWN or word == "stopped" for row, word in words)
