"""Keeps the state of the tests away from that of the person who runs them."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the step's full output lies."""
    path = tmp_path / "step.log"
    path.write_text("first line\nlast line\n")
    return path


@pytest.fixture(autouse=True)
def alone(no_engine: None) -> None:
    """Every test here does without an engine."""
