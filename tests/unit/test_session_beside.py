"""What was run, or typed, stands beside what its lesson expects."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from pghalab.cluster.model import Snapshot
from pghalab.course.expected.compare import MOST_LINES
from pghalab.course.expected.step import of_step
from pghalab.course.expected.words import summary
from pghalab.course.localise import Names
from pghalab.lab.types import Ended, Output
from pghalab.session import rechecks
from pghalab.session.session import Session
from pghalab.session.shells import Shell
from tests.fake_lab.backend import Bench
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode, Piece
from tests.fake_lab.sources import FakeSources
from tests.unit.test_expected import node as health
from tests.unit.test_session import opened
from tests.unit.test_shells import desk

LIST = """id: list
kind: command
node: pgha2
command: etcdctl member list
expect: |2
  at 10:00:00
  pgha4 started
checks:
  - output: {contains: [started]}"""
LOOK = LIST.replace("id: list", "id: look").partition("checks:")[0] + "no_check: it only looks"
SILENT = "id: hush\nkind: command\nnode: pgha2\ncommand: hush &\nsilent: true\nno_check: x"
PRINTED = "at 11:00:00\npgha4 started\n"


@pytest.fixture
def bench(tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    return Bench(tmp_path / "state", lab, sources)


async def ran(session: Session, step: str) -> str:
    """Run a step to its end, and sum up what it printed; empty when that is compared with nothing."""
    assert session.work.run_step(step, again=True)
    await session.work.wait()
    found = session.work.runs[step].comparison
    return "" if found is None else summary(found)


def prints(*pieces: Piece) -> list[Piece]:
    return [*pieces, Ended("exited", 0, 0.1)]


async def test_a_run_is_compared_in_the_labs_own_names(bench: Bench) -> None:
    async with opened(bench, LOOK) as (session, _):
        node = bench.lab.nodes["pgha2"]
        node.script = lambda node, command: prints(Output("stdout", PRINTED[:8]), Output("stderr", PRINTED[8:]))
        assert await ran(session, "look") == "as expected; 1 value differs as it may"
        node.script = lambda node, command: prints(Output("stdout", "at 11:00:00\n"))
        assert await ran(session, "look") == "1 line is missing"
        assert session.state.steps["look"] == "done", "the checks decide alone"


async def test_what_did_not_come_to_its_end_is_compared_with_nothing(bench: Bench) -> None:
    async with opened(bench, LOOK) as (session, _):

        def lost(node: FakeNode, command: str) -> list[Piece]:
            return [Output("stdout", "at 11:00:00\n"), Ended("lost", None, 0.1)]

        bench.lab.nodes["pgha2"].script = lost
        assert await ran(session, "look") == ""


async def test_why_a_line_is_missing_is_told_by_what_was_seen_when_the_command_ended(bench: Bench) -> None:
    async with opened(bench, LOOK) as (session, _):
        session.state.nodes = Snapshot((health("pgha4", container="exited"),), None, 0.0)
        bench.lab.nodes["pgha2"].script = lambda node, command: prints(Output("stdout", "at 11:00:00\n"))
        await ran(session, "look")
        found = session.work.runs["look"].comparison
        assert found is not None
        assert [row.note for row in found.rows if row.verdict == "missing"] == [
            "pgha4 has no line here: its container is exited"
        ]


@pytest.mark.parametrize(
    ("step", "command", "words"),
    [
        ("list", "etcdctl member list", "as expected; 1 value differs as it may"),
        ("list", "etcdctl -w simple member list", "as expected; 1 value differs as it may"),
        ("look", "etcdctl  member list", "as expected; 1 value differs as it may"),
    ],
)
async def test_what_was_typed_is_compared_too(bench: Bench, step: str, command: str, words: str) -> None:
    async with desk(bench, LIST, LOOK) as at:
        at.session.learner.visit(step)
        _, terminal = await at.open()
        await at.type(terminal, command, PRINTED)
        run = at.session.work.runs[step]
        assert run.typed is not None and run.comparison is not None
        assert summary(run.comparison) == words


async def test_the_same_facts_in_another_form_are_not_told_as_lines_that_are_missing(bench: Bench) -> None:
    simple = "4ec2b2668990565b, started, pgha2, http://192.168.50.11:2380, http://192.168.50.11:2379, false"
    listed = LIST.replace("  at 10:00:00\n  pgha4 started", f"  {simple}")
    table = f"| {simple.replace(',', ' |')} |\n"
    async with desk(bench, listed) as at:
        at.session.learner.visit("list")
        _, terminal = await at.open()
        await at.type(terminal, "etcdctl -w table member list", table)
        run = at.session.work.runs["list"]
        assert run.outcome == "done" and run.comparison is None
        # What the step's own command printed is always compared.
        await at.type(terminal, "etcdctl member list", table)
        run = at.session.work.runs["list"]
        assert run.comparison is not None and summary(run.comparison) == "1 line is missing, 1 line more than expected"


async def test_the_lines_of_a_step_are_compared_together_also_where_the_last_alone_makes_it_done(bench: Bench) -> None:
    lines = "command: |\n  etcdctl member list |\n    head -1\n  date +at"
    several = LIST.replace("command: etcdctl member list", lines)
    several = several.replace("contains: [started]", "contains: [pgha4]")
    async with desk(bench, several) as at:
        at.session.learner.visit("list")
        _, terminal = await at.open()
        await at.type(terminal, "ls", "mine.sh\n")
        first, last = PRINTED.splitlines(keepends=True)[0], "".join(PRINTED.splitlines(keepends=True)[1:])
        await at.type(terminal, "etcdctl member list | head -1", first)
        await at.type(terminal, "date +at", last)
        run = at.session.work.runs["list"]
        assert run.comparison is not None
        assert summary(run.comparison) == "as expected; 1 value differs as it may"


async def test_the_lines_of_a_step_that_does_not_read_them_are_compared_together(bench: Bench) -> None:
    several = LIST.replace("command: etcdctl member list", "command: |\n  line=4\n  etcdctl member list")
    writes = several.partition("checks:")[0] + "checks:\n  - process: {on: [pgha2], name: patroni}\n    within: 2"
    async with desk(bench, writes) as at:
        bench.lab.nodes["pgha2"].processes.pop("patroni", None)
        at.session.learner.visit("list")
        _, terminal = await at.open()
        terminal.begin("line=4")
        terminal.begin("LANG=C etcdctl member list")
        await at.told.until(lambda: at.typed)
        await at.looked()
        bench.lab.nodes["pgha2"].processes["patroni"] = "postgres"
        at.session.rechecks.soon(None, 0)
        await at.told.until(lambda: at.session.state.steps["list"] == "done")
        assert at.session.work.runs["list"].status.startswith(
            "done · typed in postgres@pgha2 · its exit status was not"
        )
        terminal.say(PRINTED.replace("\n", "\r\n").encode())
        terminal.finish()
        await at.told.until(lambda: at.session.work.runs["list"].comparison is not None)
        run = at.session.work.runs["list"]
        assert run.status.startswith("done · typed in postgres@pgha2 · exit status 0")
        assert run.command == "line=4\nLANG=C etcdctl member list" and run.comparison is not None
        assert summary(run.comparison) == "as expected; 1 value differs as it may"


def is_running(shell: Shell, line: str) -> bool:
    running = shell._typing.running
    return running is not None and running.text == line


async def test_the_lines_of_a_step_are_those_of_when_they_were_typed_whoever_leads_since(bench: Bench) -> None:
    several = LIST.replace("command: etcdctl member list", "command: |\n  echo {{leader}}\n  etcdctl member list")
    bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
    async with desk(bench, several) as at:
        session, course = at.session, at.session.state.course
        assert course is not None
        session.learner.visit("list")
        shell, terminal = await at.open()
        for leader, line, printed in (("pgha1", "echo pgha1", ""), ("pgha3", "etcdctl member list", PRINTED)):
            bench.sources.dcs["leader"] = leader
            await session.ask(course.step("list"))
            terminal.begin(line)
            await at.told.until(partial(is_running, shell, line))
            terminal.say(printed.encode())
        terminal.finish()
        await at.told.until(lambda: "list" in session.work.runs and session.work.runs["list"].comparison is not None)
        assert session.work.runs["list"].command == "echo pgha1\netcdctl member list"


async def test_another_way_to_the_same_end_is_compared_with_nothing(bench: Bench) -> None:
    starts = LIST.replace("id: list", "id: start").partition("checks:")[0] + (
        "checks:\n  - process: {on: [pgha2], name: patroni}\n    within: 2"
    )
    async with desk(bench, starts) as at:
        bench.lab.nodes["pgha2"].processes.pop("patroni", None)
        at.session.learner.visit("start")
        _, terminal = await at.open()
        await at.type(terminal, "true", "")
        bench.lab.nodes["pgha2"].processes["patroni"] = "postgres"
        await at.type(terminal, "~/mine.sh", "of my own\n")
        await at.told.until(lambda: at.session.state.steps["start"] == "done")
        run = at.session.work.runs.get("start")
        assert run is not None and run.typed is not None and run.comparison is None


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("[1] 4711\n", None),
        ("[1]+  Done                    hush\n", None),
        ("[1]+  Killed                  nohup hush  (wd: ~)\n(wd now: /var/log)\n", None),
        ("[1] 4711\nno room\n", "1 line more than expected"),
    ],
)
def test_what_a_shell_says_of_its_jobs_is_no_output(tmp_path: Path, printed: str, words: str | None) -> None:
    step = write_course(tmp_path, SILENT).step("hush")
    found = of_step(step, printed, Names(), typed=True)
    assert (found and summary(found)) == words
    assert of_step(step, printed, Names()) is not None, "a step that is run has no jobs"


async def test_a_flood_is_compared_as_far_as_it_is_held(bench: Bench) -> None:
    async with opened(bench, LOOK) as (session, _):
        flood = "".join(f"{number:0200}\n" for number in range(30_000))
        bench.lab.nodes["pgha2"].script = lambda node, command: prints(Output("stdout", flood))
        await ran(session, "look")
        found = session.work.runs["look"].comparison
        assert found is not None and found.cut and len(found.rows) <= MOST_LINES + 2
