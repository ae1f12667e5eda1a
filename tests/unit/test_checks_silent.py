"""What a check says when something does not answer in time, and the words that stand where a lesson gives none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pghalab.course.checks import facts as facts_module
from pghalab.course.checks.facts import Facts
from pghalab.lab.types import LabError
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.unit.test_checks import failed, look


async def never(*_: Any, **__: Any) -> Any:
    await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "ANSWER", 0.05)
    monkeypatch.setattr(facts_module, "ENGINE", 0.05)


@pytest.mark.parametrize(
    ("source", "ask"),
    [
        ("endpoint", lambda facts, node: facts.endpoint(node)),
        ("members", lambda facts, node: facts.members_of(node)),
        ("health", lambda facts, node: facts.healthy(node)),
        ("patroni", lambda facts, node: facts.patroni(node)),
        ("query", lambda facts, node: facts.query(node, "select 1")),
        ("login", lambda facts, node: facts.login(node, node, "postgres", "postgres")),
    ],
)
async def test_a_service_that_takes_the_question_and_never_answers(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch, source: str, ask: Any
) -> None:
    cluster_of_three(lab, sources)
    monkeypatch.setattr(sources, source, never)
    facts = Facts(lab, sources)
    try:
        async with asyncio.timeout(5):
            with pytest.raises(LabError, match=r"^pgha2 gave no answer within 0.05 s") as caught:
                await ask(facts, lab.nodes["pgha2"])
    finally:
        await facts.close()
    assert caught.value.kind == "no-answer"


async def test_an_engine_that_never_answers(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "containers", never)
    facts = Facts(lab, sources)
    try:
        with pytest.raises(LabError, match="the container engine gave no answer") as caught:
            await facts.containers()
    finally:
        await facts.close()
    assert caught.value.kind == "engine-silent"


async def test_no_member_of_etcd_gives_the_keys(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_of_three(lab, sources)

    async def keys(*_: Any) -> Any:
        raise LabError("etcdserver: no leader")

    monkeypatch.setattr(sources, "keys", keys)
    (result,) = await look(lab, sources, "dcs_key", key="leader")
    assert result.saw == "no etcd member answers (etcdserver: no leader)" and not result.known


async def test_what_is_asked_of_a_node_twice_is_asked_once(lab: FakeLab, sources: FakeSources) -> None:
    facts = Facts(lab, sources)
    node = lab.nodes["pgha1"]
    try:
        assert await facts.command(node, "true") == await facts.command(node, "true") == (0, "")
    finally:
        await facts.close()
    assert node.ran.count("true") == 1


async def test_the_words_that_stand_where_a_lesson_gives_none(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    (result,) = await look(lab, sources, "output", output="x", matches="^y")
    assert result.wanted == "prints what the step is about" and result.saw == "it did not print what the step is about"
    (result,) = await look(lab, sources, "output", output="x", matches="^y", words="a y")
    assert result.saw == "it did not print a y"
    answers = await look(lab, sources, "patroni")
    assert {one.wanted for one in answers} == {"answers"}
    assert [one.node for one in answers] == ["pgha1", "pgha2", "pgha3"], "the nodes that carry PostgreSQL"
    lab.nodes["pgha1"].answers["/data"] = "directory|postgres|700\n0\n"
    (result,) = await look(lab, sources, "path", {"on": ["pgha1"], "path": "/data", "empty": False})
    assert result.saw == "it is empty"


async def test_a_check_that_cannot_look_says_what_it_wants_in_words(lab: FakeLab, sources: FakeSources) -> None:
    (result,) = await look(lab, sources, "role", {"on": "leader", "name": "bubba", "login": True, "superuser": False})
    assert result.wanted == "on leader, name bubba, login, not superuser"
    (result,) = await look(lab, sources, "process", {"on": ["pgha1", "pgha9"], "name": "etcd", "running": False})
    assert result.wanted == "on pgha1, pgha9, name etcd, not running"
    assert failed((result,)) == "this lab has no node pgha9"


async def test_a_name_with_a_strange_address(lab: FakeLab, sources: FakeSources) -> None:
    lab.nodes["pgha1"].answers["getent"] = "pgha2 192.168.50.11 and more\n"
    (result,) = await look(lab, sources, "resolves", {"on": ["pgha1"], "names": ["pgha2"]})
    assert result.saw == "pgha2 is 192.168.50.11 and more, not 192.168.50.11"


def asked() -> set[str]:
    """What is still being asked for some look."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    return {name for each in coroutines if (name := getattr(each, "__qualname__", "")).startswith("Facts.")}


async def test_a_look_that_is_over_asks_nothing_more(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    for node in lab.nodes.values():
        monkeypatch.setattr(node, "run", never)
    monkeypatch.setattr(lab, "containers", never)
    facts = Facts(lab, sources)

    async def goes_on() -> None:
        await asyncio.gather(facts.dcs(), return_exceptions=True)
        await facts.containers()

    going = asyncio.ensure_future(goes_on())
    while not any("_any_etcd" in one for one in asked()):
        await asyncio.sleep(0)
    await facts.close()
    assert asked() == set()
    await asyncio.wait({going}, timeout=5)
    assert going.cancelled()
    assert asked() == set()
