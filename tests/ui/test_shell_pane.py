"""The shells beside a lesson: led into and out of, typed in, kept, and what the console says of what was typed."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static
from textual.widgets._footer import FooterKey

from pghalab.course.model import Step
from pghalab.lab.types import LabError, LinkChanged, LinkState
from pghalab.screens.home import HomeScreen
from pghalab.screens.lesson import LessonScreen
from pghalab.screens.lesson_shell import ShellArea
from pghalab.session import rechecks
from pghalab.widgets.nodes_pane import NodesPane
from pghalab.widgets.shell_pane import Tab
from pghalab.widgets.terminal import TerminalView
from pghalab.widgets.terminal_search import Needle
from tests.fake_lab.shell import FakeTerminal, mark
from tests.ui import views
from tests.ui.stage import Stage, stage, until
from tests.ui.test_console import at_step, shown

READY = b"\x1b[?2004h"
"""bash reads its line: pastes are to be marked."""


@pytest.fixture(autouse=True)
def prompt_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)


def area(built: Stage) -> ShellArea:
    return built.app.screen.query_one(ShellArea)


def line(built: Stage) -> str:
    return str(area(built).query_one("#shell-line", Static).content)


def drawn(built: Stage) -> str:
    """What the terminal in front shows."""
    view = area(built).view
    return "\n".join(view.render_line(y).text for y in range(view.content_size.height)) if view is not None else ""


async def entered(built: Stage, pilot: Pilot[Any], key: str = "s") -> FakeTerminal:
    """Press a key that leads into the first shell, which shows its prompt."""
    await pilot.press(key)
    await until(pilot, lambda: any(tab.shell.standing == "open" for tab in area(built).query(Tab)))
    (terminal,) = [one for node in built.lab.nodes.values() for one in node.shells]
    terminal.prompt()
    terminal.say(READY)
    await until(pilot, lambda: any(view.reads_pastes for view in area(built).query(TerminalView)))
    return terminal


async def test_every_key_goes_to_the_shell_and_one_leads_out(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        assert isinstance(built.app.focused, TerminalView) and "Ctrl-] leads out" in line(built)
        assert terminal.who[1:] == ("postgres", "pgha1"), "where the step runs its command"
        await until(pilot, lambda: terminal.sizes[-1] == area(built).view.content_size)  # type: ignore[union-attr]
        await pilot.press("l", "s", "space", "n", "question_mark", "ctrl+q", "ctrl+p", "escape", "enter")
        await until(pilot, lambda: terminal.typed == b"ls n?\x11\x10\x1b\r")
        assert built.app.screen is screen and screen.step.id == "second-start"
        # The key that follows at once is the lesson's.
        for key in ("ctrl+right_square_bracket", "n"):
            built.app.post_message(events.Key(key, "n" if key == "n" else None))
        await until(pilot, lambda: screen.step.id == "second-edit" and screen.front.area == "lesson")
        assert terminal.typed == b"ls n?\x11\x10\x1b\r" and not terminal.closed


async def test_a_line_that_is_typed_in_one_go_behind_the_key_keeps_its_order(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        line = "echo typed ahead, in one go"
        for number, character in enumerate("s" + line):
            built.app.post_message(events.Key(_character_to_key(character), character))
            # Some of them come while the shell takes the keys.
            for _ in range(number // 3):
                await asyncio.sleep(0)
        await until(pilot, lambda: any(node.shells for node in built.lab.nodes.values()))
        (terminal,) = [one for node in built.lab.nodes.values() for one in node.shells]
        await until(pilot, lambda: len(terminal.typed) >= len(line))
        assert terminal.typed == line.encode()


async def test_no_key_overtakes_a_paste_or_one_that_was_under_way(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        view = area(built).view
        assert view is not None
        # As those do that were typed right behind the key that opened the shell.
        assert view.take_late(events.Key("a", "a"))
        for event in (events.Key("b", "b"), events.Paste("c" * 9), events.Key("d", "d"), events.Key("enter", "\r")):
            built.app.post_message(event)
        await until(pilot, lambda: terminal.typed.endswith(b"\r"))
        assert terminal.typed == b"ab\x1b[200~" + b"c" * 9 + b"\x1b[201~d\r"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_one_key_leads_from_the_shell_to_the_cluster(folder: Path, size: tuple[int, int]) -> None:
    built = stage(folder)
    async with built.app.run_test(size=size) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.feed(views.nodes(), views.etcd())
        terminal = await entered(built, pilot)
        await pilot.press("alt+2")
        nodes = screen.query_one(NodesPane)
        await until(pilot, lambda: nodes.has_focus and nodes.size.width)
        assert terminal.typed == b"" and not terminal.closed
        await pilot.press("s")
        await until(pilot, lambda: isinstance(built.app.focused, TerminalView))


async def test_the_lesson_says_where_enter_goes(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        view = screen.areas.step_view
        await until(pilot, lambda: "Enter runs it" in (view.border_subtitle or ""))
        await entered(built, pilot)
        await until(pilot, lambda: view.border_subtitle == "Enter goes to the shell · Ctrl-] leads back to the lesson")
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: "Enter runs it" in (view.border_subtitle or ""))


async def test_escape_is_the_shells_also_where_it_fills_the_screen(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        screen.maximize(area(built))
        await until(pilot, lambda: screen.maximized is area(built))
        screen.set_focus(area(built).view)
        await pilot.press("escape", "x")
        await until(pilot, lambda: terminal.typed.endswith(b"\x1bx"))
        assert screen.maximized is area(built)
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: screen.front.area == "lesson")
        assert screen.maximized is None


async def test_the_command_is_put_at_the_prompt_and_not_run(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: screen.front.area == "lesson")
        await pilot.press("i")
        await until(pilot, lambda: terminal.typed.endswith(b"\x1b[201~"))
        assert terminal.typed.startswith(b"\x1b[200~") and b"etcd" in terminal.typed
        assert not terminal.typed.endswith(b"\r"), "the learner presses Enter"
        assert isinstance(built.app.focused, TerminalView) and len(list(screen.query(Tab))) == 1


async def test_a_change_of_the_configuration_is_put_there_as_the_command_that_makes_it(folder: Path) -> None:
    built = stage(folder)
    built.start_etcd()
    built.sources.dcs["leader"] = "pgha1"
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-edit")
        terminal = await entered(built, pilot)
        await pilot.press("ctrl+right_square_bracket", "i")
        await until(pilot, lambda: terminal.typed.endswith(b"PATCH\x1b[201~"))
        assert b"edit-config --apply - --force <<'PATCH'" in terminal.typed


async def test_what_was_typed_makes_the_step_done_and_says_so(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        terminal.begin("etcd --config-file /pgha/config/etcd.yaml")
        built.start_etcd()
        terminal.finish()
        await until(pilot, lambda: "done by your command in postgres@pgha1" in shown(built))
        assert "typed in postgres@pgha1" in shown(built)
        await until(pilot, lambda: line(built).startswith("✓ this step is done · Ctrl-] leads out"))
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: line(built).startswith("Ctrl-]"))


async def test_where_there_is_room_for_the_shell_only_it_says_that_the_step_is_done(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        terminal.begin("etcd --config-file /pgha/config/etcd.yaml")
        built.start_etcd()
        terminal.finish()
        await until(pilot, lambda: "✓ this step is done" in shown(built))


async def test_a_tab_says_whose_prompt_it_shows(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        terminal.begin("ssh a-node-with-a-longer-name")
        terminal.who = ("00000000000000aa", "root", "a-node-with-a-longer-name")
        terminal.prompt()
        (tab,) = area(built).query(Tab)
        words = "● root@a-node-with-a-longer-name"
        await until(pilot, lambda: str(tab.label) == words and tab.content_size.width >= len(words))


async def test_an_enter_right_behind_the_key_that_types_it_runs_nothing_of_the_console(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await entered(built, pilot)
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: not isinstance(built.app.focused, TerminalView))
        for key in ("i", "enter"):
            built.app.post_message(events.Key(key, "i" if key == "i" else None))
        await until(pilot, lambda: isinstance(built.app.focused, TerminalView))
        assert built.runner.ran == []


@pytest.mark.parametrize("words", ["srun\r", "irun\r"])
async def test_what_is_typed_right_behind_the_key_that_opens_a_shell_goes_to_it(folder: Path, words: str) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        for char in words:
            built.app.post_message(events.Key("enter" if char == "\r" else char, char))
        await until(pilot, lambda: any(node.shells for node in built.lab.nodes.values()))
        (terminal,) = [one for node in built.lab.nodes.values() for one in node.shells]
        await until(pilot, lambda: terminal.typed == b"run\r")
        assert built.runner.ran == [], "none of it is a key of the lesson"
        view = area(built).view
        assert view is not None and built.app.focused is view and area(built).shell is not None
        await until(pilot, lambda: terminal.sizes[-1] == view.room)


async def test_so_does_a_paste(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        for event in (events.Key("s", "s"), events.Paste("select 1;"), events.Key("x", "x")):
            built.app.post_message(event)
        await until(pilot, lambda: any(node.shells for node in built.lab.nodes.values()))
        (terminal,) = [one for node in built.lab.nodes.values() for one in node.shells]
        await until(pilot, lambda: terminal.typed == b"select 1;x")


async def test_a_shell_that_cannot_be_opened_leaves_the_keys_to_the_lesson(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")

        async def unknown(step: Step) -> None:
            raise LabError("etcd does not say who leads")

        monkeypatch.setattr(built.app.session, "ask", unknown)
        await pilot.press("i")
        await until(pilot, lambda: any("who leads" in str(one.message) for one in built.app._notifications))
        await until(pilot, lambda: screen.front.area == "lesson" and not list(screen.query(TerminalView)))
        assert not area(built).has_focus_within
        monkeypatch.undo()
        await entered(built, pilot)
        monkeypatch.setattr(built.app.session, "ask", unknown)
        await pilot.press("ctrl+right_square_bracket", "i")
        await until(
            pilot, lambda: len([one for one in built.app._notifications if "who leads" in str(one.message)]) > 1
        )
        assert built.app.focused is area(built).view and area(built).shell is not None, "the shell that is there stays"


async def test_shells_stay_while_the_learner_is_elsewhere(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: not area(built).has_focus_within)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(built.app.screen, HomeScreen))
        terminal.say(b"meanwhile\r\n")
        built.app.open_step("second-edit")
        await until(pilot, lambda: built.app.screen is screen and screen.step.id == "second-edit")
        await pilot.press("s")
        await until(pilot, lambda: "meanwhile" in drawn(built))
        assert not terminal.closed and [one.shell.standing for one in screen.query(Tab)] == ["open"]


async def test_a_node_that_goes_and_returns(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        node = built.lab.nodes["pgha1"]

        def link(state: LinkState, reason: str = "") -> None:
            node.link, node.link_reason = state, reason
            built.lab.tell(LinkChanged("pgha1", state, reason))

        link("down", "ssh does not answer")
        terminal.end(None)
        await until(pilot, lambda: "✗ ssh does not answer · a new shell is opened when it is back" in line(built))
        link("up")
        await until(pilot, lambda: len(node.shells) == 2 and "Ctrl-] leads out" in line(built))
        node.shells[1].say(b"fresh\r\n")
        await until(pilot, lambda: "fresh" in drawn(built) and "this is a new shell" in drawn(built))


async def test_exit_closes_the_tab_and_leads_back(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot)
        assert screen.has_class("-shell")
        terminal.end(0)
        await until(pilot, lambda: area(built).shell is None and not screen.has_class("-shell"))
        assert screen.front.area == "lesson" and not list(screen.query(Tab))


async def test_several_shells_are_tabs(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        await entered(built, pilot)
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: not area(built).has_focus_within)
        await pilot.press("plus")
        await until(pilot, lambda: built.app.screen is not screen)
        await pilot.press("down")
        built.app.post_message(events.Key("enter", "\r"))
        while built.app.screen is not screen:
            await asyncio.sleep(0)
        for key in "rn":
            built.app.post_message(events.Key(key, key))
        await until(pilot, lambda: len(list(screen.query(Tab))) == 2)
        other = built.lab.nodes["pgha2"].shells
        await until(pilot, lambda: [one.typed for one in other] == [b"rn"])
        assert screen.step.id == "second-start" and not built.app.session.work.busy
        labels = [str(tab.label) for tab in screen.query(Tab)]
        assert [label.split()[-1] for label in labels] == ["postgres@pgha1", "postgres@pgha2"]
        second = area(built).shell
        await pilot.press("ctrl+pageup")
        await until(pilot, lambda: area(built).shell is not second)
        assert [tab.has_class("-front") for tab in screen.query(Tab)] == [True, False]


async def test_one_thing_at_a_time_where_there_is_no_room(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        terminal = await entered(built, pilot, "4")
        view = area(built).view
        assert view is not None and not screen.areas.display and view.content_size.height >= 15
        assert view.content_size.width == 80
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: terminal.sizes[-1][0] == 120)
        assert screen.areas.region.height > 8
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: terminal.sizes[-1][0] == 80)
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: screen.areas.display)


async def test_a_console_that_only_looks_opens_none(folder: Path) -> None:
    built = stage(folder, driver="The lab is driven by another console.")
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        await pilot.press("s")
        await until(pilot, lambda: any("driven" in str(one.message) for one in built.app._notifications))
        assert (
            area(built).shell is None and isinstance(built.app.screen, LessonScreen) and screen.front.area == "lesson"
        )


async def test_the_first_shell_for_a_step_has_the_environment_of_the_step(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await pilot.press("i")
        await until(pilot, lambda: any(tab.shell.standing == "open" for tab in area(built).query(Tab)))
        (terminal,) = [one for node in built.lab.nodes.values() for one in node.shells]
        assert terminal.who[1:] == ("root", "pgha1")
        terminal.prompt()
        terminal.say(READY)
        await until(pilot, lambda: terminal.typed == b"sudo -E -u postgres /bin/bash -l\r")
        terminal.begin("sudo -E -u postgres /bin/bash -l")
        terminal.say(mark("A", "f" * 16, "postgres", "pgha1") + b"$ " + mark("B", "f" * 16))
        await until(pilot, lambda: terminal.typed.endswith(b"\x1b[201~"))
        assert b"etcd" in terminal.typed


async def test_what_left_the_screen_is_not_held(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await entered(built, pilot)
        node = built.lab.nodes["pgha1"]
        rounds = 10
        for _ in range(rounds):
            await built.app.session.shells.all[0].close()
            await area(built).open("pgha1", "postgres")
            await until(pilot, lambda: all(shell.standing == "open" for shell in built.app.session.shells.all))
            node.shells[-1].prompt()
            node.shells[-1].say(READY)
            await until(pilot, lambda: (view := area(built).view) is not None and view.reads_pastes)
        gc.collect()
        gone = Counter(type(one) for one in gc.get_objects() if isinstance(one, Widget) and not one.is_attached)
        # What was there in the last rounds may still be on its way out; a leak keeps some of every round.
        assert gone[FooterKey] < rounds * len(built.app.query(FooterKey)) and gone[Needle] < rounds, gone
