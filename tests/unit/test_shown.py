"""What stands in the headline, the panes and the list of troubles, cell by cell, at real moments and at made ones.

Of each moment it is told what is another than when everything runs.
`PGHALAB_RECORD=FOLDER` writes it anew; read what changed, for it is what is drawn and what `status` prints.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar, get_args

import pytest

from pghalab.cluster import render
from pghalab.cluster.cells import MARKS, Cell, Line, Sheet, Tone
from pghalab.cluster.headline import headline
from pghalab.cluster.model import (
    EtcdEndpoint,
    EtcdView,
    NodeHealth,
    Nodes,
    PatroniMember,
    PatroniView,
    Snapshot,
)
from pghalab.cluster.quorum import etcd_view
from pghalab.cluster.trouble import troubles
from pghalab.lab.types import ContainerState, LinkState
from tests.unit.seen import Moment, moment
from tests.unit.written import as_written

T = TypeVar("T")
NOW, TAKEN = 1000.0, 958.0
RECORDED = ("waiting", "read-only", "two-writers", "silent-leader", "frozen-leader")
MEMBER_STATES = (
    "streaming",
    "running",
    "in archive recovery",
    "creating replica",
    "start failed",
    "stopped",
    "new one",
)


def seen(value: T | None, error: str | None = None) -> Snapshot[T]:
    return Snapshot(value, error, TAKEN, 0.0)


def old(snapshot: Snapshot[T]) -> Snapshot[T]:
    return replace(snapshot, taken_at=TAKEN)


def node(number: int, container: ContainerState = "running", ssh: LinkState = "up") -> NodeHealth:
    data = number <= 3
    up = container == "running" and ssh == "up"
    return NodeHealth(
        f"pgha{number}",
        container,
        f"192.168.50.{9 + number}",
        ssh,
        "running" if up else "unknown",
        ("running" if up else "unknown") if data else "none",
        ("running" if up else "unknown") if data else "none",
        number == 1 if data and up else None,
        "7" if data else "",
    )


def endpoint(number: int) -> EtcdEndpoint:
    mega = 1024 * 1024
    return EtcdEndpoint(
        f"pgha{number}", f"pgha{number}:2379", f"{number:x}a", "3.5.16", 20480 * number + 3 * mega, number == 2, False,
        4, 1200 + number, 1199 + number, cluster_id="c1",
    )  # fmt: skip


def quiet(number: int, *, refused: bool = False, errors: str = "no answer") -> EtcdEndpoint:
    return EtcdEndpoint(f"pgha{number}", f"pgha{number}:2379", errors=errors, refused=refused)


def member(number: int, role: str = "Replica", state: str = "streaming") -> PatroniMember:
    leads = number == 1
    return PatroniMember(
        f"pgha{number}", f"192.168.50.{9 + number}", role, state, 4, None if leads else 0x5000060,
        None if leads else 0, None if leads else 0x5000060, None if leads else 2048 * (number - 2), writes=leads,
    )  # fmt: skip


ROWS = tuple(node(number) for number in range(1, 6))
ETCD = etcd_view(tuple(endpoint(number) for number in range(1, 6)), 5)
LEADER = member(1, "Leader", "running")
PATRONI = PatroniView("pgha_patroni_cluster", "77", "pgha1", (LEADER, member(2, "Sync Standby"), member(3)))
HEALTHY = Moment(seen(ROWS), seen(ETCD), seen(PATRONI), ())


def rows(*changed: NodeHealth) -> Nodes:
    by_name = {one.name: one for one in changed}
    return seen(tuple(by_name.get(row.name, row) for row in ROWS))


def members(*changed: PatroniMember, **view: Any) -> Snapshot[PatroniView]:
    by_name = {one.name: one for one in changed}
    kept = tuple(by_name.get(one.name, one) for one in PATRONI.members)
    return seen(replace(PATRONI, members=kept, **view))


def counted(*endpoints: EtcdEndpoint, of: int = 5) -> Snapshot[EtcdView]:
    return seen(etcd_view(endpoints, of))


def moments() -> Iterator[tuple[str, Moment]]:
    """Every moment by its name."""
    for name in RECORDED:
        real = moment(name)
        yield name, Moment(old(real.nodes), old(real.etcd), old(real.patroni), ())
    yield "nothing is known", Moment(seen(None), seen(None), seen(None), ())
    error = "the engine does not answer\nmore of it"
    yield "nothing was ever known", Moment(seen(None, error), seen(None, error), seen(None, error), ())
    yield "nothing is known any more", Moment(seen(ROWS, error), seen(ETCD, error), seen(PATRONI, error), ())
    yield "etcd is not seen", replace(HEALTHY, etcd=seen(ETCD, error), patroni=seen(PATRONI, error))
    for container in get_args(ContainerState):
        ssh: LinkState = "up" if container == "running" else "down"
        yield f"one node is {container}", replace(HEALTHY, nodes=rows(node(2, container, ssh)))
        yield f"all are {container}", replace(HEALTHY, nodes=seen(tuple(node(n, container, ssh) for n in (1, 2, 4))))
    for link in get_args(LinkState):
        yield f"a link is {link}", replace(HEALTHY, nodes=rows(node(4, ssh=link)))
    lost = replace(node(1), address="", etcd="no answer", patroni="starting", postgres="stopped", writes=None)
    yield "services of a node end", replace(HEALTHY, nodes=rows(lost))
    yield "nobody takes writes", replace(HEALTHY, nodes=rows(replace(node(1), writes=False)))
    two = replace(node(2), writes=True)
    three = replace(node(3), writes=True)
    yield "three take writes", replace(HEALTHY, nodes=rows(two, three))
    yield "one takes writes elsewhere", replace(HEALTHY, nodes=rows(replace(two, system_id="8")))
    # etcd
    some = [endpoint(number) for number in range(1, 6)]
    yield "a member is silent", replace(HEALTHY, etcd=counted(*some[:4], quiet(5)))
    yield "two members stopped", replace(HEALTHY, etcd=counted(*some[:3], quiet(4, refused=True), quiet(5)))
    gone = [quiet(number, refused=True, errors="") for number in (3, 4, 5)]
    yield "the quorum is lost", replace(HEALTHY, etcd=counted(*some[:2], *gone))
    yield "all but one are gone", replace(HEALTHY, etcd=counted(some[0], quiet(2, refused=True), *gone))
    yield "the quorum is unknown", replace(HEALTHY, etcd=counted(*some[:2], *map(quiet, (3, 4, 5))))
    yield "a stranger", replace(HEALTHY, etcd=counted(*some[:4], replace(some[4], cluster_id="c9")))
    yield "a learner", replace(HEALTHY, etcd=counted(*some[:4], replace(some[4], is_learner=True)))
    waits = [replace(quiet(number), waits=True, cluster_id="c1", errors="waits") for number in (1, 2, 3)]
    yield "all wait", replace(HEALTHY, etcd=counted(*waits, *gone[1:]))
    yield "the first waits", replace(HEALTHY, etcd=counted(waits[0], of=0))
    yield "one answers and was never counted", replace(HEALTHY, etcd=counted(some[0], of=0))
    yield "no etcd", replace(HEALTHY, etcd=counted(*gone, of=0))
    # Patroni
    yield "nobody leads", replace(HEALTHY, patroni=members(leader=None))
    yield "it begins", replace(HEALTHY, patroni=members(leader=None, system_id=""))
    yield "it has no members", replace(HEALTHY, patroni=seen(PatroniView("s", "", None, ())))
    yield "a stranger leads", replace(HEALTHY, patroni=members(leader="pgha9"))
    yield "nobody fails over", replace(HEALTHY, patroni=members(paused=True))
    yield "the leader is read-only", replace(HEALTHY, patroni=members(replace(LEADER, writes=False)))
    silent = replace(LEADER, answers=False, writes=None)
    yield "the leader is silent", replace(HEALTHY, patroni=members(silent))
    yield "the leader is silent for a while", replace(HEALTHY, patroni=members(silent, lease_left=17))
    unsure = replace(LEADER, writes=None, timeline=None, pending_restart=True)
    yield "it is not known whether the leader writes", replace(HEALTHY, patroni=members(unsure))
    known = "etcd runs on no node"
    for one in (unsure, replace(unsure, writes=False), LEADER, silent):
        keyless = replace(members(one), error=known)
        yield f"without the keys, {one.writes} {one.answers}", replace(HEALTHY, patroni=keyless)
        yield (
            f"and of the servers, {one.writes} {one.answers}",
            Moment(rows(replace(node(1), writes=one.writes)), HEALTHY.etcd, keyless, ()),
        )
    yield "a replica is silent", replace(HEALTHY, patroni=members(replace(member(3), answers=False)))
    yield "a replica writes", replace(HEALTHY, patroni=members(replace(member(3), writes=True, state="running")))
    for state in MEMBER_STATES:
        late = replace(member(3), state=state, timeline=3, receive_lag=None, replay_lag=5 * 1024**3)
        yield f"a replica is {state}", replace(HEALTHY, patroni=members(late))


def cell(one: Cell) -> str:
    assert one.tone in get_args(Tone) and (not one.mark or one.mark in MARKS)
    how = "".join(f" {word}" for word in (one.tone, one.mark, "bold" if one.bold else "") if word)
    return f"[{one.text}{f' <{how[1:]}>' if how else ''}]".replace("\n", "\\n")


def line(cells: Line) -> str:
    return "".join(map(cell, cells))


def sheet(shown: Sheet) -> list[str]:
    titles = " ".join(
        f"{column.title}/{column.rank}{'>' if column.right else ''}" for column in shown.columns if shown.rows
    )
    return [*map(line, shown.lines), *([titles] if titles else []), *map(line, shown.rows)]


def everything(at: Moment) -> list[str]:
    """The parts, each with what of it is shown."""
    wrong = [
        f"{one.severity} {one.kind}: {one.text} ({', '.join(one.nodes)})"
        for one in troubles(at.nodes, at.etcd, at.patroni)
    ]
    tables = [words for one in render.sheets(at.nodes, at.etcd, at.patroni) for words in sheet(one)]
    return [line(headline("pgha", at.nodes, at.etcd, at.patroni)), *wrong, *tables]


def beside(usual: list[str], found: list[str]) -> list[str]:
    """What is missing of the usual lines, and what stands in their place."""
    return [f"- {one}" for one in usual if one not in found] + [f"+ {one}" for one in found if one not in usual]


def test_everything_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: NOW)
    usual = everything(HEALTHY)
    lines = ["# everything runs", *usual]
    lines.append(line(headline("pgha", HEALTHY.nodes, HEALTHY.etcd, HEALTHY.patroni, paused=True)))
    lines.append(line(headline("pgha", HEALTHY.nodes, None, None, trouble="no engine\nstart it")))
    for name, at in moments():
        shown = everything(at)
        lines.append(f"# {name}")
        lines += beside(usual, shown)
    lines += ["# as status prints it", *HEALTHY.tables()]
    as_written("shown", lines)


def test_before_anything_is_seen_somebody_looks() -> None:
    assert line(headline("pgha", None, None, None)) == "[lab pgha <bold>][ · ][looking… <quiet>]"
    assert troubles(None, None, None) == ()
