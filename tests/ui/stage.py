"""The console on the fake lab, and a way to wait for what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from pghalab.app import PghalabApp
from pghalab.course.model import Course
from pghalab.lab.types import Ended, Output
from pghalab.session.backend import Backend
from tests.fake_lab.backend import Bench
from tests.fake_lab.node import FakeNode, Piece

COURSE = Path(__file__).parent / "course"
DATA_NODES = ("pgha1", "pgha2", "pgha3")


@dataclass
class Stage(Bench):
    """A lab in memory with a console."""

    lessons: Path = COURSE

    def __post_init__(self) -> None:
        self.app = PghalabApp(connect=self.connect, lessons=self.lessons)
        shutdown = self.app._shutdown

        async def leave() -> None:
            # A test leaves the console as a person does: with nothing going on.
            if not self.app._on_the_way_out:
                await self.app.session.close()
            await shutdown()

        self.app._shutdown = leave  # type: ignore[method-assign]

    async def connect(self, lab_name: str, course: Course) -> Backend:
        """As the bench does, on nodes that do what the lessons of these tests ask of them."""
        for node in self.lab.nodes.values():
            node.script = node.script or self._obeys
        return await super().connect(lab_name, course)

    def _obeys(self, node: FakeNode, command: str) -> list[Piece]:
        if "etcd --config-file" in command:
            self.start_etcd()
        return [Output("stdout", "started\n"), Ended("exited", 0, 0.2)]

    def start_etcd(self, *names: str) -> None:
        """etcd runs on some nodes, by default on those that the lesson asks for."""
        for name in names or DATA_NODES:
            self.lab.nodes[name].processes["etcd"] = "postgres"

    def end_etcd(self, *names: str) -> None:
        """etcd runs no longer on some nodes, by default on none."""
        for name in names or DATA_NODES:
            self.lab.nodes[name].processes.pop("etcd", None)


def stage(folder: Path, **options: Any) -> Stage:
    """A stage on the tests' own course, its state in a folder."""
    return Stage(folder, **options)


async def until(pilot: Pilot[Any], condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for a condition; fails when it does not come true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
    await pilot.pause()


async def opened(pilot: Pilot[Any], built: Stage) -> None:
    """Wait until the session is open and has looked at the checks."""
    await until(pilot, lambda: built.opened)
