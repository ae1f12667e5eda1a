"""The etcd members, each through its own node: what one silence changes, who is counted, and what is shown when."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from pghalab.cluster import etcd, members
from pghalab.cluster.members import Members
from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.cluster.services import Services
from pghalab.lab.types import LabError, Node
from tests.fake_lab.lab import FakeLab

SILENT = NoAnswer("etcd does not answer within 3 s")


def row(name: str, cluster: str = "aa", *, leads: bool = False, errors: str = "") -> EtcdEndpoint:
    return EtcdEndpoint(
        name, f"{name}:2379", name[-1], "3.5.16", 1, leads, False, 2, 3, 3, errors=errors, cluster_id=cluster
    )


class Seen:
    """Members that answer what a test says, at a time that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab = FakeLab(3)
        self.now = 100.0
        self.services = Services(self.lab.nodes)
        self.answers: dict[str, EtcdEndpoint | LabError] = {
            name: row(name, leads=name == "pgha1") for name in self.lab.nodes
        }
        self.listed: tuple[EtcdMember, ...] | LabError = tuple(
            EtcdMember(name, name, (), (), is_learner=name == "pgha9") for name in (*self.lab.nodes, "pgha9")
        )
        self.peers: EtcdEndpoint | None = None
        """What a member says to the other members whose clients get no answer."""
        self.lists = 0
        monkeypatch.setattr(etcd, "standing", self.standing)
        monkeypatch.setattr(etcd, "waiting", self.waiting)
        monkeypatch.setattr(etcd, "members", self.list_members)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.members = Members(self.lab.nodes, self.services)

    async def standing(self, node: Node) -> tuple[EtcdEndpoint, int | None]:
        answer = self.answers[node.name]
        if isinstance(answer, LabError):
            raise answer
        return answer, None

    async def waiting(self, node: Node) -> tuple[EtcdEndpoint, int]:
        if self.peers is None:
            raise NoAnswer("nor does it answer the other members")
        return self.peers, 5

    async def list_members(self, node: Node) -> tuple[EtcdMember, ...]:
        self.lists += 1
        if isinstance(self.listed, LabError):
            raise self.listed
        return self.listed

    async def look(self, *names: str) -> list[bool]:
        return [await self.members.look(name) for name in names or self.lab.nodes]

    def endpoint(self, name: str) -> EtcdEndpoint:
        view = self.members.snapshot().value
        assert view is not None
        return next(one for one in view.endpoints if one.node == name)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    return Seen(monkeypatch)


async def test_before_a_member_was_seen_nothing_is_known(seen: Seen) -> None:
    assert (seen.members.snapshot().value, seen.members.snapshot().error) == (None, None)
    seen.answers = {name: NotRunning("etcd does not run") for name in seen.lab.nodes}
    assert await seen.look() == [False] * 3
    assert (seen.members.snapshot().value, seen.members.snapshot().error) == (None, None)


async def test_a_look_tells_whether_the_member_answers_and_sees_a_leader(seen: Seen) -> None:
    seen.answers["pgha2"] = row("pgha2", errors="etcdserver: no leader")
    seen.answers["pgha3"] = NotRunning("etcd does not run on pgha3")
    assert await seen.look() == [True, False, False]
    assert [seen.services.word("etcd", name) for name in seen.lab.nodes] == ["running", "running", "stopped"]


async def test_members_that_do_not_vote_are_not_counted_and_the_list_is_asked_for_seldom(seen: Seen) -> None:
    for _ in range(3):
        await seen.look()
    view = seen.members.snapshot().value
    assert view is not None and (view.members, view.majority, view.alive) == (3, 2, 3)
    assert seen.lists == 1
    seen.now += members.MEMBERS_EVERY
    await seen.look()
    assert seen.lists == 1
    seen.now += 0.1
    assert isinstance(seen.listed, tuple)
    seen.listed = seen.listed[:2]
    await seen.look()
    view = seen.members.snapshot().value
    assert view is not None and (view.members, seen.lists) == (2, 2)
    # Who cannot list the members, or lists none, takes nothing back.
    for failing in (LabError("it refused"), ()):
        seen.now += members.MEMBERS_EVERY + 1
        seen.listed = failing
        await seen.look()
        view = seen.members.snapshot().value
        assert view is not None and view.members == 2


