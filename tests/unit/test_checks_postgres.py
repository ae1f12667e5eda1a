"""The checks of PostgreSQL: settings, rules, logins, and rows that arrive."""

from __future__ import annotations

from typing import Any

import pytest

from pghalab.course.checks import evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts
from pghalab.course.checks.postgres import rule
from pghalab.course.model import CheckSpec
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.unit.test_checks import failed, look


async def test_setting(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    for name in ("pgha1", "pgha2", "pgha3"):
        sources.rows[(name, "show hot_standby")] = [("on",)]
    assert failed(await look(lab, sources, "setting", name="hot_standby", value=True)) == ""
    assert failed(await look(lab, sources, "setting", name="hot_standby", value="off", on="leader")) == "on"
    assert "no setting's name" in failed(await look(lab, sources, "setting", name="x; drop table y", value=1))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("host  all   postgres 192.168.50.0/24  md5", "host all postgres 192.168.50.0/24 md5"),
        ("host all postgres 192.168.50.0 255.255.255.0 md5", "host all postgres 192.168.50.0/24 md5"),
        ("host all all 192.168.50.7/24 md5", "host all all 192.168.50.0/24 md5"),
        ("host all all samenet md5", "host all all samenet md5"),
        ("local all all peer", "local all all peer"),
        ("host all all ::1/128 trust", "host all all ::1/128 trust"),
    ],
)
def test_rules_have_one_spelling(text: str, wanted: str) -> None:
    assert rule(text) == wanted


