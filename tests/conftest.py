"""What every test stands on."""

from __future__ import annotations

import os
import signal

import pytest


def pytest_configure() -> None:
    """Undo what a test would inherit from whoever started the run."""
    # A run that a shell put in the background ignores SIGINT, and would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # While `make mutants` asks which test reaches what, a program that a test starts in a folder of its own would look
    # there for the configuration of the mutation tool. The tests' own process is told by more than this variable.
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":
        del os.environ["MUTANT_UNDER_TEST"]


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine answers, so that a lab which somebody has open on this machine is in no test's way."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
