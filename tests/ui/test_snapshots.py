"""Pictures of the screens at the three sizes that count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from pghalab.screens.lesson import LessonScreen
from pghalab.screens.lesson_shell import ShellArea
from pghalab.session.keeping import OFF
from pghalab.widgets.pane import LivePane
from pghalab.widgets.shell_pane import Tab
from pghalab.widgets.step_view import StepView
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


SHELL = """
\x1b[?2004h\x1b[01;32mpostgres@pgha1\x1b[00m:~$ patronictl -c /pgha/config/patroni.yaml list
+ Cluster: pgha_patroni_cluster (7612345678901234567) ------+----+-------------+-----+
| Member | Host  | Role    | State     | TL | Receive LSN | Lag |
| pgha1  | pgha1 | Leader  | \x1b[32mrunning\x1b[0m   |  1 |             |     |
| pgha2  | pgha2 | Replica | streaming |  1 | 0/4000148   |   0 |
\x1b[01;32mpostgres@pgha1\x1b[00m:~$ """


@pytest.mark.parametrize("theme", ["pghalab-dark", "pghalab-light"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
def test_lesson_shell_and_cluster(
    folder: Path, snap_compare: Any, size: tuple[int, int], theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OFF, "1")  # what is said of a snapshot comes and goes
    built = scene(folder)
    built.app.theme = theme

    async def run(pilot: Pilot[Any]) -> None:
        await before(built, "B")(pilot)
        await pilot.press("s")
        area = built.app.screen.query_one(ShellArea)
        await until(pilot, lambda: any(tab.shell.standing == "open" for tab in area.query(Tab)))
        (terminal,) = [one for node in built.lab.nodes.values() for one in node.shells]
        terminal.say(SHELL.lstrip("\n").replace("\n", "\r\n").encode())
        await until(pilot, lambda: area.view is not None and area.view.reads_pastes and not area.view.backlog)
        step = built.app.screen.query_one(StepView)
        await until(pilot, lambda: "Enter goes to the shell" in (step.border_subtitle or ""))

    assert snap_compare(built.app, terminal_size=size, run_before=run)
