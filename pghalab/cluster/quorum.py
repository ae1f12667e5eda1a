"""Which members are one etcd cluster, and whether they are a majority of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pghalab.cluster.identity import home
from pghalab.cluster.model import EtcdEndpoint, EtcdView


def ours(rows: Sequence[EtcdEndpoint], before: str | None) -> str | None:
    """The cluster that most of the running members belong to; among equals the one with leaders, then the last one."""
    running = [row for row in rows if row.runs and row.cluster_id is not None]
    if not running:
        return before
    most = home(running)
    if most is not None:
        return most
    runs = Counter(row.cluster_id for row in running)
    follows = Counter(row.cluster_id for row in running if row.follows)
    return max(runs, key=lambda one: (runs[one], follows[one], one == before))


def etcd_view(rows: Sequence[EtcdEndpoint], members: int, cluster_id: str | None = None) -> EtcdView:
    """The endpoints with the arithmetic of the quorum; members of another cluster than `cluster_id` are never counted.

    While those that see a leader are no majority, nobody leads: who still believes in a leader has only not noticed.
    """
    cluster_id = cluster_id or ours(rows, None)
    running = [row for row in rows if row.runs and (row.cluster_id is None or row.cluster_id == cluster_id)]
    following = [row for row in running if row.follows]
    led = len(following) >= members // 2 + 1
    return EtcdView(
        endpoints=tuple(rows),
        members=members,
        alive=len(following) if led else len(running),
        leaderless=bool(running) and not led,
        cluster_id=cluster_id,
    )
