"""The screen before a room, over the lab in memory: what it shows, what the keys do, and what it never shows."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from textual.pilot import Pilot

from pghalab.codec import tagged
from pghalab.course.journal.kinds import Versions
from pghalab.course.recorded import Head, Played, written
from pghalab.lab.types import LinkChanged
from pghalab.screens.demo import DemoScreen
from pghalab.screens.dialogs import Choose, Confirm
from pghalab.screens.help import HelpScreen
from pghalab.screens.lesson import LessonScreen
from pghalab.session import rechecks
from pghalab.session.demo import stand_in, trial
from pghalab.session.demo.pace import Tempo
from pghalab.session.demo.program import Program
from pghalab.session.demo.show import Show
from pghalab.session.events import QuestionShown, SessionEvent, VotesCounted
from pghalab.session.keeping import OFF
from pghalab.widgets.room_page import RoomPage
from pghalab.widgets.terminal import TerminalView
from tests.fake_lab.board import BashTerminal
from tests.fake_lab.recording import PASSWORD
from tests.ui import views
from tests.ui.stage import Stage, opened, stage, until
from tests.ui.test_console import at_step

START = "nohup etcd --config-file /pgha/config/etcd.yaml > /var/log/etcd/etcd-standalone.log 2>&1 &"
FAST = Tempo(instant=True)
Size = tuple[int, int]


@pytest.fixture
def built(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A lab whose shells obey, and whose leader is known."""
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    monkeypatch.setenv(OFF, "1")
    made = stage(folder)
    made.sources.dcs["leader"] = "pgha1"

    def obeys(line: str) -> str:
        if "etcd --config-file" in line:
            made.start_etcd()
        if "edit-config" in line:
            made.sources.dcs["config"] = '{"postgresql": {"parameters": {"max_connections": 200}}}'
        return "started\n" if "etcd" in line else ""

    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(obeys))
    monkeypatch.setattr(BashTerminal, "slow", False)
    for node in made.lab.nodes.values():
        node.opens = BashTerminal
    return made


class Hall:
    """A show on the screen."""

    def __init__(self, built: Stage, pilot: Pilot[Any], screen: DemoScreen) -> None:
        self.built, self.pilot, self.screen = built, pilot, screen
        self.show: Show = screen.show

    async def until(self, holds: Callable[[], object]) -> None:
        await until(self.pilot, holds)

    async def comes(self, phase: str, step: str = "") -> None:
        try:
            await self.until(lambda: self.show.phase == phase and step in ("", self.show.step.id))
        except TimeoutError:
            at = (self.show.phase, self.show.step.id, self.show.warnings, self.seen)
            raise AssertionError(f"not at {phase} of {step}: {at}") from None

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def to(self, step: str) -> None:
        """Skip to a step."""
        await self.comes("say")
        while self.show.step.id != step:
            await self.press("S")
        await self.sees(self.show.session.state.text(self.show.step.title))

    async def on_to(self, step: str) -> None:
        """Go on page by page until a step is said."""
        while self.show.step.id != step:
            before = self.standing
            await self.press("pagedown")
            await self.until(partial(self._has_moved, before))

    def _has_moved(self, before: tuple[object, ...]) -> bool:
        return self.standing != before

    @property
    def standing(self) -> tuple[object, ...]:
        """Where the room is."""
        return self.show.step.id, self.show.phase, self.screen.page.scroll_y

    @property
    def seen(self) -> str:
        """What the room sees."""
        size = self.built.app.size
        strips = self.built.app.screen._compositor.render_strips(size)
        return "\n".join(strip.text for strip in strips)

    async def sees(self, *words: str) -> None:
        """The room sees these words."""
        await self.until(lambda: all(word in self.seen for word in words))

    @property
    def shell(self) -> BashTerminal:
        """The shell that was opened last."""
        found = [one for node in self.built.lab.nodes.values() for one in node.shells][-1]
        assert isinstance(found, BashTerminal)
        return found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not seen in a moment counts as not so."""
    monkeypatch.setattr(trial, "SEEN", 0.3)


async def presented(built: Stage, pilot: Pilot[Any], tempo: Tempo = FAST, **how: bool) -> Hall:
    """Begin a show of the tests' course."""
    await opened(pilot, built)
    built.feed(views.nodes(), views.etcd(), views.patroni())
    course = built.app.session.state.course
    assert course is not None
    built.app.present(Program(course, course.lessons), tempo, **how)
    await until(pilot, lambda: isinstance(built.app.screen, DemoScreen) and built.app.session.show is not None)
    screen = built.app.screen
    assert isinstance(screen, DemoScreen)
    return Hall(built, pilot, screen)


