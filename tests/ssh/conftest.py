"""Nodes in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pghalab.lab.ssh.node import SshNode
from tests.ssh.machine import Machine, Seen, World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
async def machine(world: World) -> Machine:
    if not Path("/proc/self/environ").exists():
        pytest.skip("the machine finds the processes of a command in /proc, as the nodes do")
    return await world.machine()


@pytest.fixture
async def node(world: World, machine: Machine) -> SshNode:
    return world.node(machine)
