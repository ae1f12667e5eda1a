"""What nobody could look at: unknown is not ok, and is no failure that anybody saw."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pghalab.course import look as look_module
from pghalab.course.checks import evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts
from pghalab.course.events import CheckResult, ChecksSeen, CommandStarted, StepEnded, explain
from pghalab.course.model import CheckSpec
from pghalab.course.runner import Runner
from pghalab.lab.types import Container, ContainerState, LabError
from tests.fake_lab.backend import runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three

ETCD = ("process", {"on": ["pgha3"], "name": "etcd"})


async def look(lab: FakeLab, sources: FakeSources, name: str, params: dict[str, Any]) -> tuple[CheckResult, ...]:
    facts = Facts(lab, sources)
    try:
        return await evaluate(CheckSpec(name, params, 1.0, 1), Context(facts))
    finally:
        await facts.close()


def cut_off(lab: FakeLab, node: str, link: Any = "down", state: ContainerState = "running") -> None:
    lab.nodes[node].link, lab.nodes[node].link_reason = link, "it does not answer any more. Look at the doctor."
    lab.states[node] = Container(node, state, lab.nodes[node].address, None)


@pytest.mark.parametrize(
    ("state", "verdict", "saw"),
    [
        ("running", "unknown", "pgha3 is out of reach: it does not answer any more"),
        ("paused", "unknown", "pgha3 is out of reach: its container is paused"),
        ("exited", "fails", "pgha3 is stopped"),
        ("absent", "fails", "pgha3 has no container"),
    ],
)
async def test_out_of_reach_is_unknown_and_a_stopped_container_was_seen(
    lab: FakeLab, sources: FakeSources, state: ContainerState, verdict: str, saw: str
) -> None:
    cut_off(lab, "pgha3", state=state)
    (result,) = await look(lab, sources, *ETCD)
    assert (result.verdict, result.saw, result.ok) == (verdict, saw, False)
    if verdict == "unknown":
        assert explain(result) == f"etcd runs cannot be checked: {saw}"


async def test_a_service_that_does_not_run_was_seen(lab: FakeLab, sources: FakeSources) -> None:
    (result,) = await look(lab, sources, *ETCD)
    assert (result.verdict, result.saw) == ("fails", "etcd is not running on pgha3")


async def test_without_a_node_to_ask_it_is_not_known_whether_etcd_runs(lab: FakeLab, sources: FakeSources) -> None:
    for name in lab.nodes:
        cut_off(lab, name, state="paused")
    (result,) = await look(lab, sources, "dcs_key", {"key": "leader"})
    assert result.verdict == "unknown" and "etcd is not running" not in result.saw
    for found in await look(lab, sources, "etcd", {"members": 5}):
        assert found.verdict == "unknown", found


async def test_a_cluster_is_unknown_while_a_member_is_out_of_reach_but_two_leaders_are_seen(
    lab: FakeLab, sources: FakeSources
) -> None:
    cluster_of_three(lab, sources)
    cut_off(lab, "pgha3")
    (result,) = await look(lab, sources, "cluster", {"streaming": 2})
    assert result.verdict == "unknown"
    sources.patronis["pgha2"] = dict(sources.patronis["pgha1"])
    (result,) = await look(lab, sources, "cluster", {"streaming": 2})
    assert result.verdict == "fails"


STEP = """id: one
kind: command
node: pgha1
command: do it
checks:
  - process: {on: [pgha3], name: etcd}
    within: 30"""
GUARD = """
guard:
  - process: {on: [pgha3], name: postgres, running: false}
    otherwise: Leave it alone.