async def test_one_silence_keeps_the_row_and_a_second_one_says_why_it_is_empty(seen: Seen) -> None:
    await seen.look()
    seen.answers["pgha2"] = SILENT
    await seen.look()
    assert seen.endpoint("pgha2") == row("pgha2")
    await seen.look()
    empty = seen.endpoint("pgha2")
    assert empty == EtcdEndpoint("pgha2", "pgha2:2379", errors=SILENT.what)
    seen.answers["pgha2"] = NotRunning("etcd does not run on pgha2")
    await seen.look()
    assert seen.endpoint("pgha2") == replace(empty, errors="etcd does not run on pgha2", refused=True)
    seen.answers["pgha2"] = OutOfReach("it is paused")
    await seen.look()
    assert seen.endpoint("pgha2") == replace(empty, errors="it is paused")


async def test_a_member_whose_clients_get_no_answer_twice_is_asked_as_the_others_ask_it(seen: Seen) -> None:
    await seen.look()
    seen.answers["pgha3"] = SILENT
    seen.peers = EtcdEndpoint("pgha3", "pgha3:2379", errors=etcd.WAITS, cluster_id="aa", waits=True)
    await seen.look()
    assert not seen.endpoint("pgha3").waits, "one silence is nothing"
    await seen.look()
    assert seen.endpoint("pgha3") == seen.peers
    assert seen.services.word("etcd", "pgha3") == "waiting"
    view = seen.members.snapshot().value
    assert view is not None and view.members == 5, "by the list that goes round among the members"


async def test_a_member_of_another_cluster_is_foreign(seen: Seen) -> None:
    seen.answers["pgha3"] = row("pgha3", "bb", leads=True)
    await seen.look()
    view = seen.members.snapshot().value
    assert view is not None and (view.cluster_id, view.alive) == ("aa", 2)
    assert [seen.members.is_foreign(name) for name in seen.lab.nodes] == [False, False, True]
    # Of two clusters that are as large, ours is the one that was ours before.
    seen.answers["pgha2"] = NotRunning("etcd does not run on pgha2")
    await seen.look()
    view = seen.members.snapshot().value
    assert view is not None and view.cluster_id == "aa"


async def test_what_nobody_can_reach_is_as_old_as_the_last_look(seen: Seen) -> None:
    await seen.look()
    now = seen.members.snapshot()
    assert (now.error, now.taken_at) == (None, 100.0)
    for node in seen.lab.nodes.values():
        node.link = "down"
    seen.now = 130.0
    late = seen.members.snapshot()
    assert (late.error, late.taken_at, late.value) == ("no node is in reach", 100.0, now.value)
    seen.lab.nodes["pgha2"].link = "up"
    assert (seen.members.snapshot().error, seen.members.snapshot().taken_at) == (None, 130.0)


async def test_a_change_is_shown_once_it_was_seen_twice(seen: Seen) -> None:
    await seen.look()
    assert seen.members.settled(), "the first look is shown as it is"
    assert seen.members.settled()
    seen.answers["pgha3"] = NotRunning("etcd does not run on pgha3")
    await seen.look()
    assert not seen.members.settled()
    assert seen.members.settled()
    assert seen.members.settled()


async def test_a_change_that_goes_on_changing_is_shown_after_a_while(seen: Seen) -> None:
    await seen.look()
    assert seen.members.settled()
    told: list[bool] = []
    for _ in range(5):
        # Every look finds another leader.
        leads = bool(seen.endpoint("pgha1").is_leader)
        seen.answers |= {"pgha1": row("pgha1", leads=not leads), "pgha2": row("pgha2", leads=leads)}
        seen.answers["pgha3"] = row("pgha3", errors="etcdserver: no leader" if len(told) % 4 < 2 else "")
        await seen.look()
        told.append(seen.members.settled())
        seen.now += members.SETTLED_BY / 2
    assert told[:3] == [False, False, True]


async def test_what_is_as_before_again_was_no_change(seen: Seen) -> None:
    await seen.look()
    assert seen.members.settled()
    for _ in range(4):
        seen.answers["pgha3"] = NotRunning("etcd does not run on pgha3")
        await seen.look()
        assert not seen.members.settled(), "each one begins anew"
        seen.answers["pgha3"] = row("pgha3")
        await seen.look()
        assert seen.members.settled()
        seen.now += members.SETTLED_BY
