"""What panes, headline and `status` say at moments that a real cluster went through, and at some that it must not."""

from dataclasses import replace
from typing import Any

import pytest

from pghalab.cluster import render
from pghalab.cluster.cells import printed, state, written
from pghalab.cluster.events import etcd_words
from pghalab.cluster.headline import headline
from pghalab.cluster.model import EtcdEndpoint, EtcdView, NodeHealth, PatroniMember, PatroniView, Snapshot
from pghalab.cluster.quorum import etcd_view
from pghalab.cluster.trouble import troubles, writers
from tests.unit.seen import moment


def _snapshot(value: Any, error: str | None = None) -> Snapshot[Any]:
    return Snapshot(value, error, 0.0)


def test_two_writers_come_first_everywhere() -> None:
    seen = moment("two-writers")
    assert seen.headline().startswith("lab pgha · ✗ 2 SERVERS TAKE WRITES: pgha2, pgha3 · ")
    gravest = seen.troubles()[0]
    assert (gravest.kind, gravest.severity, gravest.nodes) == ("writers", "critical", ("pgha2", "pgha3"))
    assert seen.tables()[0] == "✗ 2 SERVERS TAKE WRITES: pgha2, pgha3"
    assert seen.row("pgha2").endswith("○ stopped ✗ takes writes")
    assert seen.row("pgha3").endswith("● running ✗ takes writes")
    assert seen.row("pgha1").endswith("● running ● read-only")
    assert seen.row("pgha4").endswith("● running – –")
    assert ("two servers take writes: pgha2 and pgha3", False) in [(one.text, one.good) for one in seen.events]


def test_a_cluster_without_quorum_has_no_star_and_no_writer() -> None:
    seen = moment("read-only")
    assert "★" not in "".join([seen.headline(), *seen.tables()])
    assert seen.headline().endswith("etcd 2 of 5, NO QUORUM · ? leader not known · ✗ no server seen that takes writes")
    assert [one.text for one in seen.troubles() if one.severity == "critical"] == [
        "etcd has no quorum: 2 of 5 members alive, 3 needed", "no server takes writes",
    ]  # fmt: skip
    assert any("? pgha2 held the leader key" in line for line in seen.tables())
    assert seen.row("pgha1", 2).endswith("does not stream")
    assert "● running" not in seen.row("pgha1", 2)


@pytest.mark.parametrize("name", ["silent-leader", "frozen-leader"])
def test_a_silent_leader_that_holds_its_key_is_a_warning_with_what_is_left(name: str) -> None:
    seen = moment(name)
    view = seen.patroni.value
    assert view is not None and view.lease_left is not None
    words = f"{view.leader} holds the leader key and does not answer; up to {view.lease_left} s are left"
    assert seen.headline().endswith(f"! {words}")
    (trouble,) = [one for one in seen.troubles() if one.kind == "leader-silent"]
    assert (trouble.text, trouble.severity) == (words, "warning")
    row = seen.row(str(view.leader), 2)
    assert "! Leader ! no answer" in row and f"holds the key, up to {view.lease_left} s left" in row
    assert "★" not in "".join([seen.headline(), *[line for line in seen.tables() if "2379" not in line]])


def _node(name: str, **changes: Any) -> NodeHealth:
    return replace(NodeHealth(name, "running", "192.168.50.10", "up", "running", "running", "running"), **changes)


def test_servers_of_other_clusters_are_no_second_writer() -> None:
    rows = (_node("pgha1", writes=True, system_id="7"), _node("pgha2", writes=True, system_id="8"),
            _node("pgha3", writes=False, system_id="7"))  # fmt: skip
    assert writers(rows) == ["pgha1"]
    (trouble,) = troubles(_snapshot(rows), None, None)
    assert (trouble.severity, trouble.text) == ("warning", "pgha2 takes writes in a cluster of its own")
    unknown = (*rows[:1], _node("pgha2", writes=True), *rows[2:])
    assert writers(unknown) == ["pgha1", "pgha2"], "one whose identifier is not known counts"


