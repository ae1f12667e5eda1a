"""The runner: what it runs, refuses, waits for and remembers, on a lab in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab.course.events import (
    ChecksSeen,
    CommandEnded,
    CommandStarted,
    ConfirmNeeded,
    Outcome,
    Printed,
    RunEvent,
    StepEnded,
    StepStarted,
)
from pghalab.course.kinds.edit import EDIT
from pghalab.course.runner import Runner
from pghalab.lab.types import Ended, HowEnded, LabError, Output, Result
from tests.fake_lab.backend import runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode, Script
from tests.fake_lab.sources import FakeSources, cluster_of_three

START = """id: start
kind: command
node: pgha1
command: start etcd
checks:
  - process: {on: [pgha1], name: etcd, user: postgres}
    within: 0.3"""
SHOW = "id: show\nkind: command\nnode: pgha1\ncommand: show it\nno_check: only shows"
Make = Callable[..., Runner]


@pytest.fixture
def make(tmp_path: Path, lab: FakeLab, sources: FakeSources) -> Make:
    def runner(*steps: str) -> Runner:
        return runner_on(lab, sources, tmp_path / "state", write_course(tmp_path / "lessons", *steps))

    return runner


async def run(runner: Runner, step: str, **options: Any) -> list[RunEvent]:
    return [event async for event in runner.run(step, **options)]


def end(events: list[RunEvent]) -> StepEnded:
    assert isinstance(events[-1], StepEnded)
    assert sum(isinstance(event, StepEnded) for event in events) == 1
    return events[-1]


def starts_etcd(node: FakeNode, command: str) -> Sequence[Output | Ended]:
    if command == "start etcd":
        node.processes["etcd"] = "postgres"
    return [Output("stdout", "starting\n"), Ended("exited", 0, 0.1)]


def ends(status: int | None, how: HowEnded = "exited", text: str = "") -> Script:
    return lambda node, command: [Output("stderr", text), Ended(how, status, 0.1)]


async def test_a_command_is_run_judged_logged_and_remembered(make: Make, lab: FakeLab) -> None:
    lab.nodes["pgha1"].script = starts_etcd
    runner = make(START)
    events = await run(runner, "start")
    kinds = [StepStarted, CommandStarted, Printed, CommandEnded, ChecksSeen, StepEnded]
    assert [type(event) for event in events] == kinds
    assert end(events).outcome == "done"
    started = next(event for event in events if isinstance(event, CommandStarted))
    assert (started.node, started.user, started.command) == ("pgha1", "postgres", "start etcd")
    assert started.log.read_text() == "starting\n"
    assert runner.states["start"] == "done"
    assert [entry["event"] for entry in runner.journal.entries()] == [
        kind.__name__ for kind in kinds if kind is not Printed
    ]
    assert make(START).states["start"] == "done"


async def test_the_lab_s_password_is_not_written_and_is_shown_and_checked_as_it_is(make: Make, lab: FakeLab) -> None:
    lab.settings = replace(lab.settings, password="Tr0ub4dor")
    lab.nodes["pgha1"].script = ends(0, text="it is Tr0ub4dor\n")
    runner = make(START)
    events = await run(runner, "start", command="echo Tr0ub4dor")
    assert [event.output.text for event in events if isinstance(event, Printed)] == ["it is Tr0ub4dor\n"]
    started = next(event for event in events if isinstance(event, CommandStarted))
    assert (started.command, started.log.read_text()) == ("echo Tr0ub4dor", "it is (removed)\n")
    assert "Tr0ub4dor" not in runner.journal.path.read_text()


async def test_a_second_run_leaves_it_alone_unless_asked(make: Make, lab: FakeLab) -> None:
    lab.nodes["pgha1"].script = starts_etcd
    runner = make(START)
    await run(runner, "start")
    assert end(await run(runner, "start")).outcome == "already"
    assert lab.nodes["pgha1"].ran.count("start etcd") == 1
    assert end(await run(runner, "start", again=True)).outcome == "done"
    assert lab.nodes["pgha1"].ran.count("start etcd") == 2
    assert end(await run(runner, "start", command="start etcd # mine")).outcome == "done"
    assert lab.nodes["pgha1"].ran.count("start etcd # mine") == 1
    assert lab.nodes["pgha1"].ran.count("start etcd") == 2, "the step's own command is not run beside the learner's"


async def test_a_check_that_never_holds_fails_with_what_was_seen(make: Make, lab: FakeLab) -> None:
    events = await run(make(START), "start")
    ended = end(events)
    assert ended.outcome == "failed"
    assert ended.reason == "etcd is not running on pgha1 (wanted etcd runs: running as postgres)"
    looks = [event for event in events if isinstance(event, ChecksSeen)]
    assert [look.final for look in looks] == [False, True], "a look that saw nothing new is not told"


async def test_checks_are_polled_until_they_hold(make: Make, lab: FakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    node = lab.nodes["pgha1"]
    looks = 0
    original = node.run

    async def later(command: str, **options: Any) -> Result:
        nonlocal looks
        if command.startswith("ps ") and "start etcd" in node.ran:
            looks += 1
            if looks == 3:
                node.processes["etcd"] = "postgres"
        return await original(command, **options)

    monkeypatch.setattr(node, "run", later)
    events = await run(make(START.replace("within: 0.3", "within: 60")), "start")
    assert end(events).outcome == "done"
    assert looks == 3
    assert [event.final for event in events if isinstance(event, ChecksSeen)] == [False, True]


@pytest.mark.parametrize(
    ("script", "outcome", "reason"),
    [
        (ends(0), "done", ""),
        (ends(2), "failed", "the command ended with status 2"),
        (ends(None, "timeout"), "failed", "did not end within 60 s"),
        (ends(None, "lost"), "failed", "the connection was lost"),
        (ends(None, "stopped"), "stopped", "it was stopped"),
    ],
)
async def test_without_checks_the_exit_status_counts(
    make: Make, lab: FakeLab, script: Callable[..., Sequence[Output | Ended]], outcome: Outcome, reason: str
) -> None:
    lab.nodes["pgha1"].script = script
    runner = make(SHOW)
    ended = end(await run(runner, "show"))
    assert ended.outcome == outcome
    assert reason in ended.reason
    seen = await runner.evaluate()
    assert seen["show"].state == ("done" if outcome == "done" else "todo")


async def test_checks_beat_a_bad_exit_status(make: Make, lab: FakeLab) -> None:
    def script(node: FakeNode, command: str) -> Sequence[Output | Ended]:
        node.processes["etcd"] = "postgres"
        return [Ended("exited", 7, 0.1)]

    lab.nodes["pgha1"].script = script
    ended = end(await run(make(START), "start"))
    assert ended.outcome == "done"
    assert ended.reason == "the command ended with status 7, but every check holds"


async def test_what_was_undone_is_broken(make: Make, lab: FakeLab) -> None:
    lab.nodes["pgha1"].script = starts_etcd
    runner = make(START)
    await run(runner, "start")
    assert (await runner.evaluate())["start"].state == "done"
    lab.nodes["pgha1"].processes.clear()
    status = (await runner.evaluate())["start"]
    assert status.state == "broken"
    assert status.results[0].saw == "etcd is not running on pgha1"
    assert runner.states["start"] == "broken"


async def test_done_by_hand_is_done(make: Make, lab: FakeLab) -> None:
    runner = make(START)
    assert (await runner.evaluate())["start"].state == "todo"
    lab.nodes["pgha1"].processes["etcd"] = "postgres"
    assert (await runner.evaluate())["start"].state == "done"
    lab.nodes["pgha1"].processes.clear()
    assert (await runner.evaluate())["start"].state == "broken"


async def test_a_guard_refuses(make: Make, lab: FakeLab) -> None:
    guarded = START + "\nguard:\n  - process: {on: [pgha1], name: postgres, running: false}\nguard_reason: No."
    lab.nodes["pgha1"].processes["postgres"] = "postgres"
    ended = end(await run(make(guarded), "start"))
    assert ended.outcome == "refused"
    assert ended.reason.startswith("No. Seen: PostgreSQL runs on pgha1")
    assert "start etcd" not in lab.nodes["pgha1"].ran


async def test_placeholders_are_answered_from_the_cluster(make: Make, lab: FakeLab, sources: FakeSources) -> None:
    runner = make(SHOW.replace("pgha1", '"{{replica}}"').replace("show it", '"ask {{leader}}"'))
    step = runner.course.step("show")
    assert runner.resolve(step).node == "{{replica}}"
    ended = end(await run(runner, "show"))
    assert (ended.outcome, ended.reason) == ("failed", "etcd is not running on any node")
    cluster_of_three(lab, sources)
    sources.dcs["leader"] = "pgha3"
    assert end(await run(runner, "show")).outcome == "done"
    assert "ask pgha3" in lab.nodes["pgha2"].ran
    resolved = runner.resolve(step)
    assert (resolved.node, resolved.command) == ("pgha2", "ask pgha3")
    sources.dcs["leader"] = "pgha1"
    await run(runner, "show", command="{{auth_method}} {{ leader }}")
    assert "scram-sha-256 pgha1" in lab.nodes["pgha2"].ran


async def test_names_are_those_of_the_lab(tmp_path: Path, sources: FakeSources) -> None:
    lab = FakeLab(name="other", prefix="cr", subnet="10.9.8")
    lab.nodes["cr1"].script = starts_etcd
    step = START.replace("command: start etcd", "command: ssh pgha2 ping 192.168.50.12")
    runner = Runner.open(lab, tmp_path / "state", course=write_course(tmp_path / "l", step))
    assert runner.resolve(runner.course.step("start")).command == "ssh cr2 ping 10.9.8.12"
    await run(runner, "start")
    assert "ssh cr2 ping 10.9.8.12" in lab.nodes["cr1"].ran


async def test_a_lab_that_takes_other_settings_is_spoken_of_by_them(make: Make, lab: FakeLab) -> None:
    runner = make(SHOW.replace("show it", '"echo {{auth_method}}"'))
    step = runner.course.step("show")
    assert runner.resolve(step).command == "echo scram-sha-256"
    await lab.configure(replace(lab.settings, auth_method="md5"))
    assert runner.resolve(step).command == (await runner.ask(step)).command == "echo md5"


async def test_the_place_and_what_is_passed_over_are_remembered(make: Make, tmp_path: Path) -> None:
    runner = make(SHOW, "id: other\nkind: read")
    runner.visit("other")
    runner.skip("show")
    again = make(SHOW, "id: other\nkind: read")
    assert (again.last, again.skipped) == ("other", {"show"})
    again.reset(["show", "other"])
    assert (again.last, again.skipped) == ("", set())


EDIT_STEP = """id: edit
kind: edit
edit: {ttl: 31}
checks:
  - config: {values: {ttl: 31}}
    within: 0.2"""
DIFF = "--- \n+++ \n@@ -1 +1 @@\n-ttl: 30\n+ttl: 31\n"


@pytest.fixture
def patroni(lab: FakeLab, sources: FakeSources) -> FakeNode:
    cluster_of_three(lab, sources)
    node = lab.nodes["pgha1"]
    node.answers[EDIT] = f"{DIFF}Use --force option to apply changes\n"

    def applies(node: FakeNode, command: str) -> Sequence[Output | Ended]:
        sources.dcs["config"] = '{"ttl": 31}'
        return [Output("stdout", "Configuration changed\n"), Ended("exited", 0, 0.1)]

    node.script = applies
    return node


async def test_an_edit_shows_its_difference_and_waits(make: Make, patroni: FakeNode) -> None:
    asked: list[str] = []

    async def confirm(diff: str) -> bool:
        asked.append(diff)
        return True

    events = await run(make(EDIT_STEP), "edit", confirm=confirm)
    assert end(events).outcome == "done"
    assert asked == [DIFF.rstrip("\n")]
    assert [event.diff for event in events if isinstance(event, ConfirmNeeded)] == asked
    assert any(command.startswith(f"{EDIT} --force <<'PATCH'\nttl: 31\nPATCH") for command in patroni.ran)


async def test_an_edit_that_is_not_confirmed_changes_nothing(make: Make, patroni: FakeNode) -> None:
    async def confirm(diff: str) -> bool:
        return False

    ended = end(await run(make(EDIT_STEP), "edit", confirm=confirm))
    assert ended.outcome == "stopped"
    assert not any("--force" in command for command in patroni.ran)


async def test_an_edit_that_is_refused_says_why(make: Make, patroni: FakeNode) -> None:
    from pghalab.lab.types import Result

    patroni.answers[EDIT] = Result(1, "", "Traceback\nError: the config key does not exist\n", 0.1)
    ended = end(await run(make(EDIT_STEP), "edit"))
    assert ended.reason == "pgha1: Error: the config key does not exist"


async def test_an_action_of_the_lab(make: Make, lab: FakeLab) -> None:
    runner = make("id: build\nkind: action\naction: build\nchecks: [{image: {}}]")
    events = await run(runner, "build")
    assert end(events).outcome == "done"
    assert lab.acted == ["build"]
    assert next(event.command for event in events if isinstance(event, CommandStarted)) == "pghalab build"
    assert end(await run(runner, "build")).outcome == "already"


async def test_read_question_and_wait(make: Make, lab: FakeLab) -> None:
    question = """id: q
