"""A step whose command runs on every node at the same time."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from pghalab.course.events import CommandStarted, Printed, RunEvent, StepEnded
from pghalab.course.journal import Journal
from pghalab.course.kinds import Where
from pghalab.course.lint import lint
from pghalab.course.runner import Runner
from pghalab.lab.together import HELD, together
from pghalab.lab.types import Ended, LabError, Output, User
from tests.fake_lab.backend import runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode
from tests.fake_lab.sources import FakeSources

NOTES = "\nnotes: 'Asked: Why? Because.'"
STEP = """id: hosts
kind: command
node: all
user: root
command: edit /etc/hosts
expect: an address
checks:
  - process: {on: all, name: editor}
diagnoses: [node-stopped, hosts-some]"""


def writes(node: FakeNode, command: str) -> Sequence[Output | Ended]:
    node.processes["editor"] = "root"
    return [Output("stdout", f"{node.address}\n"), Ended("exited", 0, 0.1)]


def fails(node: FakeNode, command: str) -> Sequence[Output | Ended]:
    return [Output("stderr", "no room"), Ended("exited", 2, 0.3)]


class Away(FakeNode):
    """A node that nobody reaches."""

    async def stream(
        self, command: str, *, user: User = "root", timeout: float | None = None, stdin: str | None = None
    ) -> AsyncGenerator[Output | Ended, None]:
        raise LabError("is out of reach", node=self.name, kind="out-of-reach")
        yield


class Endless(FakeNode):
    """A node whose command ends only by being stopped."""

    started: asyncio.Event

    async def stream(
        self, command: str, *, user: User = "root", timeout: float | None = None, stdin: str | None = None
    ) -> AsyncGenerator[Output | Ended, None]:
        self.started.set()
        try:
            await asyncio.Event().wait()
            yield Ended("exited", 0, 0.0)
        finally:
            self.closed += 1


def opened(tmp_path: Path, lab: FakeLab) -> Runner:
    return runner_on(lab, FakeSources(), tmp_path / "state", write_course(tmp_path / "lessons", STEP))


async def run(runner: Runner) -> list[RunEvent]:
    return [event async for event in runner.run("hosts")]


def printed(events: Sequence[RunEvent]) -> str:
    return "".join(event.output.text for event in events if isinstance(event, Printed))


def end(events: Sequence[RunEvent]) -> StepEnded:
    assert isinstance(events[-1], StepEnded)
    return events[-1]


async def test_it_runs_on_every_node_and_tells_what_each_printed_in_their_order(tmp_path: Path) -> None:
    lab = FakeLab()
    for node in lab.nodes.values():
        node.script = writes
    runner = opened(tmp_path, lab)
    events = await run(runner)
    assert end(events).outcome == "done"
    assert [node.ran.count("edit /etc/hosts") for node in lab.nodes.values()] == [1] * 5
    text = "".join(f"--- {node.name}\n{node.address}\n" for node in lab.nodes.values())
    assert printed(events) == text
    started = next(event for event in events if isinstance(event, CommandStarted))
    assert (started.node, started.user, started.command) == ("all", "root", "edit /etc/hosts")
    assert started.log.read_text(encoding="utf-8") == text
    noted = [entry["node"] for entry in Journal(tmp_path / "state" / "journal").entries() if "node" in entry]
    assert noted == ["all"]


async def test_one_node_that_is_wrong_fails_the_step_and_is_named(tmp_path: Path) -> None:
    lab = FakeLab()
    for node in lab.nodes.values():
        node.script = writes
    lab.nodes["pgha2"].script = fails
    events = await run(opened(tmp_path, lab))
    assert (end(events).outcome, end(events).code) == ("failed", "checks")
    assert "pgha2" in end(events).reason and "status 2" in end(events).reason
    assert "--- pgha2\nno room\n--- pgha2 ended with status 2\n--- pgha3\n" in printed(events)
    assert all(node.processes.get("editor") for node in lab.nodes.values() if node.name != "pgha2")


async def test_a_node_that_is_away_keeps_no_other_from_it(tmp_path: Path) -> None:
    lab = FakeLab()
    for node in lab.nodes.values():
        node.script = writes
    lab.nodes["pgha1"] = Away("pgha1", "192.168.50.10")
    events = await run(opened(tmp_path, lab))
    assert (end(events).outcome, end(events).code, end(events).reason) == ("failed", "lab", "pgha1: is out of reach")
    assert "--- pgha1\n--- pgha1 could not run it: is out of reach\n--- pgha2\n" in printed(events)
    assert [node.ran.count("edit /etc/hosts") for node in lab.nodes.values()] == [0, 1, 1, 1, 1]


async def test_stopping_it_ends_it_on_all_of_them(tmp_path: Path) -> None:
    lab = FakeLab()
    for name, node in lab.nodes.items():
        lab.nodes[name] = endless = Endless(name, node.address)
        endless.started = asyncio.Event()
    task = asyncio.create_task(run(opened(tmp_path, lab)))
    for node in lab.nodes.values():
        assert isinstance(node, Endless)
        # All of them have begun while none has ended.
        await asyncio.wait_for(node.started.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [node.closed for node in lab.nodes.values()] == [1] * 5


async def test_much_output_of_a_later_node_waits_for_its_turn_and_is_all_told() -> None:
    lines = 4 * HELD
    nodes = [FakeNode("pgha1", ""), FakeNode("pgha2", "")]
    for node in nodes:
        node.script = lambda node, command: [*[Output("stdout", "x\n")] * lines, Ended("exited", 0, 0.1)]
    pieces = [piece async for piece in together(nodes, "x", user="root", timeout=5)]
    text = "".join(piece.text for piece in pieces if isinstance(piece, Output))
    assert text == "".join(f"--- {node.name}\n" + "x\n" * lines for node in nodes)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([Ended("exited", 0, 1.0), Ended("exited", 0, 3.0)], Ended("exited", 0, 3.0)),
        ([Ended("exited", 3, 1.0), Ended("exited", 4, 2.0)], Ended("exited", 3, 2.0)),
        ([Ended("exited", 3, 1.0), Ended("timeout", None, 2.0)], Ended("timeout", None, 2.0)),
        ([Ended("timeout", None, 9.0), Ended("lost", None, 2.0)], Ended("lost", None, 9.0)),
    ],
)
async def test_the_end_is_the_worst_of_all(ends: list[Ended], expected: Ended) -> None:
    nodes = [FakeNode(f"pgha{number}", "") for number in range(1, 3)]
    for node, ended in zip(nodes, ends, strict=True):
        node.script = lambda node, command, ended=ended: [ended]
    pieces = [piece async for piece in together(nodes, "x", user="root", timeout=5)]
    assert pieces[-1] == expected
    assert [piece for piece in pieces if isinstance(piece, Ended)] == [expected]


async def test_a_fault_of_the_program_is_raised_and_not_waited_on() -> None:
    def broken(node: FakeNode, command: str) -> Sequence[Output | Ended]:
        raise ZeroDivisionError

    nodes = [FakeNode("pgha1", ""), FakeNode("pgha2", "")]
    nodes[1].script = broken
    with pytest.raises(ZeroDivisionError):
        async for _ in together(nodes, "x", user="root", timeout=5):
            pass


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (STEP + "\nfails: true", "`fails` and `node: all` do not go together"),
        (STEP + "\nstarts: {patroni: pgha1}", "Patroni is not started with `node: all`"),
        (
            "id: x\nkind: edit\nnode: all\nedit: {ttl: 20}\nexpect: x\nchecks:\n  - containers: {}\n"
            "diagnoses: [paused, hba-old]",
            "is changed from one node",
        ),
    ],
)
def test_lint_names_what_does_not_go_with_every_node(tmp_path: Path, step: str, words: str) -> None:
    assert [words in problem.message for problem in lint(write_course(tmp_path, step + NOTES))] == [True]


def test_lint_has_nothing_against_it(tmp_path: Path) -> None:
    assert lint(write_course(tmp_path, STEP + NOTES)) == []


def test_a_card_says_that_it_is_every_node() -> None:
    assert Where("all", "root", "x").who == "root on every node"
    assert dataclasses.replace(Where("all", "root", "x"), node="pgha2").who == "root@pgha2"
