"""The command line: help, errors in a line or two, exit statuses."""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pghalab import __version__, cli, registry
from pghalab.lab.deploy.driving import DriverLock
from pghalab.lab.types import LabError
from pghalab.verbs import course as verbs
from tests.shipped import shipped_course

VERBS = [
    "build", "up", "start", "stop", "restart", "rm", "rmvolumes", "down", "ls", "export", "run", "status", "doctor",
    "shell", "reset", "lint", "serve", "journal",
]  # fmt: skip


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_ends_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([verb, "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.rstrip().splitlines()[-1].lstrip().startswith(("Example: pghalab", "pghalab"))


def test_the_help_of_the_program_lists_what_the_modules_offer(capsys: pytest.CaptureFixture[str]) -> None:
    (offered,) = [action for action in cli.parser()._actions if isinstance(action, argparse._SubParsersAction)]
    told = {choice.dest: choice.help for choice in offered._choices_actions}
    assert told == {verb.name: verb.words for verb in registry.VERBS}
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"  {verb:<10} {words}\n" in shown for verb, words in told.items())
    assert shown.rstrip().splitlines()[-1].startswith("Example: pghalab")


def test_an_unknown_verb_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--lab", "run", "rnu"])
    assert left.value.code == 2
    assert "'run'" in capsys.readouterr().err


def test_version_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"pghalab {__version__}\n"
    with pytest.raises(SystemExit) as left:
        cli.main(["--all"])
    assert left.value.code == 2
    capsys.readouterr()
    # A verb that does not know a word shows what it knows itself.
    with pytest.raises(SystemExit) as left:
        cli.main(["run", "etcd-start"])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: pghalab run ") and "--lesson ID" in said
    assert said.endswith("unrecognized arguments: etcd-start; see pghalab run --help\n")


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (LabError("is gone", node="pgha1", todo="Start it."), 1, "pgha1: is gone\nStart it.\n"),
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError("oops"), 70, "pghalab: ZeroDivisionError: oops; the log has more: "),
    ],
)
def test_errors(
    error: BaseException,
    status: int,
    words: str,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(arguments: object) -> int:
        raise error

    monkeypatch.setattr(verbs, "lint", fail)
    assert cli.main(["lint"]) == status
    said = capsys.readouterr().err
    assert said.startswith(words)
    assert "Traceback" not in said
    if status == 70:
        assert len(said.splitlines()) == 1
        log = Path(said.strip().rsplit(": ", 1)[1])
        assert log.is_relative_to(state)
        assert "ZeroDivisionError" in log.read_text(encoding="utf-8")


def test_no_verb_opens_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def console(lab: str) -> int:
        opened.append(lab)
        return 3

    monkeypatch.setattr(cli, "console", console)
    assert cli.main(["--lab", "demo"]) == 3
    assert cli.main([]) == 3
    assert opened == ["demo", "pgha"]


def test_the_lab_may_be_named_before_or_after_the_verb() -> None:
    parser = cli.parser()
    for line in (["--lab", "demo", "run"], ["run", "--lab", "demo"]):
        assert parser.parse_args(line).lab == "demo"
    assert parser.parse_args(["run"]).lab == "pgha"


@pytest.mark.parametrize(
    "line", [["run", "--to", "nowhere"], ["run", "--lesson", "nothing"], ["reset", "--lesson", "x"]]
)
def test_unknown_ids_are_said(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(line) == 1
    assert line[-1] in capsys.readouterr().err


def test_reset_forgets(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pghalab.course.progress import Progress

    lesson = shipped_course().lessons[0]
    path = state / "labs" / "pgha" / "progress.json"
    progress = Progress.load(path)
    progress.mark_done(lesson.steps[0].id)
    progress.mark_done("another-lesson-step")
    progress.save()
    assert cli.main(["reset", "--lesson", lesson.id]) == 0
    assert not Progress.load(path).record(lesson.steps[0].id).done
    assert Progress.load(path).record("another-lesson-step").done
    assert cli.main(["reset", "--all"]) == 0
    assert not Progress.load(path).record("another-lesson-step").done
    assert "the lab itself is as it was" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["up", "start", "stop", "restart", "rm", "rmvolumes", "down"])
def test_a_lab_that_is_driven_is_not_changed_beside_its_driver(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    with DriverLock("pgha"):
        assert cli.main([verb]) == 1
        said = capsys.readouterr().err
        assert f"driven by process {os.getpid()}" in said and "--force" in said
        assert cli.main([verb, "--force"]) == 1
        assert "driven" not in capsys.readouterr().err
        assert cli.main(["--lab", "demo", verb]) == 1
        assert "driven" not in capsys.readouterr().err


def test_what_a_driver_would_store_again_is_not_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    with DriverLock("pgha"):
        assert cli.main(["reset", "--all"]) == 1
    assert f"driven by process {os.getpid()}" in capsys.readouterr().err


@pytest.mark.parametrize("line", [["lint"], ["--help"]])
def test_a_reader_who_leaves_is_no_fault(line: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    held = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    try:
        result = subprocess.run(
            [sys.executable, "-m", "pghalab", *line],
            stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=held,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize("line", [["reset", "--all"], ["run"], ["status"], ["doctor"], ["rm"]])
def test_a_lab_has_no_name_that_leads_out_of_the_state_folder(
    line: list[str], state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--lab", "../../escaped", *line]) == 1
    assert "'../../escaped' is not a lab's name" in capsys.readouterr().err
    assert not (state.parent / "escaped").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_ends_the_step_before_the_program(
    number: signal.Signals, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []

    async def steps(arguments: object) -> int:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
            return 0
        finally:
            closed.append(True)

    monkeypatch.setattr(verbs, "_run_steps", steps)
    assert cli.main(["run"]) == status
    assert closed == [True]


def test_a_full_disk_is_said_and_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "/state/labs/pgha/progress.json")

    monkeypatch.setattr(verbs, "lint", fail)
    assert cli.main(["lint"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("The disk is full: /state/labs/pgha/progress.json cannot be written.\nFree some")
    assert "Traceback" not in said and len(said.splitlines()) == 2
