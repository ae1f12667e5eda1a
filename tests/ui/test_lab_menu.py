"""The lab menu: settings, progress, exports, and what is said of a verb elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Checkbox, Input, OptionList, Static

from pghalab.lab.settings import default_settings, load_settings
from pghalab.lab.types import Ended, Output, Part
from pghalab.screens.activity import Activity
from pghalab.screens.dialogs import Confirm
from pghalab.screens.doctor import DoctorScreen
from pghalab.screens.going_back import SnapshotName, Snapshots
from pghalab.screens.home import HomeScreen
from pghalab.screens.lab_menu import LabScreen
from pghalab.screens.lesson import LessonScreen
from pghalab.screens.settings_dialog import SettingsDialog
from pghalab.session.lab_work import export
from pghalab.widgets.part_bar import PartBar
from tests.fake_lab.node import FakeNode, Piece
from tests.ui.stage import Stage, opened, stage, until
from tests.ui.test_console import at_step, shown
from tests.ui.test_opening import notified


async def choose(built: Stage, pilot: Pilot[int], entry: str) -> None:
    """Open the lab menu and press Enter on a line."""
    if not isinstance(built.app.screen, LabScreen):
        await pilot.press("L")
        await until(pilot, lambda: isinstance(built.app.screen, LabScreen))
    options = built.app.screen.query_one(OptionList)
    options.highlighted = options.get_option_index(entry)
    await pilot.press("enter")


def fill(screen: SettingsDialog, **values: str) -> None:
    for name, value in values.items():
        screen.query_one(f"#{name}", Input).value = value


async def test_a_lab_is_made_with_other_settings(folder: Path) -> None:
    built = stage(folder)
    built.lab.put("absent")
    async with built.app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, built)
        await choose(built, pilot, "Up, other…")
        await until(pilot, lambda: isinstance(built.app.screen, SettingsDialog))
        screen = built.app.screen
        assert isinstance(screen, SettingsDialog)
        fill(screen, nodes="3", prefix="node2")
        await pilot.press("f5")
        wrong = screen.query_one("#wrong", Static)
        await until(pilot, lambda: "'node2' cannot be the prefix" in str(wrong.content))
        fill(screen, prefix="node", nodes="many")
        await pilot.press("f5")
        await until(pilot, lambda: "'many' is not a number" in str(wrong.content))
        fill(screen, nodes="3", network="mynet", subnet="10.77.7", image="other:1", password="s3cret")
        screen.query_one("#md5", Checkbox).value = True
        await pilot.press("f5")
        await until(pilot, lambda: built.lab.acted == ["up"] and not built.app.session.work.busy)
    stored = load_settings("pgha")
    assert stored.origin == "file" and stored == built.lab.settings
    assert stored.node_names == ("node1", "node2", "node3") and stored.subnet == "10.77.7"
    assert (stored.network, stored.image, stored.password, stored.auth_method) == ("mynet", "other:1", "s3cret", "md5")


async def test_settings_are_for_a_lab_that_is_not_made(folder: Path) -> None:
    built = stage(folder)
    built.lab.put("absent", "pgha2", "pgha3", "pgha4", "pgha5")
    async with built.app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        await choose(built, pilot, "Up, other…")
        await until(pilot, lambda: "exist already" in notified(built))
        assert isinstance(built.app.screen, LabScreen) and built.lab.acted == []


async def test_the_data_of_removed_nodes_is_removed_after_a_question(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        await choose(built, pilot, "Remove data")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: built.lab.acted == ["rmvolumes"])


async def test_the_course_begins_again(folder: Path) -> None:
    built = stage(folder, done=["second-start"])
    async with built.app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        await until(pilot, lambda: "No longer true" in shown(built))
        built.app.session.learner.mark_read("first-read")
        await choose(built, pilot, "Begin again")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("enter")
        assert built.app.session.state.steps["first-read"] == "done" and built.app.session.state.broken()
        await choose(built, pilot, "Begin again")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: set(built.app.session.state.steps.values()) == {"todo"})
        await pilot.press("q")
        await until(pilot, lambda: isinstance(built.app.screen, HomeScreen) and "No longer true" not in shown(built))
        assert built.lab.acted == []


async def test_the_export_writes_both_files_and_overwrites_none(tmp_path: Path) -> None:
    settings = default_settings("pgha")
    said = "".join([piece.text async for piece in export(settings, tmp_path) if isinstance(piece, Output)])
    assert f"-f {tmp_path / 'pgha.yaml'} up" in said
    assert settings.password in (tmp_path / "pgha.sh").read_text()
    assert load_settings("pgha") == settings
    with pytest.raises(Exception, match="exists"):
        [piece async for piece in export(settings, tmp_path)]


async def waits(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
    """A command that runs until it is stopped."""
    await asyncio.Event().wait()
    yield Ended("exited", 0, 0.1)


async def test_what_runs_is_told_everywhere_else(folder: Path) -> None:
    built = stage(folder)

    def line() -> str:
        activity = built.app.screen.query_one(Activity)
        return str(activity.content) if activity.display else ""

    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = waits
        await pilot.press("r")
        await until(pilot, lambda: "running" in shown(built))
        wanted = "◐ 2 Starting etcd › Start etcd on pgha1 · "
        assert line() == ""
        await pilot.press("n")
        await until(pilot, lambda: line().startswith(wanted) and "x stops it" in line())
        await pilot.press("L")
        await until(pilot, lambda: isinstance(built.app.screen, LabScreen) and line().startswith(wanted))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(built.app.screen, DoctorScreen) and line().startswith(wanted))
        await pilot.press("q", "q")
        await until(pilot, lambda: isinstance(built.app.screen, HomeScreen) and line().startswith(wanted))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(built.app.screen, LabScreen) and line().startswith(wanted))
        await pilot.press("enter")
        await until(pilot, lambda: "› Start etcd on pgha1 is running already; stop it first." in notified(built))
        # What is stopped from here is named, as it is not on this screen.
        await pilot.press("x")
        await until(pilot, lambda: built.runner.closed == ["second-start"])
        assert "Stopping 2 Starting etcd › Start etcd on pgha1." in notified(built)
        await until(pilot, lambda: line() == "")


async def test_a_verb_that_fails_is_told_where_its_output_is_not_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = stage(folder)
    gate = asyncio.Event()

    async def fails() -> AsyncGenerator[Output | Ended, None]:
        await gate.wait()
        yield Ended("exited", 1, 2.0)

    async with built.app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        monkeypatch.setattr(built.lab, "start", fails)
        await choose(built, pilot, "Start")
        await until(pilot, lambda: built.app.session.work.busy)
        await pilot.press("q")
        gate.set()
        await until(pilot, lambda: "Start: failed after 2.0 s. The lab menu (L)" in notified(built))


def on_screen(built: Stage, kind: type[Screen[None]]) -> bool:
    """Whether a screen of this kind is the one that is seen."""
    return isinstance(built.app.screen, kind)


async def test_the_lab_and_the_doctor_do_not_pile_up(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(100, 30)) as pilot:
        await at_step(built, pilot, "second-start")
        depth = len(built.app.screen_stack)
        ways: tuple[tuple[str, type[Screen[None]]], ...] = (
            ("L", LabScreen), ("d", DoctorScreen), ("l", LabScreen), ("D", DoctorScreen),
        )  # fmt: skip
        for key, kind in ways:
            await pilot.press(key)
            await until(pilot, partial(on_screen, built, kind))
        assert len(built.app.screen_stack) == depth + 1
        await pilot.press("q")
        await until(pilot, lambda: isinstance(built.app.screen, LessonScreen))


async def test_snapshots_are_made_chosen_restored_and_removed(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, built)
        await choose(built, pilot, "Snapshots…")
        await until(pilot, lambda: "no snapshots yet" in notified(built))
        for name in ("first", "second", ""):
            await choose(built, pilot, "Snapshot…")
            await until(pilot, lambda: isinstance(built.app.screen, SnapshotName))
            if name == "first":
                await pilot.press("A", "b", "enter")
                await until(pilot, lambda: "'Ab' is not a snapshot's name" in words(built.app.screen))
            built.app.screen.query_one(Input).value = name
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(built.app.screen, LabScreen) and not built.app.session.work.busy)
        assert built.lab.acted == ["snapshot first", "snapshot second", "snapshot kept-3"]
        await choose(built, pilot, "Snapshots…")
        await until(pilot, lambda: isinstance(built.app.screen, Snapshots))
        # The newest is the first.
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        assert "back to the snapshot second" in words(built.app.screen)
        await pilot.press("n")
        await choose(built, pilot, "Snapshots…")
        await until(pilot, lambda: isinstance(built.app.screen, Snapshots))
        await pilot.press("j", "j", "d")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        assert "snapshot first is removed" in words(built.app.screen)
        await pilot.press("y")
        await until(pilot, lambda: built.lab.acted[-1] == "remove snapshot first" and not built.app.session.work.busy)
        await choose(built, pilot, "Snapshots…")
        await until(pilot, lambda: isinstance(built.app.screen, Snapshots))
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: built.lab.acted[-1] == "restore second")
        await until(pilot, lambda: "✓ Restore second: done" in shown(built))


async def test_a_bar_shows_how_far_long_work_is_while_keys_are_answered(folder: Path) -> None:
    built = stage(folder)
    until_told = asyncio.Event()

    async def long() -> AsyncGenerator[Output | Ended, None]:
        yield Output("stdout", Part("", 3, 7, "copying [what] lies there"))
        await until_told.wait()
        yield Ended("exited", 0, 0.1)

    def line() -> str:
        return str(built.app.screen.query_one(Activity).content)

    async with built.app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, built)
        work = built.app.session.work
        assert work.run_verb("Restore", long)
        await until(pilot, lambda: " s · 3 of 7: copying [what] lies there" in line())
        await pilot.press("L")
        await until(pilot, lambda: isinstance(built.app.screen, LabScreen))
        bar = built.app.screen.query_one(PartBar)
        await until(pilot, lambda: bar.display and (bar.progress, bar.total) == (2.5, 7))
        assert "3 of 7: copying [what] lies there" in shown(built)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(built.app.screen, HomeScreen))
        await pilot.press("L")
        await until(pilot, lambda: isinstance(built.app.screen, LabScreen))
        until_told.set()
        await until(pilot, lambda: not built.app.screen.query_one(PartBar).display and not work.busy)


async def test_the_menu_in_front_of_a_lesson_jumps_to_its_step(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        await at_step(built, pilot, "second-edit")
        await choose(built, pilot, "Jump here")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: built.app.session.work.verb == "Jump" and not built.app.session.work.busy)
        title = built.app.session.state.course.step("second-edit").title  # type: ignore[union-attr]
        assert f"are missing before “{title}”" in built.app.session.work.verb_output.lines[0]
        assert built.app.session.state.at == "second-edit"


async def test_a_lesson_starts_over_from_the_menu(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, built)
        await choose(built, pilot, "Lesson again")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        assert "No snapshot of its beginning is there" in words(built.app.screen)
        await pilot.press("n")
        assert built.app.session.back.keep("")
        await until(pilot, lambda: built.lab.kept and not built.app.session.work.busy)
        plan = await built.app.session.back.start_over()
        (about,) = built.lab.kept
        built.lab.kept = [replace(about, place=replace(about.place, before=plan.lesson.id))]
        await choose(built, pilot, "Lesson again")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        assert "(snapshot kept-1). What was done in the lab since then is lost" in words(built.app.screen)
        await pilot.press("y")
        await until(pilot, lambda: built.lab.acted[-1] == "restore kept-1" and not built.app.session.work.busy)


def words(screen: Screen[object]) -> str:
    """What a dialog says."""
    return "\n".join(str(each.content) for each in screen.query(Static))