kind: question
question: {text: Q, choices: [{text: A, explain: a}, {text: B, explain: b, right: true}]}"""
    runner = make("id: r\nkind: read", question, "id: w\nkind: wait\nchecks: [{containers: {}}]")
    assert runner.answer("q", 0) is False
    assert (await runner.evaluate())["q"].state == "todo"
    assert runner.answer("q", 1) is True
    assert (await runner.evaluate())["q"].state == "done"
    assert end(await run(runner, "r")).outcome == "done"
    assert end(await run(runner, "r")).outcome == "already"
    assert end(await run(runner, "w", again=True)).outcome == "done"
    runner.skip("r")
    runner.reset(["r", "q"])
    assert (runner.states["r"], runner.states["q"]) == ("todo", "todo")
    assert (await runner.evaluate(["q"]))["q"].state == "todo"


async def test_output_is_kept_for_its_check(make: Make, lab: FakeLab) -> None:
    lab.nodes["pgha1"].script = ends(0, text="value 42\n")
    runner = make(SHOW.replace("no_check: only shows", "checks: [{output: {matches: 'value \\d+'}}]"))
    assert (await runner.evaluate())["show"].state == "todo"
    assert end(await run(runner, "show")).outcome == "done"
    assert end(await run(runner, "show")).outcome == "already"


async def test_closing_stops_the_command_and_is_recorded(make: Make, lab: FakeLab) -> None:
    node = lab.nodes["pgha1"]
    node.script = lambda node, command: [Output("stdout", "x")] * 1000
    runner = make(START)
    events = runner.run("start")
    async for event in events:
        if isinstance(event, Printed):
            break
    assert list(runner.running) == ["start"]
    refused = end(await run(runner, "start"))
    assert (refused.outcome, refused.reason) == ("refused", "the step start is still running")
    await events.aclose()
    assert node.closed == 1
    assert not runner.running
    last = list(runner.journal.entries())[-1]
    assert (last["event"], last["outcome"]) == ("StepEnded", "stopped")


async def test_a_lab_that_is_not_there_is_a_failed_step(make: Make, lab: FakeLab) -> None:
    def gone(node: FakeNode, command: str) -> Sequence[Output | Ended]:
        raise LabError("is out of reach", node=node.name, todo="start it")

    lab.nodes["pgha1"].script = gone
    ended = end(await run(make(START), "start"))
    assert (ended.outcome, ended.reason) == ("failed", "pgha1: is out of reach\nstart it")


async def test_a_fault_of_our_own_ends_the_step_and_nothing_more(make: Make, lab: FakeLab) -> None:
    def bug(node: FakeNode, command: str) -> Sequence[Output | Ended]:
        raise ZeroDivisionError("oops")

    lab.nodes["pgha1"].script = bug
    runner = make(START)
    assert "ZeroDivisionError: oops" in end(await run(runner, "start")).reason
    assert not runner.running


async def test_much_output_is_on_disk_and_not_in_memory(make: Make, lab: FakeLab) -> None:
    lab.nodes["pgha1"].script = lambda node, command: [
        *(Output("stdout", "x" * 9999 + "\n") for _ in range(500)),
        Ended("exited", 0, 1.0),
    ]
    runner = make(SHOW.replace("no_check: only shows", "checks: [{output: {contains: [x]}}]"))
    log = None
    async for event in runner.run("show"):
        if isinstance(event, CommandStarted):
            log = event.log
    assert log is not None
    assert log.stat().st_size == 5_000_000
    assert len(runner.progress.record("show").output or "") < 70_000


async def test_why_a_step_is_not_done_has_a_code_for_the_program(make: Make, lab: FakeLab) -> None:
    guarded = START.replace("id: start", "id: guarded")
    guarded += "\nguard:\n  - process: {on: [pgha1], name: postgres, running: false}\nguard_reason: No."
    lab.nodes["pgha1"].processes["postgres"] = "postgres"
    runner = make(START, SHOW, guarded, SHOW.replace("id: show", "id: nowhere").replace("pgha1", '"{{leader}}"'))
    assert end(await run(runner, "start")).code == "checks"
    assert end(await run(runner, "guarded")).code == "guard"
    assert end(await run(runner, "nowhere")).code == "lab"
    lab.nodes["pgha1"].script = ends(2)
    assert end(await run(runner, "show")).code == "command"
    lab.nodes["pgha1"].script = ends(0)
    assert end(await run(runner, "show")).code == ""
