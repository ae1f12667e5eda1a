"""A step is proven only when its checks fail before it, hold after it, and it does nothing the second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pghalab.course import prove as module
from pghalab.course.prove import Proof, prove, tap
from pghalab.course.report import Quiet, StepReport, choose
from pghalab.lab.types import Ended, Output
from tests.fake_lab.backend import runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode, Piece
from tests.fake_lab.sources import FakeSources

START = """id: start
kind: command
node: pgha1
command: start etcd
checks:
  - process: {on: [pgha1], name: etcd}
    within: 0.1"""
READ = "id: read\nkind: read"


async def proofs(tmp_path: Path, script: Callable[[FakeNode, str], list[Piece]], *steps: str) -> list[Proof]:
    lab = FakeLab()
    lab.nodes["pgha1"].script = script
    runner = runner_on(lab, FakeSources(), tmp_path / "state", write_course(tmp_path / "lessons", *steps))
    return [proof async for proof in prove(runner, choose(runner.course), Quiet())]


def starts_etcd(node: FakeNode, command: str) -> list[Piece]:
    node.processes["etcd"] = "postgres"
    return [Output("stdout", "starting\n"), Ended("exited", 0, 0.1)]


async def test_a_step_that_does_what_it_says_is_proven(tmp_path: Path) -> None:
    first, read = await proofs(tmp_path, starts_etcd, START, READ)
    assert first.ok and first.seen == ("fails before", "done", "holds after", "nothing the second time")
    assert read.ok and read.seen == ("done", "nothing the second time")
    assert tap(1, first) == "ok 1 - start: fails before, done, holds after, nothing the second time"


async def test_checks_that_hold_before_the_step_are_a_fault(tmp_path: Path) -> None:
    (other, start) = await proofs(tmp_path, starts_etcd, START, START.replace("id: start", "id: again"))
    assert other.ok and not start.ok
    assert start.faults == ("holds before it was done",)
    assert tap(2, start).splitlines()[1] == "# holds before it was done"


async def test_a_step_that_comes_to_nothing_ends_the_proof(tmp_path: Path) -> None:
    (proof,) = await proofs(tmp_path, lambda node, command: [Ended("exited", 1, 0.1)], START, READ)
    assert not proof.ok and not proof.report.ok
    assert tap(1, proof).startswith("not ok 1 - start: fails before\n# failed: ")
    assert "etcd is not running on pgha1" in proof.faults[0]


async def test_a_mistake_that_is_named_although_the_step_is_done_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLES", 0.05)
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    knows = f"{START}\ndiagnoses: [etcd-root]"
    (proof,) = await proofs(tmp_path / "well", starts_etcd, knows)
    assert proof.ok and "no mistake" in proof.seen

    def as_root(node: FakeNode, command: str) -> list[Piece]:
        node.processes["etcd"] = "root"
        return [Ended("exited", 0, 0.1)]

    (proof,) = await proofs(tmp_path / "root", as_root, knows)
    assert proof.faults[0].startswith("a mistake is named where none was made: etcd-root: etcd runs as root on pgha1")
    assert not proof.ok and tap(1, proof).startswith("not ok 1 - start: fails before, done, holds after")


async def test_what_does_not_stay_done_is_a_fault(tmp_path: Path) -> None:
    def flickers(node: FakeNode, command: str) -> list[Piece]:
        node.processes["etcd"] = "postgres"
        return [Output("stdout", "starting\n"), Ended("exited", 0, 0.1)]

    lab = FakeLab()
    lab.nodes["pgha1"].script = flickers
    runner = runner_on(lab, FakeSources(), tmp_path / "state", write_course(tmp_path / "lessons", START))

    class Ends(Quiet):
        """The process ends when the run does."""

        def step(self, report: StepReport) -> None:
            del lab.nodes["pgha1"].processes["etcd"]

    (proof,) = [proof async for proof in prove(runner, choose(runner.course), Ends())]
    assert "does not hold after it was done" in proof.faults
    assert any(fault.startswith("the second time it ran: ") for fault in proof.faults)
    assert replace(proof.report, faults=proof.faults).ok is False
