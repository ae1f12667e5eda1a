"""The arithmetic of the quorum."""

from dataclasses import replace

import pytest

from pghalab.cluster.model import EtcdEndpoint, EtcdView
from pghalab.cluster.quorum import etcd_view, ours


@pytest.mark.parametrize(
    ("members", "majority", "survives"), [(1, 1, 0), (2, 2, 0), (3, 2, 1), (4, 3, 1), (5, 3, 2), (6, 4, 2), (7, 4, 3)]
)
def test_majority_is_half_rounded_down_plus_one(members: int, majority: int, survives: int) -> None:
    view = EtcdView((), members, alive=members)
    assert (view.majority, view.can_lose, view.has_quorum) == (majority, survives, True)


@pytest.mark.parametrize(
    ("alive", "quorum", "can_lose"), [(5, True, 2), (4, True, 1), (3, True, 0), (2, False, 0), (0, False, 0)]
)
def test_five_members_survive_two(alive: int, quorum: bool, can_lose: int) -> None:
    view = EtcdView((), 5, alive)
    assert (view.has_quorum, view.can_lose) == (quorum, can_lose)


def test_before_there_is_a_cluster_nothing_is_claimed() -> None:
    view = EtcdView((), 0, 0)
    assert (view.majority, view.can_lose, view.has_quorum) == (0, 0, False)


def _row(node: str, *, answers: bool = True, leader: bool = True) -> EtcdEndpoint:
    errors = "" if leader else "etcdserver: no leader"
    return EtcdEndpoint(node, f"{node}:2379", "1" if answers else None, errors=errors)


def test_members_cut_off_from_the_leader_do_not_count_as_alive() -> None:
    view = etcd_view((*(_row(f"pgha{n}") for n in (1, 2, 3)), *(_row(f"pgha{n}", leader=False) for n in (4, 5))), 5)
    assert (view.alive, view.has_quorum, view.can_lose, view.leaderless) == (3, True, 0, False)


def test_survivors_without_a_leader_are_counted_but_are_no_quorum() -> None:
    rows = (*(_row(f"pgha{n}", leader=False) for n in (1, 2)), *(_row(f"pgha{n}", answers=False) for n in (3, 4, 5)))
    view = etcd_view(rows, 5)
    assert (view.alive, view.has_quorum, view.leaderless) == (2, False, True)


def test_a_cluster_cut_into_single_members_has_no_quorum_although_all_answer() -> None:
    view = etcd_view(tuple(_row(f"pgha{n}", leader=False) for n in range(1, 6)), 5)
    assert (view.alive, view.has_quorum, view.can_lose) == (5, False, 0)


def test_ours_is_the_cluster_that_most_members_run_for_and_among_equals_the_one_known_before() -> None:
    def of(cluster: str, node: str, **changes: bool) -> EtcdEndpoint:
        return replace(_row(node, **changes), cluster_id=cluster)

    assert ours([], "aa") == "aa"
    assert ours([of("bb", "pgha1"), of("bb", "pgha2"), of("aa", "pgha3")], "aa") == "bb"
    assert ours([of("bb", "pgha1"), of("aa", "pgha2")], "aa") == "aa"
    assert ours([of("bb", "pgha1"), of("aa", "pgha2", leader=False)], "aa") == "bb"
    assert ours([of("bb", "pgha1", answers=False), of("aa", "pgha2", leader=False)], None) == "aa"