@asynccontextmanager
async def hall(built: Stage, size: Size = (120, 40), tempo: Tempo = FAST, **how: bool) -> AsyncIterator[Hall]:
    async with built.app.run_test(size=size) as pilot:
        yield await presented(built, pilot, tempo, **how)
        await built.app.session.rechecks.wait()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_the_four_keys_of_a_remote_are_enough(built: Stage, size: Size) -> None:
    async with hall(built, size) as at:
        await at.comes("say", "first-read")
        await at.sees("First things", "What is read", "1 First things · 1/3")
        await at.on_to("second-start")
        await at.press("pagedown")
        await at.comes("ready")
        await at.sees(START[:60])
        await at.press("b")
        assert at.show.black and not at.seen.strip()
        await at.press("b")
        await at.sees(START[:60])
        await at.press("pageup")
        await at.sees("etcd runs as a background process")
        await at.press("escape")
        await at.sees(START[:60])
        await at.press("pagedown")
        await at.comes("seen")
        await at.sees("started", "1 of 1 hold", "etcd runs")
        assert at.shell.entered == [START] and built.runner.ran == []
        await at.press("pagedown")
        await at.sees("The process goes on after the command has ended.", "The source text says otherwise")
        await at.press("escape")
        await at.until(lambda: isinstance(built.app.screen, Confirm))
        await at.press("escape")
        await at.until(lambda: built.app.screen is at.screen)
        await at.press("pagedown")
        await at.comes("say", "second-edit")


async def test_what_is_looked_back_at_has_its_output_and_undoes_nothing(built: Stage) -> None:
    async with hall(built) as at:
        await at.to("second-start")
        await at.press("space")
        await at.comes("ready")
        await at.press("enter")
        await at.comes("seen")
        await at.press("right", "right")
        await at.comes("say", "second-edit")
        await at.press("left")
        await at.sees("postgres@pgha1 $", "started", "1 of 1 hold")
        await at.press("right")
        await at.sees("The process goes on")
        await at.press("left", "left")
        await at.sees("etcd runs as a background process")
        await at.press("right", "right", "right")
        await at.sees("Change the configuration")
        assert at.show.trail.page is None and at.shell.entered == [START]


async def test_a_question_shows_the_votes_and_then_the_answer(built: Stage) -> None:
    told: list[SessionEvent] = []
    async with hall(built, (80, 24)) as at:
        built.app.session.bus.listen(told.append)
        await at.to("first-question")
        assert [event.step for event in told if isinstance(event, QuestionShown)] == ["first-question"]
        await at.sees("How many members survive two failures?", "a  three", "c  four")
        assert "Five members have a majority" not in at.seen and "█" not in at.seen
        built.app.session.bus.publish(VotesCounted("first-question", (1, 3, 0)))
        await at.sees("███████████████ 3", "█████ 1")
        await at.press("right")
        await at.sees("✓ b  five", "Five members have a majority of three.", "███████████████ 3")


