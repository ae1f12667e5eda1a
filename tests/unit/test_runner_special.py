"""The runner on steps that are to fail, on a subnet that is taken, and with looks that are overtaken by a run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pghalab.course.checks import evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts
from pghalab.course.events import StepEnded
from pghalab.course.localise import Names
from pghalab.course.model import CheckSpec
from pghalab.course.runner import Runner
from pghalab.lab.types import Ended, LabError
from tests.fake_lab.backend import runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources

FAILS = "id: refused\nkind: command\nnode: pgha1\ncommand: try it\nfails: true\nno_check: shows a refusal"
UP = "id: up\nkind: action\naction: up\nchecks:\n  - containers: {}"


def runner(tmp_path: Path, lab: FakeLab, *steps: str) -> Runner:
    return runner_on(lab, FakeSources(), tmp_path / "state", write_course(tmp_path / "lessons", *steps))


async def ended(made: Runner, step: str, **options: Any) -> StepEnded:
    events = [event async for event in made.run(step, **options)]
    assert isinstance(events[-1], StepEnded)
    return events[-1]


def prints(lab: FakeLab, status: int) -> None:
    lab.nodes["pgha1"].script = lambda node, command: [Ended("exited", status, 0.1)]


async def test_a_step_that_is_to_fail_is_done_by_failing(tmp_path: Path) -> None:
    lab = FakeLab()
    made = runner(tmp_path, lab, FAILS)
    prints(lab, 0)
    end = await ended(made, "refused")
    assert (end.outcome, end.reason) == ("failed", "the command was expected to fail, and ended with status 0")
    assert (await made.evaluate())["refused"].state == "todo"
    prints(lab, 2)
    assert (await ended(made, "refused")).outcome == "done"
    assert (await made.evaluate())["refused"].state == "done"


def test_only_a_command_can_be_expected_to_fail(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="`fails` does not belong to a step of kind action"):
        write_course(tmp_path, UP + "\nfails: true")


async def test_the_nodes_are_created_elsewhere_on_demand(tmp_path: Path) -> None:
    lab = FakeLab()
    made = runner(tmp_path, lab, UP)
    await ended(made, "up", again=True)
    await ended(made, "up", again=True, elsewhere=True)
    assert lab.acted == ["up", "up auto"]


async def test_a_look_that_a_run_overtook_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = FakeLab()
    made = runner(tmp_path, lab, FAILS)
    prints(lab, 2)
    real, looked, gate = made._look.evaluate, asyncio.Event(), asyncio.Event()
    times = 0

    async def slow(*how: Any) -> Any:
        nonlocal times
        times += 1
        found = await real(*how)
        if times == 1:
            looked.set()
            await gate.wait()
        return found

    monkeypatch.setattr(made._look, "evaluate", slow)
    look = asyncio.create_task(made.evaluate())
    await looked.wait()
    assert (await ended(made, "refused", again=True)).outcome == "done"
    gate.set()
    assert (await look)["refused"].state == "done" and made.states["refused"] == "done"


async def test_the_member_list_alone_is_no_cluster() -> None:
    class Late(FakeSources):
        async def endpoint(self, node: Any) -> Any:
            raise LabError("etcd does not answer", node=node.name)

    lab = FakeLab()
    facts = Facts(lab, Late())
    results = await evaluate(CheckSpec("etcd", {"members": 5, "healthy": 5}, 1.0, 1), Context(facts, Names(), None))
    await facts.close()
    assert not all(result.ok for result in results)
    assert [result.check for result in results if not result.ok][-1] == "etcd has one leader"


async def test_whoever_watches_is_told_which_processes_a_look_has_seen(tmp_path: Path) -> None:
    lab = FakeLab()
    checked = "checks:\n  - process: {on: [pgha1], name: etcd}"
    made = runner(tmp_path, lab, f"id: one\nkind: command\nnode: pgha1\ncommand: x\n{checked}")
    told: list[tuple[str, frozenset[str]]] = []
    made.tell_processes(lambda node, processes: told.append((node, processes)))
    lab.nodes["pgha1"].processes["etcd"] = "postgres"
    await made.evaluate(["one"])
    assert told == [("pgha1", frozenset({"tini", "sshd", "etcd"}))]
