"""What is wrong now, the gravest first, from one look at everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from pghalab.cluster.model import Etcd, EtcdView, NodeHealth, Nodes, Patroni, PatroniView, Severity, Trouble

RANK: Final[dict[Severity, int]] = {"critical": 0, "warning": 1, "notice": 2}
"""The gravest first."""
_DOWN: Final = ("paused", "exited", "created", "absent", "foreign")


def writers(nodes: Iterable[NodeHealth]) -> list[str]:
    """The servers of one cluster that take writes by their own word: of the cluster that has most of them.

    Servers with other system identifiers belong to clusters of their own; one whose identifier is not known counts.
    """
    writing = [node for node in nodes if node.writes]
    ids = Counter(node.system_id for node in writing if node.system_id)
    most = max(ids, key=lambda one: ids[one]) if ids else ""
    return [node.name for node in writing if node.system_id in ("", most)]


def troubles(nodes: Nodes | None, etcd: Etcd | None, patroni: Patroni | None) -> tuple[Trouble, ...]:
    """Everything that is wrong, critical before warnings, causes before effects; nothing while nothing is known.

    What is only not known is a notice of kind `unseen`: it says nothing about the cluster.
    """
    rows = (nodes.value if nodes is not None else None) or ()
    found = [*_writing(rows), *_down(rows), *_etcd(etcd), *_patroni(rows, patroni)]
    found += _unseen(nodes, etcd, patroni)
    return tuple(sorted(found, key=lambda one: RANK[one.severity]))


def _writing(rows: tuple[NodeHealth, ...]) -> list[Trouble]:
    writing = writers(rows)
    found = [
        Trouble("other-cluster", "warning", f"{row.name} takes writes in a cluster of its own", (row.name,))
        for row in rows
        if row.writes and row.name not in writing
    ]
    if len(writing) < 2:
        return found
    count = "two" if len(writing) == 2 else str(len(writing))
    names = " and ".join(writing)
    return [Trouble("writers", "critical", f"{count} servers take writes: {names}", tuple(writing)), *found]


def _down(rows: tuple[NodeHealth, ...]) -> list[Trouble]:
    if all(row.container == "absent" for row in rows):
        return []
    found = []
    for row in rows:
        if row.container in _DOWN:
            how = "gone" if row.container == "absent" else row.container
            found.append(Trouble("node", "warning", f"{row.name} is down ({how})", (row.name,)))
        elif row.ssh in ("down", "refused"):
            found.append(Trouble("node", "warning", f"{row.name} is out of the console's reach", (row.name,)))
    return found


def _etcd(etcd: Etcd | None) -> list[Trouble]:
    view = etcd.value if etcd is not None and etcd.error is None else None
    if view is None:
        return []
    found = []
    strangers = tuple(row.node for row in view.endpoints if view.is_foreign(row))
    if strangers:
        text = f"etcd on {', '.join(strangers)} belongs to another cluster"
        found.append(Trouble("etcd-stranger", "critical", text, strangers))
    if view.waits:
        found.append(Trouble("etcd-waits", "warning", f"etcd {waits(view)}"))
    elif view.unsure:
        text = f"whether etcd has a quorum is unknown: {view.alive} of {view.members} members were heard"
        found.append(Trouble("etcd-unheard", "warning", text))
    elif view.members and not view.has_quorum:
        found.append(Trouble("quorum", "critical", f"etcd has no quorum: {counts(view)}"))
    elif view.members and view.alive < view.members:
        silent = tuple(row.node for row in view.endpoints if not row.follows and not view.is_foreign(row))
        found.append(Trouble("etcd-member", "warning", f"etcd: {view.alive} of {view.members} members alive", silent))
    return found


def waits(view: EtcdView) -> str:
    """`waits for a majority, 1 of 3`; with a majority its members still have to agree on a leader."""
    if view.members and view.alive >= view.majority:
        return "has a majority and no leader yet"
    return "waits for a majority" + (f", {view.alive} of {view.majority}" if view.members else "")


def counts(view: EtcdView) -> str:
    """`2 of 5 members alive, 3 needed`."""
    return f"{view.alive} of {view.members} members alive, {view.majority} needed"


def _patroni(rows: tuple[NodeHealth, ...], patroni: Patroni | None) -> list[Trouble]:
    view = patroni.value if patroni is not None else None
    if view is None or not view.members or not view.system_id:
        return []
    known = patroni is not None and patroni.error is None
    found = _leader(view) if known else []
    own = [row for row in rows if row.postgres != "none"]
    heard = [row for row in own if row.writes is not None or row.postgres in ("stopped", "starting")]
    # A server that could not be asked may well take writes.
    if own and len(heard) == len(own) and not writers(rows):
        found.append(Trouble("no-writer", "critical", "no server takes writes"))
    for member in view.members if known else ():
        if member.name == view.leader:
            continue
        if not member.answers:
            found.append(Trouble("member", "warning", f"Patroni on {member.name} does not answer", (member.name,)))
        elif not member.writes and member.state != "streaming":
            how = " runs and does not stream" if member.state == "running" else f": {member.state}"
            found.append(Trouble("replica", "warning", f"{member.name}{how}", (member.name,)))
    if view.paused:
        found.append(Trouble("paused", "notice", "Patroni is in maintenance mode: nobody fails over"))
    return found


def _leader(view: PatroniView) -> list[Trouble]:
    if view.leader is None:
        return [Trouble("leader", "critical", "nobody holds the leader key")]
    holder = view.holder
    if holder is None or not holder.answers:
        return [Trouble("leader-silent", "warning", silent_leader(view), (view.leader,))]
    if holder.writes is False:
        text = f"{view.leader} holds the leader key and is read-only"
        return [Trouble("leader-read-only", "warning", text, (view.leader,))]
    return []


def silent_leader(view: PatroniView) -> str:
    """`pgha1 holds the leader key and does not answer; up to 27 s are left`: etcd's word on the lease."""
    left = f"; up to {view.lease_left} s are left" if view.lease_left is not None else ""
    return f"{view.leader} holds the leader key and does not answer{left}"


def _unseen(nodes: Nodes | None, etcd: Etcd | None, patroni: Patroni | None) -> list[Trouble]:
    found = []
    for what, snapshot in (("nodes", nodes), ("etcd", etcd), ("Patroni", patroni)):
        if snapshot is not None and snapshot.error:
            found.append(Trouble("unseen", "notice", f"{what}: {snapshot.error.splitlines()[0]}"))
    return found
