"""What is seen, as tables: the panes draw them and `status` prints them, so that the two can never disagree."""

from __future__ import annotations

from typing import Any, Final

from pghalab.cluster.absent import no_cluster, no_etcd
from pghalab.cluster.cells import Cell, Column, Line, Sheet, joined, state
from pghalab.cluster.model import (
    Etcd,
    EtcdEndpoint,
    EtcdView,
    NodeHealth,
    Nodes,
    Patroni,
    PatroniMember,
    PatroniView,
    Service,
    Snapshot,
)
from pghalab.cluster.trouble import waits, writers
from pghalab.cluster.units import ago, lsn, size

NO_NODES: Final = "No nodes: the deploy step, or the lab menu (L), creates them."
NO_ETCD: Final = no_etcd(None)
NO_CLUSTER: Final = no_cluster(None)
"""What is said as long as nothing is known of the nodes."""

NODE_COLUMNS: Final = (
    Column("Node"),
    Column("Container", 3),
    Column("Address", 5),
    Column("ssh", 4),
    Column("etcd", 1),
    Column("Patroni", 2),
    Column("PostgreSQL", 1),
)
ETCD_COLUMNS: Final = (
    Column("ENDPOINT"),
    Column("ID", 5),
    Column("VERSION", 7),
    Column("DB SIZE", 4, right=True),
    Column("IS LEADER", 1),
    Column("IS LEARNER", 8),
    Column("RAFT TERM", 2, right=True),
    Column("RAFT INDEX", 3, right=True),
    Column("RAFT APPLIED INDEX", 6, right=True),
    Column("ERRORS", 9),
)
PATRONI_COLUMNS: Final = (
    Column("Member"),
    Column("Host", 8),
    Column("Role", 1),
    Column("State", 2),
    Column("TL", 3, right=True),
    Column("Receive LSN", 6, right=True),
    Column("Lag", 7, right=True),
    Column("Replay LSN", 5, right=True),
    Column("Lag", 4, right=True),
    Column("Note", 9),
)


def sheets(of_nodes: Nodes, of_etcd: Etcd, of_patroni: Patroni) -> tuple[Sheet, Sheet, Sheet]:
    """Nodes, etcd and Patroni as they stand beside each other."""
    return nodes(of_nodes), etcd(of_etcd, no_etcd(of_nodes)), patroni(of_patroni, no_cluster(of_nodes))


def nodes(snapshot: Nodes) -> Sheet:
    """Container, address, ssh and the services of every node."""
    rows = snapshot.value or ()
    if not any(node.container != "absent" for node in rows):
        return Sheet(_lines(snapshot, (Cell(NO_NODES, "quiet"),)), NODE_COLUMNS, ())
    writing = writers(rows)
    lines: tuple[Line, ...] = ()
    if len(writing) > 1:
        lines = ((Cell(f"{len(writing)} SERVERS TAKE WRITES: {', '.join(writing)}", "bad", "bad", bold=True),),)
    return Sheet(_lines(snapshot, *lines), NODE_COLUMNS, tuple(_node(row, len(writing)) for row in rows))


def _node(node: NodeHealth, writing: int) -> tuple[Cell, ...]:
    return (
        Cell(node.name, bold=True),
        state(node.container),
        Cell(node.address or "none"),
        state(node.ssh),
        _service(node.etcd),
        _service(node.patroni),
        _postgres(node, writing),
    )


def _service(service: Service) -> Cell:
    if service == "none":
        return Cell("–", "quiet")
    return state("waits" if service == "waiting" else service)


def _postgres(node: NodeHealth, writing: int) -> Cell:
    if node.writes is None:
        return _service(node.postgres)
    if node.writes and writing > 1:
        return Cell("takes writes", "bad", "bad", bold=True)
    return state("takes writes" if node.writes else "read-only")


def etcd(snapshot: Etcd, nothing: str = NO_ETCD) -> Sheet:
    """`endpoint status` of every member, and the arithmetic of the quorum; `nothing` is said where none is seen."""
    view = snapshot.value
    if view is None or not view.seen:
        return Sheet(_lines(snapshot, (Cell(nothing, "quiet"),)), ETCD_COLUMNS, ())
    lines: list[Line] = [(Cell(_counted(view)), _verdict(view))]
    strangers = [row.node for row in view.endpoints if view.is_foreign(row)]
    if strangers:
        lines.append((Cell(f"of another cluster: {', '.join(strangers)}", "bad", "bad", bold=True),))
    rows = tuple(_endpoint(row, view) for row in view.endpoints)
    return Sheet(_lines(snapshot, *lines), ETCD_COLUMNS, rows)


def _counted(view: EtcdView) -> str:
    return f"members {view.members}, majority {view.majority}, alive {view.alive}, " if view.members else ""


def _verdict(view: EtcdView) -> Cell:
    if view.waits:
        return Cell(waits(view), "warn", "half", bold=True)
    if view.unsure:
        return Cell("quorum unknown: the others are not heard", "warn", "ask", bold=True)
    if not view.has_quorum:
        return Cell(f"NO QUORUM, {max(1, view.majority - view.alive)} more needed", "bad", "bad", bold=True)
    if view.can_lose == 0:
        return Cell("can still lose 0", "warn", bold=True)
    return Cell(f"can still lose {view.can_lose}", "ok")


