"""Pictures of the screens at the three sizes that count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from pghalab.screens.lesson import LessonScreen
from pghalab.widgets.pane import LivePane
from tests.ui import views
from tests.ui.stage import Stage, opened, stage, until
from tests.ui.test_console import shown


def scene(folder: Path) -> Stage:
    """A lab in which one etcd member was lost."""
    built = stage(folder, done=["first-read", "first-table", "first-question", "second-start"])
    built.start_etcd("pgha1", "pgha2")
    return built


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
        (_, nodes), (_, etcd), (_, patroni) = views.nodes(), views.etcd(alive=4, silent=True), views.patroni()
        built.feed(("nodes", replace(nodes, taken_at=1000.0)), ("etcd", replace(etcd, taken_at=1000.0)))
        built.feed(("patroni", replace(patroni, taken_at=985.0)))
        built.feed(views.event("pgha1 is the leader, timeline 1"))
        built.feed(views.event("pgha5 does not answer, 4 of 5 alive", good=False, kind="etcd", at=60.0))
        await until(pilot, lambda: "4 of 5, quorum" in shown(built))
        await pilot.pause()

    return run


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_home(folder: Path, snap_compare: Any, size: tuple[int, int]) -> None:
    built = scene(folder)
    assert snap_compare(built.app, terminal_size=size, run_before=before(built))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
def test_lesson(folder: Path, snap_compare: Any, size: tuple[int, int]) -> None:
    built = scene(folder)
    assert snap_compare(built.app, terminal_size=size, run_before=before(built, "B"))


def test_cluster_on_a_small_screen(folder: Path, snap_compare: Any) -> None:
    built = scene(folder)
    assert snap_compare(built.app, terminal_size=(80, 24), run_before=before(built, "B", "2"))
