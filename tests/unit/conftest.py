"""What the tests of the course stand on: a lab and sources made of nothing."""

from __future__ import annotations

import pytest

from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources


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