def _endpoint(member: EtcdEndpoint, view: EtcdView) -> tuple[Cell, ...]:
    def cell(value: object) -> Cell:
        return Cell("-", "quiet") if value is None else Cell(str(value))

    if view.is_foreign(member):
        leader = Cell("other cluster", "bad", "bad")
    elif member.waits:
        leader = state("waits")
    elif member.refused:
        leader = state("stopped")
    elif member.raft_term is None:
        leader = Cell("no answer", "bad", "bad")
    elif member.is_leader:
        leader = Cell("true", "accent", "star", bold=True)
    else:
        leader = Cell("false", "", "off")
    return (
        Cell(member.endpoint, bold=True),
        cell(member.member_id),
        cell(member.version),
        cell(None if member.db_size is None else size(member.db_size)),
        leader,
        cell(None if member.is_learner is None else str(member.is_learner).lower()),
        cell(member.raft_term),
        cell(member.raft_index),
        cell(member.raft_applied_index),
        Cell(member.errors, "warn" if member.waits else "quiet" if member.refused else "bad"),
    )


def patroni(snapshot: Patroni, nothing: str = NO_CLUSTER) -> Sheet:
    """What `patronictl list` prints, and what each node says itself; `nothing` is said where no cluster is seen."""
    view = snapshot.value
    if view is None or not view.seen:
        return Sheet(_lines(snapshot, (Cell(nothing, "quiet"),)), PATRONI_COLUMNS, ())
    known = snapshot.error is None
    parts = [Cell(f"{view.scope} ({view.system_id or 'initialising'})")]
    if known and view.leader is None and view.system_id:
        parts.append(Cell("NO LEADER", "bad", "bad", bold=True))
    elif known and view.leader is not None and view.holder is None:
        parts.append(Cell(f"{view.leader} holds the leader key and is no member", "warn", "warn", bold=True))
    elif not known and view.leader is not None:
        parts.append(Cell(f"{view.leader} held the leader key {ago(snapshot.age)} ago", "warn", "ask"))
    if view.paused:
        parts.append(Cell("maintenance mode", "warn", "held", bold=True))
    rows = tuple(_member(member, view, known) for member in view.members)
    return Sheet(_lines(snapshot, joined(parts)), PATRONI_COLUMNS, rows)


def _member(member: PatroniMember, view: PatroniView, known: bool) -> tuple[Cell, ...]:
    holds = member.name == view.leader
    return (
        Cell(member.name, bold=True),
        Cell(member.host),
        _role(member, holds, known),
        _state(member, holds),
        Cell("" if member.timeline is None else str(member.timeline)),
        Cell(lsn(member.receive_lsn)),
        _lag(member.receive_lag),
        Cell(lsn(member.replay_lsn)),
        _lag(member.replay_lag),
        Cell(", ".join(_notes(member, holds, view.lease_left, known)), "warn"),
    )


def _role(member: PatroniMember, holds: bool, known: bool) -> Cell:
    """The node's own word wins over the key: who is read-only has no star, whatever the key says."""
    if member.writes and not holds:
        return Cell("Primary", "bad", "bad", bold=True)
    if not holds:
        return Cell(member.role, "accent" if "sync" in member.role.lower() else "", _replica_mark(member.role))
    if member.writes is False:
        return Cell("Replica", "", "off")
    if not known:
        return Cell("Primary" if member.writes else "unknown", "quiet", "past star" if member.writes else "ask")
    if not member.answers:
        return Cell(member.role, "warn", "warn", bold=True)
    return Cell(member.role, "accent", "star", bold=True)


def _replica_mark(role: str) -> str:
    return "sync" if "sync" in role.lower() else "off"


def _state(member: PatroniMember, holds: bool) -> Cell:
    if not member.answers:
        return Cell("no answer", "warn" if holds else "bad", "warn" if holds else "bad")
    leads = holds and member.writes is not False
    if member.state == "running" and not leads and not member.writes:
        return Cell("running", "warn", "half")
    return state(member.state)


def _notes(member: PatroniMember, holds: bool, left: int | None, known: bool) -> list[str]:
    notes = []
    if holds and known and member.writes is False:
        notes.append("holds the leader key, is read-only")
    if member.writes and not holds:
        notes.append("takes writes without the leader key")
    if member.pending_restart:
        notes.append("pending restart")
    if not member.answers:
        notes.append("does not answer")
        if holds and known:
            notes.append("holds the key" + (f", up to {left} s left" if left is not None else ""))
    elif member.state == "running" and not holds and not member.writes:
        notes.append("does not stream")
    return notes


def _lag(count: int | None) -> Cell:
    return Cell("") if count is None else Cell("0", "ok") if count == 0 else Cell(size(count), "warn")


def _lines(snapshot: Snapshot[Any], *lines: Line) -> tuple[Line, ...]:
    """The lines above a table; why there is nothing newer comes last, and alone when there is nothing at all."""
    if snapshot.error is None:
        return lines
    if snapshot.value is None:
        return ((Cell(snapshot.error, "bad"),),)
    return (*lines, (Cell(snapshot.error, "warn", "warn"),))
