"""Pictures of the screens at the three sizes that count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from pghalab.course.events import CheckResult
from pghalab.screens.lesson import LessonScreen
from pghalab.widgets.pane import LivePane
from tests.ui import fakes
from tests.ui.fakes import FakeStatus, Stage, opened, stage, until
from tests.ui.test_console import shown

LOG = Path("/lab/second-start.log")
LOST = CheckResult("etcd runs as postgres", False, "no such process", "running", "pgha5")


def scene() -> Stage:
    """A lab in which one etcd member was lost."""
    return stage(
        LOG,
        states={"first-read": "done", "first-table": "done", "first-question": "done", "second-start": "done"},
        seen={"second-start": FakeStatus("broken", (*fakes.holds("etcd runs as postgres", "pgha1", "pgha2"), LOST))},
    )


def before(built: Stage, *keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Bring the screen into the state of the picture, with the clock stopped."""

    async def run(pilot: Pilot[Any]) -> None:
        await opened(pilot, built)
        await until(pilot, lambda: "No longer true" in shown(built))
        for key in keys:
            await pilot.press(key)
        if keys:
            await until(pilot, lambda: isinstance(built.app.screen, LessonScreen) and "step 1" in shown(built))
            for pane in built.app.screen.query(LivePane):
                pane._clock = lambda: 1004.0
        (_, nodes), (_, etcd), (_, patroni) = fakes.nodes(), fakes.etcd(alive=4), fakes.patroni()
        built.feed(("nodes", replace(nodes, taken_at=1000.0)), ("etcd", replace(etcd, taken_at=1000.0)))
        built.feed(("patroni", replace(patroni, taken_at=985.0)))
        built.feed(fakes.event("pgha1 is the leader, timeline 1"))
        built.feed(fakes.event("pgha5 does not answer, 4 of 5 alive", good=False, kind="etcd", at=60.0))
        await until(pilot, lambda: "4 of 5, quorum" in shown(built))
        await pilot.pause()

    return run


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_home(snap_compare: Any, size: tuple[int, int]) -> None:
    built = scene()
    assert snap_compare(built.app, terminal_size=size, run_before=before(built))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
def test_lesson(snap_compare: Any, size: tuple[int, int]) -> None:
    built = scene()
    assert snap_compare(built.app, terminal_size=size, run_before=before(built, "B"))


def test_cluster_on_a_small_screen(snap_compare: Any) -> None:
    built = scene()
    assert snap_compare(built.app, terminal_size=(80, 24), run_before=before(built, "B", "2"))
