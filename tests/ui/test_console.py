"""The console from home through a lesson, driven by keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Collapsible, OptionList, Static

from pghalab.course.kinds.edit import EDIT
from pghalab.course.model import Course
from pghalab.lab.types import Ended, LabError, Output
from pghalab.screens.dialogs import Confirm, ConfirmChange, EditCommand
from pghalab.screens.home import HomeScreen
from pghalab.screens.lesson import LessonScreen
from pghalab.session import rechecks
from pghalab.session import session as session_module
from pghalab.session.backend import Backend
from pghalab.widgets.checks_view import ChecksView
from pghalab.widgets.output import OutputView
from pghalab.widgets.question_card import QuestionCard
from pghalab.widgets.quorum_table import QuorumTable
from pghalab.widgets.step_card import LIVE_LINES, StepCard
from tests.fake_lab.backend import Ran
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode, Piece
from tests.fake_lab.sources import cluster_of_three
from tests.ui import views
from tests.ui.stage import Stage, opened, stage, until


def shown(built: Stage) -> str:
    """The text of every static part of the screen."""
    return "\n".join(str(part.content) for part in built.app.screen.query(Static) if part.display)


async def at_step(built: Stage, pilot: Pilot[int], step: str) -> LessonScreen:
    """Open a step and wait until its card is there."""
    await opened(pilot, built)
    built.app.open_step(step)
    await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))
    screen = built.app.screen
    assert isinstance(screen, LessonScreen)
    await until(pilot, lambda: "step " in shown(built))
    return screen


def step_on(built: Stage) -> str:
    """The step on the screen."""
    assert isinstance(built.app.screen, LessonScreen)
    return built.app.screen.step.id


def lessons_listed(built: Stage) -> OptionList:
    """The lessons, as the first screen lists them."""
    return built.app.screen.query_one("#outline", OptionList)


async def test_home_opens_on_the_way_on(folder: Path) -> None:
    built = stage(folder, done=["first-read", "first-table"])
    async with built.app.run_test() as pilot:
        await opened(pilot, built)
        assert isinstance(built.app.screen, HomeScreen)
        button = built.app.screen.query_one("#continue", Button)
        assert built.app.focused is button
        assert str(button.label) == "Continue: 1 First things › A question"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))
        assert step_on(built) == "first-question"


async def test_the_course_is_painted_before_the_lab_is_open(folder: Path) -> None:
    built = stage(folder)
    gate = asyncio.Event()
    real = built.connect

    async def slow(lab_name: str, course: Course) -> Backend:
        await gate.wait()
        return await real(lab_name, course)

    built.app.session._connect = slow
    async with built.app.run_test() as pilot:
        await until(pilot, lambda: built.app.session.state.course is not None)
        assert built.app.session.state.backend is None
        assert lessons_listed(built).option_count == 2
        built.app.open_step("second-start")
        await until(pilot, lambda: "1 not looked at yet" in shown(built))
        gate.set()
        await opened(pilot, built)


async def test_what_is_no_longer_true_is_said_at_once(folder: Path) -> None:
    built = stage(folder, done=["second-start"])
    built.start_etcd("pgha1", "pgha3")
    async with built.app.run_test() as pilot:
        await opened(pilot, built)
        await until(pilot, lambda: "No longer true" in shown(built))
        assert "“etcd runs” no longer holds: etcd is not running on pgha2" in shown(built)
        # The way to it is another one than the way on.
        assert str(built.app.screen.query_one("#continue", Button).label) == "Continue: 1 First things › What is read"
        await pilot.press("B")
        await until(pilot, lambda: "✗ broken" in shown(built))
        assert step_on(built) == "second-start"


async def test_a_step_is_run_and_its_checks_are_shown(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        assert "postgres@pgha1 $ nohup etcd" in shown(built)
        assert "○ not yet  etcd runs" in shown(built)
        # Where the text is wrong would give away what there is to see.
        assert not built.app.screen.query_one(".correction").display
        await pilot.press("r")
        await until(pilot, lambda: "✓ done · exit status 0" in shown(built))
        assert "✓ ok  etcd runs  pgha1-3" in shown(built)
        assert f"full log (l): {next(folder.rglob('*.log')).name}" in shown(built)
        assert built.app.screen.query_one(OutputView).text == "started"
        assert built.runner.closed == ["second-start"]
        # What the output means is to be read now.
        assert built.app.screen.query_one(".after").display
        assert built.app.screen.query_one(".correction").display


async def test_a_step_that_is_done_is_run_again_only_when_asked(folder: Path) -> None:
    built = stage(folder)
    built.start_etcd()
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.pause()
        assert not built.app.screen.query("Toast")
        await pilot.press("y")
        await until(pilot, lambda: len(built.runner.ran) == 2 and not built.app.session.work.busy)
        assert built.runner.ran == [Ran("second-start"), Ran("second-start", again=True)]


async def test_a_running_step_is_stopped_and_its_generator_closed(folder: Path) -> None:
    built = stage(folder)

    async def endless(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        while True:
            yield Output("stdout", "line of a log\n" * 500)
            await asyncio.sleep(0.01)

    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = endless
        await pilot.press("r")
        await until(pilot, lambda: len(screen.query_one(OutputView).text.splitlines()) == LIVE_LINES + 1)
        await until(pilot, lambda: "lines in the middle not held" in shown(built))
        # Keys work while it streams: the lesson moves on, and back.
        await pilot.press("n")
        await until(pilot, lambda: screen.step.id == "second-edit")
        assert screen.query_one("#run", Button).disabled
        await pilot.press("p")
        await until(pilot, lambda: screen.step.id == "second-start" and bool(screen.query(".command")))
        assert not built.runner.closed
        await pilot.press("x")
        await until(pilot, lambda: built.runner.closed == ["second-start"])
        await until(pilot, lambda: "■ stopped" in shown(built))


async def test_the_command_can_be_edited_before_it_runs(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(100, 30)) as pilot:
        await at_step(built, pilot, "second-optional")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(built.app.screen, EditCommand))
        await pilot.press("space", "minus", "n", "f5")
        await until(pilot, lambda: bool(built.runner.ran))
        assert built.runner.ran == [Ran("second-optional", "cat /etc/hosts -n")]


@pytest.mark.parametrize(("key", "applied"), [("y", True), ("n", False)])
async def test_a_change_of_the_configuration_is_confirmed_by_its_diff(folder: Path, key: str, applied: bool) -> None:
    built = stage(folder)
    cluster_of_three(built.lab, built.sources)
    leader = built.lab.nodes["pgha1"]
    leader.answers[EDIT] = "-  max_connections: 100\n+  max_connections: [200]\n"

    def applies(node: FakeNode, command: str) -> list[Piece]:
        assert f"{EDIT} --force" in command
        built.sources.dcs["config"] = '{"postgresql": {"parameters": {"max_connections": 200}}}'
        return [Ended("exited", 0, 0.1)]

    leader.script = applies
    async with built.app.run_test(size=(100, 30)) as pilot:
        await at_step(built, pilot, "second-edit")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(built.app.screen, ConfirmChange))
        assert "+  max_connections: [200]" in shown(built)
        await pilot.press(key)
        await until(pilot, lambda: not built.app.session.work.busy)
        assert (built.app.session.state.steps["second-edit"] == "done") is applied
        assert ("max_connections" in built.sources.dcs["config"]) is applied
        # One question, asked once.
        assert isinstance(built.app.screen, LessonScreen) and not built.app.screen.query("Toast")


async def test_a_failing_check_gives_its_reason_for_each_node(folder: Path) -> None:
    built = stage(folder)
    built.start_etcd("pgha1", "pgha3")
    built.lab.nodes["pgha1"].script = lambda node, command: [
        Output("stderr", "permission denied [13]\n"),
        Ended("exited", 1, 0.1),
    ]
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await pilot.press("r")
        await until(pilot, lambda: "✗ failed · exit status 1" in shown(built))
        assert "✗ no  etcd runs  holds on pgha1, pgha3" in shown(built)
        assert "     etcd is not running on pgha2; wanted: running as postgres" in shown(built)
        assert "permission denied [13]" in built.app.screen.query_one(OutputView).text


async def test_an_engine_that_dies_during_a_step_ends_the_step_and_not_the_console(folder: Path) -> None:
    built = stage(folder)

    def dies(node: FakeNode, command: str) -> list[Piece]:
        raise LabError("the connection was lost.", node="pgha1", todo="Start the node.")

    def breaks(node: FakeNode, command: str) -> list[Piece]:
        raise ValueError("a fault of ours")

    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = dies
        await pilot.press("r")
        await until(pilot, lambda: "pgha1: the connection was lost.\nStart the node." in shown(built))
        built.lab.nodes["pgha1"].script = breaks
        await pilot.press("r")
        await until(pilot, lambda: "a fault of pghalab's own: ValueError: a fault of ours" in shown(built))


async def test_a_question_explains_every_choice(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(100, 30)) as pilot:
        screen = await at_step(built, pilot, "first-question")
        await until(pilot, lambda: bool(screen.query(QuestionCard)) and built.app.focused is not None)
        await pilot.press("a")
        await until(pilot, lambda: "✗ Not so. Three members survive one failure." in shown(built))
        assert built.runner.states["first-question"] == "todo"
        await pilot.press("down", "enter")
        await until(pilot, lambda: "✓ Right. Five members have a majority of three." in shown(built))
        assert built.app.session.state.steps["first-question"] == "done"


async def test_the_quorum_is_computed_anew_with_every_member(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(100, 40)) as pilot:
        screen = await at_step(built, pilot, "first-table")
        await until(pilot, lambda: bool(screen.query(QuorumTable)))
        table = screen.query_one(QuorumTable)
        table.focus()
        await pilot.press("right")
        assert (table.view.members, table.view.majority, table.view.can_lose) == (6, 4, 2)
        await pilot.press("minus", "minus", "f", "f")
        assert (table.view.members, table.view.alive, table.view.has_quorum) == (4, 2, False)
        assert "no quorum: 3 needed, 2 left" in str(table.query_one("#quorum", Static).content)
        assert "! What the source text says, and what is so" in shown(built)


async def test_hints_come_one_by_one_and_the_expected_output_on_demand(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "h shows a hint (3)" in shown(built))
        await pilot.press("h")
        assert "Hint 1 of 3" in shown(built) and "Hint 2 of 3" not in shown(built)
        await pilot.press("h", "h")
        assert "Hint 3 of 3" in shown(built)
        collapsible = built.app.screen.query_one(Collapsible)
        await pilot.press("o")
        assert not collapsible.collapsed


async def test_reading_on_marks_what_was_read_and_lessons_follow_each_other(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(100, 30)) as pilot:
        screen = await at_step(built, pilot, "first-read")
        await pilot.press("n")
        assert built.runner.states["first-read"] == "done"
        await pilot.press("right_square_bracket")
        assert screen.step.id == "second-start"
        await pilot.press("left_square_bracket")
        assert screen.step.id == "first-read"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(built.app.screen, HomeScreen))
        assert "1 of 3" in str(lessons_listed(built).get_option_at_index(0).prompt)


async def test_events_of_the_cluster_make_the_checks_be_looked_at_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechecks, "SETTLE", 0.0)
    built = stage(folder)
    built.start_etcd()
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        looks = len(built.runner.looked)
        built.end_etcd("pgha2")
        built.feed(views.event("pgha2 does not answer", good=False, kind="etcd"))
        await until(pilot, lambda: len(built.runner.looked) > looks)
        await until(pilot, lambda: "“etcd runs” no longer holds: etcd is not running on pgha2" in shown(built))


async def test_a_second_console_only_looks_and_says_who_drives(folder: Path) -> None:
    built = stage(folder, driver="The lab is driven by process 4711 on /dev/pts/3.")
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        await until(pilot, lambda: "process 4711" in shown(built))
        await at_step(built, pilot, "second-start")
        await pilot.press("r", "f5", "u", "S")
        built.app.session.work.run_step("second-start")
        await pilot.pause()
        assert built.runner.ran == [] and built.runner.looked
        assert built.app.screen.query_one(StepCard).query_one("#run", Button).disabled
        assert "READ-ONLY" in shown(built)


async def test_without_an_engine_the_console_opens_and_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "RETRY", 0.01)
    lab = FakeLab(trouble=LabError("No container engine answers.", todo="Install Docker Engine."))
    built = stage(folder, lab=lab)
    async with built.app.run_test() as pilot:
        await until(pilot, lambda: "✗ No container engine answers." in shown(built))
        lab.trouble = None
        await until(pilot, lambda: "No container engine" not in shown(built))


async def test_the_checks_of_a_step_without_checks_say_why(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(100, 30)) as pilot:
        screen = await at_step(built, pilot, "second-optional")
        await until(pilot, lambda: bool(screen.query(ChecksView)))
        assert "No check: it only shows a file" in shown(built)
        await pilot.press("p", "p")
        await until(pilot, lambda: screen.step.id == "second-start")
        await pilot.press("S")
        assert screen.step.id == "second-start"
