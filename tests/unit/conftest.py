"""What the unit tests stand on: labs and sources made of nothing."""

from __future__ import annotations

import pytest

from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.unit.world import World


@pytest.fixture
def lab() -> FakeLab:
    """A lab of five nodes."""
    return FakeLab()


@pytest.fixture
def sources() -> FakeSources:
    """What the nodes and the cluster answer."""
    return FakeSources()


@pytest.fixture(autouse=True)
def alone(no_engine: None) -> None:
    """Every test here does without an engine."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A lab of three nodes under the eyes of a monitor."""
    return World(monkeypatch)
