"""The one way out: no verb prints by another, hostile names stay names, and no terminal is too plain for it."""

from __future__ import annotations

import argparse
import ast
import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pghalab
from pghalab import cli, out, registry
from pghalab.cluster.model import NodeHealth, Nodes, PatroniMember, PatroniView, Snapshot
from pghalab.course import report
from pghalab.course.runner import Runner
from pghalab.lab.host.paths import state_dir
from pghalab.lab.settings import default_settings, save_settings
from pghalab.lab.ssh.keys import ensure_console_key
from pghalab.lab.types import Ended, LabError, Output
from pghalab.text import GLYPHS, in_ascii
from pghalab.verbs import course as course_verbs
from pghalab.verbs import lab as lab_verbs
from pghalab.verbs import status
from tests.children import limited
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.terminal import Terminal

PACKAGE = Path(pghalab.__file__).parent
HOSTILE = "pgha1\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07\x9b2J\u202e\udc9b\U000e0041"
LINE = "pgha1?"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_nothing_else_in_the_program_writes_to_a_terminal() -> None:
    ways = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            stream = (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "sys"
                and node.attr in ("stdout", "stderr", "__stdout__", "__stderr__")
            )
            printed = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            console = isinstance(node, ast.ImportFrom) and node.module in ("rich.console", "rich.progress", "rich")
            if stream or printed or console:
                ways.append(path.relative_to(PACKAGE).as_posix())
    # argparse tells by the stream which of the two ways out is meant; the console looks whether it has a terminal.
    assert set(ways) == {"out.py", "cli.py"}


def test_a_member_with_a_hostile_name_cannot_touch_the_terminal() -> None:
    nodes: Nodes = Snapshot(
        (NodeHealth(HOSTILE, "running", "192.168.50.10", "up", "running", "stopped", "stopped"),), None, 0
    )
    view = PatroniView(HOSTILE, "75", HOSTILE, (PatroniMember(HOSTILE + "\nx", HOSTILE, "Leader", HOSTILE, 1),))
    text = status.text(nodes, Snapshot(None, HOSTILE + "\nx", 0), Snapshot(view, None, 0))
    assert re.fullmatch(r"[\x20-\x7e\n]*", in_ascii(text)), ascii(text)
    assert "\nx" not in text, "a name begins a line of its own"
    assert "pgha1? x" in text and "[2J" not in text


def test_errors_messages_and_usage_quote_without_obeying(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: object) -> int:
        raise LabError(f"{HOSTILE} is gone", node=HOSTILE, todo=HOSTILE)

    monkeypatch.setattr(course_verbs, "lint", fail)
    assert cli.main(["lint"]) == 1
    with pytest.raises(SystemExit):
        cli.main(["lint", "folder", HOSTILE])
    said = capsys.readouterr().err
    assert said.count(LINE) == 4
    assert re.fullmatch(r"[\x20-\x7e\n]*", said), ascii(said)


