"""The presenter's notes: what they show of a show, how they drive it, and that either side may be restarted."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Digits, Static

from pghalab import cli
from pghalab.lab.host import door
from pghalab.lab.host.paths import lab_folder, person_file
from pghalab.screens import notes as module
from pghalab.screens.notes import NO_SHOW, NotesApp
from pghalab.session.demo import desk as at_the_desk
from pghalab.session.demo.desk import NAME, ORDERS, Desk
from pghalab.session.demo.standing import Asked, Command, Held, Standing
from pghalab.session.events import Bus, ShowMoved
from pghalab.session.visitors import Visitors
from pghalab.widgets import standing_view as view
from tests.terminal import Terminal
from tests.ui.stage import until

NOTES = (
    "Say: one Patroni is started.\n\nAsked: Why two log files? Patroni writes `patroni.log` itself.\n\n"
    "Point at: the Patroni pane."
)
STANDING = Standing(
    "leader", 10, "The first leader", "leader-start", "Start Patroni on pgha1", 2, 9, "ready", "Enter",
    command=Command("leader-start", "postgres@pgha1", "nohup patroni /pgha/config/patroni.yaml &"),
    next_step="leader-data", next_title="The data directory is made",
    next_command=Command("leader-data", "", "Waits until the checks below hold."),
    elapsed=3725.0, planned=7200.0, remaining=3600.0, for_step=60.0,
    headline="lab pgha · ● 5 of 5 nodes up · ★ pgha1 leads, timeline 1, 2 streaming",
    checks=(
        Held("etcd runs as postgres", True, True, "it runs", "pgha1"),
        Held("Patroni runs as postgres", False, True, "it does not run", "pgha1"),
        Held("the login works", False, False, "nobody could look", "pgha2"),
    ),
    warnings=("The leader is pgha3: the text of the next step says pgha1.",), notes=NOTES,
)  # fmt: skip


class Stage:
    """A show that remembers what it was told to do."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name not in ORDERS:
            raise AttributeError(name)
        return lambda: self.done.append(name)


class Host:
    """What a console has at its door for whoever reads the notes."""

    def __init__(self) -> None:
        self.bus, self.stage = Bus(), Stage()
        self.desk = Desk(self.bus)

    def shows(self, standing: Standing = STANDING) -> None:
        self.desk.take(self.stage)
        self.bus.publish(ShowMoved(standing))


@asynccontextmanager
async def console(folder: Path) -> AsyncIterator[Host]:
    """A console that drives the lab of this folder."""
    host = Host()
    visitors = Visitors(lambda: pytest.fail("no shell came"))
    visitors.welcome(NAME, host.desk.host)
    task = asyncio.ensure_future(visitors.receive(folder))
    try:
        yield host
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_the_desk, "AGAIN", 0.02)


def shown(app: NotesApp) -> str:
    """All that stands there."""
    parts = [str(part.content) for part in app.screen.query(Static) if part.display]
    return "\n".join([*parts, app.screen.query_one("#elapsed", Digits).value])


@asynccontextmanager
async def reading(folder: Path, size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[NotesApp, Pilot[int]]]:
    app = NotesApp("pgha", folder)
    async with app.run_test(size=size) as pilot:
        yield app, pilot


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_all_that_a_presenter_wants_is_there(folder: Path, size: tuple[int, int]) -> None:
    async with console(folder) as host, reading(folder, size) as (app, pilot):
        host.shows()
        await until(pilot, lambda: "Say: one Patroni" in shown(app))
        text = shown(app)
        for words in (
            "10 The first leader · step 2 of 9 · Start Patroni on pgha1", "ready: Enter comes next", "1:02:05",
            "1:00:00 planned for what is left, 2:00:00 for all", "1:05 behind the plan", "★ pgha1 leads",
            "! The leader is pgha3", "Asked: Why two log files?", "Patroni writes patroni.log itself", "Point at: the",
            "✗ Patroni runs as postgres: it does not run (pgha1)", "? the login works: nobody could look (pgha2)",
            "✓ 1 of 3 checks hold", "→ Enter", "postgres@pgha1$ nohup patroni", "Then: The data directory is made",
            "the lab: Waits until",
        ):  # fmt: skip
            assert words in text, words
        for part in app.screen.query(Static):
            assert not part.display or part.region.height > 0, f"{part.id} is not seen"
        assert app.screen.query_one("#notes").region.height >= 3


async def test_its_keys_and_those_of_a_remote_drive_the_show(folder: Path) -> None:
    async with console(folder) as host, reading(folder) as (app, pilot):
        host.shows()
        await until(pilot, lambda: "Say: one" in shown(app))
        keys = {
            "next": ("right", "space", "pagedown", "enter"), "back": ("left", "pageup"), "pause": ("p",),
            "again": ("a",), "mend": ("m",), "skip": ("S",), "darken": ("b", "full_stop"), "panes": ("c",),
            "faster": ("plus",), "slower": ("minus",), "recorded": ("r",),
        }  # fmt: skip
        assert set(keys) == set(ORDERS)
        for pressed in keys.values():
            await pilot.press(*pressed)
        wanted = [order for order, pressed in keys.items() for _ in pressed]
        await until(pilot, lambda: len(host.stage.done) == len(wanted))
        assert host.stage.done == wanted