async def test_a_step_that_goes_wrong_shows_the_room_a_quiet_sign_only(
    built: Stage, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(lambda line: "it did nothing\n"))
    async with hall(built) as at:
        await at.to("second-start")
        await at.press("right")
        await at.comes("ready")
        await at.press("right")
        await at.comes("stopped")
        await at.sees("it did nothing", "◇")
        assert "not running" not in at.seen and "✗" not in at.seen and "fail" not in at.seen.lower()
        assert "etcd is not running" in at.show.warnings[0]
        await at.press("w")
        await at.sees("etcd is not running")
        await at.press("escape")
        await at.until(lambda: built.app.screen is at.screen)
        built.start_etcd()
        await at.press("a")
        await at.comes("ready")
        await at.press("right")
        await at.comes("seen")
        assert "◇" not in at.seen


async def test_a_node_that_dies_on_stage_is_told_to_the_presenter_alone(built: Stage) -> None:
    async with hall(built) as at:
        await at.to("second-start")
        await at.press("right")
        await at.comes("ready")
        node = built.lab.nodes["pgha1"]
        node.link, node.link_reason = "down", "ssh does not answer"
        built.lab.tell(LinkChanged("pgha1", "down", node.link_reason))
        at.shell.end(None)
        await at.until(lambda: at.screen.shells.trouble)
        await at.press("right")
        await at.comes("stopped")
        assert at.show.warnings[0] == "pgha1: ssh does not answer"
        assert "lost" not in at.seen and "ssh" not in at.seen
        node.link, node.link_reason = "up", ""
        built.lab.tell(LinkChanged("pgha1", "up", ""))
        await at.press("pageup")
        await at.press("pagedown")
        await at.comes("ready")
        await at.press("pagedown")
        await at.comes("seen")


async def test_nothing_of_the_presenters_is_on_the_screen(
    built: Stage, impatient: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada-lovelace"))
    monkeypatch.setattr(socket, "gethostname", lambda: "analytical-engine")
    said = f"{PASSWORD}\n/home/ada-lovelace/.ssh on analytical-engine\npassword: {'x' * 9}{PASSWORD}\n"
    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(lambda line: said))
    async with hall(built, (60, 20)) as at:
        await at.to("second-start")
        await at.press("right")
        await at.comes("ready")
        await at.press("right")
        await at.sees("•••", " on ")
        built.app.notify("/home/ada-lovelace cannot be written", severity="error", markup=False)
        built.app.notify("a word", markup=False)
        await at.comes("stopped")
        await at.pilot.pause()
        flat = "".join(at.seen.split())
        for text in (PASSWORD, PASSWORD[:8], PASSWORD[-8:], "ada-lovelace", "analytical-engine"):
            assert text not in flat
        assert not built.app._notifications
        assert "/home/ada-lovelace cannot be written" in at.show.warnings and "a word" not in at.show.warnings


async def test_the_presenter_has_a_shell_of_their_own_and_returns_to_the_same_place(built: Stage) -> None:
    async with hall(built, tempo=Tempo(1.0, 0.0)) as at:
        await at.to("second-start")
        await at.press("right")
        await at.until(lambda: at.show.performing.comes_out)
        show_shell = at.shell
        await at.press("s")
        await at.until(lambda: isinstance(built.app.focused, TerminalView) and at.shell is not show_shell)
        typed = show_shell.typed
        await at.press("l", "s", "b", "space", "pagedown")
        await at.until(lambda: at.shell.typed.startswith(b"lsb "))
        assert at.show.own_shell and not at.show.black and at.show.phase == "typing"
        await at.press("ctrl+right_square_bracket")
        await at.until(lambda: not at.show.own_shell)
        assert built.app.focused is None and show_shell.typed.startswith(typed)
        await at.press("right")
        await at.comes("ready")
        assert show_shell.line.decode() == START
        await at.press("s")
        await at.until(lambda: isinstance(built.app.focused, TerminalView))
        shells = [one for node in built.lab.nodes.values() for one in node.shells]
        assert len(shells) == 2, "it is the same one as before"


