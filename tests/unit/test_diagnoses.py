"""What common mistakes look like, where the live test cannot make them at no risk; and what a diagnosis never does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pghalab.course.checks.facts import Facts
from pghalab.course.diagnoses import MISTAKES, about, diagnose
from pghalab.course.load import load_course
from pghalab.course.localise import Names
from pghalab.lab.types import LabError
from pghalab.text import enumerated
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three

RULES = [
    "local all all peer",
    "host all all 127.0.0.1/32 scram-sha-256",
    "host replication replicator 192.168.50.0/24 scram-sha-256",
]


async def said(lab: FakeLab, sources: FakeSources, *names: str, nodes: tuple[str, ...] = ("pgha2",)) -> list[str]:
    facts = Facts(lab, sources)
    try:
        found = await diagnose(names, facts, [lab.nodes[name] for name in nodes], Names())
    finally:
        await facts.close()
    return [f"{one.says} {one.todo}" for one in found]


def configured(sources: FakeSources, **config: Any) -> None:
    sources.dcs["config"] = json.dumps(config)


@pytest.fixture(autouse=True)
def cluster(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)


async def test_a_list_without_localhost_locks_everybody_out(lab: FakeLab, sources: FakeSources) -> None:
    for rules in (RULES, ["host all postgres localhost md5"], ["hostnossl all all all scram-sha-256"]):
        configured(sources, postgresql={"pg_hba": rules})
        assert await said(lab, sources, "hba-no-localhost") == [], rules
    for rules in (RULES[::2], ["host all bubba 127.0.0.1/32 md5"], ["host all all 127.0.0.1/32 reject"], ["nonsense"]):
        configured(sources, postgresql={"pg_hba": rules})
        (words,) = await said(lab, sources, "hba-no-localhost")
        assert "127.0.0.1" in words, rules
    configured(sources, postgresql={})
    assert await said(lab, sources, "hba-no-localhost") == [], "each node has a file of its own"


async def test_rules_that_stand_in_the_wrong_place_or_cannot_be_read(lab: FakeLab, sources: FakeSources) -> None:
    configured(sources, pg_hba=RULES, postgresql={})
    (words,) = await said(lab, sources, "hba-top-level")
    assert "beside postgresql" in words
    assert await said(lab, sources, "hba-error") == []
    sources.rows[("pgha2", "error is not null")] = [(6, 9, "invalid IP mask")]
    (words,) = await said(lab, sources, "hba-error")
    assert words.startswith("PostgreSQL on pgha2 cannot read a rule (line 9: invalid IP mask)")


async def test_rules_that_have_not_reached_a_node(lab: FakeLab, sources: FakeSources) -> None:
    configured(sources, postgresql={"pg_hba": RULES})
    lab.nodes["pgha2"].answers["pg_hba.conf"] = "regular file|postgres|600\n0\n# a comment\n" + "\n".join(RULES)
    assert await said(lab, sources, "hba-old") == []
    lab.nodes["pgha2"].answers["pg_hba.conf"] = f"regular file|postgres|600\n0\n{RULES[0]}\n"
    (words,) = await said(lab, sources, "hba-old")
    assert words.startswith("On pgha2 2 of 3 rules have not reached the file")


async def test_data_that_was_made_at_other_addresses(lab: FakeLab, sources: FakeSources) -> None:
    assert await said(lab, sources, "etcd-elsewhere") == []
    lab.settings = type(lab.settings)(**{**_fields(lab.settings), "subnet": "192.168.77"})
    for number, node in enumerate(lab.nodes.values()):
        node.address = f"192.168.77.{10 + number}"
    (words,) = await said(lab, sources, "etcd-elsewhere")
    assert "made at 192.168.50.x; the nodes are at 192.168.77.x" in words


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("patroni-no-password", "psycopg.OperationalError: fe_sendauth: no password supplied"),
        ("replicator-password", 'FATAL:  password authentication failed for user "replicator"'),
        ("replicator-rule", "FATAL:  no pg_hba.conf entry for replication connection from host"),
        ("replica-behind", "FATAL: requested WAL segment 000000010000000000000003 has already been removed"),
    ],
)
async def test_what_a_log_tells_counts_only_while_the_node_does_not_stream(
    lab: FakeLab, sources: FakeSources, name: str, line: str
) -> None:
    lab.nodes["pgha2"].answers["tail -q"] = f"2026-11-23 something before\n{line}\n"
    assert await said(lab, sources, name) == [], "it streams"
    sources.patronis["pgha2"] |= {"replication_state": "in archive recovery"}
    (words,) = await said(lab, sources, name)
    assert "pgha2" in words
    lab.nodes["pgha2"].answers["tail -q"] = "2026-11-23 something else\n"
    assert await said(lab, sources, name) == []


async def test_a_cluster_that_was_given_up(lab: FakeLab, sources: FakeSources) -> None:
    del sources.dcs["config"]
    assert await said(lab, sources, "patroni-given-up") == [], "a Patroni is at it"
    del lab.nodes["pgha2"].processes["patroni"]
    (words,) = await said(lab, sources, "patroni-given-up")
    assert "etcdctl del" in words


async def test_a_password_that_is_no_longer_the_labs(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: Any) -> Any:
        raise LabError('FATAL:  password authentication failed for user "postgres"')

    assert await said(lab, sources, "superuser-password") == []
    monkeypatch.setattr(sources, "query", refuses)
    (words,) = await said(lab, sources, "superuser-password")
    assert words.startswith("pgha2 refuses the password of postgres")


async def test_a_member_that_was_removed(lab: FakeLab, sources: FakeSources) -> None:
    lab.nodes["pgha2"].answers["tail -q"] = '{"level":"warn","msg":"the member has been permanently removed"}'
    assert await said(lab, sources, "etcd-removed") == [], "it runs"
    del lab.nodes["pgha2"].processes["etcd"]
    (words,) = await said(lab, sources, "etcd-removed")
    assert "pgha2 was removed" in words


async def test_of_what_nobody_can_look_at_nothing_is_said(lab: FakeLab, sources: FakeSources) -> None:
    for node in lab.nodes.values():
        node.link, node.link_reason = "down", "it does not answer"
    assert await said(lab, sources, *MISTAKES, nodes=tuple(lab.nodes)) == []


async def test_a_hostile_file_is_quoted_and_never_formatted(lab: FakeLab, sources: FakeSources) -> None:
    name = "{nodes.__class__}"
    lab.nodes["pgha2"].answers["patroniVars"] = f'regular file|postgres|644\n0\nNODE_NAME="{name}"\n'
    (words,) = await said(lab, sources, "vars-other")
    assert words.startswith(f"patroniVars on pgha2 is that of {name}.")


def test_names_in_a_sentence() -> None:
    assert [enumerated(list(names)) for names in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_every_mistake_is_known_to_a_step() -> None:
    course = load_course()
    assert {name for step in course.steps for name in step.diagnoses} == set(MISTAKES)
    assert len(MISTAKES) >= 40


def test_a_step_is_about_the_nodes_that_its_checks_look_at(lab: FakeLab, sources: FakeSources) -> None:
    course, facts = load_course(), Facts(lab, sources)
    found = {
        name: [node.name for node in about(course.step(name), facts, Names())]
        for name in ("etcd-start-pgha2", "etcd-five", "replicas-pgha2-start", "leader-elected")
    }
    assert found["etcd-start-pgha2"] == ["pgha2"] and found["replicas-pgha2-start"] == ["pgha2"]
    assert found["leader-elected"] == ["pgha1", "pgha2", "pgha3"] and len(found["etcd-five"]) == 5
