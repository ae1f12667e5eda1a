"""What the checks say when something is missing, frozen or at fault, and that one pass asks each thing once."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pghalab.course.checks import CHECKS, evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import REACH, Facts
from pghalab.course.model import CheckSpec
from pghalab.lab.types import LabError
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.unit.test_checks import failed, look


async def test_nobody_leads(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    del sources.dcs["leader"]
    asked: tuple[tuple[str, dict[str, Any]], ...] = (
        ("replication", {}), ("marker", {}), ("patroni", {"on": "leader", "role": "leader"}),
    )  # fmt: skip
    for name, params in asked:
        assert failed(await look(lab, sources, name, params)) == "nobody holds the leader key"


async def test_one_pass_asks_each_thing_once(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    facts = Facts(lab, sources)
    context = Context(facts)
    asked: tuple[tuple[str, dict[str, Any]], ...] = (
        ("dcs_key", {"key": "leader"}),
        ("config", {"values": {"ttl": 30}}),
        ("replication", {}),
        ("process", {"name": "etcd"}),
        ("process", {"name": "patroni", "on": "data"}),
    )
    for name, params in asked:
        await evaluate(CheckSpec(name, params, 1.0, 1), context)
    await facts.close()
    assert [asked for asked in sources.asked if asked.startswith("keys")] == ["keys pgha1"]
    assert all(sum(command.startswith("ps ") for command in node.ran) == 1 for node in lab.nodes.values())


async def test_a_frozen_node_costs_its_limit_once_and_the_others_answer(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    lab.nodes["pgha5"].hangs = True
    facts = Facts(lab, sources)
    context = Context(facts)
    started = time.monotonic()
    for name, params in (("process", {"name": "etcd"}), ("path", {"path": "/x"}), ("etcd", {"members": 5})):
        results = await evaluate(CheckSpec(name, params, 1.0, 1), context)
        assert "pgha5 is out of reach: no answer within 2 s" in failed(results)
    await facts.close()
    assert len(lab.nodes["pgha5"].ran) == 1
    # Three looks that each waited would take three limits.
    assert time.monotonic() - started < 2 * REACH


async def test_the_leader_is_known_before_a_frozen_node_is_given_up(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.dcs["leader"] = "pgha2"
    lab.nodes["pgha1"].hangs = True
    facts = Facts(lab, sources)
    assert (await facts.leader()).name == "pgha2"
    assert not facts._known[("processes", "pgha1")].done()
    await facts.close()


async def test_a_node_that_is_down_is_not_asked(lab: FakeLab, sources: FakeSources) -> None:
    lab.nodes["pgha1"].link, lab.nodes["pgha1"].link_reason = "down", "no container. Start it."
    seen = await look(lab, sources, "path", on=["pgha1"], path="/x")
    assert failed(seen) == "pgha1 is out of reach: no container"
    assert lab.nodes["pgha1"].ran == []


async def test_a_fault_of_a_check_is_a_failed_check(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.dcs["config"] = "{"
    assert "could not be looked at" in failed(await look(lab, sources, "config", values={"ttl": 1}))
    assert failed(await look(lab, sources, "nonsense")) == "there is no such check"
    assert failed(await look(lab, sources, "process", on=["pgha9"], name="etcd")) == "this lab has no node pgha9"


async def test_an_error_of_the_lab_keeps_its_words(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> object:
        raise LabError("PostgreSQL: FATAL: the database system is starting up", node="pgha1")

    cluster_of_three(lab, sources)
    monkeypatch.setattr(sources, "query", refused)
    assert "starting up" in failed(await look(lab, sources, "replication"))


async def test_every_check_of_a_lab_that_is_not_there_fails_in_words(sources: FakeSources) -> None:
    lab = FakeLab(engine_error="no container engine answers")
    for node in lab.nodes.values():
        node.link, node.link_reason = "down", "no container engine answers"
    given = {
        "name": "etcd", "path": "/x", "values": {"a": 1}, "key": "leader", "value": "1", "from": "pgha1", "to": "pgha2",
        "equals": "1", "command": "bash x", "database": "foobar",
    }  # fmt: skip
    for name, kind in CHECKS.items():
        params = {key: given[key] for key, param in kind.params.items() if param.required}
        results = await look(lab, sources, name, params)
        assert results, name
        assert not any(result.ok for result in results), name
        assert all(result.saw and result.wanted for result in results), name
