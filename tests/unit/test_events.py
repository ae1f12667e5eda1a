"""Events: what is said when something changes, and that nothing is said when nothing did."""

from dataclasses import replace
from typing import Any

import pytest

from pghalab.cluster import events
from pghalab.cluster.model import ClusterEvent, EtcdEndpoint, EtcdView, NodeHealth, PatroniMember, PatroniView, Service

NODES = ("pgha1", "pgha2", "pgha3")
SERVE: dict[str, Service] = dict.fromkeys(NODES, "running")


def _etcd(up: str, *, leader: str = "1", members: int = 3, quorum: bool = True) -> EtcdView:
    rows = tuple(
        EtcdEndpoint(
            name, f"{name}:2379", name[-1] if up_now else None, is_leader=name[-1] == leader, refused=not up_now
        )
        for name, up_now in ((name, name[-1] in up) for name in NODES)
    )
    return EtcdView(rows, members, len(up), leaderless=not quorum)


def _patroni(states: dict[str, str], timeline: int = 1, leader: str | None = "pgha1") -> PatroniView:
    rows = tuple(PatroniMember(name, name, "Replica", state, timeline) for name, state in states.items())
    return PatroniView("pgha_patroni_cluster", "7", leader, rows)


def _texts(found: tuple[ClusterEvent, ...]) -> list[tuple[str, bool]]:
    return [(event.text, event.good) for event in found]


def test_the_first_look_says_nothing() -> None:
    words = events.etcd_words(_etcd("123"), NODES) | events.patroni_words(_patroni({"pgha1": "running"}), SERVE)
    assert events.changes({}, words | events.leader_words("pgha1"), 1.0) == ()


def test_a_switchover_names_both_leaders_even_with_the_key_gone_in_between() -> None:
    first = events.leader_words("pgha1")
    gone = events.confirm(first, {}, events.leader_words(None))
    assert _texts(events.changes(first, gone, 1.0)) == [
        ("pgha1 no longer holds the leader key: the cluster has no leader", False)
    ]
    after = events.confirm(gone, {}, events.leader_words("pgha3"))
    assert _texts(events.changes(gone, after, 1.0)) == [("leader changed: pgha1 -> pgha3", True)]


def test_the_same_leader_coming_back_is_no_change_of_leader() -> None:
    gone = events.confirm(events.leader_words("pgha1"), {}, events.leader_words(None))
    after = events.confirm(gone, {}, events.leader_words("pgha1"))
    assert _texts(events.changes(gone, after, 1.0)) == [("pgha1 holds the leader key", True)]


def test_silence_needs_two_looks_and_an_answer_one() -> None:
    fine, down = events.etcd_words(_etcd("123"), NODES), events.etcd_words(_etcd("12"), NODES)
    once = events.confirm(fine, fine, down)
    assert events.changes(fine, once, 1.0) == ()
    twice = events.confirm(once, down, down)
    assert _texts(events.changes(once, twice, 1.0)) == [("etcd on pgha3 does not answer", False)]
    back = events.confirm(twice, down, fine)
    assert _texts(events.changes(twice, back, 1.0)) == [("etcd on pgha3 answers", True)]


def test_one_missed_poll_between_good_ones_says_nothing() -> None:
    fine, down = events.etcd_words(_etcd("123"), NODES), events.etcd_words(_etcd("12"), NODES)
    said: list[ClusterEvent] = []
    confirmed, previous = dict(fine), fine
    for look in (down, fine, down, fine):
        new = events.confirm(confirmed, previous, look)
        said += events.changes(confirmed, new, 1.0)
        confirmed, previous = new, look
    assert said == []


