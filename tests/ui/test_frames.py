"""A screen is painted as soon as something changed on it."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from textual._compositor import Compositor, LayoutUpdate
from textual.app import App
from textual.content import Content
from textual.screen import UPDATE_PERIOD, Screen
from textual.widgets import Static

from pghalab.screens import frames
from pghalab.screens.console import ConsoleScreen
from pghalab.screens.dialogs import Confirm
from pghalab.screens.frames import BURST, FrameTimer
from pghalab.screens.home import HomeScreen
from pghalab.screens.live import LiveScreen
from pghalab.widgets.steady import SteadyText
from tests.ui.stage import stage, until


class Clock:
    """Stands still but for what is slept, and for what a test lets go by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(frames, "monotonic", lambda: self.now)
        monkeypatch.setattr(frames, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


async def test_each_change_is_painted_at_once_and_many_at_an_even_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    async with App[None]().run_test() as pilot:
        clock = Clock(monkeypatch)
        painted: list[float] = []

        def paint() -> None:
            painted.append(clock.now)
            timer.pause()

        timer = FrameTimer(pilot.app.screen, UPDATE_PERIOD, callback=paint, pause=True)
        timer._start()

        async def one() -> float:
            """Seconds until a change is painted."""
            began, before = clock.now, len(painted)
            timer.resume()
            await until(pilot, lambda: len(painted) > before)
            return painted[-1] - began

        async def changed(times: int, every: float) -> list[float]:
            """The same of so many changes, one after the other."""
            took = []
            for _ in range(times):
                took.append(await one())
                clock.now += every
            return took

        assert await changed(20, UPDATE_PERIOD) == [0.0] * 20
        # Painted late, as on a machine that has much to do, it is not late again.
        assert await changed(20, UPDATE_PERIOD * 1.9) == [0.0] * 20
        assert await changed(BURST, 0.0) == [0.0] * BURST
        assert await changed(5, 0.0) == pytest.approx([UPDATE_PERIOD] * 5)
        timer.stop()


async def test_what_is_painted_otherwise_meanwhile_is_not_painted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with App[None]().run_test() as pilot:
        painted: list[float] = []
        timer = FrameTimer(pilot.app.screen, 60.0, callback=lambda: painted.append(1.0), pause=True)
        woken = asyncio.Event()

        async def slept(_: float) -> None:
            timer.pause()
            woken.set()
            await asyncio.sleep(0)

        monkeypatch.setattr(frames, "sleep", slept)
        timer._start()
        timer.resume()
        await asyncio.wait_for(woken.wait(), 20)
        await pilot.pause()
        assert len(painted) == BURST
        timer.stop()


async def test_every_screen_of_the_console_is_painted_so(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test() as pilot:
        await until(pilot, lambda: isinstance(built.app.screen, ConsoleScreen))
        assert isinstance(built.app.screen._update_timer, FrameTimer)
        assert built.app.screen._update_timer in built.app.screen._timers


async def test_only_what_changed_is_painted_on_a_screen_that_hides_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = stage(folder)
    whole: list[Compositor] = []
    render = Compositor.render_full_update

    def full(compositor: Compositor, simplify: bool = False) -> LayoutUpdate:
        whole.append(compositor)
        return render(compositor, simplify)

    monkeypatch.setattr(Compositor, "render_full_update", full)
    async with built.app.run_test(size=(120, 30)) as pilot:
        app = built.app
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        home = app.screen
        app.push_screen(LiveScreen())
        await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen.is_mounted)
        await until(pilot, lambda: app.screen._compositor in whole)
        await pilot.pause()
        whole.clear()
        for text in ("once", "again"):
            home.query_one("#credit", Static).update(text)
            app.screen.query_one("#condition", SteadyText).say(Content(text))
            await until(pilot, partial(_shows, app.screen, text))
        assert whole == []
        await pilot.resize_terminal(80, 10)
        app.pop_screen()
        await until(pilot, lambda: home.has_class("-small") and home.has_class("-low"))
        assert str(home.query_one("#credit", Static).content) == "again"


async def test_what_is_seen_through_a_dialog_is_painted(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 30)) as pilot:
        app = built.app
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        home = app.screen
        app.ask("Sure?", "Yes", lambda: None)
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert home.is_current
        assert app._background_screens == [home]


def _shows(screen: Screen[object], text: str) -> bool:
    """The first line of the screen, as it was composed last, has this text."""
    return text in "".join(segment.text for segment in screen._compositor.render_strips()[0])