async def test_the_presenter_takes_over_what_is_being_typed(built: Stage) -> None:
    async with hall(built) as at:
        await at.to("second-start")
        await at.press("right")
        await at.comes("ready")
        await at.press("t")
        await at.until(lambda: isinstance(built.app.focused, TerminalView))
        await at.press("enter")
        await at.until(lambda: built.app.session.state.steps["second-start"] == "done")
        assert at.show.phase == "ready"
        await at.press("f12")
        await at.comes("seen")
        await at.sees("1 of 1 hold")


async def test_every_key_types_the_right_character(built: Stage) -> None:
    async with hall(built) as at:
        await at.to("second-start")
        await at.press("K", "right")
        await at.until(lambda: at.show.performing.comes_out)
        await at.sees("⌨")
        await at.press(*"absqS w")
        await at.until(lambda: at.shell.typed.endswith(b"nohup e"))
        assert at.show.phase == "typing" and not at.show.black
        await at.press("pagedown")
        await at.comes("ready")
        assert at.shell.line.decode() == START


async def test_key_presses_are_shown_when_wanted(built: Stage) -> None:
    async with hall(built) as at:
        await at.comes("say")
        await at.press("p")
        assert "PgUp" not in at.seen
        await at.press("k", "p", "pageup", "f1")
        await at.until(lambda: isinstance(built.app.screen, HelpScreen))
        await at.press("escape")
        await at.sees("p PgUp F1")
        await at.press("k")
        await at.until(lambda: "PgUp" not in at.seen)


async def test_the_live_panes_are_a_second_page(built: Stage) -> None:
    async with hall(built, (80, 24)) as at:
        await at.comes("say")
        await at.press("c")
        await at.sees("Nodes", "etcd", "members 5, majority 3")
        await at.press("5")
        await at.sees("members 5, majority 3")
        assert "Nodes" not in at.seen
        await at.press("5")
        await at.sees("What is read")
        await at.press("6")
        await at.sees("pgha_patroni_cluster")
        await at.press("pagedown")
        await at.sees("What is read")
        assert at.show.step.id == "first-read"