async def test_hba(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    full = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    sources.rows[("pgha1", "pg_hba_file_rules")] = [
        ("local", ["all"], ["all"], None, None, "trust", None, 1),
        ("host", ["all"], ["postgres"], "192.168.50.0", "255.255.255.0", "md5", None, 2),
        ("host", ["all"], ["all"], "::1", full, "trust", None, 3),
    ]
    has = ["local all all trust", "host all postgres 192.168.50.0/24 md5", "host all all ::1/128 trust"]
    assert failed(await look(lab, sources, "hba", on=["pgha1"], has=has)) == ""
    assert failed(await look(lab, sources, "hba", on=["pgha1"], has=["local all all peer"])) == (
        "`local all all peer` is missing"
    )
    sources.rows[("pgha1", "pg_hba_file_rules")].append((None, None, None, None, None, None, "bad method", 9))
    assert failed(await look(lab, sources, "hba", on=["pgha1"], has=has)) == "line 9: bad method"


async def test_a_rule_for_several_databases_and_users(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.rows[("pgha1", "pg_hba_file_rules")] = [
        ("host", ["a", "b"], ["u", "v"], "10.0.0.7", "255.0.0.0", "md5", None, 1)
    ]
    assert failed(await look(lab, sources, "hba", on=["pgha1"], has=["host a,b u,v 10.0.0.0/8 md5"])) == ""
    (seen,) = await look(lab, sources, "hba", on=["pgha1"])
    assert (seen.saw, seen.wanted) == ("1 rules, none broken", "rules without error")


async def test_hba_tells_who_gets_in_by_trust(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    rules: list[tuple[Any, ...]] = [("local", ["all"], ["all"], None, None, "peer", None, 1)]
    sources.rows[("pgha1", "pg_hba_file_rules")] = rules
    assert failed(await look(lab, sources, "hba", on=["pgha1"], without=["trust"])) == ""
    rules.append(("host", ["all"], ["all"], "10.0.0.0", "255.0.0.0", "trust", None, 2))
    (seen,) = await look(lab, sources, "hba", on=["pgha1"], has=["local all all peer"], without=["trust"])
    assert (seen.ok, seen.saw) == (False, "line 2 is a rule of trust")
    assert seen.wanted == "`local all all peer`, no rule of trust"


async def test_login(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    there = {"from": "pgha1", "to": "pgha2"}
    sources.logins[("pgha1", "pgha2")] = (False, "FATAL: no pg_hba.conf entry for host")
    refused = {**there, "accepted": False, "message": "no pg_hba.conf entry"}
    assert failed(await look(lab, sources, "login", refused)) == ""
    assert failed(await look(lab, sources, "login", {**refused, "message": "password"})).startswith("refused: FATAL")
    assert failed(await look(lab, sources, "login", there)).startswith("refused: FATAL")
    sources.logins[("pgha1", "pgha2")] = (True, "")
    assert failed(await look(lab, sources, "login", there)) == ""
    assert failed(await look(lab, sources, "login", refused)) == "accepted"
    assert "PostgreSQL is not running" in failed(await look(lab, sources, "login", {**there, "to": "pgha5"}))


async def test_a_login_says_in_words_what_is_wanted(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    there = {"from": "pgha1", "to": "pgha2", "user": "bubba"}
    sources.logins[("pgha1", "pgha2")] = (True, "")
    (seen,) = await look(lab, sources, "login", there)
    assert (seen.check, seen.ok) == ("pgha2 lets in bubba from pgha1", True)
    (seen,) = await look(lab, sources, "login", there, accepted=False)
    assert (seen.check, seen.ok) == ("pgha2 refuses bubba from pgha1", False)


async def test_a_wrong_password_is_refused_unless_somebody_gets_in_by_trust(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.logins[("pgha1", "pgha2")] = (True, "")
    wrong = {"from": "pgha1", "to": "pgha2", "accepted": False, "password": "wrong", "message": "password"}
    (seen,) = await look(lab, sources, "login", wrong)
    assert (seen.check, seen.ok) == ("pgha2 refuses postgres from pgha1 with a wrong password", True)
    sources.wrong_password = (True, "")
    assert failed(await look(lab, sources, "login", wrong)) == "accepted"


async def test_replication(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    assert failed(await look(lab, sources, "replication", streaming=2)) == ""
    sources.rows[("pgha1", "pg_stat_replication")] = []
    assert failed(await look(lab, sources, "replication", streaming=2)) == "nobody replicates from it"
    sources.rows[("pgha1", "pg_stat_replication")] = [("pgha2", "streaming"), ("pgha3", "catchup")]
    assert failed(await look(lab, sources, "replication", streaming=2)) == "pgha2 streaming, pgha3 catchup"
    assert failed(await look(lab, sources, "replication", streaming=1)) == ""


async def test_marker(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    assert failed(await look(lab, sources, "marker")) == ""
    sources.copies = False
    assert failed(await look(lab, sources, "marker")) == "an older row is there; an older row is there"
    del sources.patronis["pgha3"]["replication_state"]
    sources.asked.clear()
    assert failed(await look(lab, sources, "marker")) == "pgha3 does not stream"
    assert not any("insert" in asked for asked in sources.asked), "nothing is written before every replica streams"


async def test_a_console_that_only_looks_writes_no_marker(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    await look(lab, sources, "marker")
    sources.asked.clear()
    facts = Facts(lab, sources)
    spec = CheckSpec("marker", {}, 1.0, 1)
    assert failed(await evaluate(spec, Context(facts, may_write=False))) == ""
    await facts.close()
    assert sources.asked and not any("insert" in asked for asked in sources.asked)


async def test_a_marker_that_was_never_written_or_has_nowhere_to_go_does_not_hold(
    lab: FakeLab, sources: FakeSources
) -> None:
    cluster_of_three(lab, sources)
    sources.rows["pgha1", "pghalab.marker"] = []
    facts = Facts(lab, sources)
    (seen,) = await evaluate(CheckSpec("marker", {}, 1.0, 1), Context(facts, may_write=False))
    await facts.close()
    assert (seen.verdict, seen.saw, seen.node) == ("fails", "no row was ever written", "pgha1")
    lab.nodes = {"pgha1": lab.nodes["pgha1"]}
    (seen,) = await look(lab, sources, "marker")
    assert (seen.verdict, seen.saw) == ("fails", "there is no replica")


async def test_database_and_role(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.rows[("pgha1", "pg_database")] = [("postgres",), ("foobar",)]
    sources.rows[("pgha2", "pg_database")] = [("postgres",)]
    assert failed(await look(lab, sources, "database", name="foobar", on=["pgha1"])) == ""
    assert failed(await look(lab, sources, "database", name="foobar", on=["pgha1", "pgha2"])) == "postgres"
    sources.rows[("pgha1", "pg_roles")] = [("bubba", True, False, True)]
    assert failed(await look(lab, sources, "role", name="bubba", login=True, on="leader")) == ""
    assert failed(await look(lab, sources, "role", name="bubba", replication=True, on="leader")) == (
        "login, no replication, superuser"
    )
    assert failed(await look(lab, sources, "role", name="bubba", superuser=True, on="leader")) == ""
    (seen,) = await look(lab, sources, "role", name="bubba", login=False, superuser=False, on="leader")
    assert (seen.ok, seen.wanted) == (False, "exists, no login, no superuser")
    assert failed(await look(lab, sources, "role", name="other", on="leader")) == "no role other"
