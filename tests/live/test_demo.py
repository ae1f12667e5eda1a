"""Lessons shown to a room on a real lab and a real terminal: by themselves, and by the four keys of a remote."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pghalab.course.journal import Journal
from pghalab.course.load import load_course
from pghalab.lab.host.paths import lab_folder, state_dir
from pghalab.lab.settings import LabSettings, save_settings
from pghalab.session.demo.desk import Heard, Reader
from pghalab.session.demo.standing import Standing
from tests.drawn import Drawn
from tests.live.conftest import MakeSettings

NEXT, BACK, BLACK, OUT = "\x1b[6~", "\x1b[5~", "b", "\x1b"
"""What a presentation remote sends."""
ETCD = ("etcd-config", "etcd-start")
CLUSTER = ("patroni-config", "leader", "replicas")
LIMIT = 900.0
GETS_READY = 240.0


class Notes:
    """How the show stands, as its presenter reads it in another terminal."""

    def __init__(self, lab: str) -> None:
        self.heard: list[Standing] = []
        self._reader = Reader(lab_folder(lab), self._hear)
        self._news = asyncio.Event()
        self._task = asyncio.ensure_future(self._reader.follow())

    def _hear(self, heard: Heard) -> None:
        if heard.standing is not None:
            self.heard.append(heard.standing)
        self._news.set()

    @property
    def now(self) -> Standing | None:
        return self.heard[-1] if self.heard else None

    async def until(self, drawn: Drawn, holds: Callable[[Standing], object], limit: float) -> Standing:
        """Wait until it stands so, while the room's screen is read on."""
        try:
            async with asyncio.timeout(limit):
                while (now := self.now) is None or not holds(now):
                    assert now is None or now.phase != "stopped", f"{now.warnings}\n{drawn.screen}"
                    self._news.clear()
                    _ = drawn.screen
                    try:
                        async with asyncio.timeout(0.05):
                            await self._news.wait()
                    except TimeoutError:
                        continue
        except TimeoutError:
            raise TimeoutError(f"it stands so: {self.now}\n{drawn.screen}") from None
        return now

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


def begun(settings: LabSettings, lessons: tuple[str, ...], *options: str, size: tuple[int, int] = (120, 40)) -> Drawn:
    """A show of some lessons."""
    argv = [sys.executable, "-m", "pghalab", "--lab", settings.name, "demo", *lessons, *options]
    return Drawn(argv, *size, {"PYTHONPATH": str(Path.cwd())})


def done(settings: LabSettings, lessons: tuple[str, ...], heard: list[Standing]) -> None:
    """Each step was shown, what is typed was typed, and nothing of the presenter's was told to the room."""
    course = load_course()
    steps = [step for lesson in course.lessons if lesson.id in lessons for step in lesson.steps]
    # The notes are told the newest only: what is only read may be over before.
    told = list(dict.fromkeys(one.step for one in heard))
    ids = [step.id for step in steps]
    assert told == [step for step in ids if step in told]
    assert {step.id for step in steps if step.kind.acts} <= set(told)
    entries = list(Journal(state_dir(settings.name) / "journal").entries())
    typed = [entry["step"] for entry in entries if entry["event"] == "CommandStarted" and entry.get("typed")]
    wanted = [step.id for step in steps if step.kind.card is not None and step.kind.card.copyable]
    assert set(wanted) <= set(typed), "typed into the shell, as a person does"
    last = [command.step for command in heard[-1].commands if command.step in wanted]
    assert last and last == wanted[-len(last) :]


@pytest.mark.parametrize(
    ("lessons", "size"),
    [
        (ETCD, (120, 40)),
        pytest.param(CLUSTER, (120, 40), marks=pytest.mark.soak),
        pytest.param((*ETCD, *CLUSTER), (80, 24), marks=pytest.mark.soak),
    ],
    ids=str,
)
async def test_a_show_goes_on_by_itself(
    make_settings: MakeSettings, lessons: tuple[str, ...], size: tuple[int, int]
) -> None:
    settings = await make_settings(5)
    save_settings(settings)
    room, notes = begun(settings, lessons, "--auto", "--instant", size=size), Notes(settings.name)
    try:
        await notes.until(room, lambda now: now.phase == "say", GETS_READY)
        await notes.until(room, lambda now: now.phase == "over", LIMIT)
        room.until(lambda screen: "Thank you" in screen, "the end")
        done(settings, lessons, notes.heard)
    finally:
        await notes.close()
        room.close()


@pytest.mark.parametrize(
    "lessons",
    [
        ETCD[:1],
        pytest.param(ETCD[1:], marks=pytest.mark.soak),
        pytest.param(CLUSTER, marks=pytest.mark.soak),
    ],
    ids=str,
)
async def test_the_four_keys_of_a_remote_show_them(make_settings: MakeSettings, lessons: tuple[str, ...]) -> None:
    settings = await make_settings(5)
    save_settings(settings)
    room, notes = begun(settings, lessons, "--speed", "8"), Notes(settings.name)
    try:
        await notes.until(room, lambda now: now.phase == "say", GETS_READY)
        room.press(BLACK)
        await notes.until(room, lambda now: now.black, 10)
        room.until(lambda screen: not screen.strip(), "a black screen")
        room.press(NEXT)
        await notes.until(room, lambda now: not now.black, 10)
        looked_back = False
        while (now := await notes.until(room, lambda now: now.phase in ("say", "ready", "seen", "over"), 180)) and (
            now.phase != "over"
        ):
            if now.phase == "seen" and now.commands and not looked_back:
                looked_back = True
                room.press(BACK)
                await notes.until(room, lambda now: now.looking, 10)
                room.press(OUT)
                await notes.until(room, lambda now: not now.looking, 10)
            before = len(notes.heard)
            room.press(NEXT)
            # The same page may have another screenful, of which the notes are not told.
            await asyncio.sleep(0)
            shown = room.screen
            await _moved(notes, room, before, shown, now)
        room.until(lambda screen: "Thank you" in screen, "the end")
        done(settings, lessons, notes.heard)
        assert looked_back
        room.press(OUT)
        await asyncio.wait_for(asyncio.to_thread(_ended, room), 30)
    finally:
        await notes.close()
        room.close()


async def _moved(notes: Notes, room: Drawn, before: int, shown: str, was: Standing) -> None:
    """A key has had its effect: the show stands otherwise, or another screenful is seen."""
    async with asyncio.timeout(60):
        while True:
            told = [(one.step, one.phase) for one in notes.heard[before:]]
            if any(one != (was.step, was.phase) for one in told) or room.screen != shown:
                return
            await asyncio.sleep(0.02)


def _ended(room: Drawn) -> None:
    while room.is_running:
        _ = room.screen
