"""What changed between two looks at the cluster, as sentences with a verdict.

What a look finds is first boiled down to words, one for each thing that can change. What is not known has no word, so
that it neither makes an event nor hides one. `confirm` holds silence back until it was met twice in a row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pghalab.cluster.model import ClusterEvent, EtcdEndpoint, EtcdView, EventKind, NodeHealth, PatroniView, Service
from pghalab.cluster.trouble import counts, writers

Words = Mapping[tuple[str, str], str]
"""(what it tells of, whom it is about) -> how that is, in one word."""

_SILENT: Final = frozenset({"down", "lost"})
"""Values that mean that nothing answered, which once is no news."""
_FAILED: Final = frozenset({"stopped", "crashed", "initdb failed", "custom bootstrap failed", "start failed",
                            "restart failed", "stop failed"})  # fmt: skip
"""States of a member that has no PostgreSQL to talk to and is on no way to one (`PostgresqlState` in Patroni)."""
_SERVING: Final = frozenset({"running", "streaming", "in archive recovery"})
"""States of a member that has a PostgreSQL to talk to."""


def node_words(nodes: Iterable[NodeHealth]) -> dict[tuple[str, str], str]:
    """Which nodes are up: their container runs and ssh answers."""
    words = {}
    for node in nodes:
        if node.container in ("paused", "exited", "absent", "created"):
            words["node", node.name] = "ended"
            words["how", node.name] = "gone" if node.container == "absent" else node.container
        elif node.ssh in ("up", "down", "refused"):
            words["node", node.name] = "up" if node.ssh == "up" else "down"
            words["how", node.name] = "ssh does not answer"
    return words


def etcd_words(view: EtcdView, reachable: Iterable[str]) -> dict[tuple[str, str], str]:
    """Which members answer, who leads them, and whether they are a majority; before there is one, what does not run.

    `reachable` names the nodes whose answer, or silence, is known.
    """
    known = set(reachable)
    if not view.members:
        return {("etcd", row.node): "down" for row in view.endpoints if row.node in known and row.refused}
    words = {("etcd", row.node): _member_word(row, view) for row in view.endpoints if row.node in known}
    if view.has_quorum:
        words["quorum", ""] = "held"
        words["had quorum", ""] = "yes"
    elif view.waits:
        words["quorum", ""] = "waiting"
    elif not view.unsure and (view.leaderless or len(known) >= view.members):
        # Members that only the console cannot reach may well be a majority among themselves.
        words["quorum", ""] = "lost"
    words["alive", ""] = counts(view)
    leader = next((row.node for row in view.endpoints if row.is_leader and not view.is_foreign(row)), None)
    if leader is not None and view.has_quorum:
        words["etcd leader", ""] = leader
    return words


def _member_word(row: EtcdEndpoint, view: EtcdView) -> str:
    if view.is_foreign(row):
        return "foreign"
    return "waiting" if row.waits else "up" if row.runs else "down"


def writes_words(nodes: Iterable[NodeHealth]) -> dict[tuple[str, str], str]:
    """Which servers take writes by their own word, and whether more than one does."""
    rows = tuple(nodes)
    words = {}
    for row in rows:
        if row.container not in ("running", "foreign"):
            words["writes", row.name] = "gone"
        elif row.writes is not None:
            words["writes", row.name] = "writes" if row.writes else "read-only"
        elif row.postgres in ("stopped", "no answer"):
            words["writes", row.name] = row.postgres
    if any(row.writes is not None for row in rows):
        words["writers", ""] = " and ".join(writers(rows)) if len(writers(rows)) > 1 else ""
    return words


def patroni_words(view: PatroniView, postgres: Mapping[str, Service]) -> dict[tuple[str, str], str]:
    """The members' states and the timeline; `postgres` tells of every node that may become a member.

    Where PostgreSQL refuses connections that is the news: Patroni learns of a crash only in its next loop, and may have
    ended it before anybody read of it in etcd. Where nothing answers, the key alone does not make a member serve.
    """
    rows = {member.name: member for member in view.members}
    words = {}
    for name in {*postgres, *rows}:
        row, seen = rows.get(name), postgres.get(name, "running")
        if row is None:
            words["member", name] = "absent"
        elif row.state and (row.state not in _SERVING or seen == "running"):
            words["member", name] = "leads" if name == view.leader and row.state == "running" else row.state
        elif row.state and seen == "stopped":
            words["member", name] = "stopped"
    leader = view.holder
    if leader is not None and leader.answers and leader.timeline is not None:
        words["timeline", ""] = str(leader.timeline)
    return words


def leader_words(leader: str | None) -> dict[tuple[str, str], str]:
    """Who holds the leader key in etcd."""
    return {("leader", ""): leader or ""} | ({("last leader", ""): leader} if leader else {})


def confirm(confirmed: Words, previous: Words, current: Words) -> dict[tuple[str, str], str]:
    """What may now be taken as true: what was said at once, what was not answered when two looks in a row met silence.

    What this look does not know keeps its confirmed word.
    """
    held = dict(confirmed)
    for key, value in current.items():
        if value not in _SILENT or previous.get(key) == value:
            held[key] = value
    return held


class Judge:
    """Hears what each source says, look by look, and tells what changed."""

    def __init__(self, tell: Callable[[ClusterEvent], None]) -> None:
        self._tell = tell
        self._confirmed: Words = {}
        self._previous: dict[str, Words] = {}

    def hear(self, source: str, words: Words) -> None:
        """Take the words of one look of a source."""
        new = confirm(self._confirmed, self._previous.get(source, {}), words)
        found = changes(self._confirmed, new, time.time())
        self._confirmed, self._previous[source] = new, words
        for event in found:
            self._tell(event)


def changes(old: Words, new: Words, at: float) -> tuple[ClusterEvent, ...]:
    """The events between two confirmed looks; what was not known before makes none."""
    found = []
    for key, value in new.items():
        before = old.get(key)
        if before is None or before == value:
            continue
        said = _say(key[0], key[1], before, value, old, new)
        if said is not None:
            kind, text, good = said
            found.append(ClusterEvent(at, kind, text, good))
    return tuple(found)


def config_changes(old: Mapping[str, Any], new: Mapping[str, Any], at: float) -> tuple[ClusterEvent, ...]:
    """One event that names the settings of the dynamic configuration that changed."""
    if not old or not new or old == new:
        return ()
    names = sorted(_differing(old, new, ""))
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return (ClusterEvent(at, "config", f"configuration changed: {shown}", True),)


def _say(kind: str, who: str, before: str, now: str, old: Words, new: Words) -> tuple[EventKind, str, bool] | None:
    if kind == "leader":
        last = old.get(("last leader", ""), "")
        if not now:
            return "leader", f"{before} no longer holds the leader key: the cluster has no leader", False
        if last and last != now:
            return "leader", f"leader changed: {last} -> {now}", True
        return "leader", f"{now} holds the leader key", True
    if kind == "member":
        return _say_member(who, before, now)
    if kind == "timeline":
        return "timeline", f"timeline {before} -> {now}", True
    if kind == "etcd":
        return _say_etcd(who, before, now)
    if kind == "etcd leader":
        return "etcd", f"etcd leader changed: {before} -> {now}", True
    if kind == "quorum":
        return _say_quorum(before, now, ("had quorum", "") in old, new.get(("alive", ""), ""))
    if kind == "writes":
        return _say_writes(who, before, now)
    if kind == "writers":
        text = f"two servers take writes: {now}" if now else f"{before} do not both take writes any more"
        return "writes", text, not now
    if kind == "node" and "up" in (before, now):
        how = new.get(("how", who), "")
        return "node", f"{who} is up" if now == "up" else f"{who} is down ({how})", now == "up"
    return None


def _say_member(who: str, before: str, now: str) -> tuple[EventKind, str, bool] | None:
    if now == "absent":
        return "member", f"{who} left the cluster: its key in etcd is gone", False
    if before == "absent":
        return "member", f"{who} joined the cluster: {_state(now)}", True
    if now == "streaming":
        return "member", f"{who} is streaming", True
    if now == "leads" and before in _SERVING:
        return None  # who leads is told by the leader key
    if before == "leads" and now == "running":
        return "member", f"{who} is a replica and does not stream yet", True
    lost_stream = before == "streaming" and now == "running"
    return "member", f"{who}: {_state(before)} -> {_state(now)}", now not in _FAILED and not lost_stream


def _state(word: str) -> str:
    return "running" if word == "leads" else word


def _say_etcd(who: str, before: str, now: str) -> tuple[EventKind, str, bool]:
    if now == "foreign":
        return "etcd", f"etcd on {who} belongs to another cluster", False
    if now == "waiting":
        return "etcd", f"etcd on {who} runs and waits for a majority", True
    return "etcd", f"etcd on {who} " + ("answers" if now == "up" else "does not answer"), now == "up"


def _say_quorum(before: str, now: str, had: bool, counted: str) -> tuple[EventKind, str, bool] | None:
    if now == "held":
        return "quorum", f"etcd {'has its quorum back' if had else 'has a quorum'}: {counted}", True
    return ("quorum", f"etcd lost its quorum: {counted}", False) if before == "held" else None


def _say_writes(who: str, before: str, now: str) -> tuple[EventKind, str, bool] | None:
    if now == "writes":
        return "writes", f"{who} takes writes", True
    if before != "writes":
        return None  # whether a server that takes none runs is told of the member
    why = {
        "read-only": "it is read-only",
        "gone": "its node is down",
        "stopped": "its PostgreSQL has stopped",
        "no answer": "its PostgreSQL does not answer",
    }[now]
    return "writes", f"{who} takes no writes any more: {why}", False


def _differing(old: Mapping[str, Any], new: Mapping[str, Any], below: str) -> set[str]:
    names = set()
    for key in {*old, *new}:
        before, now = old.get(key), new.get(key)
        if before == now:
            continue
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            names |= _differing(before, now, f"{below}{key}.")
        else:
            names.add(f"{below}{key}")
    return names
