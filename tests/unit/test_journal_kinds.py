"""What goes to the journal beside the events of a run: answers, comparisons, versions, what a look found, verbs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pghalab import __version__
from pghalab.course.digest import digest
from pghalab.course.load import load_course
from pghalab.course.report import Quiet, run_step
from pghalab.lab.types import Ended, LabError, Output
from pghalab.session.session import Session
from tests.fake_lab.backend import Bench, runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.shipped import shipped_course
from tests.unit.test_session import Told

ASKED = """id: asked
kind: question
question:
  text: Which?
  choices:
    - {text: a, explain: no}
    - {text: b, explain: yes, right: true}"""
LISTED = """id: listed
kind: command
node: pgha1
command: cat list
expect: |
  one
  two
no_check: it only shows"""
SEEN = """id: seen
kind: command
node: pgha1
command: start etcd
checks:
  - process: {on: [pgha1], name: etcd}"""


def events(entries: list[dict[str, object]], name: str) -> list[dict[str, object]]:
    return [{key: value for key, value in one.items() if key != "at"} for one in entries if one["event"] == name]


async def test_answers_and_comparisons_are_noted(lab: FakeLab, sources: FakeSources, tmp_path: Path) -> None:
    runner = runner_on(lab, sources, tmp_path / "state", write_course(tmp_path / "lessons", ASKED, LISTED))
    runner.answer("asked", 0)
    runner.answer("asked", 1)
    lab.nodes["pgha1"].script = lambda node, command: [Output("stdout", "one\nthree\n"), Ended("exited", 0, 0.1)]
    await run_step(runner, runner.course.step("listed"), Quiet())
    kept = list(runner.journal.entries())
    assert events(kept, "Answered") == [
        {"event": "Answered", "step": "asked", "choice": 0, "right": False},
        {"event": "Answered", "step": "asked", "choice": 1, "right": True},
    ]
    (compared,) = events(kept, "Compared")
    assert (compared["step"], compared["fits"]) == ("listed", False)
    assert "1 line is missing" in str(compared["summary"]) and "`three`" in str(compared["misfits"])


async def test_versions_are_noted_before_the_first_step_and_once_they_are_known(
    lab: FakeLab, sources: FakeSources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = runner_on(lab, sources, tmp_path / "state", write_course(tmp_path / "lessons", LISTED))

    async def no_engine() -> None:
        raise LabError("no engine")

    with monkeypatch.context() as patched:
        patched.setattr(lab, "image_versions", no_engine)
        await runner.note_versions()
    lab.versions = {"patroni": "4.1.0", "postgresql": "17.5"}
    for _ in range(2):
        await run_step(runner, runner.course.step("listed"), Quiet())
    told = [(one["pghalab"], one["course"], one["image"]) for one in runner.journal.stood.entries()]
    course = digest(runner.course)
    assert told == [(__version__, course, {}), (__version__, course, lab.versions)]


async def test_a_step_that_is_seen_done_and_a_verb_are_noted(
    lab: FakeLab, sources: FakeSources, tmp_path: Path
) -> None:
    bench = Bench(tmp_path / "state", lab, sources)
    write_course(tmp_path / "lessons", SEEN)
    session = Session("pgha", connect=bench.connect, lessons=tmp_path / "lessons")
    told = Told(session)
    await session.open()
    lab.nodes["pgha1"].processes["etcd"] = "postgres"
    session.learner.visit("seen")
    await told.until(lambda: session.state.steps.get("seen") == "done")
    session.work.run_verb("Stop", lab.stop)
    await session.work.wait()
    kept = list(bench.runner.journal.entries())
    await session.close()
    (seen,) = events(kept, "StepSeen")
    assert (seen["step"], seen["state"]) == ("seen", "done")
    assert "etcd" in str(seen["results"])
    (ran,) = events(kept, "VerbRan")
    assert (ran["title"], ran["well"]) == ("Stop", True)


def test_the_digest_of_a_course_is_of_what_is_run_and_not_of_the_prose(tmp_path: Path) -> None:
    course = shipped_course()
    assert digest(course) == digest(load_course()) and len(digest(course)) == 12
    one = digest(write_course(tmp_path / "a", SEEN))
    told = write_course(tmp_path / "b", SEEN + "\nhints: [look at it]")
    assert digest(told) == one
    assert digest(write_course(tmp_path / "c", SEEN.replace("start etcd", "start  etcd"))) != one
    assert digest(write_course(tmp_path / "d", SEEN, LISTED)) != one
