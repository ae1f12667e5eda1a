"""Where a check looks when nothing is said, as whom, and for how long it waits for a node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from pghalab.cluster.model import EtcdEndpoint
from pghalab.course.checks import CHECKS
from pghalab.course.checks import facts as facts_module
from pghalab.course.checks.base import problems
from pghalab.course.checks.facts import ANSWER, Facts
from pghalab.lab.types import LabError, Node, Result, User
from tests.fake_lab.lab import FakeLab, lab_of
from tests.fake_lab.node import FakeNode
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.unit.test_checks import failed, look

ALL = ["pgha1", "pgha2", "pgha3", "pgha4", "pgha5"]


@pytest.mark.parametrize(
    ("kind", "params", "nodes"),
    [
        ("patroni", {}, ALL[:3]),
        ("setting", {"name": "hot_standby", "value": True}, ALL[:3]),
        ("hba", {}, ALL[:3]),
        ("database", {"name": "foobar"}, ALL[:3]),
        ("role", {"name": "bubba"}, ALL[:3]),
        ("relation", {"database": "foobar", "name": "gaps"}, ALL[:3]),
        ("containers", {}, ALL),
        ("resolves", {}, ALL),
        ("path", {"path": "/x"}, ALL),
        ("emptied", {"path": "/x"}, ALL),
        ("yaml", {"path": "/x", "values": {"a": 1}}, ALL),
        ("process", {"name": "etcd"}, ALL),
        ("service", {"name": "etcd"}, ALL),
        ("job", {"command": "bash x"}, ALL),
    ],
)
async def test_unless_it_is_said_a_check_looks_wherever_its_subject_may_be(
    lab: FakeLab, sources: FakeSources, kind: str, params: dict[str, Any], nodes: list[str]
) -> None:
    cluster_of_three(lab, sources)
    assert [one.node for one in await look(lab, sources, kind, params)] == nodes
    if "on" in CHECKS[kind].params:
        (only,) = await look(lab, sources, kind, params, on=["pgha2"])
        assert only.node == "pgha2"


async def test_nodes_are_named_one_by_one_or_as_a_group(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.dcs["leader"] = "pgha2"
    for on, nodes in (
        ("all", ALL), ("data", ALL[:3]), ("leader", ["pgha2"]), ("replicas", ["pgha1", "pgha3"]),
        ("pgha4", ["pgha4"]), (["pgha5", "pgha1"], ["pgha5", "pgha1"]),
    ):  # fmt: skip
        assert [one.node for one in await look(lab, sources, "process", on=on, name="etcd")] == nodes
    sources.dcs["leader"] = "pgha9"
    seen = await look(lab, sources, "process", on="leader", name="etcd")
    assert failed(seen) == "the leader key is held by pgha9, which is no node of this lab"


async def test_who_logs_in_is_postgres_at_postgres_with_the_password_of_the_lab(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_of_three(lab, sources)
    asked: list[tuple[str, ...]] = []

    async def login(_: object, *, via: Node, to: Node, user: str, database: str, password: str) -> tuple[bool, str]:
        asked.append((via.name, to.name, user, database, password))
        return True, ""

    monkeypatch.setattr(sources, "login", login)
    (seen,) = await look(lab, sources, "login", {"from": "pgha4", "to": "pgha2"})
    assert (seen.ok, seen.saw, seen.wanted, seen.node) == (True, "accepted", "accepted", "pgha2")
    await look(lab, sources, "login", {"from": "pgha1", "to": "leader", "user": "bubba", "database": "foobar"})
    await look(lab, sources, "login", {"from": "pgha1", "to": "pgha3", "password": "wrong"})
    assert asked[:2] == [
        ("pgha4", "pgha2", "postgres", "postgres", lab.password),
        ("pgha1", "pgha1", "bubba", "foobar", lab.password),
    ]
    assert asked[2][:4] == ("pgha1", "pgha3", "postgres", "postgres")
    assert asked[2][4] not in ("", lab.password)


async def test_a_refusal_says_what_was_wanted_instead(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    there = {"from": "pgha1", "to": "pgha2", "accepted": False}
    sources.logins["pgha1", "pgha2"] = (False, "FATAL: no entry")
    (seen,) = await look(lab, sources, "login", there)
    assert (seen.ok, seen.saw, seen.wanted) == (True, "refused: FATAL: no entry", "refused")
    (seen,) = await look(lab, sources, "login", there, message="password")
    assert (seen.ok, seen.wanted) == (False, "refused: password")


async def test_a_replica_is_counted_unless_it_is_the_leader(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.rows["pgha1", "pg_stat_replication"] = [("pgha2", "streaming"), ("pgha3", "catchup")]
    (seen,) = await look(lab, sources, "replication")
    assert (seen.ok, seen.wanted, seen.node) == (False, "2 streaming", "pgha1")
    sources.rows["pgha1", "pg_stat_replication"] = [("pgha2", "streaming"), ("pgha3", "streaming")]
    (seen,) = await look(lab, sources, "replication")
    assert (seen.ok, seen.saw) == (True, "pgha2 streaming, pgha3 streaming")


async def test_a_file_with_text_is_not_empty(lab: FakeLab, sources: FakeSources) -> None:
    lab.nodes["pgha1"].answers["stat -L"] = "regular file|root|600\n0\nx\n"
    wanted = {"on": ["pgha1"], "path": "/x", "empty": True}
    assert failed(await look(lab, sources, "path", wanted)) == "it has text"
    assert failed(await look(lab, sources, "path", wanted | {"empty": False})) == ""


async def test_a_member_without_an_id_does_not_answer_yet(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_of_three(lab, sources)

    async def nameless(node: Node) -> EtcdEndpoint:
        return EtcdEndpoint(node.name, f"{node.name}:2379")

    monkeypatch.setattr(sources, "endpoint", nameless)
    for age, saw in (
        (3, "etcd runs on pgha1; it does not answer yet"),
        (2, "etcd was started 2 s ago on pgha1; it does not answer yet"),
    ):
        lab.nodes["pgha1"].ages["etcd"] = age
        (seen,) = await look(lab, sources, "service", name="etcd", on=["pgha1"])
        assert (seen.ok, seen.saw) == (age == 3, saw)
    (seen,) = await look(lab, sources, "etcd")
    assert (seen.ok, seen.saw) == (False, "no etcd member answers")


class Timed(FakeNode):
    """A node that remembers how long each command was given."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.given: dict[str, float | None] = {}

    async def run(
        self, command: str, *, user: User = "root", timeout: float | None = 30.0, stdin: str | None = None
    ) -> Result:
        self.given[command.split()[0]] = timeout
        return await super().run(command, user=user, timeout=timeout or 0.0, stdin=stdin)


