"""Where copied text goes, with tools that are only scripts in a PATH of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pghalab.lab.host import clipboard
from pghalab.lab.host.clipboard import copy, tools

LOCAL = {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}


class Host:
    """A host with these tools, and what got to its terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "state" / "copied.txt"
        self.sent: list[str] = []

    def has(self, tool: str, script: str = 'cat >"$0.got"; echo "$@" >"$0.words"; echo "$LC_ALL" >"$0.locale"') -> Path:
        """Put a tool in the PATH; where it leaves what it got."""
        path = self.folder / tool
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path.with_name(f"{tool}.got")

    async def copy(self, text: str, what: str = "the command") -> str:
        """Copy text, and what is said of it."""
        return await copy(text, what, self.file, self.sent.append)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """One without any tool, with a screen before it."""
    for name in ("SSH_TTY", "SSH_CONNECTION", "TMUX", "WSL_DISTRO_NAME", "PGHALAB_COPY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in LOCAL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    # Whatever this machine has is not meant.
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: which(name, path=str(tmp_path)))
    return Host(tmp_path)


async def test_the_tool_of_the_screen_gets_clean_text(host: Host) -> None:
    got = host.has("wl-copy")
    host.has("xclip")
    assert await host.copy("ls \x1b]0;evil\x07ä\n") == "Copied the command with wl-copy."
    assert got.read_text() == "ls ä\n"
    assert (host.folder / "wl-copy.locale").read_text() == "C.UTF-8\n"
    assert host.sent == [] and not host.file.exists() and not (host.folder / "xclip.got").exists()


@pytest.mark.parametrize(
    "broken",
    ["echo no display >&2; exit 1", "exec sleep 60", None],
    ids=["one that fails", "one that waits for ever", "one that is not there"],
)
async def test_the_next_tool_is_tried(host: Host, broken: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "TOOL_SECONDS", 0.3)
    if broken is not None:
        host.has("wl-copy", broken)
    got = host.has("xclip")
    assert await host.copy("text") == "Copied the command with xclip."
    assert got.read_text() == "text"
    assert (host.folder / "xclip.words").read_text() == "-selection clipboard\n"


async def test_a_tool_that_stays_to_hold_the_clipboard_is_not_waited_for(host: Host) -> None:
    host.has("wl-copy", 'cat >"$0.got"; sleep 3 &')
    assert "wl-copy" in await host.copy("text")


async def test_without_a_tool_the_terminal_gets_it_and_a_file_is_named(host: Host) -> None:
    said = await host.copy("text", "")
    assert said == f"Copied to your terminal (OSC 52); if it did not arrive: {host.file}"
    assert host.sent == ["text"] and host.file.read_text() == "text"
    assert host.file.stat().st_mode & 0o777 == 0o600


async def test_what_is_too_long_for_a_terminal_goes_to_the_file_only(host: Host) -> None:
    said = await host.copy("ä" * 40_000)
    assert said == f"Copied the command to {host.file}. It is too long for a terminal's clipboard."
    assert host.sent == [] and len(host.file.read_text()) == 40_000


async def test_where_no_file_can_be_written_the_terminal_gets_it_all_the_same(host: Host) -> None:
    host.file.parent.write_text("in the way")
    said = await host.copy("text")
    assert "your terminal (OSC 52)" in said and str(host.file) not in said
    assert host.sent == ["text"]
    with pytest.raises(OSError, match="state"):
        await host.copy("x" * 80_000)


@pytest.mark.parametrize(("choice", "sent"), [("file", []), ("terminal", ["text"])])
async def test_who_wants_one_way_gets_that_one(
    host: Host, monkeypatch: pytest.MonkeyPatch, choice: str, sent: list[str]
) -> None:
    host.has("wl-copy")
    monkeypatch.setenv("PGHALAB_COPY", choice)
    said = await host.copy("text")
    assert host.sent == sent and str(host.file) in said and not (host.folder / "wl-copy.got").exists()


@pytest.mark.parametrize(
    ("known", "platform", "names"),
    [
        (LOCAL, "linux", ["wl-copy", "xclip", "xsel"]),
        ({"DISPLAY": ":0"}, "linux", ["xclip", "xsel"]),
        ({}, "linux", []),
        ({**LOCAL, "SSH_TTY": "/dev/pts/1"}, "linux", []),
        ({**LOCAL, "SSH_CONNECTION": "1 2 3 4", "TMUX": "/tmp/tmux"}, "linux", ["tmux"]),
        ({}, "darwin", ["pbcopy"]),
        ({"WSL_DISTRO_NAME": "Debian"}, "linux", ["clip.exe"]),
    ],
)
def test_which_tools_reach_whoever_sits_there(known: dict[str, str], platform: str, names: list[str]) -> None:
    assert [tool.words[0] for tool in tools(known, platform)] == names


async def test_windows_gets_its_own_encoding(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LOCAL:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WSL_DISTRO_NAME", "Debian")
    got = host.has("clip.exe")
    assert "clip.exe" in await host.copy("ä")
    assert got.read_bytes().decode("utf-16") == "ä"
