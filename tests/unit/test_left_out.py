"""What is known to be wrong whatever the step is: one before it was left out, or its command was typed elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from pghalab.course.left_out import left_out
from pghalab.session import rechecks
from tests.fake_lab.backend import Bench, WatchedRunner, runner_on
from tests.fake_lab.course import starts_patroni, write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.unit.test_session import START
from tests.unit.test_shells import PRINTS, desk

SHOWS = START.replace("id: start", "id: shows").replace("  - process", "  - output: {contains: [x]}\n  - process")
DRILL = """id: drill
kind: command
node: pgha1
command: etcdctl put /lesson/x y
checks:
  - etcd_key: {key: /lesson/x, equals: y}"""
LAST = starts_patroni("pgha1")


def runner(tmp_path: Path, lab: FakeLab, *steps: str) -> WatchedRunner:
    return runner_on(lab, FakeSources(), tmp_path / "state", write_course(tmp_path / "lessons", *steps))


async def said(runner: WatchedRunner, step: str) -> list[str]:
    return [f"{one.says} {one.todo}" for one in await left_out(runner, step)]


async def test_the_first_step_that_was_left_out_is_named(tmp_path: Path, lab: FakeLab) -> None:
    on = runner(tmp_path, lab, START, starts_patroni("pgha2"), "id: read\nkind: read", LAST)
    await on.evaluate()
    (words,) = await said(on, "start-pgha1")
    assert words.startswith("A step before this one was left out: “Step 1” (start); ")
    assert "etcd" in words and "not running on pgha1" in words
    assert words.endswith(
        "Do it first, and 1 more after it; “Jump here” (pghalab goto start-pgha1) does all that is missing."
    )
    lab.nodes["pgha1"].processes["etcd"] = "postgres"
    lab.nodes["pgha2"].processes["patroni"] = "postgres"
    assert await said(on, "start-pgha1") == [], "it is looked at now, whatever was so before"
    await on.evaluate()
    del lab.nodes["pgha1"].processes["etcd"]
    await on.evaluate()
    (words,) = await said(on, "start-pgha1")
    assert words.startswith("A step before this one is no longer so: “Step 1” (start)")
    assert await said(on, "start") == await said(on, "read") == []


async def test_what_only_shows_or_takes_away_or_cannot_be_seen_is_not_left_out(tmp_path: Path, lab: FakeLab) -> None:
    lab.nodes["pgha1"].processes["etcd"] = "postgres"
    on = runner(tmp_path, lab, SHOWS, DRILL, LAST)
    await on.evaluate()
    assert await said(on, "start-pgha1") == [], "its effect is there, only its output was never seen"
    del lab.nodes["pgha1"].processes["etcd"]
    (words,) = await said(on, "start-pgha1")
    assert "(shows)" in words and "Do it first;" in words
    lab.nodes["pgha1"].link, lab.nodes["pgha1"].link_reason = "down", "no answer"
    assert await said(on, "start-pgha1") == []


@pytest.fixture
def bench(tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    return Bench(tmp_path / "state", lab, sources)


@pytest.mark.parametrize(("node", "user"), [("pgha1", "postgres"), ("pgha2", "root")])
async def test_the_right_command_in_the_wrong_place(bench: Bench, node: str, user: str) -> None:
    async with desk(bench, PRINTS) as at:
        at.session.learner.visit("prints")
        _, wrong = await at.open(node, user)
        await at.type(wrong, "ls", "")
        assert await at.session.diagnose("prints") == ()
        await at.type(wrong, " etcdctl   member list", "refused\n", 1)
        (found,) = await at.session.diagnose("prints")
        assert found.says == f"Your command ran as {user} on {node}; this step is about postgres on pgha2."
        assert found.todo == "Type it in a shell of postgres on pgha2."
        _, right = await at.open("pgha2", "postgres")
        await at.type(right, "etcdctl member list", "refused\n", 1)
        assert await at.session.diagnose("prints") == (), "it was typed where it belongs"


async def test_one_line_of_a_step_in_the_wrong_place_and_the_effect_all_the_same(bench: Bench) -> None:
    step = START.replace("command: start etcd", "command: |\n  cd /tmp\n  start etcd")
    async with desk(bench, step) as at:
        at.session.learner.visit("start")
        _, terminal = await at.open("pgha2", "root")
        await at.type(terminal, "start etcd", "")
        (found,) = await at.session.diagnose("start")
        assert found.name == "typed-elsewhere"
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        await at.type(terminal, "start etcd", "")
        assert at.session.state.steps["start"] == "done"
        assert await at.session.diagnose("start") == (), "what happened counts, not where it was typed"


async def test_who_names_another_node_than_the_placeholder_is_judged_by_what_came_of_it(
    bench: Bench, lab: FakeLab, sources: FakeSources
) -> None:
    cluster_of_three(lab, sources)
    step = PRINTS.replace("etcdctl member list", 'psql -h {{replica}} -c "select 1"').replace("pgha2", "pgha1")
    async with desk(bench, step) as at:
        at.session.learner.visit("prints")
        assert "{{" not in bench.runner.resolve(bench.runner.course.step("prints")).command
        _, terminal = await at.open("pgha1")
        await at.type(terminal, 'psql -h {{replica}} -c "select 1"', "could not translate host name\n", 2)
        before = dict(at.session.state.steps)
        await at.type(terminal, 'psql -h pgha3 -c "select 1" # the other one', "pgha1 started\n")
        assert (before["prints"], at.session.state.steps["prints"]) == ("todo", "done")
        assert await at.session.diagnose("prints") == ()
