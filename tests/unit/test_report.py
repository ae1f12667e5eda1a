"""What the headless run prints, writes and chooses."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pghalab.course.report import JsonReporter, StepReport, TextReporter, choose, junit, run_steps
from pghalab.course.runner import Runner
from pghalab.lab.types import Ended, Output
from tests.fake_lab.backend import runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.shipped import shipped_course

READ = "id: a\nkind: read"
BAD = """id: b
kind: command
node: pgha1
command: start
checks:
  - process: {on: [pgha1], name: etcd}
    within: 0.1"""
LAST = "id: c\nkind: read\noptional: true"


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return made_on(FakeLab(), tmp_path)


def made_on(lab: FakeLab, tmp_path: Path) -> Runner:
    course = write_course(tmp_path / "lessons", READ, BAD, LAST)
    return runner_on(lab, FakeSources(), tmp_path / "state", course)


async def test_lines_and_failure(runner: Runner) -> None:
    out = io.StringIO()
    steps = choose(runner.course)
    with TextReporter(len(steps), out) as reporter:
        reports: list[StepReport] = []
        await run_steps(runner, steps, reporter, reports)
    assert [report.ok for report in reports] == [True, False], "a failure ends the run"
    lines = out.getvalue().splitlines()
    assert lines[0].split()[:2] == ["1/3", "done"]
    assert lines[1].split()[:2] == ["2/3", "FAILED"]
    text = out.getvalue()
    assert "check failed: etcd is not running on pgha1" in text
    (log,) = [line.split("log: ")[1] for line in lines if "log: " in line]
    assert Path(log).exists()


def titled(runner: Runner, words: str) -> None:
    """Put words before the titles of the steps."""
    (lesson,) = runner.course.lessons
    steps = tuple(replace(step, title=f"{words} {step.title}") for step in lesson.steps)
    runner.course = replace(runner.course, lessons=(replace(lesson, steps=steps),))


async def test_titles_speak_the_lab_s_own_names(tmp_path: Path) -> None:
    runner = made_on(FakeLab(prefix="cr"), tmp_path)
    titled(runner, "On pgha2:")
    out = io.StringIO()
    with TextReporter(3, out) as reporter:
        await run_steps(runner, choose(runner.course), reporter, [])
    assert "On cr2: Step 1" in out.getvalue() and "pgha2" not in out.getvalue()


async def test_a_step_that_does_not_count_has_no_number(runner: Runner) -> None:
    steps, out = choose(runner.course)[:2], io.StringIO()
    with TextReporter(1, out, counts=lambda step: step != steps[0]) as reporter:
        await run_steps(runner, steps, reporter, [])
    places = [line[:5] for line in out.getvalue().splitlines() if " s  " in line]
    assert places == ["     ", "1/1  "]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_a_terminal_has_a_bar_and_the_same_lines(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    out = Terminal()
    titled(runner, "pg_hba [all]")
    steps = choose(runner.course)
    with TextReporter(len(steps), out) as reporter:
        await run_steps(runner, steps, reporter, [])
    text = out.getvalue()
    assert "pg_hba [all] Step 1" in text
    assert "FAILED" in text
    assert "1/3" in text
    assert "\x1b[" in text


async def test_json_is_an_event_a_line(runner: Runner) -> None:
    out = io.StringIO()
    await run_steps(runner, choose(runner.course), JsonReporter(out), [])
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["event"] for event in events][:2] == ["StepStarted", "StepEnded"]
    assert events[-1]["outcome"] == "failed"


async def test_junit(runner: Runner) -> None:
    steps = choose(runner.course)
    reports: list[StepReport] = []
    await run_steps(runner, steps, JsonReporter(io.StringIO()), reports)
    root = ElementTree.fromstring(junit(runner.course, steps, reports))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [case.get("name") for case in suite] == ["a", "b", "c"]
    failure = suite[1].find("failure")
    assert failure is not None
    assert "etcd is not running on pgha1" in (failure.text or "")


def test_what_is_chosen(runner: Runner) -> None:
    course = runner.course
    assert [step.id for step in choose(course)] == ["a", "b", "c"]
    assert [step.id for step in choose(course, optional=False)] == ["a", "b"]
    assert [step.id for step in choose(course, to="b")] == ["a", "b"]
    assert [step.id for step in choose(course, to="c", optional=False)] == ["a", "b", "c"]
    assert [step.id for step in choose(course, lessons=["one"])] == ["a", "b", "c"]
    for wrong in ({"lessons": ["two"]}, {"to": "z"}):
        with pytest.raises(KeyError):
            choose(course, **wrong)


def test_the_course_can_be_run_to_any_of_its_steps() -> None:
    course = shipped_course()
    last = course.lessons[-1].steps[-1]
    assert choose(course, to=last.id) == choose(course)


async def test_past_is_said_and_is_no_proof(tmp_path: Path, lab: FakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    early = (
        "id: early\nkind: command\nnode: pgha1\ncommand: a\nuntil: later\nchecks:\n  - process: {name: x, on: [pgha1]}"
    )
    later = "id: later\nkind: command\nnode: pgha1\ncommand: b\nchecks:\n  - process: {name: etcd, on: [pgha1]}"
    lab.nodes["pgha1"].processes["etcd"] = "postgres"
    runner = Runner.open(lab, tmp_path / "state", course=write_course(tmp_path / "lessons", early, later))
    reports: list[StepReport] = []
    steps = choose(runner.course)
    with TextReporter(2) as reporter:
        await run_steps(runner, steps, reporter, reports)
    assert [(report.ended.outcome, report.ok) for report in reports] == [("past", True), ("already", True)]
    out = capsys.readouterr().out
    assert "past " in out and "its effect was replaced by “Step 2” (later)" in out
    suite = ElementTree.fromstring(junit(runner.course, steps, reports))[0]
    assert suite.get("skipped") == "1" and suite.get("failures") == "0"
    skipped = suite[0].find("skipped")
    assert skipped is not None and "past: its effect was replaced" in (skipped.get("message") or "")


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("term 2 at 11:00:00\n", "    output: as expected; 1 value differs as it may"),
        ("term 3 at 10:00:00\n", "    output: 1 line differs"),
        ("", "    output: 1 line is missing"),
    ],
)
async def test_a_step_that_prints_says_how_that_stands_to_what_was_expected(
    tmp_path: Path, printed: str, words: str
) -> None:
    lab, out = FakeLab(), io.StringIO()
    step = "id: look\nkind: command\nnode: pgha1\ncommand: look\nexpect: term 2 at 10:00:00\nno_check: x"
    runner = runner_on(lab, FakeSources(), tmp_path / "state", write_course(tmp_path / "lessons", READ, step))
    lab.nodes["pgha1"].script = lambda node, command: [Output("stdout", printed), Ended("exited", 0, 0.1)]
    with TextReporter(2, out) as reporter:
        reports: list[StepReport] = []
        await run_steps(runner, choose(runner.course), reporter, reports)
    assert [report.ok for report in reports] == [True, True], "what was printed fails no step"
    assert [line for line in out.getvalue().splitlines() if "output:" in line] == [words]
    (told,) = ElementTree.fromstring(junit(runner.course, choose(runner.course), reports)).iter("system-out")
    assert told.text is not None and told.text.splitlines()[0] == words.strip()
    assert (len(told.text.splitlines()) > 1) is ("as expected" not in words), "each line that does not fit is named"