def test_a_lost_quorum_is_told_with_its_arithmetic_and_its_return_too() -> None:
    fine, lost = events.etcd_words(_etcd("123"), NODES), events.etcd_words(_etcd("1", quorum=False), NODES)
    new = events.confirm(fine, lost, lost)
    told = {event.kind: event for event in events.changes(fine, new, 1.0) if event.kind == "quorum"}
    assert told["quorum"].text == "etcd lost its quorum: 1 of 3 members alive, 2 needed"
    assert not told["quorum"].good
    back = events.confirm(new, lost, fine)
    assert ("etcd has its quorum back: 3 of 3 members alive, 2 needed", True) in _texts(events.changes(new, back, 1.0))


def _waiting(names: str) -> EtcdView:
    rows = tuple(EtcdEndpoint(name, f"{name}:2379", waits=name[-1] in names) for name in NODES)
    return EtcdView(rows, 3, len(names), leaderless=True)


def test_the_first_quorum_is_not_back() -> None:
    one, two = events.etcd_words(_waiting("1"), NODES), events.etcd_words(_etcd("12"), NODES)
    assert _texts(events.changes(one, events.confirm(one, one, two), 1.0)) == [
        ("etcd on pgha1 answers", True),
        ("etcd on pgha2 answers", True),
        ("etcd has a quorum: 2 of 3 members alive, 2 needed", True),
    ]


def test_a_silence_met_by_the_first_look_is_no_loss_that_ends_with_the_second() -> None:
    nothing, fine = events.etcd_words(_etcd("", quorum=False), NODES), events.etcd_words(_etcd("123"), NODES)
    assert ("quorum", "") in nothing
    first = events.confirm({}, {}, nothing)
    assert events.changes(first, events.confirm(first, nothing, fine), 1.0) == ()


def test_the_first_member_of_all_is_told() -> None:
    nobody = EtcdView(tuple(EtcdEndpoint(name, f"{name}:2379", refused=True) for name in NODES), 0, 0)
    none = events.etcd_words(nobody, NODES)
    one = events.confirm(none, none, events.etcd_words(_waiting("1"), NODES))
    assert _texts(events.changes(none, one, 1.0)) == [("etcd on pgha1 runs and waits for a majority", True)]


def test_members_that_start_again_and_wait_are_no_quorum_and_no_silence() -> None:
    fine, waiting = events.etcd_words(_etcd("123"), NODES), events.etcd_words(_waiting("1"), NODES)
    new = events.confirm(fine, waiting, waiting)
    told = _texts(events.changes(fine, new, 1.0))
    assert ("etcd on pgha1 runs and waits for a majority", True) in told
    assert ("etcd lost its quorum: 1 of 3 members alive, 2 needed", False) in told
    assert ("etcd has its quorum back: 3 of 3 members alive, 2 needed", True) in _texts(
        events.changes(new, events.confirm(new, waiting, fine), 1.0)
    )


def test_a_member_of_another_cluster_is_told() -> None:
    rows = tuple(
        EtcdEndpoint(name, f"{name}:2379", name[-1], is_leader=name in ("pgha1", "pgha3"), cluster_id=cluster)
        for name, cluster in zip(NODES, ("aa", "aa", "bb"), strict=True)
    )
    words = events.etcd_words(EtcdView(rows, 3, 2, cluster_id="aa"), NODES)
    fine = events.etcd_words(_etcd("123"), NODES)
    assert _texts(events.changes(fine, words, 1.0)) == [("etcd on pgha3 belongs to another cluster", False)]
    assert words["etcd leader", ""] == "pgha1"


def _server(name: str, writes: bool | None, postgres: Service = "running", container: Any = "running") -> NodeHealth:
    return NodeHealth(name, container, "192.168.50.10", "up", "running", "running", postgres, writes)