def test_a_lesson_cannot_speak_to_the_terminal_through_lint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"01-{HOSTILE.replace('/', '')}.md".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    (tmp_path / name).write_text('---\nid: a\ntitle: "\\e]0;t\\a"\n"k\\e[2J\\x85": 1\n---\n', encoding="utf-8")
    assert cli.main(["lint", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "unknown key `k`" in said
    assert re.fullmatch(r"[\x20-\x7e\n]*", said), ascii(said)


def test_what_a_verb_of_the_lab_tells_is_clean_even_in_torn_pieces(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Lab:
        notices = (HOSTILE,)
        settings = None

        def __init__(self, settings: object, *, force: bool) -> None: ...

        async def open(self, *, link: bool) -> None: ...

        async def configure(self, settings: object) -> None: ...

        async def close(self) -> None: ...

    async def verb(lab: Any) -> Any:
        for piece in ("one \x1b", "]0;own", "ed\x07two\r", "\nthree \x1b[3"):
            yield Output("stdout", piece)
        yield Output("stderr", HOSTILE + "\n")
        yield Ended("exited", 0, 0.1)

    monkeypatch.setattr("pghalab.lab.local.LocalLab", Lab)
    monkeypatch.setattr(registry.named("stop"), "runs", verb)
    assert lab_verbs.drive(argparse.Namespace(lab="pgha", verb="stop", force=False)) == 0
    told = capsys.readouterr()
    assert told.out == "one two\nthree 3"
    assert told.err == f"{LINE}\n{LINE}\n"


def test_json_is_ascii_that_no_terminal_obeys() -> None:
    stream = io.StringIO()
    out.say_json({"name": HOSTILE + "\x7f", "path": Path("x")}, to=stream)
    assert re.fullmatch(r"[\x20-\x7e]*\n", stream.getvalue())
    assert json.loads(stream.getvalue())["name"] == HOSTILE + "\x7f"


def test_every_glyph_of_the_program_has_a_stand_in() -> None:
    used = {
        char
        for path in [*PACKAGE.rglob("*.py"), *PACKAGE.glob("lessons/*.md")]
        for char in path.read_text(encoding="utf-8")
        if not char.isascii() and not char.isalpha()
    }
    assert used - set(GLYPHS) == set()


@pytest.mark.parametrize(
    "plain", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "POSIX"}, {"LC_ALL": "C"}]
)
@pytest.mark.parametrize(
    "line", [["--help"], ["lint", "."], ["ls"], ["doctor"], ["status"], ["reset", "--lesson", "✗é"]]
)
def test_a_plain_terminal_gets_ascii_and_no_crash(plain: dict[str, str], line: list[str], tmp_path: Path) -> None:
    course = "---\nid: a\ntitle: b\n★ “é”: 1\n---\n"
    (tmp_path / "01-a.md").write_text(course, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    nowhere = {"DOCKER_HOST": "unix:///nowhere/é…", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "pghalab", *line], capture_output=True, check=False, cwd=tmp_path,
        env=kept | nowhere | plain | {"PGHALAB_STATE_DIR": str(tmp_path / "zustände…")},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode in ((5,) if line == ["status"] else (0, 1)), said
    assert b"Traceback" not in said and b"Error:" not in said
    if line[0] == "lint":
        assert b'unknown key `* "' in said
    if plain.get("PYTHONIOENCODING") == "latin-1":
        said.decode("latin-1")
    else:
        said.decode("ascii")


def test_a_full_disk_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pghalab", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == f"The output cannot be written: {os.strerror(errno.ENOSPC)}.\n"


def program(*words: str, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """The program with some arguments, without a terminal and without an engine."""
    return subprocess.run(
        [sys.executable, "-m", "pghalab", *words], input=given, capture_output=True, text=True, check=False,
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere", **more},
    )  # fmt: skip


def test_without_a_terminal_the_console_is_a_sentence() -> None:
    done = program()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The console needs a terminal.\nThe verbs work without one: pghalab --help\n"


@pytest.mark.parametrize("plain", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"}])
def test_a_terminal_without_utf_8_is_told_what_the_console_needs(plain: dict[str, str]) -> None:
    with Terminal([sys.executable, "-m", "pghalab"], env=plain) as terminal:
        terminal.wait_for("the verbs work as it is", 60)
    assert b"LC_ALL=C.UTF-8 pghalab" in terminal.seen
    assert b"\x1b[?1049h" not in terminal.seen


def test_a_password_is_never_taken_from_the_command_line() -> None:
    done = program("up", "-p", "secret")
    assert done.returncode == 1
    assert "list of processes" in done.stderr and "-p -" in done.stderr and "secret" not in done.stderr


def test_a_password_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("pass word\nmore\n"))
    assert lab_verbs._password("-") == "pass word"


def test_a_password_is_asked_for_twice_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["one", "one", "one", "two"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    monkeypatch.setattr("sys.stdin", type("Typed", (io.StringIO,), {"isatty": lambda self: True})())
    assert lab_verbs._password("-") == "one"
    with pytest.raises(LabError, match="two different"):
        lab_verbs._password("-")


@pytest.mark.parametrize("kind", ["script", "compose"])
def test_an_export_to_standard_output_is_the_file_and_nothing_else(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Lab:
        notices = ("The settings are new.",)

        def __init__(self, settings: Any, *, look_only: bool) -> None:
            self.settings = settings

        async def open(self, *, link: bool) -> None: ...

        async def close(self) -> None: ...

    monkeypatch.setattr("pghalab.lab.local.LocalLab", Lab)
    save_settings(default_settings("pgha"))
    ensure_console_key(state_dir("pgha"))
    assert cli.main(["export", f"--{kind}", "-"]) == 0
    told = capsys.readouterr()
    assert told.err == "The settings are new.\n"
    assert cli.main(["export", f"--{kind}", str(tmp_path / "file")]) == 0
    assert told.out == (tmp_path / "file").read_text(encoding="utf-8")
    assert cli.main(["export", "--script", "-", "--compose", "-"]) == 1


@pytest.mark.parametrize("line", [["reset", "--all"], ["run"], ["status"], ["doctor"], ["up"], ["ls"], ["lint"]])
@pytest.mark.parametrize("began", [False, True])
def test_a_disk_that_takes_nothing_is_said_without_a_traceback(line: list[str], began: bool, tmp_path: Path) -> None:
    state = tmp_path / "state"
    if began:
        assert cli.main(["reset", "--all"]) == 0
    done = subprocess.run(
        [*limited("-f 0"), sys.executable, "-m", "pghalab", *line], capture_output=True, text=True, check=False,
        env={**os.environ, "PGHALAB_STATE_DIR": str(state), "DOCKER_HOST": "unix:///nowhere"},
    )  # fmt: skip
    said = done.stderr + done.stdout
    assert "Traceback" not in said and "Logging error" not in said and "Error:" not in said
    assert done.returncode in (0, 1, 5)
    if line[0] in ("reset", "up"):
        assert "can be written: File too large" in done.stderr
    assert len(done.stderr.splitlines()) <= 4


async def test_a_disk_that_fills_up_during_a_run_is_said_at_once_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    course = write_course(tmp_path / "lessons", "id: a\nkind: read", "id: b\nkind: read", "id: c\nkind: read")
    runner = Runner.open(FakeLab(), tmp_path / "state", course=course)

    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pghalab.course.progress.write_atomic", full)
    with report.TextReporter(3) as reporter:
        await report.run_steps(runner, course.lessons[0].steps, reporter, [])
    told = capsys.readouterr()
    assert told.err == f"The progress cannot be saved: {os.strerror(errno.ENOSPC)}.\n"
    assert len(told.out.splitlines()) == 3
