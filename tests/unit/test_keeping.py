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
from tests.fake_lab.shell import FakeTerminal, mark
from tests.fake_lab.sources import FakeSources
from tests.unit.test_session import READ, finished, opened
from tests.unit.test_shells import desk
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


async def test_none_is_made_while_a_typed_command_runs_and_that_is_said(bench: Bench) -> None:
    async with desk(bench, *STEPS) as at:
        _, terminal = await at.open("pgha2")
        terminal.begin("dd if=/dev/zero of=big")
        await at.told.until(lambda: at.session.noticing.running())
        assert not at.session.back.keep("half")
        why = "`dd if=/dev/zero of=big` runs in the shell postgres@pgha2: a snapshot has to wait for its end."
        assert at.told.notices()[-1] == why == at.session.back.refusal_to_keep()
        assert (await finished(at.session, at.told, "pgha1")).outcome == "done"
        assert at.told.notices()[-1] == f"No snapshot was made before this lesson: {why}"
        assert bench.lab.acted == []
        terminal.finish()
        await at.told.until(lambda: not at.session.noticing.running())
        assert at.session.back.keep("whole")
        await at.session.work.wait()
        assert bench.lab.acted == ["snapshot whole"]


async def test_a_lesson_whose_beginning_could_not_be_kept_yet_is_kept_once_the_command_has_ended(bench: Bench) -> None:
    async with desk(bench, *STEPS) as at:
        _, terminal = await at.open("pgha2")
        terminal.begin("top")
        await at.told.until(lambda: at.session.noticing.running())
        at.session.keeping.entered("pgha1")
        await at.told.until(lambda: [text for text in at.told.notices() if "has to wait" in text])
        terminal.finish()
        await at.told.until(lambda: not at.session.noticing.running())
        at.session.keeping.entered("pgha1")
        await at.told.until(lambda: bench.lab.acted == [KEPT])


async def test_a_shell_within_a_shell_that_waits_for_a_command_keeps_no_snapshot_from_being_made(bench: Bench) -> None:
    async with desk(bench, *STEPS) as at:
        _, outer = await at.open("pgha2", "root")
        outer.begin("ssh pgha3")
        within = FakeTerminal("postgres", "pgha3", (80, 24), 99)
        outer.say(mark("A", *within.who) + b"$ ")
        await at.told.until(lambda: at.drawn.count(b"$ ") == 2)
        assert at.session.back.keep("")
        await at.session.work.wait()
        outer.say(mark("C", *within.who, 0, ""))
        await at.told.until(lambda: at.session.noticing.running())
        assert at.session.noticing.running() == "a command runs in the shell postgres@pgha3"
        outer.end(None)
        await at.told.until(lambda: not at.session.noticing.running())