async def test_no_command_of_a_look_outlives_it_on_the_node() -> None:
    node = Timed("pgha1")
    facts = Facts(lab_of(node), FakeSources())
    await facts.command(node, "true")
    await facts.close()
    assert node.given == {"ps": ANSWER, "true": ANSWER}


async def test_a_member_that_takes_the_question_for_the_keys_is_not_waited_for(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts_module, "REACH", 0.2)
    cluster_of_three(lab, sources)
    real = sources.keys

    async def keys(node: Node, prefix: str) -> Mapping[str, str]:
        if node.name in silent:
            await asyncio.Event().wait()
        return await real(node, prefix)

    monkeypatch.setattr(sources, "keys", keys)
    silent = {"pgha1"}
    async with asyncio.timeout(10):
        facts = Facts(lab, sources)
        assert (await facts.leader()).name == "pgha1"
        await facts.close()
        silent = set(lab.nodes)
        facts = Facts(lab, sources)
        with pytest.raises(LabError) as told:
            await facts.dcs()
        await facts.close()
    said = told.value.what.removeprefix("no etcd member answers (").removesuffix(")")
    assert sorted(said.split("; ")) == [f"{name} gave no answer within 0.2 s" for name in ALL], "and is said once"
    assert told.value.kind == "no-answer"


