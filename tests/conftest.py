"""What every test stands on."""

from __future__ import annotations

import signal

import pytest


def pytest_configure() -> None:
    """Let SIGINT interrupt again: a run that a shell put in the background inherits it as ignored, for ever waiting."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine answers, so that a lab which somebody has open on this machine is in no test's way."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
