"""Going to the step on the screen from the console: what is run for it, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pghalab.registry import named, start
from pghalab.session import rechecks
from pghalab.session.session import Session
from tests.fake_lab.backend import Bench
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.unit.test_session import READ, opened
from tests.unit.test_way import starts, starts_etcd

STEPS = (READ, starts("pgha1"), starts("pgha2"), starts("pgha3"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    lab = FakeLab()
    for node in lab.nodes.values():
        node.script = starts_etcd
    return Bench(tmp_path / "state", lab, FakeSources())


async def jumped(session: Session) -> list[str]:
    """What is said while the console goes to the step on the screen."""
    verb = named("goto")
    assert start(session, verb, verb.ways[0])
    await session.work.wait()
    return session.work.verb_output.lines


async def test_what_is_missing_before_the_step_on_the_screen_is_run(bench: Bench) -> None:
    async with opened(bench, *STEPS) as (session, told):
        session.learner.visit("pgha3")
        assert await jumped(session) == ["2 of 2 steps are missing before “Step 4”", "1/2  Step 2", "2/2  Step 3"]
        part = session.work.verb_part
        assert part is not None and (part.number, part.of, part.words) == (2, 2, "Step 3")
        assert session.work.verb_outcome()[1] is False
        await told.until(lambda: session.state.steps["pgha2"] == "done")
        assert session.state.steps == {"read": "todo", "pgha1": "done", "pgha2": "done", "pgha3": "todo"}
        assert await jumped(session) == ["0 of 2 steps are missing before “Step 4”"]


async def test_a_step_that_waits_is_none_of_those_that_are_counted(bench: Bench) -> None:
    # Whether it has to be run shows only once the step before it is done: etcd comes up on pgha2 while it waits.
    later = "id: later\nkind: wait\nchecks:\n  - process: {on: [pgha2], name: etcd}\n    within: 5"
    steps = (starts("pgha1"), later, starts("pgha3"), starts("pgha4"))
    async with opened(bench, *steps) as (session, told):
        session.learner.visit("pgha4")
        verb = named("goto")
        assert start(session, verb, verb.ways[0])
        await told.until(lambda: (part := session.work.verb_part) is not None and part.words == "Step 2")
        part = session.work.verb_part
        assert part is not None and (part.number, part.of) == (1, 2)
        bench.lab.nodes["pgha2"].processes["etcd"] = "postgres"
        await session.work.wait()
        assert session.work.verb_output.lines == [
            "2 of 3 steps are missing before “Step 4”", "1/2  Step 1", "    Step 2", "2/2  Step 3",
        ]  # fmt: skip


async def test_what_cannot_be_done_is_told_and_ends_it(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].script = lambda node, command: []
    async with opened(bench, *STEPS) as (session, _):
        session.learner.visit("pgha3")
        lines = await jumped(session)
        assert lines[1] == "1/2  Step 2" and lines[2].startswith("    Step 2: failed: ") and len(lines) == 3
        assert session.work.verb_outcome()[1] is True
        assert bench.lab.nodes["pgha2"].ran.count("start etcd") == 0


async def test_without_a_step_on_the_screen_there_is_nowhere_to_go(bench: Bench) -> None:
    verb = named("goto")
    async with opened(bench, *STEPS) as (session, told):
        assert not start(session, verb, verb.ways[0])
        assert told.notices() == ["No step was on the screen yet: open the one to jump to."]