async def test_whoever_wants_to_know_is_told_what_runs(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    told: dict[str, frozenset[str]] = {}
    facts = Facts(lab, sources, lambda name, processes: told.update({name: processes}))
    for name in ("pgha1", "pgha4"):
        await facts.processes(lab.nodes[name])
    await facts.close()
    assert {"etcd", "patroni", "postgres"} <= told["pgha1"]
    assert "etcd" in told["pgha4"] and not {"patroni", "postgres"} & told["pgha4"]
    assert set(told) == {"pgha1", "pgha4"}


async def test_what_is_not_known_of_a_replica_is_no_streaming_replica(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    facts = Facts(lab, sources)
    assert [node.name for node in await facts.streaming()] == ["pgha2", "pgha3"]
    await facts.close()
    del lab.nodes["pgha2"].processes["patroni"]
    facts = Facts(lab, sources)
    assert [node.name for node in await facts.streaming()] == ["pgha3"]
    await facts.close()


async def test_the_versions_of_the_image_are_told(lab: FakeLab, sources: FakeSources) -> None:
    lab.versions = {"etcd": "3.5", "patroni": "4.0"}
    (seen,) = await look(lab, sources, "image")
    assert (seen.ok, seen.saw) == (True, "etcd 3.5, patroni 4.0")
    lab.versions = {}
    (seen,) = await look(lab, sources, "image")
    assert (seen.ok, seen.saw) == (False, "it names no versions")


async def test_a_setting_that_is_empty_is_said_to_be_empty(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.rows["pgha1", "show archive_command"] = [("",)]
    for value, ok, wanted in (("", True, "empty"), ("/bin/true", False, "/bin/true")):
        (seen,) = await look(lab, sources, "setting", {"name": "archive_command", "value": value, "on": "leader"})
        assert (seen.ok, seen.saw, seen.wanted) == (ok, "it is empty", wanted)


@pytest.mark.parametrize(
    ("kind", "params", "said"),
    [
        ("path", {"path": "/x", "type": "pipe"}, ["`type` is one of file, directory; found `pipe`"]),
        ("path", {"path": 7}, ["`path` is text"]),
        ("path", {"path": "/x", "contains": "x"}, ["`contains` is a list"]),
        ("path", {"path": "/x", "absent": 1}, ["`absent` is true or false"]),
        ("path", {}, ["needs `path`"]),
        ("etcd", {"members": True}, ["`members` is a whole number"]),
        ("etcd", {"members": 5, "size": 1}, ["unknown parameter `size`; it knows members, healthy"]),
        ("containers", {"on": "all"}, ["unknown parameter `on`; it knows none"]),
        ("setting", {"name": "a", "value": []},
         ["`value` is text or a whole number or a number or true or false"]),
        ("config", {"values": "a"}, ["`values` is a mapping"]),
        ("process", {"name": "etcd", "on": ["pgha1", "pgha9"]}, ["`on`: unknown node `pgha9`"]),
        ("process", {"name": "etcd", "on": ["data"]}, ["`on`: unknown node `data`"]),
        ("process", {"name": "etcd", "on": "data"}, []),
        ("process", {"name": "etcd", "on": "pgha9"}, ["`on`: unknown node `pgha9`"]),
        ("service", {"name": "nginx"}, ["`name` is one of etcd, patroni, postgres; found `nginx`"]),
        ("login", {"from": "leader", "to": "pgha2"}, []),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_parameters_of_a_check(kind: str, params: dict[str, Any], said: list[str]) -> None:
    assert problems(params, CHECKS[kind], ALL) == said