def test_a_server_that_stops_taking_writes_and_takes_them_again() -> None:
    def words(*rows: NodeHealth) -> events.Words:
        return events.writes_words(rows)

    writes = words(_server("pgha1", True), _server("pgha2", False))
    steps = [
        (words(_server("pgha1", False), _server("pgha2", False)), "pgha1 takes no writes any more: it is read-only"),
        (writes, "pgha1 takes writes"),
        (words(_server("pgha1", None, "stopped")), "pgha1 takes no writes any more: its PostgreSQL has stopped"),
        (writes, "pgha1 takes writes"),
        (words(_server("pgha1", None, "no answer")), "pgha1 takes no writes any more: its PostgreSQL does not answer"),
        (writes, "pgha1 takes writes"),
        (words(_server("pgha1", None, "unknown", "paused")), "pgha1 takes no writes any more: its node is down"),
    ]
    now = writes
    for after, text in steps:
        new = events.confirm(now, now, after)
        assert _texts(events.changes(now, new, 1.0)) == [(text, text.endswith("takes writes"))]
        now = new
    unknown = events.confirm(writes, writes, words(_server("pgha1", None, "unknown")))
    assert events.changes(writes, unknown, 1.0) == (), "who could not be asked may still take them"


def test_two_servers_that_take_writes() -> None:
    one = events.writes_words([_server("pgha1", True), _server("pgha2", False)])
    two = events.writes_words([_server("pgha1", True), _server("pgha2", True)])
    assert _texts(events.changes(one, two, 1.0)) == [
        ("pgha2 takes writes", True),
        ("two servers take writes: pgha1 and pgha2", False),
    ]
    after = events.writes_words([_server("pgha1", False), _server("pgha2", True)])
    assert _texts(events.changes(two, after, 1.0)) == [
        ("pgha1 takes no writes any more: it is read-only", False),
        ("pgha1 and pgha2 do not both take writes any more", True),
    ]


def test_a_promotion_is_no_failure() -> None:
    old = events.patroni_words(_patroni({"pgha1": "running", "pgha2": "streaming"}), SERVE)
    between = events.patroni_words(_patroni({"pgha1": "running", "pgha2": "running"}, leader="pgha2"), SERVE)
    assert ("pgha2: streaming -> running", False) not in _texts(events.changes(old, between, 1.0))
    assert _texts(events.changes(old, between, 1.0)) == [("pgha1 is a replica and does not stream yet", True)]


@pytest.mark.parametrize(
    "state", ["initializing new cluster", "starting", "creating replica", "stopping", "restarting"]
)
def test_a_member_on_its_way_is_no_failure(state: str) -> None:
    joined = events.patroni_words(_patroni({"pgha1": "running", "pgha2": "starting"}), SERVE)
    now = events.patroni_words(_patroni({"pgha1": "running", "pgha2": state}), SERVE)
    assert all(event.good for event in events.changes(joined, now, 1.0))
    failed = events.patroni_words(_patroni({"pgha1": "running", "pgha2": "start failed"}), SERVE)
    assert not any(event.good for event in events.changes(now, failed, 1.0))


def test_an_old_key_says_nothing_about_the_timeline() -> None:
    old = events.patroni_words(_patroni({"pgha1": "running"}, 3), SERVE)
    view = _patroni({"pgha1": "running"}, 2)
    silent = replace(view, members=tuple(replace(member, answers=False) for member in view.members))
    assert ("timeline", "") not in events.patroni_words(silent, SERVE)
    assert events.changes(old, events.confirm(old, old, events.patroni_words(silent, SERVE)), 1.0) == ()


def test_members_out_of_the_consoles_reach_do_not_make_a_lost_quorum() -> None:
    words = events.etcd_words(_etcd("1"), reachable=["pgha1"])
    assert ("quorum", "") not in words
    assert ("etcd", "pgha2") not in words


def test_an_etcd_election_is_told_once() -> None:
    old, new = events.etcd_words(_etcd("123"), NODES), events.etcd_words(_etcd("123", leader="2"), NODES)
    assert _texts(events.changes(old, events.confirm(old, old, new), 1.0)) == [
        ("etcd leader changed: pgha1 -> pgha2", True)
    ]


