"""The base image when there is no registry, or one that refuses: debootstrap, or what to install for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from pghalab.lab.engine.longcall import Cancel
from pghalab.lab.image import base
from pghalab.lab.types import LabError


class Api:
    """An engine without the base image and with a registry that is not there, or that refuses to give the image."""

    def __init__(self, registry: bool) -> None:
        self.registry = registry
        self.asked: list[str] = []

    def inspect_image(self, tag: str) -> dict[str, Any]:
        raise docker.errors.ImageNotFound(tag)

    def inspect_distribution(self, name: str) -> dict[str, Any]:
        self.asked.append(name)
        if not self.registry:
            raise docker.errors.APIError("dial tcp: lookup failed: no such host")
        return {}

    def pull(self, name: str, **_: object) -> Iterator[dict[str, Any]]:
        self.asked.append(f"pull {name}")
        yield {"error": "toomanyrequests: you have reached your limit"}


def have(monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
    monkeypatch.setattr(base, "open_client", lambda cancel, timeout=None: api)


@pytest.mark.parametrize("registry", [False, True])
def test_without_a_registry_the_base_is_made_here(monkeypatch: pytest.MonkeyPatch, registry: bool) -> None:
    api = Api(registry)
    said: list[str] = []
    made: list[str] = []
    have(monkeypatch, api)
    monkeypatch.setattr(base, "bootstrap", lambda *_: made.append("debootstrap"))
    base.ensure_base(said.append, Cancel())
    assert made == ["debootstrap"]
    assert api.asked == [base.PULLED, *(["pull debian"] if registry else [])]
    assert ("toomanyrequests" in json.dumps(said)) == registry


@pytest.mark.parametrize(
    ("tool", "uid", "system", "words", "todo"),
    [
        (None, 0, "debian", "debootstrap with Debian's keyring is not here", "apt-get install debootstrap"),
        (None, 0, "fedora", "debootstrap with Debian's keyring is not here", "dnf install debootstrap"),
        (None, 0, "macos", "debootstrap with Debian's keyring is not here", "docker pull debian:trixie-slim"),
        ("/usr/sbin/debootstrap", 1000, "debian", "only root", "sudo debootstrap"),
    ],
)
def test_without_a_registry_and_debootstrap_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tool: str | None, uid: int, system: str, words: str, todo: str, tmp_path: Path
) -> None:
    monkeypatch.setattr(base, "detect", lambda: system)
    have(monkeypatch, Api(registry=False))
    monkeypatch.setattr(shutil, "which", lambda _: tool)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(base, "KEYRING", tmp_path)
    with pytest.raises(LabError) as caught:
        base.ensure_base(lambda _: None, Cancel())
    assert "No registry answers" in caught.value.what
    assert words in caught.value.what
    assert todo in caught.value.todo


on_linux = pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="debootstrap runs on Linux only")


@on_linux
def test_what_a_killed_build_left_is_removed_and_that_of_a_running_one_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(base, "SCRATCH", tmp_path)
    ended = subprocess.Popen(["true"])
    ended.wait()
    for owner in (f"{ended.pid}.x", f"{os.getpid()}.x", "notes"):
        (tmp_path / f"pghalab-base.{owner}" / "root" / "etc").mkdir(parents=True)
    base.remove_leftovers()
    assert {path.name for path in tmp_path.iterdir()} == {f"pghalab-base.{os.getpid()}.x", "pghalab-base.notes"}


@on_linux
def test_the_base_is_made_in_a_folder_of_its_own_that_does_not_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[Path] = []

    def debootstrap(command: list[str], *_: object) -> None:
        target = next(Path(word) for word in command if word.startswith(str(tmp_path)))
        assert target.parent.stat().st_mode & 0o777 == 0o700
        made.append(target)

    monkeypatch.setattr(base, "SCRATCH", tmp_path)
    monkeypatch.setattr(base, "need_debootstrap", lambda mirror: None)
    monkeypatch.setattr(base, "_run", debootstrap)
    monkeypatch.setattr(base, "_import", lambda *_: None)
    for _ in range(2):
        base.bootstrap(None, lambda line: None, Cancel())
    assert len(set(made)) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="the death signal is set by setpriv")
def test_debootstrap_ends_with_a_program_that_is_killed() -> None:
    code = (
        "from pghalab.lab.image.base import _run; from pghalab.lab.engine.longcall import Cancel; "
        "_run(['sh', '-c', 'echo $$; exec sleep 600'], lambda line: print(line, flush=True), Cancel())"
    )
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    child = int(program.stdout.readline())
    assert runs(child)
    program.kill()
    program.wait()
    until = time.monotonic() + 30
    while runs(child):
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.02)


def runs(process: int) -> bool:
    """The process is there and has not ended; nobody may have asked how it ended yet."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