async def test_a_recorded_run_is_seen_while_the_real_one_goes_on_and_says_that_it_is(
    built: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = Head(1_700_000_000.0, 5, Versions("1.0", "abc", {"postgresql": "17.5"}))
    played = Played(
        "second-start", head.made, head.made + 1, "pgha1", "postgres", START, "of another day", "exited", 0, 1, "done"
    )
    file = tmp_path / "some.gz"
    file.write_bytes(written(head, [json.dumps(tagged(played)).encode()]))
    monkeypatch.setattr(stand_in, "SHIPPED", file)
    monkeypatch.setattr(BashTerminal, "slow", True)
    async with hall(built) as at:
        await at.to("second-start")
        await at.press("r")
        await at.until(lambda: "nothing runs" in " ".join(at.show.warnings))
        await at.press("right")
        await at.comes("ready")
        await at.press("right")
        await at.comes("running")
        await at.sees("started")
        assert "RECORDED" not in at.seen
        await at.press("r")
        await at.sees("RECORDED 2023-11-14", "PostgreSQL 17.5", "the real one goes on", "of another day", START[:60])
        assert "started" not in at.seen
        at.shell.finish()
        await at.comes("seen")
        await at.sees("started", "1 of 1 hold")
        assert "RECORDED" not in at.seen and "of another day" not in at.seen


async def test_it_jumps_to_a_lesson(built: Stage) -> None:
    async with hall(built) as at:
        await at.comes("say")
        await at.press("j")
        await at.until(lambda: isinstance(built.app.screen, Choose))
        await at.press("down", "enter")
        await at.comes("say", "second-start")
        await at.sees("Start etcd on pgha1")


async def test_no_key_of_the_console_works_before_the_room(built: Stage) -> None:
    async with hall(built) as at:
        await at.comes("say")
        await at.press("L", "D", "T", "B", "exclamation_mark", "ctrl+p", "tab", "H")
        assert built.app.screen is at.screen and built.app.focused is None


async def test_it_goes_on_by_itself_and_ends(built: Stage) -> None:
    async with hall(built, auto=True) as at:
        await at.comes("over")
        await at.sees("Thank you", "Jorge Torralba")
        assert set(built.app.session.state.steps.values()) == {"done", "todo"}, "what proves nothing stays to do"
        await at.press("pagedown")
        await at.until(lambda: built.app.screen is not at.screen)
        assert built.app.session.show is None and built.app.theme == "pghalab-dark"


async def test_the_console_is_left_with_a_show_it_was_opened_for(built: Stage) -> None:
    async with hall(built, alone=True) as at:
        await at.comes("say")
        assert built.app.theme == "pghalab-room-dark"
        await at.press("escape")
        await at.until(lambda: isinstance(built.app.screen, Confirm))
        await at.press("y")
        await at.until(lambda: built.app._exit)


async def test_a_key_in_a_lesson_shows_from_there(built: Stage) -> None:
    async with built.app.run_test(size=(120, 40)) as pilot:
        lesson = await at_step(built, pilot, "second-edit")
        await pilot.press("v")
        await until(pilot, lambda: isinstance(built.app.screen, DemoScreen))
        screen = built.app.screen
        assert isinstance(screen, DemoScreen)
        await until(pilot, lambda: screen.show.phase == "say")
        assert screen.show.step.id == "second-start", "with the lesson that is open"
        await pilot.press("S", "S", "escape", "y")
        await until(pilot, lambda: built.app.screen is lesson)
        assert isinstance(lesson, LessonScreen) and lesson.step.id == "second-optional"
        await until(pilot, lambda: built.app.session.state.shown == "second-optional")


async def test_the_screen_follows_every_size(built: Stage) -> None:
    async with hall(built) as at:
        await at.to("second-start")
        await at.press("right")
        await at.comes("ready")
        for size in ((80, 24), (30, 8), (10, 3), (200, 60), (120, 40)):
            await at.pilot.resize_terminal(*size)
            await at.until(partial(lambda columns: at.shell.sizes[-1][0] <= columns, size[0]))
            assert at.show.phase == "ready"
        assert any("30x8" in warning for warning in at.show.warnings)
        await at.sees(START[:60])
        await at.press("right")
        await at.comes("seen")


async def test_a_long_page_is_read_a_screenful_at_a_time(built: Stage) -> None:
    async with hall(built, (80, 24)) as at:
        await at.to("first-table")
        page = at.screen.query_one(RoomPage)
        await at.pilot.resize_terminal(80, 16)
        await at.until(lambda: page.max_scroll_y > 0 and at.screen._pages() > 1)
        await at.press("right")
        await at.until(lambda: page.scroll_y > 0)
        assert at.show.step.id == "first-table"
        for _ in range(6):
            await at.press("right")
        await at.until(lambda: at.show.step.id != "first-table")


async def test_a_loop_tells_the_room_to_wait_while_the_lab_goes_back(built: Stage) -> None:
    async with hall(built, loop=True) as at:
        await at.until(lambda: built.lab.acted.count("restore demo-start") == 2)
        assert built.lab.acted.count("snapshot demo-start") == 1


Theme = Literal["dark", "light"]


@pytest.mark.parametrize("background", ["dark", "light"])
async def test_the_background_is_as_the_person_wants(built: Stage, background: Theme) -> None:
    settings = Path(built.folder.parent, "state", "settings.toml")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'[demo]\nspeed = 2\nbackground = "{background}"\n')
    async with hall(built) as at:
        assert built.app.theme == f"pghalab-room-{background}" and built.app.wanted.tempo.speed == 2.0
        await at.comes("say")


async def test_what_is_wrong_in_the_settings_is_said(built: Stage) -> None:
    settings = Path(built.folder.parent, "state", "settings.toml")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[demo]\nspeed = 99\njitter = 0.1\n")
    async with built.app.run_test() as pilot:
        await opened(pilot, built)
        assert built.app.wanted.tempo == Tempo(1.0, 0.1)
        assert any("line 2" in notice and "0.25 to 8" in notice for notice in built.app.session.state.notices)
