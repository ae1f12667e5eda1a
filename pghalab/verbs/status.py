"""The verb `status`: nodes, etcd and Patroni as plain tables or JSON."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pghalab.out import clear, complain, say, say_json, table
from pghalab.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pghalab.cluster.model import Etcd, EtcdView, Nodes, Patroni, Snapshot, Update
    from pghalab.lab.local import LocalLab

_REDRAW = 1.0
"""Seconds that changes are gathered before `--watch` prints again."""


def add_parsers(subparsers: Any) -> None:
    """Add the verb to the command line."""
    words = "show the nodes, etcd and the Patroni cluster"
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "status",
        help=words,
        description=f"{words[0].upper()}{words[1:]} as they are now.",
        epilog="Example: pghalab status --watch",
    )
    parser.add_argument("--lab", default=argparse.SUPPRESS, metavar="NAME", help="the lab (default: pgha)")
    parser.add_argument("--json", action="store_true", help="print JSON; with --watch one update a line")
    parser.add_argument("--watch", action="store_true", help="go on, and print what changes, until interrupted")
    parser.set_defaults(func=_status)


def _status(arguments: argparse.Namespace) -> int:
    import asyncio

    return asyncio.run(_show(arguments))


async def _show(arguments: argparse.Namespace) -> int:
    from pghalab.cluster.monitor import Monitor
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings

    lab = LocalLab(load_settings(arguments.lab))
    await lab.open()
    try:
        await lab.settle()
        for notice in lab.notices:
            complain(notice)
        if arguments.watch:
            await _follow(lab, as_json=arguments.json)
            return 0
        nodes, etcd, patroni = await Monitor(lab, _ignore).look()
        if arguments.json:
            say_json({"lab": lab.name, "nodes": _plain(nodes), "etcd": _plain(etcd), "patroni": _plain(patroni)})
        else:
            say(text(nodes, etcd, patroni))
        return 0
    finally:
        await lab.close()


def _ignore(_: Update) -> None:
    return None


async def _follow(lab: LocalLab, *, as_json: bool) -> None:
    import asyncio

    from pghalab.cluster.monitor import Monitor

    seen: dict[str, Any] = {}
    told: list[str] = []
    changes: list[dict[str, Any]] = []
    changed = asyncio.Event()

    def take(update: Update) -> None:
        kind, value = update
        if as_json:
            changes.append({kind: _plain(value)})
        elif update[0] == "event":
            told.append(f"{_clock(update[1].at)}  {'' if update[1].good else '! '}{one_line(update[1].text)}")
        else:
            seen[kind] = value
        changed.set()

    watching = asyncio.create_task(Monitor(lab, take).run())
    watching.add_done_callback(lambda _: changed.set())
    try:
        while True:
            await changed.wait()
            changed.clear()
            for change in changes:
                say_json(change)
            changes.clear()
            if watching.done():
                return watching.result()
            if as_json:
                continue
            await asyncio.sleep(_REDRAW)  # changes come in bunches
            if len(seen) == 3:
                clear()
                say(text(seen["nodes"], seen["etcd"], seen["patroni"]))
                say("\n".join(told[-10:]))
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def text(nodes: Nodes, etcd: Etcd, patroni: Patroni) -> str:
    """The three tables, each with what is wrong with it."""
    parts = ["Nodes" + _trouble(nodes)]
    parts.append(
        _table(
            ("node", "container", "address", "ssh", "etcd", "patroni", "postgres"),
            [(n.name, n.container, n.address, n.ssh, n.etcd, n.patroni, n.postgres) for n in nodes.value or ()],
        )
    )
    parts.append("\netcd" + _trouble(etcd, "it runs on no node that answers"))
    if etcd.value is not None:
        parts.append(_quorum(etcd.value))
        parts.append(
            _table(
                ("endpoint", "id", "version", "db size", "leader", "learner", "term", "index", "applied", "errors"),
                [
                    (
                        e.endpoint,
                        e.member_id,
                        e.version,
                        _size(e.db_size),
                        _yes(e.is_leader),
                        _yes(e.is_learner),
                        e.raft_term,
                        e.raft_index,
                        e.raft_applied_index,
                        e.errors,
                    )
                    for e in etcd.value.endpoints
                ],
            )
        )
    parts.append("\nPatroni" + _trouble(patroni, "nothing is known without etcd"))
    if patroni.value is not None:
        view = patroni.value
        known = view.system_id or "not initialised"
        paused = ", paused" if view.paused else ""
        parts.append(one_line(f"{view.scope} ({known}){paused}, leader: {view.leader or 'none'}"))
        parts.append(
            _table(
                ("member", "host", "role", "state", "TL", "receive LSN", "lag", "replay LSN", "lag", "", ""),
                [
                    (
                        m.name,
                        m.host,
                        m.role,
                        m.state,
                        m.timeline,
                        _lsn(m.receive_lsn),
                        m.receive_lag,
                        _lsn(m.replay_lsn),
                        m.replay_lag,
                        "pending restart" if m.pending_restart else "",
                        "" if m.answers else "does not answer",
                    )
                    for m in view.members
                ],
            )
        )
    return "\n".join(parts)


def _quorum(view: EtcdView) -> str:
    if not view.members:
        return "no cluster yet"
    head = f"{view.members} members, majority {view.majority}, {view.alive} alive"
    if view.has_quorum:
        return f"{head}: quorum, can still lose {view.can_lose}"
    return f"{head}: quorum LOST"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return table([tuple(head), *(tuple("" if cell is None else str(cell) for cell in row) for row in rows)])


def _trouble(snapshot: Snapshot[Any], nothing: str = "") -> str:
    import time

    if snapshot.error is None:
        return f": {nothing}" if snapshot.value is None and nothing else ""
    age = max(0, round(time.monotonic() - snapshot.taken_at))
    old = f" (seen {age} s ago)" if snapshot.value is not None else ""
    return f"{old}: {one_line(snapshot.error)}"


def _plain(value: Any) -> Any:
    """A snapshot or an event as JSON takes it; the age in seconds in place of the clock's reading."""
    import dataclasses
    import time

    from pghalab.cluster.model import EtcdView, Snapshot

    if isinstance(value, Snapshot):
        age = round(time.monotonic() - value.taken_at, 3)
        return {"value": _plain(value.value), "error": value.error, "age": age}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, EtcdView):
        arithmetic = {"majority": value.majority, "has_quorum": value.has_quorum, "can_lose": value.can_lose}
        return dataclasses.asdict(value) | arithmetic
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


def _clock(at: float) -> str:
    import time

    return time.strftime("%H:%M:%S", time.localtime(at))


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def _yes(value: bool | None) -> str:
    return "" if value is None else "true" if value else "false"


def _lsn(position: int | None) -> str:
    return "" if position is None else f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
