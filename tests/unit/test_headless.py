"""The options of `pghalab run`, through the command line, without an engine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Collection
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pghalab import cli
from pghalab.course import report
from pghalab.course.events import RunEvent
from pghalab.course.model import Step
from pghalab.course.runner import Runner
from pghalab.lab.types import LabError
from tests.shipped import shipped_course


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")


def ids(*lessons: str) -> list[str]:
    return [step.id for step in report.choose(shipped_course(), lessons=lessons)]


def test_json_is_all_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--lesson", "welcome", "quorum", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ended = [event["step"] for event in events if event["event"] == "StepEnded"]
    assert ended == ids("welcome", "quorum")
    assert {event["outcome"] for event in events if event["event"] == "StepEnded"} == {"done"}


def test_a_step_that_needs_an_engine_fails_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "junit.xml"
    assert cli.main(["run", "--lesson", "image", "--junit", str(file)]) == 1
    assert "FAILED" in capsys.readouterr().out
    (suite,) = ElementTree.parse(file).getroot()
    assert suite.get("name") == "image" and suite.get("failures") == "1"


def test_the_junit_report_is_utf8_whatever_the_locale(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    wide = tmp_path / "wide.py"
    wide.write_text(
        "import sys\nfrom pghalab import cli\nfrom pghalab.course import report\n"
        "report.junit = lambda *_: '\\u2026'\nsys.exit(cli.main(sys.argv[1:]))\n"
    )
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    line = [sys.executable, str(wide), "run", "--lesson", "welcome", "--junit", str(file)]
    done = subprocess.run(line, env=plain, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert file.read_text(encoding="utf-8") == "…"


@pytest.mark.parametrize("end", ["signal", "error"])
def test_a_run_that_is_ended_reports_what_it_reached(end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, first = report.run_step, ids("welcome")[0]

    async def run_step(
        runner: Runner, step: Step, reporter: report.Reporter, without: Collection[str]
    ) -> report.StepReport:
        if step.id == first:
            return await real(runner, step, reporter, without)
        if end == "error":
            raise LabError("the disk is full")
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(report, "run_step", run_step)
    file = tmp_path / "junit.xml"
    assert cli.main(["run", "--lesson", "welcome", "--junit", str(file)]) == (143 if end == "signal" else 1)
    (suite,) = ElementTree.parse(file).getroot()
    reached = [case.get("name") for case in suite if case.find("skipped") is None]
    assert reached == [first]


def test_a_node_to_be_left_out_has_to_be_one_of_the_lab(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--lesson", "welcome", "--without", "pgha3", "pgha9"]) == 1
    assert "The lab has no node pgha9." in capsys.readouterr().err


def test_what_is_left_out_reaches_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out: list[Collection[str]] = []
    real = Runner.run

    def run(self: Runner, step_id: str, *, without: Collection[str] = (), **how: Any) -> AsyncGenerator[RunEvent, None]:
        left_out.append(without)
        return real(self, step_id, without=without, **how)

    monkeypatch.setattr(Runner, "run", run)
    assert cli.main(["run", "--lesson", "welcome", "--without", "pgha3"]) == 0
    assert left_out == [["pgha3"]] * len(ids("welcome"))
