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
def folder(tmp_path: Path) -> Path:
    """Where the lab keeps its state on this machine."""
    return tmp_path / "lab"


@pytest.fixture(autouse=True)
def alone(no_engine: None) -> None:
    """Every test here does without an engine."""