async def test_the_person_s_own_keys_are_taken(folder: Path) -> None:
    person_file().parent.mkdir(parents=True, exist_ok=True)
    person_file().write_text('[keymap]\nnotes.next = "x"\n')
    async with console(folder) as host, reading(folder) as (app, pilot):
        host.shows()
        await until(pilot, lambda: "x Enter" in shown(app))
        await pilot.press("x")
        await until(pilot, lambda: host.stage.done == ["next"])


async def test_notes_that_are_long_are_scrolled_and_each_step_begins_at_their_top(folder: Path) -> None:
    long = replace(STANDING, notes="\n\n".join(f"Say: {number}" for number in range(40)))
    async with console(folder) as host, reading(folder) as (app, pilot):
        host.shows(long)
        await until(pilot, lambda: "Say: 39" in shown(app))
        await pilot.press("down", "j", "j")
        notes = app.screen.query_one("#notes")
        await until(pilot, lambda: notes.scroll_offset.y == 3)
        host.shows(replace(long, elapsed=long.elapsed + 1))
        await until(pilot, lambda: "1:02:06" in shown(app))
        assert notes.scroll_offset.y == 3, "a second is no new step"
        host.shows(replace(long, step="leader-data"))
        await until(pilot, lambda: notes.scroll_offset.y == 0)
        assert host.stage.done == []


async def test_a_console_that_goes_is_said_and_waited_for(folder: Path) -> None:
    async with reading(folder) as (app, pilot):
        await until(pilot, lambda: "The console is away" in shown(app))
        async with console(folder) as host:
            await until(pilot, lambda: NO_SHOW in shown(app))
            assert "away" not in shown(app)
            await pilot.press("space")
            host.shows()
            await until(pilot, lambda: "Say: one" in shown(app))
        await until(pilot, lambda: "The console is away" in shown(app))
        assert "Say: one" in shown(app), "what was known last can still be read"
        await pilot.press("space")
        await until(pilot, lambda: any("nothing was done" in str(one.message) for one in app._notifications))
        async with console(folder) as host:
            host.shows(replace(STANDING, title="Another step", step="leader-data"))
            await until(pilot, lambda: "Another step" in shown(app) and "away" not in shown(app))
            host.desk.take(None)
            await until(pilot, lambda: NO_SHOW in shown(app))
            assert "Another step" not in shown(app) and host.stage.done == []


async def test_a_console_that_says_nothing_any_more_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE", 0.2)
    async with console(folder) as host, reading(folder) as (app, pilot):
        host.shows()
        await until(pilot, lambda: "No word from the console" in shown(app))
        host.shows(replace(STANDING, elapsed=STANDING.elapsed + 1))
        await until(pilot, lambda: "1:02:06" in shown(app))
        assert "No word" not in shown(app)


async def test_lines_that_are_no_console_s_are_said_not_to_be_understood(folder: Path) -> None:
    async def strange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xfe\n" + json.dumps({"standing": {"lesson": [1]}}).encode() + b"\n")
        await reader.read()
        writer.close()

    async with door.opened(folder, strange), reading(folder) as (app, pilot):
        await until(pilot, lambda: "not understood" in shown(app))


HOSTILE = "\x1b]0;title\x07\x1b[2J[red]not markup[/red] \u202ewards\x9b31m"


async def test_nothing_in_it_is_obeyed_or_read_as_markup(folder: Path) -> None:
    said = Command("s", HOSTILE, HOSTILE)
    hostile = replace(
        STANDING, lesson_title=HOSTILE, title=HOSTILE, does=HOSTILE, command=said, next_title=HOSTILE,
        next_command=said, headline=HOSTILE, checks=(Held(HOSTILE, False, True, HOSTILE, HOSTILE),),
        warnings=(HOSTILE, "two\nlines"), notes=f"Say: {HOSTILE}\n\nAsked: {HOSTILE}? {HOSTILE}\n\n{HOSTILE}",
        question=Asked(HOSTILE, (HOSTILE, HOSTILE), 1, (HOSTILE, HOSTILE), False, (1, 2)), looking=HOSTILE,
    )  # fmt: skip
    async with console(folder) as host, reading(folder, (120, 40)) as (app, pilot):
        host.shows(hostile)
        await until(pilot, lambda: "[red]not markup[/red]" in shown(app))
        assert not [char for char in shown(app) if char != "\n" and not char.isprintable()]
        assert "two lines" in shown(app)


def content(standing: Standing) -> str:
    return view.notes(standing).plain


