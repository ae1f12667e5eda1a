"""What every test stands on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

QUICK = {("tests", name) for name in ("unit", "ui", "ssh")}
"""The folders of tests that start no lab."""


def pytest_configure() -> None:
    """Undo what a test would inherit from whoever started the run."""
    # A run that a shell put in the background ignores SIGINT, and would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # While `make mutants` asks which test reaches what, a program that a test starts in a folder of its own would look
    # there for the configuration of the mutation tool. The tests' own process is told by more than this variable.
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":
        del os.environ["MUTANT_UNDER_TEST"]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """As many processes as there are cores, or three for each core without the live tests.

    With one more, whole labs that wait for each other's disk and engine answer so late that what they are to do in
    seconds is not seen in time.

    None where the environment says it.
    """
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    cores = os.cpu_count() or 1
    without_live = any(Path(path).parts[-2:] == ("tests", "live") for path in config.getoption("ignore") or ())
    quick = without_live or all(Path(word.split("::")[0]).parts[:2] in QUICK for word in config.args)
    return 3 * cores if quick else min(4, max(2, cores))


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine answers, so that a lab which somebody has open on this machine is in no test's way."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
