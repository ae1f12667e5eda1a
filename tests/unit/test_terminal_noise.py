"""Noise and a restless person leave a terminal that works, each in a process of its own, which a fault would end."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("seed", range(3))
def test_the_terminal_stays_whole(seed: int) -> None:
    command = [sys.executable, "-m", "tests.terminal_noise", str(seed), "300"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