guard_reason: pgha3 lives."""


def runner(tmp_path: Path, lab: FakeLab, block: str, sources: FakeSources | None = None) -> Runner:
    course = write_course(tmp_path / "lessons", block)
    return runner_on(lab, sources or FakeSources(), tmp_path / "state", course)


async def events(made: Runner, **options: Any) -> list[Any]:
    return [event async for event in made.run("one", **options)]


async def test_a_guard_that_cannot_look_says_so_with_a_way_out(tmp_path: Path, lab: FakeLab) -> None:
    cut_off(lab, "pgha3")
    end = (await events(runner(tmp_path, lab, STEP + GUARD)))[-1]
    assert isinstance(end, StepEnded)
    assert (end.outcome, end.code) == ("refused", "unseen")
    assert "cannot be checked: pgha3 is out of reach" in end.reason and "`pghalab start`" in end.reason
    assert "pgha3 lives" not in end.reason, "nobody has seen that"
    assert "do it" not in lab.nodes["pgha1"].ran


async def test_a_guard_that_refuses_says_what_was_seen_and_what_to_do(tmp_path: Path, lab: FakeLab) -> None:
    lab.nodes["pgha3"].processes["postgres"] = "postgres"
    end = (await events(runner(tmp_path, lab, STEP + GUARD)))[-1]
    assert end.code == "guard"
    assert end.reason.startswith("pgha3 lives. Seen: PostgreSQL runs on pgha3")
    assert end.reason.endswith("Leave it alone.")


async def test_a_guard_waits_for_the_console_to_connect(
    tmp_path: Path, lab: FakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = lab.nodes["pgha3"]
    node.link, node.processes = "connecting", {"etcd": "postgres"}
    real, asked = node.run, 0

    async def connecting(command: str, **options: Any) -> Any:
        nonlocal asked
        if node.link == "connecting":
            asked += 1
            if asked == 3:
                node.link = "up"
            raise LabError("the console is connecting to it.", node="pgha3", kind="connecting")
        return await real(command, **options)

    monkeypatch.setattr(node, "run", connecting)
    async with asyncio.timeout(10):
        end = (await events(runner(tmp_path, lab, STEP + GUARD), again=True))[-1]
    assert end.outcome == "done"


async def test_a_link_that_is_refused_ends_the_wait_at_once(tmp_path: Path, lab: FakeLab) -> None:
    cut_off(lab, "pgha3", "refused")
    async with asyncio.timeout(10):
        seen = await events(runner(tmp_path, lab, STEP))
    looks = [event for event in seen if isinstance(event, ChecksSeen)]
    assert len(looks) == 1 and looks[0].results[0].verdict == "unknown"
    assert seen[-1].outcome == "failed" and "cannot be checked" in seen[-1].reason


async def test_a_placeholder_is_not_failed_on_while_the_console_connects(
    tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_of_three(lab, sources)
    asked = 0

    def connecting(real: Any) -> Any:
        async def run(command: str, **options: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked <= 2 * len(lab.nodes):
                raise LabError("the console is connecting to it.", kind="connecting")
            return await real(command, **options)

        return run

    for node in lab.nodes.values():
        monkeypatch.setattr(node, "run", connecting(node.run))
    block = 'id: one\nkind: command\nnode: "{{leader}}"\ncommand: do it\nno_check: x'
    made = runner(tmp_path, lab, block, sources)
    async with asyncio.timeout(10):
        end = (await events(made))[-1]
    assert end.outcome == "done" and "do it" in lab.nodes["pgha1"].ran


async def test_a_guard_asks_a_slow_node_again(tmp_path: Path, lab: FakeLab) -> None:
    node = lab.nodes["pgha3"]
    node.processes, node.slow = {"etcd": "postgres"}, 2
    async with asyncio.timeout(10):
        assert (await events(runner(tmp_path, lab, STEP + GUARD), again=True))[-1].outcome == "done"


async def test_a_step_is_not_run_again_because_a_node_is_slow_to_answer(tmp_path: Path, lab: FakeLab) -> None:
    node = lab.nodes["pgha3"]
    node.processes, node.slow = {"etcd": "postgres"}, 2
    assert (await events(runner(tmp_path, lab, STEP)))[-1].outcome == "already"
    assert "do it" not in lab.nodes["pgha1"].ran


BOTH = """id: one
kind: command
node: pgha1
command: do it
checks:
  - process: {on: [pgha1], name: etcd}
  - process: {on: [pgha3], name: etcd}"""


async def test_a_step_that_is_seen_not_to_hold_waits_for_nothing_that_cannot_be_seen(
    tmp_path: Path, lab: FakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.nodes["pgha3"].slow = 1000
    made = runner(tmp_path, lab, BOTH)
    monkeypatch.setattr(look_module, "CONNECTING", 60.0)
    async with asyncio.timeout(10):
        async for event in made.run("one"):
            if isinstance(event, CommandStarted):
                return
    raise AssertionError("the command was not run")
