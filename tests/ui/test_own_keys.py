"""Keys that the person chose: they work, and every place that names a key names them."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Static
from textual.widgets._footer import FooterKey

from pghalab.lab.host.paths import person_file
from pghalab.screens.help import HelpScreen
from pghalab.screens.home import HomeScreen
from pghalab.widgets.step_view import StepView
from pghalab.widgets.terminal import TerminalView
from tests.ui.stage import opened, stage, until
from tests.ui.test_console import at_step, shown
from tests.ui.test_shell_pane import entered, line


def chosen(*lines: str) -> None:
    """Write the person's settings."""
    person_file().parent.mkdir(parents=True, exist_ok=True)
    person_file().write_text("\n".join(["[keymap]", *lines]))


async def test_they_work_and_are_named_wherever_keys_are(folder: Path) -> None:
    chosen('lesson.next = "f10, K"', 'lesson.hint = "n"', 'lesson.run = "R"')
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        footer = [(key.key_display, key.description) for key in screen.query(FooterKey)]
        assert [words for _, words in footer][:4] == ["Go on", "Run", "Next", "Prev"], "in their usual order"
        assert ("R", "Run") in footer and ("f10", "Next") in footer and ("n", "Hint") in footer
        await until(pilot, lambda: "F10 goes on" in (screen.query_one(StepView).border_subtitle or ""))
        assert "Stuck? n shows a hint" in shown(built)
        assert str(screen.query_one("#run").render()).strip().endswith("R")

        await pilot.press("r", "h")
        assert not built.app.session.work.busy and screen.areas.step_view.hints_shown == 0
        await pilot.press("n")
        await until(pilot, lambda: screen.areas.step_view.hints_shown == 1)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(built.app.screen, HelpScreen))
        listed = str(built.app.screen.query(Static).last(Static).content) + shown(built)
        assert "f10 K           Next" in listed
        assert "s f3 4          Shell\n" in listed and "!               Shell on the whole screen" in listed
        await pilot.press("escape")
        await pilot.press("K")
        await until(pilot, lambda: screen.step.id == "second-edit")


async def test_another_key_leads_out_of_a_shell(folder: Path) -> None:
    chosen('shell.leave = "ctrl+g"')
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        assert "Ctrl+G leads out" in line(built)
        await pilot.press("ctrl+right_square_bracket", "f12")
        await until(pilot, lambda: terminal.typed.startswith(b"\x1d"))
        assert isinstance(built.app.focused, TerminalView)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: screen.front.area == "lesson")


async def test_there_is_a_second_way_out_of_a_shell(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        await entered(built, pilot)
        await pilot.press("f12")
        await until(pilot, lambda: screen.front.area == "lesson")


async def test_a_wrong_line_is_told_at_home_and_the_others_hold(folder: Path) -> None:
    chosen('home.live = "f10"', 'home.lab = "f10"', 'home.fly = "f13"')
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        await until(pilot, lambda: "no action 'home.fly'" in shown(built))
        assert "home.lab keeps its keys: F10 is the key of home.live" in shown(built)
        assert isinstance(built.app.screen, HomeScreen)
        footer = [(key.key_display, key.description) for key in built.app.screen.query(FooterKey)]
        assert ("f10", "Live") in footer and ("l", "Lab") in footer