def test_nobody_is_said_to_take_writes_only_when_every_server_was_heard() -> None:
    view = _snapshot(PatroniView("s", "7", "pgha1", (PatroniMember("pgha1", "pgha1", "Leader", "running", 1),)))
    heard = (_node("pgha1", writes=False), _node("pgha2", postgres="stopped"), _node("pgha4", postgres="none"))
    assert "no-writer" in [one.kind for one in troubles(_snapshot(heard), None, view)]
    for silent in ("unknown", "no answer"):
        rows = (heard[0], _node("pgha2", postgres=silent), heard[2])
        assert "no-writer" not in [one.kind for one in troubles(_snapshot(rows), None, view)]


def _patroni(*members: PatroniMember, leader: str | None = "pgha1", error: str | None = None) -> str:
    return "\n".join(printed(render.patroni(_snapshot(PatroniView("s", "7", leader, members), error))))


LEADER = PatroniMember("pgha1", "pgha1", "Leader", "running", 1, writes=True)
REPLICA = PatroniMember("pgha2", "pgha2", "Replica", "streaming", 1, writes=False)


def test_a_node_that_is_read_only_has_no_star_whatever_the_key_says() -> None:
    assert "★ Leader" in _patroni(LEADER)
    shown = _patroni(replace(LEADER, writes=False))
    assert "★" not in shown and "○ Replica" in shown and "holds the leader key, is read-only" in shown


def test_a_key_that_is_old_makes_no_leader() -> None:
    shown = _patroni(LEADER, REPLICA, error="etcd runs on no node")
    assert "★" not in shown and "☆ Primary" in shown and "pgha1 held the leader key" in shown
    assert "? unknown" in _patroni(replace(LEADER, writes=None), error="etcd runs on no node")


def test_who_takes_writes_without_the_key_stands_out() -> None:
    shown = _patroni(LEADER, replace(REPLICA, writes=True, state="running"))
    assert "✗ Primary" in shown and "takes writes without the leader key" in shown


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (replace(REPLICA, state="streaming"), "● streaming"),
        (replace(REPLICA, state="running"), "◐ running"),
        (replace(REPLICA, state="in archive recovery"), "◐ in archive recovery"),
        (replace(REPLICA, state="start failed"), "✗ start failed"),
        (LEADER, "● running"),
        (replace(LEADER, state="initializing new cluster", writes=None), "◐ initializing new cluster"),
    ],
)
def test_only_a_replica_that_streams_is_green(member: PatroniMember, words: str) -> None:
    assert words in _patroni(member)
    assert state(member.state).tone == "ok" or member.state != "streaming"
    kinds = [one.kind for one in troubles(None, None, _snapshot(PatroniView("s", "7", "pgha1", (LEADER, member))))]
    assert ("replica" in kinds) == (member.name == "pgha2" and member.state != "streaming")


def _member(node: str, **changes: Any) -> EtcdEndpoint:
    return replace(
        EtcdEndpoint(node, f"{node}:2379", node[-1], "3.5.16", 1, False, False, 2, 3, 3, cluster_id="aa"), **changes
    )


def _waiting(node: str) -> EtcdEndpoint:
    return EtcdEndpoint(node, f"{node}:2379", errors="waits for a majority of the members", cluster_id="aa", waits=True)


def _etcd(view: EtcdView) -> str:
    return "\n".join(printed(render.etcd(_snapshot(view))))


def test_members_that_wait_for_a_majority_are_shown_as_that() -> None:
    rows = (_waiting("pgha1"), *(EtcdEndpoint(f"pgha{n}", f"pgha{n}:2379") for n in (2, 3, 4, 5)))
    view = etcd_view(rows, 5)
    assert (view.waits, view.alive, view.has_quorum) == (True, 1, False)
    assert "members 5, majority 3, alive 1, ◐ waits for a majority, 1 of 3" in _etcd(view)
    line = "".join(map(written, headline("pgha", _snapshot((_node("pgha1"),)), _snapshot(view), None)))
    assert "◐ etcd waits for a majority, 1 of 3" in line and "NO QUORUM" not in line
    (trouble,) = troubles(None, _snapshot(view), None)
    assert (trouble.kind, trouble.severity) == ("etcd-waits", "warning")
    assert printed(render.nodes(_snapshot((_node("pgha1", etcd="waiting"),))))[1].count("◐ waits") == 1
    three = etcd_view((*map(_waiting, ("pgha1", "pgha2", "pgha3")), *rows[3:]), 5)
    assert "◐ has a majority and no leader yet" in _etcd(three)


