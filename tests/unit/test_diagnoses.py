"""What common mistakes look like in cases that the live test does not make; and what a diagnosis never does."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pghalab.cluster.model import EtcdMember
from pghalab.course.checks.facts import Facts
from pghalab.course.diagnoses import MISTAKES, about, diagnose, etcd
from pghalab.course.diagnoses.base import Scene, tail
from pghalab.course.localise import Names
from pghalab.lab.types import LabError, Node, Result
from pghalab.text import enumerated
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.live.mistakes import BEFORE, ON_CLUSTER
from tests.shipped import shipped_course

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


async def test_a_slow_member_does_not_keep_the_others_from_being_asked_for_their_addresses(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody, ask = asyncio.Barrier(5), sources.members

    async def members(node: Node) -> Sequence[EtcdMember]:
        await everybody.wait()
        return await ask(node)

    monkeypatch.setattr(sources, "members", members)
    facts = Facts(lab, sources)
    await etcd.elsewhere(Scene(facts, ()))
    answers = await asyncio.gather(*map(facts.members_of, lab.nodes.values()))
    assert [len(members) for members in answers] == [5] * 5


TO_LEADER = 'connection to server at "pgha1" (192.168.50.10), port 5432 failed: FATAL:  '
PRIMARY = f"FATAL:  could not connect to the primary server: {TO_LEADER}"
OF_REPLICATOR = 'password authentication failed for user "replicator"'
NO_RULE = 'no pg_hba.conf entry for replication connection from host "192.168.50.11", user "replicator", no encryption'
REMOVED = "ERROR:  requested WAL segment 000000010000000000000003 has already been removed"
STREAMS = "LOG:  started streaming WAL from primary at 0/4000000 on timeline 1"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("patroni-no-password", "psycopg.OperationalError: fe_sendauth: no password supplied"),
        ("patroni-no-password", 'DETAIL:  User "postgres" has no password assigned.'),
        ("replicator-password", f"{PRIMARY}{OF_REPLICATOR}"),
        ("replicator-password", f"pg_basebackup: error: {TO_LEADER}{OF_REPLICATOR}"),
        ("replicator-rule", f"{PRIMARY}{NO_RULE}"),
        ("replica-behind", f"FATAL:  could not receive data from WAL stream: {REMOVED}"),
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


async def test_whom_a_server_itself_refused_is_no_refusal_by_the_leader(lab: FakeLab, sources: FakeSources) -> None:
    sources.patronis["pgha2"] |= {"replication_state": "in archive recovery"}
    own = f'connection to server at "127.0.0.1", port 5432 failed: FATAL:  {OF_REPLICATOR}'
    client = "user=replicator,db=[unknown],host=192.168.50.12"
    lines = (own, own.replace("127.0.0.1", "localhost"), f"{client} FATAL:  {OF_REPLICATOR}", f"{client} {REMOVED}",
             f"{client} FATAL:  {NO_RULE}")  # fmt: skip
    lab.nodes["pgha2"].answers["tail -q"] = "\n".join(lines)
    assert await said(lab, sources, "replicator-password", "replicator-rule", "replica-behind") == []


async def test_what_was_said_before_it_last_streamed_was_mended(lab: FakeLab, sources: FakeSources) -> None:
    sources.patronis["pgha2"] |= {"replication_state": "in archive recovery"}
    for lines, spoken in (((NO_RULE, STREAMS), False), ((STREAMS, NO_RULE), True)):
        lab.nodes["pgha2"].answers["tail -q"] = "\n".join(
            line.replace(NO_RULE, f"{PRIMARY}{NO_RULE}") for line in lines
        )
        assert bool(await said(lab, sources, "replicator-rule")) is spoken


async def test_a_server_streams_also_while_its_patroni_gives_no_answer(lab: FakeLab, sources: FakeSources) -> None:
    sources.silent.add("pgha2")
    node = lab.nodes["pgha2"]
    node.answers["tail -q"] = f"{PRIMARY}{NO_RULE}"
    for answer, spoken in (("t\n", False), ("f\n", True), ("", True)):
        node.answers["pg_stat_wal_receiver"] = answer
        assert bool(await said(lab, sources, "replicator-rule")) is spoken


async def test_the_newest_of_several_logs_comes_last(
    lab: FakeLab, sources: FakeSources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age, (name, text) in enumerate((("log-a b.log", "new"), ("log-z.log", "old"), ("other.log", "oldest"))):
        (tmp_path / name).write_text(f"first\n{text}\n")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))

    async def run(command: str, **_: Any) -> Result:
        done = await asyncio.to_thread(subprocess.run, ["bash", "-c", command], capture_output=True, text=True)
        return Result(done.returncode, done.stdout, done.stderr, 0.0)

    facts = Facts(lab, sources)
    await facts.processes(lab.nodes["pgha2"])
    monkeypatch.setattr(lab.nodes["pgha2"], "run", run)
    names = (f"{tmp_path}/log-*.log", f"{tmp_path}/other.log", f"{tmp_path}/missing.log")
    assert await tail(facts, lab.nodes["pgha2"], *names, lines=1) == "old\nnew\noldest\n"
    assert await tail(facts, lab.nodes["pgha2"], f"{tmp_path}/missing.log") == ""


async def test_a_cluster_that_was_given_up(lab: FakeLab, sources: FakeSources) -> None:
    node = lab.nodes["pgha2"]
    unfinished(sources)
    assert await said(lab, sources, "patroni-given-up") == [], "a Patroni is at it"
    del node.processes["patroni"]
    (words,) = await said(lab, sources, "patroni-given-up")
    assert "its `initialize` key stands in etcd" in words and "etcdctl del" in words
    sources.dcs["status"] = "{}"
    assert await said(lab, sources, "patroni-given-up") == [], "it has led"


async def test_a_cluster_that_patroni_itself_gave_up_left_no_key(lab: FakeLab, sources: FakeSources) -> None:
    node = lab.nodes["pgha2"]
    del node.processes["patroni"]
    node.answers["tail -q"] = "patroni.exceptions.PatroniFatalException: Failed to bootstrap cluster\n"
    assert await said(lab, sources, "patroni-given-up") == [], "there is one"
    unfinished(sources)
    del sources.dcs["initialize"]
    (words,) = await said(lab, sources, "patroni-given-up")
    assert words.startswith("A cluster was begun and never finished: Patroni gave it up on pgha2.")
    node.answers["tail -q"] = "something else\n"
    assert await said(lab, sources, "patroni-given-up") == []


async def test_keys_are_to_be_removed_only_where_no_cluster_was_finished(lab: FakeLab, sources: FakeSources) -> None:
    sources.patronis["pgha2"] |= {"replication_state": "in archive recovery"}
    lab.nodes["pgha2"].answers["tail -q"] = 'DETAIL:  User "postgres" has no password assigned.\n'
    (words,) = await said(lab, sources, "patroni-no-password")
    assert "Stop both there, empty the data directory" in words
    unfinished(sources)
    (words,) = await said(lab, sources, "patroni-no-password")
    assert "Stop both there, remove its keys (etcdctl del --prefix" in words
    for one in lab.nodes.values():
        one.processes.pop("etcd", None)
    (words,) = await said(lab, sources, "patroni-no-password")
    assert "Stop both there, empty the data directory" in words, "nobody knows"


def unfinished(sources: FakeSources) -> None:
    for key in ("config", "status", "history"):
        sources.dcs.pop(key, None)


async def test_a_password_that_is_no_longer_the_labs(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: Any) -> Any:
        raise LabError('FATAL:  password authentication failed for user "postgres"')

    assert await said(lab, sources, "superuser-password") == []
    monkeypatch.setattr(sources, "query", refuses)
    (words,) = await said(lab, sources, "superuser-password")
    assert words.startswith("pgha2 refuses the password of postgres")
    sources.patronis["pgha2"] |= {"replication_state": "in archive recovery"}
    lab.nodes["pgha2"].answers["tail -q"] = 'DETAIL:  User "postgres" has no password assigned.\n'
    assert await said(lab, sources, "superuser-password") == [], "he never had one there"


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


def test_every_mistake_is_made_on_a_real_lab() -> None:
    assert set(MISTAKES) == ON_CLUSTER | BEFORE


def test_every_mistake_is_known_to_a_step() -> None:
    course = shipped_course()
    assert {name for step in course.steps for name in step.diagnoses} == set(MISTAKES)
    assert len(MISTAKES) >= 40


def test_a_step_is_about_the_nodes_that_its_checks_look_at(lab: FakeLab, sources: FakeSources) -> None:
    course, facts = shipped_course(), Facts(lab, sources)
    found = {
        name: [node.name for node in about(course.step(name), facts, Names())]
        for name in ("etcd-start-pgha2", "etcd-five", "replicas-pgha2-start", "leader-elected")
    }
    assert found["etcd-start-pgha2"] == ["pgha2"] and found["replicas-pgha2-start"] == ["pgha2"]
    assert found["leader-elected"] == ["pgha1", "pgha2", "pgha3"] and len(found["etcd-five"]) == 5
