"""Checks of what a drill wrote down, seen holding and seen failing."""

from __future__ import annotations

from typing import Any

import pytest

from pghalab.lab.types import Result
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.unit.test_checks import failed, look

KEY = {"key": "/lesson/members", "equals": "three of five"}


def answers(lab: FakeLab, node: str, text: str, status: int = 0) -> None:
    lab.nodes[node].processes["etcd"] = "postgres"
    lab.nodes[node].answers["--consistency=s /lesson/members"] = Result(status, text, "", 0.0)


async def test_a_key_is_told_by_every_member_that_answers(lab: FakeLab, sources: FakeSources) -> None:
    assert failed(await look(lab, sources, "etcd_key", KEY)) == "no etcd member answers"
    answers(lab, "pgha1", "three of five\n")
    answers(lab, "pgha2", "", status=1)
    assert failed(await look(lab, sources, "etcd_key", KEY)) == ""
    answers(lab, "pgha3", "five of five\n")
    assert failed(await look(lab, sources, "etcd_key", KEY)) == "five of five and three of five"
    # It would let its clients wait.
    sources.waiting = {"pgha3"}
    assert failed(await look(lab, sources, "etcd_key", KEY)) == ""


@pytest.mark.parametrize("value", ["", "\n", "two of five\n"])
async def test_another_value_or_none_is_not_the_one_that_is_wanted(
    lab: FakeLab, sources: FakeSources, value: str
) -> None:
    answers(lab, "pgha1", value)
    assert failed(await look(lab, sources, "etcd_key", KEY)) == (value.strip() or "no such key")


async def test_a_command_in_the_background_is_told_by_how_its_line_begins(lab: FakeLab, sources: FakeSources) -> None:
    job = {"on": ["pgha4"], "command": "bash writer.sh"}
    node = lab.nodes["pgha4"]
    for line, user in (("bash writer.sh", "root"), ("bash -c bash writer.sh", "postgres")):
        node.lines["bash"], node.processes["bash"] = line, user
        assert failed(await look(lab, sources, "job", job)) == "`bash writer.sh` does not run on pgha4"
        assert failed(await look(lab, sources, "job", job, running=False)) == ""
    node.lines["bash"] = "bash writer.sh 1"
    assert failed(await look(lab, sources, "job", job)) == ""
    assert failed(await look(lab, sources, "job", job, running=False)) == "`bash writer.sh` runs on pgha4"
    assert all(command.startswith("ps ") for command in node.ran), "the list of what runs tells it"


async def test_a_relation_is_looked_for_on_each_node(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_of_three(lab, sources)
    asked: list[tuple[str, str]] = []

    async def query(lab: object, node: Any, sql: str, database: str) -> list[tuple[Any, ...]]:
        asked.append((node.name, database))
        return [("gaps",)] if node.name != "pgha3" else [("gap",)]

    monkeypatch.setattr(sources, "query", query)
    seen = await look(lab, sources, "relation", database="foobar", name="gaps", on="data")
    assert failed(seen) == "gaps is missing in foobar"
    assert [result.node for result in seen if not result.ok] == ["pgha3"]
    assert sorted(asked) == [("pgha1", "foobar"), ("pgha2", "foobar"), ("pgha3", "foobar")]