def test_the_first_members_of_a_real_cluster_wait() -> None:
    seen = moment("waiting")
    assert seen.headline() == "lab pgha · ● 5 of 5 nodes up · ◐ etcd waits for a majority, 2 of 3"
    assert [one.text for one in seen.troubles()] == ["etcd waits for a majority, 2 of 3"]
    assert [seen.row(f"pgha{n}").split("up ")[1] for n in (1, 3, 5)] == [
        "◐ waits ○ stopped ○ stopped", "○ stopped ○ stopped ○ stopped", "○ stopped – –",
    ]  # fmt: skip


def test_no_pane_calls_a_member_silent_that_another_one_calls_stopped() -> None:
    view = EtcdView((_member("pgha1"), EtcdEndpoint("pgha2", "pgha2:2379", errors="x", refused=True)), 2, 1)
    assert "○ stopped" in _etcd(view) and "no answer" not in _etcd(view)


def test_a_member_of_another_cluster_is_never_alive_in_ours() -> None:
    rows = (_member("pgha1"), _member("pgha2", is_leader=True), _member("pgha3", cluster_id="bb", is_leader=True))
    view = etcd_view(rows, 3)
    assert (view.cluster_id, view.alive, view.has_quorum) == ("aa", 2, True)
    assert "✗ of another cluster: pgha3" in _etcd(view)
    assert _etcd(view).count("★ true") == 1 and "✗ other cluster" in _etcd(view)
    assert troubles(None, _snapshot(view), None)[0].text == "etcd on pgha3 belongs to another cluster"


def test_survivors_are_counted_together_although_one_has_not_noticed_yet() -> None:
    gone = (EtcdEndpoint(f"pgha{n}", f"pgha{n}:2379") for n in (3, 4, 5))
    rows = (_member("pgha1", errors="etcdserver: no leader"), _member("pgha2", is_leader=True), *gone)
    view = etcd_view(rows, 5)
    assert (view.alive, view.leaderless, view.has_quorum) == (2, True, False)
    assert "alive 2, ✗ NO QUORUM, 1 more needed" in _etcd(view)


def test_a_quorum_that_the_console_cannot_hear_is_unknown_and_not_lost() -> None:
    two = (_member("pgha1"), _member("pgha2", is_leader=True))

    def five(*, refused: bool) -> EtcdView:
        others = (EtcdEndpoint(f"pgha{n}", f"pgha{n}:2379", refused=refused) for n in (3, 4, 5))
        return etcd_view((*two, *others), 5)

    view = five(refused=False)
    assert (view.unsure, view.has_quorum) == (True, False)
    assert "? quorum unknown" in _etcd(view) and "NO QUORUM" not in _etcd(view)
    assert [(one.kind, one.severity) for one in troubles(None, _snapshot(view), None)] == [("etcd-unheard", "warning")]
    assert ("quorum", "") not in etcd_words(view, [row.node for row in view.endpoints])
    # Refused, they do not run.
    gone = five(refused=True)
    assert not gone.unsure and "✗ NO QUORUM" in _etcd(gone)
    assert troubles(None, _snapshot(gone), None)[0].kind == "quorum"


def test_columns_stay_in_line_with_longer_names_and_empty_ones_go() -> None:
    rows = tuple(_node(f"a-much-longer-prefix{n}", container="paused" if n == 2 else "running") for n in (1, 2, 10))
    lines = printed(render.nodes(_snapshot(rows)))
    starts = {line.index("192.168.50.10") for line in lines[1:]}
    assert starts == {lines[0].index("Address")}
    assert "Note" not in _patroni(LEADER, REPLICA)


def test_a_cluster_that_is_being_made_is_no_failure() -> None:
    begins = replace(LEADER, state="initializing new cluster", writes=None)
    view = _snapshot(PatroniView("s", "", None, (begins,)))
    shown = "\n".join(printed(render.patroni(view)))
    line = "".join(map(written, headline("pgha", _snapshot((_node("pgha1"),)), None, view)))
    assert "s (initialising)" in shown and line.endswith("◐ the cluster begins")
    assert "✗" not in shown + line and "leader key" not in shown
    assert troubles(None, None, view) == ()
