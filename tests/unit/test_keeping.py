"""The snapshot that is made by itself when a lesson begins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from pghalab.lab.types import Ended, LabError, Output
from pghalab.session import rechecks
from pghalab.session.keeping import OFF
from tests.fake_lab.backend import Bench
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.unit.test_session import READ, finished, opened
from tests.unit.test_way import starts, starts_etcd

STEPS = (READ, starts("pgha1"), starts("pgha2"))
KEPT = "snapshot before one"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    monkeypatch.delenv(OFF, raising=False)
    lab = FakeLab()
    for node in lab.nodes.values():
        node.script = starts_etcd
    yield Bench(tmp_path / "state", lab, FakeSources())


async def test_one_is_made_before_the_first_step_of_a_lesson_that_does_something(bench: Bench) -> None:
    async with opened(bench, *STEPS) as (session, told):
        await finished(session, told, "read")
        assert bench.lab.acted == []
        assert (await finished(session, told, "pgha1")).outcome == "done"
        assert bench.lab.acted == [KEPT]
        await finished(session, told, "pgha2")
        assert bench.lab.acted == [KEPT]


async def test_a_step_that_is_run_again_makes_no_other(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].script = lambda node, command: [Ended("exited", 1, 0.1)]
    async with opened(bench, *STEPS) as (session, told):
        assert (await finished(session, told, "pgha1")).outcome == "failed"
        await finished(session, told, "pgha1")
        assert bench.lab.acted == [KEPT]


async def test_a_lesson_that_was_begun_before_is_not_kept(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
    async with opened(bench, *STEPS) as (session, told):
        await finished(session, told, "pgha2")
        assert bench.lab.acted == []


async def test_one_is_made_beside_the_keys_when_the_first_shell_of_a_lesson_is_entered(bench: Bench) -> None:
    async with opened(bench, *STEPS) as (session, told):
        session.keeping.entered("read")
        assert bench.lab.acted == [], "nobody waits for it"
        await told.until(lambda: bench.lab.acted == [KEPT])
        session.keeping.entered("pgha1")
        assert (await finished(session, told, "pgha1")).outcome == "done"
        assert bench.lab.acted == [KEPT]
        assert [text for text in told.notices() if "stand still" in text]


async def test_a_run_waits_for_the_one_that_is_being_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    may, order = asyncio.Event(), []

    async def slow(**_: str) -> AsyncGenerator[Output | Ended, None]:
        await may.wait()
        order.append("kept")
        yield Ended("exited", 0, 0.1)

    monkeypatch.setattr(bench.lab, "snapshot", slow)
    async with opened(bench, *STEPS) as (session, told):
        session.keeping.entered("pgha1")
        session.work.run_step("pgha1")
        await told.until(lambda: session.work.runs["pgha1"].first == "keeping a snapshot")
        assert bench.runner.ran == []
        may.set()
        await told.until(lambda: bench.runner.ran)
        assert order == ["kept"]


@pytest.mark.parametrize("state", ["absent", "exited", "paused"])
async def test_of_nodes_that_do_not_all_run_none_is_made(bench: Bench, state: str) -> None:
    async with opened(bench, *STEPS) as (session, told):
        bench.lab.put(state, "pgha3")  # type: ignore[arg-type]
        await finished(session, told, "pgha1")
        assert bench.lab.acted == []


async def test_it_can_be_turned_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OFF, "1")
    async with opened(bench, *STEPS) as (session, told):
        await finished(session, told, "pgha1")
        assert bench.lab.acted == []


async def test_what_keeps_it_from_being_made_is_told_and_the_step_is_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(**_: str) -> AsyncGenerator[Output | Ended, None]:
        raise LabError("The disk is full.", kind="no-space")
        yield

    monkeypatch.setattr(bench.lab, "snapshot", full)
    async with opened(bench, *STEPS) as (session, told):
        assert (await finished(session, told, "pgha1")).outcome == "done"
        assert told.notices() == ["No snapshot was made before this lesson: The disk is full."]
        assert session.work.runs["pgha1"].first == ""
