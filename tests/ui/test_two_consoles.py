"""Two real consoles on one lab, in terminals of their own and without an engine: one drives, the other looks."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from pghalab.lab.host.lock import FolderLock
from tests.terminal import Terminal

CONSOLE = [sys.executable, "-m", "pghalab"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """No engine answers, so that nothing but the state folder is shared."""
    return {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "PYTHONPATH": str(Path(__file__).parents[2])}


def drives(terminal: Terminal, limit: float = 60.0) -> bool:
    """Wait until this console is the one that drives."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        terminal.read(0.05)
        holder = FolderLock("pgha").holder()
        if holder is not None and holder.pid == terminal.pid:
            return True
    return False


def test_the_second_looks_and_says_who_drives_until_the_first_is_gone_and_then_drives(env: dict[str, str]) -> None:
    with Terminal(CONSOLE, env=env) as first:
        assert drives(first)
        with Terminal(CONSOLE, env=env) as second:
            second.wait_for(f"Read-only. The lab is driven by process {first.pid}")
            assert first.signal(signal.SIGKILL) == -signal.SIGKILL
            assert FolderLock("pgha").holder() is None
            assert drives(second)
            assert second.signal(signal.SIGTERM) == 128 + signal.SIGTERM
    with Terminal(CONSOLE, env=env) as third:
        assert drives(third)
        third.wait_for("No container engine answers")
        assert b"Read-only" not in third.seen
