"""Patroni's keys as values: from a recorded cluster, and with values that cannot be read."""

import json
from pathlib import Path

import pytest

from pghalab.cluster.dcs import PREFIX, parse

RECORDED = json.loads((Path(__file__).parents[1] / "recordings" / "cluster-streaming.json").read_text())


def test_a_recorded_cluster() -> None:
    dcs = parse(RECORDED["dcs"])
    assert dcs.leader == RECORDED["dcs"][PREFIX + "leader"]
    assert dcs.initialize == RECORDED["dcs"][PREFIX + "initialize"]
    assert [member.name for member in dcs.members] == ["ct1", "ct2", "ct3"]
    assert {member.replication_state for member in dcs.members if member.name != dcs.leader} == {"streaming"}
    assert all(member.host == member.name and member.port == 5432 for member in dcs.members)
    assert dcs.config["ttl"] == 30
    assert dcs.optime is not None and dcs.optime > 0
    assert {dcs.role(member.name) for member in dcs.members} == {"Leader", "Replica"}
    assert not dcs.paused


def test_no_keys_is_no_cluster() -> None:
    dcs = parse({})
    assert (dcs.initialize, dcs.leader, dcs.members, dcs.optime) == (None, None, (), None)


def test_a_cluster_that_bootstraps_has_an_empty_initialize() -> None:
    assert parse({PREFIX + "initialize": ""}).initialize == ""


def test_keys_of_another_cluster_are_left_out() -> None:
    assert parse({"/pgha/other/leader": "x"}).leader is None


@pytest.mark.parametrize("value", ["{", "[]", "null", '{"conn_url": "postgres://[bad", "timeline": "x"}'])
def test_values_that_make_no_sense_count_as_missing(value: str) -> None:
    dcs = parse({PREFIX + key: value for key in ("members/a", "config", "status", "history", "sync")})
    assert [(member.name, member.host, member.timeline) for member in dcs.members] == [("a", "", None)]
    assert dcs.history == () and dcs.optime is None


def test_the_history_of_timelines() -> None:
    text = '[[1, 67468512, "no recovery target specified", "2026-01-01T00:00:00+00:00", "pgha2"]]'
    assert parse({PREFIX + "history": text}).history == ((1, 67468512, "no recovery target specified"),)


@pytest.mark.parametrize(
    ("mode", "role"), [(True, "Sync Standby"), ("quorum", "Quorum Standby"), (False, "Replica"), (None, "Replica")]
)
def test_synchronous_standbys(mode: object, role: str) -> None:
    dcs = parse(
        {
            PREFIX + "leader": "a",
            PREFIX + "config": json.dumps({"synchronous_mode": mode}),
            PREFIX + "sync": json.dumps({"leader": "a", "sync_standby": "b,c"}),
        }
    )
    assert (dcs.role("a"), dcs.role("b"), dcs.role("d")) == ("Leader", role, "Replica")


def test_a_standby_cluster_and_a_paused_one() -> None:
    dcs = parse(
        {
            PREFIX + "leader": "a",
            PREFIX + "config": json.dumps({"pause": True, "standby_cluster": {"host": "elsewhere"}}),
        }
    )
    assert dcs.role("a") == "Standby Leader"
    assert dcs.paused


def test_a_switchover_that_was_asked_for() -> None:
    dcs = parse({PREFIX + "failover": '{"leader": "pgha1", "member": "pgha2"}'})
    assert dcs.failover == {"leader": "pgha1", "member": "pgha2"} and parse({}).failover == {}


@pytest.mark.parametrize(
    ("word", "waits"), [("true", True), ("True", True), ("on", True), ("yes", True), ("no", False)]
)
def test_a_member_that_waits_for_a_restart(word: str, waits: bool) -> None:
    dcs = parse({PREFIX + "members/pgha1": json.dumps({"pending_restart": word})})
    assert [member.pending_restart for member in dcs.members] == [waits]