def test_who_presents_a_question_knows_the_answer_and_the_votes() -> None:
    asked = Asked("How many?", ("one", "two", "three"), 1, ("", "", ""), False)
    first = content(replace(STANDING, question=asked)).splitlines()[0]
    assert first == "The room is asked: b is right: two"
    known = replace(STANDING, question=replace(asked, revealed=True, votes=(1, 12, 0)))
    assert content(known).splitlines()[0] == "The room knows: b is right: two Votes: a 1, b 12, c 0."
    assert "is right" not in content(replace(STANDING, question=replace(asked, right=7)))


def test_a_step_without_notes_says_so() -> None:
    assert content(replace(STANDING, notes="  ")) == "No notes for this step."


@pytest.mark.parametrize(
    ("elapsed", "words"),
    [(0, "59:00 ahead of the plan"), (3540, "as planned"), (3660, "as planned"), (3661, "0:01 behind the plan")],
)
def test_a_show_is_as_planned_as_long_as_the_step_at_hand_has_time(elapsed: float, words: str) -> None:
    standing = replace(STANDING, planned=7140.0, remaining=3600.0, for_step=120.0, elapsed=elapsed)
    assert view.times(standing)[1].plain == words


def test_what_is_otherwise_than_usual_stands_beside_the_clock() -> None:
    odd = replace(
        STANDING, phase="stopped", looking="x", paused=True, black=True, own_shell=True, auto=True, speed=1.25
    )
    said = "  ".join(one.plain for one in view.signs(odd))
    assert said == (
        "STOPPED  ◂ the room looks back  ‖ paused  ■ the room sees nothing  your own shell  ▸ by itself  1.2×"
    )
    assert [one.plain for one in view.signs(STANDING)] == ["ready: Enter comes next"]


def test_checks_that_do_not_hold_come_first_and_are_not_all_told() -> None:
    bad = tuple(Held(f"check {number}", False, True, "no") for number in range(6))
    lines = view.checks((Held("it holds", True, True, "yes"), *bad)).plain.splitlines()
    assert lines[0] == "✗ check 0: no" and lines[-2:] == ["and 2 more that do not hold", "✓ 1 of 7 checks hold"]
    assert view.checks((Held("it holds", True, True, "yes"),)).plain == "✓ it holds"
    assert view.checks(()).plain == ""


def test_the_end_has_nothing_after_it() -> None:
    last = replace(STANDING, next_step="", next_title="", next_command=None, command=None)
    assert view.following(last).plain == "Then: nothing more, this is the last step."
    assert view.onward(last, "→").plain == "→ Enter"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_a_picture_of_it(folder: Path, snap_compare: Any, size: tuple[int, int]) -> None:
    app = NotesApp("pgha", folder)

    async def run(pilot: Pilot[Any]) -> None:
        tasks.append(asyncio.ensure_future(stand()))
        await until(pilot, lambda: app.screen.query("#elapsed"))
        await until(pilot, lambda: "Say: one" in shown(app))

    async def stand() -> None:
        async with console(folder) as host:
            host.shows()
            await asyncio.Event().wait()

    tasks: list[asyncio.Task[None]] = []
    before: Callable[[Pilot[Any]], Awaitable[None]] = run
    assert snap_compare(app, terminal_size=size, run_before=before)


async def test_its_terminal_is_killed_and_another_one_goes_on() -> None:
    argv = [sys.executable, "-m", "pghalab", "notes"]
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    async with console(lab_folder("pgha")) as host:
        host.shows()
        with Terminal(argv, columns=80, rows=24, env=env) as first:
            await asyncio.to_thread(first.wait_for, "Start Patroni on pgha1")
            assert await asyncio.to_thread(first.signal, signal.SIGKILL) == -signal.SIGKILL
        # Also where whoever started it has it ignore the signal, as nohup does.
        ignoring = ["sh", "-c", f"trap '' HUP; exec {shlex.join(argv)}"]
        with Terminal(ignoring, columns=80, rows=24, env=env) as hung_up:
            await asyncio.to_thread(hung_up.wait_for, "Start Patroni on pgha1")
            hung_up.hang_up()
            assert await asyncio.to_thread(hung_up.signal, signal.SIGHUP) == 128 + signal.SIGHUP
        with Terminal(argv, columns=80, rows=24, env=env) as second:
            await asyncio.to_thread(second.wait_for, "Start Patroni on pgha1")
            second.press(" ")
            async with asyncio.timeout(10):
                while host.stage.done != ["next"]:
                    await asyncio.sleep(0.02)
            second.press("b")
            host.shows(replace(STANDING, title="Black and going on"))
            await asyncio.to_thread(second.wait_for, "Black and going on")
            assert await asyncio.to_thread(second.signal, signal.SIGTERM) == 128 + signal.SIGTERM
            assert b"\x1b[?1049l" in second.seen, "the terminal is given back"
    assert not (lab_folder("pgha") / "settings.json").exists(), "it only looks"


def test_it_needs_a_terminal_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["notes"]) == 1
    assert "needs a terminal" in capsys.readouterr().err
    assert not lab_folder("pgha").exists()
