"""When the checks are looked at, and which looks may leave traces."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pghalab.cluster.model import ClusterEvent
from pghalab.course.look import StepStatus
from pghalab.session import rechecks
from tests.fake_lab.backend import Bench
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.unit.test_session import READ, START, opened

TRACES = """id: login
kind: command
node: pgha1
command: psql
checks:
  - login: {from: pgha1, to: pgha2}
    within: 0.5"""


@pytest.fixture
def bench(tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    monkeypatch.setattr(rechecks, "SETTLE", 0.01)
    return Bench(tmp_path / "state", lab, sources)


def happens(bench: Bench) -> None:
    bench.feed(("event", ClusterEvent(1.0, "leader", "the leader changed", good=False)))


async def test_a_step_that_is_done_is_looked_at_less_often(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "SHOWN_EVERY", 0.01)
    monkeypatch.setattr(rechecks, "SETTLED_EVERY", 3600.0)
    async with opened(bench, START, READ) as (session, told):
        session.learner.visit("start")
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        await told.until(lambda: session.state.steps["start"] == "done")
        await session.rechecks.wait()
        looks = len(bench.runner.looked)
        # What the cluster tells is looked at all the same.
        del bench.lab.nodes["pgha1"].processes["etcd"]
        assert len(bench.runner.looked) == looks
        happens(bench)
        await told.until(lambda: session.state.steps["start"] == "broken")


@pytest.mark.parametrize("old", [0.0, 3600.0])
async def test_what_was_seen_a_while_ago_is_not_shown_before_another_look(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, old: float
) -> None:
    monkeypatch.setattr(rechecks, "OLD", old)
    async with opened(bench, START, READ) as (session, told):
        await told.until(lambda: session.state.results.get("start"))
        await session.rechecks.wait()
        before = session.state.results["start"]
        session.learner.visit("start")
        assert session.state.results.get("start") == (before if old else None)
        await session.rechecks.wait()
        assert session.state.results["start"] == before


async def test_events_in_a_row_look_at_the_open_lesson_and_what_is_broken_and_seldom_at_all(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(bench, START, TRACES) as (session, told):
        monkeypatch.setattr(rechecks, "ALL_APART", 0.0)
        happens(bench)
        await told.until(lambda: len(bench.runner.looked) == 2)
        assert bench.runner.looked[-1] == ["start"], "all, but what leaves traces"
        monkeypatch.setattr(rechecks, "ALL_APART", 3600.0)
        happens(bench)
        await session.rechecks.wait()
        assert len(bench.runner.looked) == 2, "nothing is open"
        session.state.seen_broken.add("start")
        happens(bench)
        await told.until(lambda: len(bench.runner.looked) == 3)
        assert bench.runner.looked[-1] == ["start"]
        monkeypatch.setattr(rechecks, "ALL_APART", 0.0)


async def test_what_leaves_traces_is_looked_at_for_a_while_after_a_command(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechecks, "SHOWN_EVERY", 0.01)
    async with opened(bench, TRACES, READ) as (session, told):
        assert bench.runner.looked == [None]
        # Nothing was typed since: it is known how it stands, and nothing else is worth a login.
        session.learner.visit("login")
        happens(bench)
        await session.rechecks.wait()
        assert bench.runner.looked == [None, ["read"]]
        session.rechecks.command_ended("login")
        await told.until(lambda: bench.runner.looked.count(["login"]) > 2)
        await told.until(lambda: time.monotonic() > session.rechecks._patience)
        await session.rechecks.wait()
        looks = len(bench.runner.looked)
        happens(bench)
        await session.rechecks.wait()
        assert len(bench.runner.looked) == looks


async def test_what_a_command_did_is_looked_at_however_long_the_cluster_goes_on_changing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(bench, START, READ) as (session, _):
        await session.rechecks.wait()
        monkeypatch.setattr(rechecks, "SETTLE", 3600.0)
        happens(bench)
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        await asyncio.wait_for(session.rechecks.look(["start"]), 60)
        assert session.state.steps["start"] == "done"
        assert bench.runner.looked[-1] == ["start"], "what is to settle first is not looked at"


async def test_a_look_that_is_under_way_does_not_count_for_what_a_command_did(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(bench, START, READ) as (session, told):
        await session.rechecks.wait()
        looks, goes_on = bench.runner.looked, asyncio.Event()
        evaluate = bench.runner.evaluate

        async def held(steps: Iterable[str] | None = None, **kept: Any) -> dict[str, StepStatus]:
            found = await evaluate(steps, **kept)
            await goes_on.wait()
            return found

        monkeypatch.setattr(bench.runner, "evaluate", held)
        before = len(looks)
        session.rechecks.soon(["start"], 0)
        await told.until(lambda: len(looks) == before + 1)
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        look = asyncio.ensure_future(session.rechecks.look(["start"]))
        goes_on.set()
        await asyncio.wait_for(look, 60)
        assert len(looks) == before + 2
        assert session.state.steps["start"] == "done"


async def test_a_cluster_that_never_rests_is_looked_at_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(bench, START, READ) as (session, told):
        await session.rechecks.wait()
        monkeypatch.setattr(rechecks, "SETTLE", 3600.0)
        monkeypatch.setattr(rechecks, "UNREST", 0.02)
        before = len(bench.runner.looked)
        happens(bench)
        await told.until(lambda: len(bench.runner.looked) > before)