def test_members_join_stream_stop_and_leave() -> None:
    one = events.patroni_words(_patroni({"pgha1": "running"}), SERVE)
    two = events.patroni_words(_patroni({"pgha1": "running", "pgha2": "running"}), SERVE)
    three = events.patroni_words(_patroni({"pgha1": "running", "pgha2": "streaming"}), SERVE)
    assert _texts(events.changes(one, two, 1.0)) == [("pgha2 joined the cluster: running", True)]
    assert _texts(events.changes(two, three, 1.0)) == [("pgha2 is streaming", True)]
    assert _texts(events.changes(three, two, 1.0)) == [("pgha2: streaming -> running", False)]
    assert _texts(events.changes(three, one, 1.0)) == [("pgha2 left the cluster: its key in etcd is gone", False)]


def test_a_crash_is_told_at_once_though_patroni_has_not_seen_it_yet() -> None:
    view = _patroni({"pgha1": "running", "pgha2": "streaming", "pgha3": "starting"})
    fine = events.patroni_words(view, SERVE)
    crashed = events.patroni_words(view, SERVE | {"pgha2": "stopped", "pgha3": "stopped"})
    new = events.confirm(fine, fine, crashed)
    assert _texts(events.changes(fine, new, 1.0)) == [("pgha2: streaming -> stopped", False)]
    back = events.confirm(new, crashed, fine)
    assert _texts(events.changes(new, back, 1.0)) == [("pgha2 is streaming", True)]


def test_a_member_out_of_reach_does_not_serve_because_its_old_key_says_so() -> None:
    view = _patroni({"pgha1": "running", "pgha2": "streaming"})
    crashed = events.patroni_words(view, SERVE | {"pgha2": "stopped"})
    gone = events.confirm(crashed, crashed, events.patroni_words(view, SERVE | {"pgha2": "unknown"}))
    assert events.changes(crashed, gone, 1.0) == ()


def test_a_promotion_raises_the_timeline() -> None:
    old = events.patroni_words(_patroni({"pgha1": "running"}, 1), SERVE)
    new = events.patroni_words(_patroni({"pgha1": "running"}, 2), SERVE)
    assert _texts(events.changes(old, new, 1.0)) == [("timeline 1 -> 2", True)]


def test_nodes_go_and_come() -> None:
    up = NodeHealth("pgha1", "running", "192.168.50.10", "up", "running", "running", "running")
    paused = NodeHealth("pgha1", "paused", "192.168.50.10", "down", "unknown", "unknown", "unknown")
    connecting = NodeHealth("pgha1", "running", "192.168.50.10", "connecting", "unknown", "unknown", "unknown")
    was, now = events.node_words([up]), events.node_words([paused])
    assert _texts(events.changes(was, now, 1.0)) == [("pgha1 is down (paused)", False)]
    assert _texts(events.changes(now, was, 1.0)) == [("pgha1 is up", True)]
    assert events.changes(was, events.confirm(was, was, events.node_words([connecting])), 1.0) == ()
    once = events.confirm(was, was, now)
    assert _texts(events.changes(was, once, 1.0)) == [("pgha1 is down (paused)", False)]
    silent = NodeHealth("pgha1", "running", "192.168.50.10", "down", "unknown", "unknown", "unknown")
    assert events.changes(was, events.confirm(was, was, events.node_words([silent])), 1.0) == ()
    assert events.changes(events.node_words([silent]), now, 1.0) == ()


def test_a_change_of_the_configuration_names_the_settings() -> None:
    old = {"ttl": 30, "postgresql": {"parameters": {"work_mem": "4MB"}, "pg_hba": ["a"]}}
    new = {"ttl": 20, "postgresql": {"parameters": {"work_mem": "4MB"}, "pg_hba": ["a", "b"]}}
    assert _texts(events.config_changes(old, new, 1.0)) == [("configuration changed: postgresql.pg_hba, ttl", True)]
    assert events.config_changes({}, new, 1.0) == ()
    assert events.config_changes(new, new, 1.0) == ()
