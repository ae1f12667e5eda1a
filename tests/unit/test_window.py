"""A terminal in a window of its own: which programs could open one, and what is said where none can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pghalab import cli
from pghalab.lab.host.window import emulators, open_window
from pghalab.lab.types import LabError

ARGV = ["pghalab", "--lab", "it's", "notes"]


@pytest.mark.parametrize(
    "known", [{}, {"SSH_TTY": "/dev/pts/1", "DISPLAY": ":0"}, {"SSH_CONNECTION": "x", "DISPLAY": ":1"}]
)
def test_no_window_opens_where_nobody_sits(known: dict[str, str]) -> None:
    assert emulators(known, "linux", ARGV) == []


@pytest.mark.parametrize("known", [{"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}])
def test_on_a_desktop_the_person_s_own_terminal_comes_first(known: dict[str, str]) -> None:
    first, *others = emulators({**known, "TERMINAL": "mine"}, "linux", ARGV)
    assert first == ("mine", "-e", *ARGV)
    assert [words[0] for words in others] == [words[0] for words in emulators(known, "linux", ARGV)]
    assert all(words[-len(ARGV) :] == tuple(ARGV) for words in others)


def test_on_a_mac_the_words_are_quoted_twice() -> None:
    [(program, _, script)] = emulators({}, "darwin", ['a "b"\\c', "$(x)"])
    assert program == "osascript"
    assert script == 'tell application "Terminal" to do script "' + "'a \\\"b\\\"\\\\c' '$(x)'" + '"'


def test_a_window_is_opened_with_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "xterm"
    made.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$0.said.new" && mv "$0.said.new" "$0.said"\n')
    made.chmod(0o700)
    for name in ("SSH_TTY", "SSH_CONNECTION", "WAYLAND_DISPLAY", "TERMINAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", lambda name: str(made) if name == "xterm" else None)
    begun: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*args: object, **options: object) -> subprocess.Popen[bytes]:
        begun.append(real(*args, **options))  # type: ignore[call-overload]
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    assert open_window(ARGV) == "xterm"
    assert begun[0].wait(10) == 0
    assert (tmp_path / "xterm.said").read_text().splitlines() == ["-e", *ARGV]


def test_where_there_is_none_it_is_said_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(LabError) as caught:
        open_window(ARGV)
    assert "pghalab --lab 'it'\"'\"'s' notes" in caught.value.todo


def test_a_demo_opens_its_notes_there_or_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[object] = []

    def console(lab: str, begins: object) -> int:
        begun.append(lab)
        return 0

    def window(argv: list[str]) -> str:
        begun.append(argv)
        return "xterm"

    monkeypatch.setattr(cli, "console", console)
    monkeypatch.setattr("pghalab.lab.host.window.open_window", window)
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    assert cli.main(["--lab", "mine", "demo", "welcome", "--notes"]) == 0
    notes = ["env", f"PGHALAB_STATE_DIR={tmp_path}", sys.executable, "-m", "pghalab", "--lab", "mine", "notes"]
    assert begun == [notes, "mine"]
    monkeypatch.undo()
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert cli.main(["demo", "--notes"]) == 1
    assert "Open a second terminal yourself" in capsys.readouterr().err
