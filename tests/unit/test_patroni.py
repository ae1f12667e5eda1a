"""One picture from the keys in etcd and what each node says of itself."""

import json
from pathlib import Path
from typing import Any

from pghalab.cluster import patroni
from pghalab.cluster.dcs import PREFIX, parse
from pghalab.cluster.truth import runs_postgres

RECORDINGS = Path(__file__).parents[1] / "recordings"
RECORDED = json.loads((RECORDINGS / "cluster-streaming.json").read_text())
DCS = parse(RECORDED["dcs"])
TRUTHS: dict[str, dict[str, Any]] = {
    name: answer for name, answer in RECORDED["patroni"].items() if "error" not in answer
}


def test_a_recorded_cluster_reads_as_patroni_itself_tells_it() -> None:
    view = patroni.view(DCS, TRUTHS)
    told = {member["name"]: member for member in RECORDED["cluster"]["members"]}
    assert view.system_id == DCS.initialize
    assert [member.name for member in view.members] == sorted(told)
    for member in view.members:
        other = told[member.name]
        assert member.role.lower().replace(" ", "_") == other["role"]
        assert (member.state, member.host, member.timeline) == (other["state"], other["host"], other["timeline"])
        assert (member.receive_lag, member.replay_lag) == (other.get("receive_lag"), other.get("replay_lag"))
        assert member.answers


def test_the_keys_alone_give_the_same_rows_but_say_that_nobody_answers() -> None:
    view = patroni.view(DCS, {})
    both = patroni.view(DCS, TRUTHS)
    assert [(m.name, m.role, m.state, m.timeline) for m in view.members] == [
        (m.name, m.role, m.state, m.timeline) for m in both.members
    ]
    assert not any(member.answers for member in view.members)


def test_lag_is_counted_against_the_leaders_own_position() -> None:
    leader = DCS.leader or ""
    replica = next(name for name in TRUTHS if name != leader)
    position = TRUTHS[leader]["xlog"]["location"]
    behind = {**TRUTHS[replica], "xlog": {"received_location": position - 1000, "replayed_location": position - 3000}}
    ahead = {**TRUTHS[replica], "xlog": {"received_location": position + 5, "replayed_location": position}}
    for truth, lags in ((behind, (1000, 3000)), (ahead, (0, 0))):
        view = patroni.view(DCS, {**TRUTHS, replica: truth})
        row = next(member for member in view.members if member.name == replica)
        assert (row.receive_lag, row.replay_lag) == lags


def test_a_node_whose_postgresql_does_not_answer_prints_as_its_key_says() -> None:
    replica = next(name for name in TRUTHS if name != DCS.leader)
    keys = dict(RECORDED["dcs"])
    keys[f"{PREFIX}members/{replica}"] = json.dumps(
        {"conn_url": f"postgres://{replica}:5432/postgres", "state": "running", "role": "replica"}
    )
    truth = {"state": "unknown", "role": "replica", "patroni": {"name": replica}}
    row = next(m for m in patroni.view(parse(keys), {**TRUTHS, replica: truth}).members if m.name == replica)
    assert (row.state, row.timeline, row.receive_lsn, row.replay_lag, row.answers) == (
        "running",
        None,
        None,
        None,
        True,
    )
    assert not runs_postgres(truth)


def test_a_crashed_postmaster_shows_at_once_although_the_key_is_older() -> None:
    leader = DCS.leader or ""
    view = patroni.view(DCS, {**TRUTHS, leader: {"state": "crashed", "role": "primary"}})
    row = next(member for member in view.members if member.name == leader)
    assert (row.role, row.state, row.timeline) == ("Leader", "crashed", None)


def test_without_any_keys_nobody_is_leader() -> None:
    view = patroni.view(None, TRUTHS)
    assert view.leader is None
    assert {member.role for member in view.members} == {"Primary", "Replica"}
    assert view.system_id == DCS.initialize


def test_a_port_of_its_own_is_part_of_the_host() -> None:
    keys = {f"{PREFIX}members/a": json.dumps({"conn_url": "postgres://a:5433/postgres", "state": "running"})}
    assert patroni.view(parse(keys), {}).members[0].host == "a:5433"


def test_an_uninitialised_cluster() -> None:
    view = patroni.view(parse({}), {})
    assert (view.system_id, view.leader, view.members, view.paused) == ("", None, (), False)


def test_a_recorded_restart_after_a_crash() -> None:
    recorded = json.loads((RECORDINGS / "cluster-postgres-starting.json").read_text())
    truths = {name: answer for name, answer in recorded["patroni"].items() if "error" not in answer}
    rows = {member.name: member for member in patroni.view(parse(recorded["dcs"]), truths).members}
    assert (rows["ct1"].state, rows["ct1"].timeline, rows["ct1"].replay_lag) == ("starting", None, None)
    assert (rows["ct2"].role, rows["ct2"].state, rows["ct2"].timeline) == ("Leader", "running", 4)
    assert (rows["ct3"].state, rows["ct3"].replay_lag) == ("streaming", 0)
    assert [runs_postgres(truths[name]) for name in sorted(truths)] == [False, True, True]
