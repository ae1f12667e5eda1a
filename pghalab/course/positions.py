"""Finds out what `resume` decides by: what each node's data is, who leads, and what etcd remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pghalab.course.checks.facts import Facts
from pghalab.course.resume import Data, Member, Situation, parsed
from pghalab.lab.types import LabError, Node
from pghalab.values import dataclass

DATA = "/pgdata/17/data"
_MARK = "patroni.dynamic.json"
"""Patroni keeps it in the data of its cluster; the directory that a node is made with has none."""
_LOOK = f"""d={DATA}
[ -s "$d/global/pg_control" ] || exit 3
LC_ALL=C /usr/pgsql-17/bin/pg_controldata -D "$d" || exit 4
for f in standby.signal recovery.signal backup_label; do [ -e "$d/$f" ] && echo "follows: $f"; done
[ -e "$d/{_MARK}" ] && echo "patroni: yes"; true"""
_WROTE = ("in production", "shut down", "shutting down", "in crash recovery")
"""Cluster states of a server that took writes (PostgreSQL's src/bin/pg_controldata/pg_controldata.c: dbState)."""
_LIVE = """select system_identifier::text, pg_is_in_recovery(),
 case when pg_is_in_recovery() then greatest(c.timeline_id, r.min_recovery_end_timeline,
  (select received_tli from pg_stat_wal_receiver))
 else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end,
 (case when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
 else pg_current_wal_flush_lsn() end - '0/0'::pg_lsn)::bigint
from pg_control_system(), pg_control_checkpoint() c, pg_control_recovery() r"""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One node's data, whether Patroni has ever been at work on it, and whether its server takes writes now."""

    member: Member
    marked: bool = True
    writes: bool = False


async def situation(facts: Facts) -> Situation:
    """Everything that is to be known before a Patroni is started, looked at now."""
    nodes = facts.data_nodes()
    seen, keys = await asyncio.gather(asyncio.gather(*(_member(facts, node) for node in nodes)), _keys(facts))
    known = keys or {}
    initialize = known.get("initialize", "")
    leads = next((one.member.name for one in seen if one.writes and one.member.name == known.get("leader")), "")
    return Situation(tuple(_of_cluster(one, initialize) for one in seen), leads, keys is not None, initialize)


def _of_cluster(seen: _Seen, initialize: str) -> Member:
    """Data that Patroni was never at work on is none of the cluster's, unless its identifier says that it is."""
    member = seen.member
    if member.data in ("primary", "replica") and not seen.marked and member.system != initialize:
        return Member(member.name, "empty", patroni=member.patroni)
    return member


async def _keys(facts: Facts) -> Mapping[str, str] | None:
    try:
        return await facts.dcs()
    except LabError:
        return None


async def _member(facts: Facts, node: Node) -> _Seen:
    try:
        running = {process.name for process in await facts.processes(node)}
        patroni = "patroni" in running
        status, text = await facts.command(node, _LOOK)
        if "postgres" in running:
            try:
                return await _live(facts, node, patroni=patroni, marked=_marked(text))
            except LabError:
                # It starts, or stops: then its control file says what can be known.
                pass
    except LabError as error:
        words = error.what if node.name in error.what else f"{node.name}: {error.what}"
        return _Seen(Member(node.name, "unknown", why=words))
    if status == 3:
        return _Seen(Member(node.name, "empty", patroni=patroni))
    if status:
        return _Seen(Member(node.name, "unknown", why=f"pg_controldata cannot read {DATA} on {node.name}"))
    return _Seen(from_control(node.name, text, patroni=patroni), _marked(text))


def _marked(text: str) -> bool:
    return "patroni: yes" in text


async def _live(facts: Facts, node: Node, *, patroni: bool, marked: bool) -> _Seen:
    ((system, follows, timeline, position),) = await facts.query(node, _LIVE)
    data: Data = "replica" if follows else "primary"
    member = Member(node.name, data, int(timeline or 0), int(position or 0), str(system), patroni=patroni)
    return _Seen(member, marked, not follows)


def from_control(name: str, text: str, *, patroni: bool = False) -> Member:
    """What pg_controldata and the marks beside it tell of data that no server is at work on."""
    values = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    values = {key.strip(): value.strip() for key, value in values.items()}

    def number(key: str) -> int:
        value = values.get(key, "")
        return int(value) if value.isdigit() else 0

    state = values.get("Database cluster state", "")
    # A copy of a leader carries the leader's state until it is started for the first time.
    wrote = state in _WROTE and "follows" not in values
    return Member(
        name,
        "primary" if wrote else "replica",
        max(number("Latest checkpoint's TimeLineID"), number("Min recovery ending loc's timeline")),
        max(parsed(values.get(key, "")) for key in ("Latest checkpoint location", "Minimum recovery ending location")),
        values.get("Database system identifier", ""),
        closed=wrote and state == "shut down",
        patroni=patroni,
    )
