"""How the console leads from step to step, and what it says about steps that are special."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import pytest
from textual.widgets import Button, OptionList, Static

from pghalab.lab.types import Ended, LabError, Output
from pghalab.screens.lesson import LessonScreen
from pghalab.session import session as session_module
from pghalab.widgets.checks_view import ChecksView
from pghalab.widgets.nodes_pane import NodesPane
from pghalab.widgets.outline import Outline
from pghalab.widgets.output import OutputView, folded
from pghalab.widgets.question_card import QuestionCard
from pghalab.widgets.quorum_table import QuorumTable
from pghalab.widgets.step_view import StepView
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode, Piece
from tests.ui import views
from tests.ui.stage import COURSE, Stage, stage, until
from tests.ui.test_console import at_step, shown

LESSON = """\
---
id: third
title: Special steps on pgha1
minutes: 2
credit: Follows "Postgres High Availability with Patroni Training" by Jorge Torralba, postgressolutions.com
---
## Create the nodes of pgha1

```yaml step
id: third-up
kind: action
action: up
checks:
  - containers: {}
notes: Let the class guess how long `up` takes.
```

## Ask pgha2

```yaml step
id: third-refused
kind: command
node: pgha1
command: psql -h pgha2
fails: true
checks:
  - output: {contains: [refused]}
```
"""


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    """The course of the tests, and a third lesson."""
    folder = tmp_path / "lessons"
    folder.mkdir()
    for path in COURSE.iterdir():
        (folder / path.name).write_text(path.read_text())
    (folder / "03-third.md").write_text(LESSON)
    return folder


def text_of(pane: NodesPane) -> str:
    return str(pane.query_one(".pane-title", Static).content)


def ready(screen: LessonScreen, step: str) -> bool:
    """Whether a step is on the screen, and whole."""
    return screen.step.id == step and screen.query_one(StepView).ready


def hinted(built: Stage, view: StepView, number: int) -> bool:
    """Whether so many hints are on the screen, to their last line."""
    return (
        f"Hint {number} of 3" in shown(built) and view.query_one(".hints").region.bottom <= view.content_region.bottom
    )


async def test_enter_leads_through_a_lesson(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "first-read")
        for then in ("first-table", "first-question"):
            await pilot.press("enter")
            await until(pilot, partial(ready, screen, then))
        # A question waits for an answer, and goes on once it is right.
        await until(pilot, lambda: isinstance(screen.focused, OptionList))
        await pilot.press("b")
        await until(pilot, lambda: built.app.session.state.steps["first-question"] == "done")
        await pilot.press("enter")
        await until(pilot, partial(ready, screen, "second-start"))
        await pilot.press("enter")
        await until(
            pilot, lambda: built.app.session.state.steps["second-start"] == "done" and not built.app.session.work.busy
        )
        assert screen.step.id == "second-start" and len(built.runner.ran) == 1
        await until(pilot, lambda: "Enter goes on" in (screen.query_one(StepView).border_subtitle or ""))
        await pilot.press("enter")
        await until(pilot, lambda: screen.step.id == "second-edit")
        assert len(built.runner.ran) == 1


async def test_the_way_on_stays_in_sight_where_the_text_is_longer_than_the_screen(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 20)) as pilot:
        screen = await at_step(built, pilot, "first-table")
        view = screen.query_one(StepView)
        await until(pilot, lambda: view.border_subtitle == "↓ space: more · Enter goes on · p goes back")
        assert "Enter&#160;goes&#160;on" in built.app.export_screenshot()
        await pilot.press("G")
        await until(pilot, lambda: view.border_subtitle == "Enter goes on · p goes back")


async def test_what_a_run_prints_is_followed_until_the_reader_scrolls(folder: Path) -> None:
    built = stage(folder)
    go_on, end = asyncio.Event(), asyncio.Event()

    async def prints(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        for number in range(60):
            if number == 30:
                await go_on.wait()
            yield Output("stdout", f"line {number}\n")
            await asyncio.sleep(0.02)
        await end.wait()
        yield Ended("exited", 1, 0.1)

    async with built.app.run_test(size=(80, 18)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        view, output, checks = screen.query_one(StepView), screen.query_one(OutputView), screen.query_one(ChecksView)
        built.lab.nodes["pgha1"].script = prints
        await pilot.press("r")
        await until(pilot, lambda: output.text.endswith("line 29"))
        await until(pilot, lambda: "x stops it" in (view.border_subtitle or "") and output.size.height == 8)
        await until(pilot, lambda: checks.region.bottom <= view.content_region.bottom)
        await pilot.press("g")
        go_on.set()
        await until(pilot, lambda: output.text.endswith("line 59"))
        assert view.scroll_y == 0
        # The end is seen in any case.
        end.set()
        await until(pilot, lambda: 0 < checks.region.bottom <= view.content_region.bottom)


async def test_results_are_followed_until_they_are_arranged_also_where_a_tick_comes_first(folder: Path) -> None:
    built = stage(folder)
    end = asyncio.Event()

    async def prints(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        for number in range(20):
            yield Output("stdout", f"line {number}\n")
        await end.wait()
        yield Ended("exited", 1, 0.1)

    async with built.app.run_test(size=(80, 18)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        view, checks = screen.query_one(StepView), screen.query_one(ChecksView)
        shown_before = view.show_results

        def ticks_at_once() -> None:
            shown_before()
            view.tick()

        built.lab.nodes["pgha1"].script = prints
        await pilot.press("r")
        await until(pilot, lambda: screen.query_one(OutputView).text.endswith("line 19") and view.scroll_y > 0)
        await pilot.press("g")
        await until(pilot, lambda: not view._follows)
        view.show_results = ticks_at_once  # type: ignore[method-assign]
        end.set()
        await until(pilot, lambda: 0 < checks.region.bottom <= view.content_region.bottom and not view._follows)


async def test_the_explanation_of_a_choice_is_scrolled_into_sight(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(60, 15)) as pilot:
        screen = await at_step(built, pilot, "first-question")
        view = screen.query_one(StepView)
        await until(pilot, lambda: isinstance(screen.focused, OptionList))
        words = view.query_one(".explain")
        assert words.region.bottom > view.content_region.bottom
        await pilot.press("a")
        await until(pilot, lambda: "✗ Not so." in shown(built))
        await until(pilot, lambda: words.region.bottom <= view.content_region.bottom)


async def test_a_hint_is_scrolled_into_sight_whole(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(60, 16)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        view = screen.query_one(StepView)
        for number in (1, 2, 3):
            await pilot.press("h")
            await until(pilot, partial(hinted, built, view, number))


async def test_the_quorum_table_is_there_from_the_start(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "first-table")
        await until(pilot, lambda: bool(screen.query(QuorumTable)))
        assert "✓ quorum: 5 of 5 agree, can still lose 2" in shown(built)


async def test_a_step_that_was_never_run_is_no_failure(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "○ not yet  etcd runs  etcd is not running on pgha1 · and 2 more" in shown(built))
        built.lab.nodes["pgha1"].script = lambda node, command: [Ended("exited", 1, 0.1)]
        await pilot.press("r")
        await until(pilot, lambda: "✗ no  etcd runs" in shown(built))
        assert "etcd is not running on pgha2; wanted: running" in str(screen.query_one(ChecksView).content)


async def test_a_taken_subnet_has_a_way_out(folder: Path, lessons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = stage(folder, lessons=lessons)
    built.lab.put("absent")

    async def taken(*, auto: bool = False) -> AsyncGenerator[Piece, None]:
        yield Output("stdout", "looking\n")
        raise LabError("192.168.50 is taken.", todo="The next free subnet is 192.168.51.", kind="taken")

    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "third-up")
        await until(pilot, lambda: bool(screen.query("#elsewhere")))
        assert not screen.query_one("#elsewhere", Button).display
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(built.lab, "up", taken)
            await pilot.press("r")
            await until(pilot, lambda: screen.query_one("#elsewhere", Button).display)
        assert "t creates the lab on the next free subnet" in shown(built)
        await pilot.press("t")
        await until(pilot, lambda: built.lab.acted == ["up auto"] and not built.app.session.work.busy)
        await until(pilot, lambda: "✓ done" in shown(built))


async def test_a_failure_that_was_expected_is_told_as_one(folder: Path, lessons: Path) -> None:
    built = stage(folder, lessons=lessons)
    built.lab.nodes["pgha1"].script = lambda node, command: [
        Output("stderr", "connection refused\n"),
        Ended("exited", 2, 0.1),
    ]
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "third-refused")
        await pilot.press("r")
        await until(pilot, lambda: "✓ done · the command failed, as expected · status 2" in shown(built))


async def test_titles_speak_of_the_labs_own_nodes(folder: Path, lessons: Path) -> None:
    built = stage(folder, lessons=lessons, lab=FakeLab(prefix="ct"))
    async with built.app.run_test(size=(200, 50)) as pilot:
        screen = await at_step(built, pilot, "third-refused")
        outline = screen.query_one(Outline)
        await until(pilot, lambda: outline.option_count == 5)
        titles = "\n".join(str(option.prompt) for option in outline.options)
        assert "Special steps on ct1" in titles and "Ask ct2" in titles and "pgha" not in titles


async def test_notes_are_for_the_presenter_who_asks(folder: Path, lessons: Path) -> None:
    built = stage(folder, lessons=lessons)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "third-up")
        assert "Let the class guess" not in shown(built)
        await pilot.press("N")
        await until(pilot, lambda: "Let the class guess how long up takes." in shown(built))
        await pilot.press("n")
        await until(pilot, lambda: screen.step.id == "third-refused")
        await pilot.press("p")
        await until(pilot, lambda: "Let the class guess" in shown(built))
        await pilot.press("N")
        await until(pilot, lambda: "Let the class guess" not in shown(built))


async def test_the_panes_stand_still_on_demand(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.feed(views.nodes())
        pane = screen.query_one(NodesPane)
        await until(pilot, lambda: "live" in text_of(pane))
        await pilot.press("P")
        await until(pilot, lambda: "PAUSED" in text_of(pane))
        assert built.still.paused and "P goes on" in shown(built)
        built.feed(views.nodes(containers=2))
        await pilot.pause()
        assert "exited" not in shown(built)
        await pilot.press("P")
        await until(pilot, lambda: "exited" in shown(built))
        assert not built.still.paused


async def test_a_console_that_has_looked_for_long_takes_over_by_a_key_when_the_driver_is_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "DRIVER_EVERY", 0.01)
    monkeypatch.setattr(session_module, "FOLLOWS", 0.0)
    built = stage(folder, driver="The lab is driven by process 4711.")
    built.start_etcd()
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "READ-ONLY  The lab is driven by process 4711." in shown(built))
        assert built.app.session.state.steps["second-start"] == "done"
        await pilot.press("T")
        await until(pilot, lambda: built.released == 1 and built.app.session.state.backend is not None)
        assert built.app.session.state.read_only
        built.driver = ""
        await until(pilot, lambda: "Nobody drives the lab now: T takes over." in shown(built))
        await pilot.press("T")
        await until(
            pilot, lambda: not built.app.session.state.read_only and built.app.session.state.backend is not None
        )
        await until(pilot, lambda: "READ-ONLY" not in shown(built))


async def test_a_question_shows_every_choice_however_narrow(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(20, 40)) as pilot:
        screen = await at_step(built, pilot, "first-question")
        await until(pilot, lambda: bool(screen.query(QuestionCard)))
        await pilot.press("b")
        await until(pilot, lambda: built.app.session.state.steps["first-question"] == "done")
        options = screen.query_one(QuestionCard).query_one(OptionList)
        assert options.virtual_size.height == options.content_size.height >= 3


def test_long_lines_fold_and_tables_do_not() -> None:
    error = 'psql: error: connection to server at "pgha2" failed: FATAL:  no pg_hba.conf entry for host "192.168.50.10"'
    rows = folded(error, 40)
    assert "".join(rows) == error and max(map(len, rows)) <= 40 and len(rows) > 2
    assert len(folded("| Member | Host  | Role    | State     |", 20)) == 1
    assert list(folded("x" * 90, 40)) == ["x" * 40, "x" * 40, "x" * 10]
    assert "".join(folded("日本語" * 30, 40)) == "日本語" * 30


async def test_the_end_of_a_long_output_is_in_sight(folder: Path) -> None:
    async def talks(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        yield Output("stdout", "".join(f"line {number}\n" for number in range(60)))
        yield Ended("exited", 0, 0.1)

    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-optional")
        built.lab.nodes["pgha1"].script = talks
        await pilot.press("r")
        view = screen.query_one(OutputView)
        await until(pilot, lambda: view.text.endswith("line 59") and view.size.height)
        # Where there is no room for all, the middle gives way: the first lines are in sight too.
        await until(pilot, lambda: view._rows[0] == "line 0" and view._rows[-1] == "line 59")
        assert view.max_scroll_y == 0
