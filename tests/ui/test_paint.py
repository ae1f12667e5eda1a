"""What a shell prints is painted at once, and stands on the terminal as a painting of everything would put it there."""

from __future__ import annotations

from typing import Any

import pytest
from textual._compositor import CompositorUpdate, LayoutUpdate
from textual.containers import Vertical
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from pghalab.terminal.cells import Row
from pghalab.terminal.terminal import Terminal
from pghalab.widgets import paint
from tests.ui.stage import until
from tests.ui.test_terminal import COLUMNS, ROWS, Alone, alone, drawn


class Told:
    """A terminal that gets what the app paints, each painting by itself."""

    def __init__(self, app: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
        self._app = app
        self._terminal = Terminal(COLUMNS, ROWS + 1, lambda reply: None)
        self.at_once = 0
        monkeypatch.setattr(app, "_display", self._display)

        def counted(*args: Any) -> CompositorUpdate:
            self.at_once += 1
            return LayoutUpdate(*args)

        monkeypatch.setattr(paint, "LayoutUpdate", counted)

    def _display(self, screen: object, update: object) -> None:
        if isinstance(update, CompositorUpdate):
            self._terminal.screen.feed(update.render_segments(self._app.console).encode())

    @property
    def text(self) -> str:
        """What stands on it."""
        self._terminal.screen.update()
        return self._terminal.screen.text

    @property
    def rows(self) -> tuple[Row, ...]:
        """The same with its colours."""
        self._terminal.screen.update()
        return tuple(self._terminal.screen.lines)

    async def whole(self, pilot: Pilot[None]) -> tuple[Row, ...]:
        """What stands on it after all of the screen was painted."""
        self._app.refresh()
        await pilot.pause()
        return self.rows


LINES = ("$ ", "e", "c", "h", "o\x1b[1;32m hi\x1b[m", "\r\n", "hi\r\n", "\x1b[4;1Hlow", "\x1b[2K", "\x1b[Hhigh", "日本")


@pytest.mark.parametrize("bordered", [False, True], ids=["plain", "bordered"])
async def test_what_is_painted_at_once_is_what_all_would_be(monkeypatch: pytest.MonkeyPatch, bordered: bool) -> None:
    async with alone(bordered=bordered) as (app, pilot):
        told = Told(app, monkeypatch)
        await told.whole(pilot)
        for number, line in enumerate(LINES, 1):
            await drawn(app, pilot, line)
            assert told.at_once >= number, "not painted by itself"
            assert told.rows == await told.whole(pilot), repr(line)
        assert "high" in told.text and "日本" in told.text


async def test_many_rows_are_left_to_the_compositor(monkeypatch: pytest.MonkeyPatch) -> None:
    async with alone() as (app, pilot):
        told = Told(app, monkeypatch)
        await told.whole(pilot)
        await drawn(app, pilot, "\r\n".join(str(number) for number in range(ROWS)))
        assert told.at_once == 0 and str(ROWS - 1) in told.text


class Note(Vertical):
    """Something that lies over a part of the screen."""

    DEFAULT_CSS = "Note { layer: above; dock: top; height: 2; width: 12; background: red; }"


async def test_nothing_is_painted_over_what_lies_above(monkeypatch: pytest.MonkeyPatch) -> None:
    async with alone() as (app, pilot):
        told = Told(app, monkeypatch)
        app.screen.styles.layers = "default above"
        await app.screen.mount(Note(Static("a note")))
        await told.whole(pilot)
        assert "a note" in told.text
        await drawn(app, pilot, "".join(f"\x1b[{row + 1};1H{'x' * COLUMNS}" for row in range(2)))
        assert told.at_once == 0 and "a note" in told.text and told.rows == await told.whole(pilot)
        await drawn(app, pilot, "\x1b[4;1Hbelow it")
        # The cursor left a row that is covered.
        assert told.at_once == 0 and "below it" in told.text
        await drawn(app, pilot, " and more")
        assert told.at_once == 1 and told.rows == await told.whole(pilot)


async def test_nothing_is_painted_over_another_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    async with alone() as (app, pilot):
        told = Told(app, monkeypatch)
        await app.push_screen(Screen())
        before = await told.whole(pilot)
        await drawn(app, pilot, "$ ls")
        assert told.at_once == 0 and told.rows == before == await told.whole(pilot)


async def test_a_view_is_told_of_its_size_however_early_something_is_painted_in_it() -> None:
    async with alone() as (app, pilot):
        hidden = Static("hidden")
        hidden.display = False
        await app.screen.mount(hidden)
        await pilot.pause()
        before = app.view.room
        # As for each widget that wants to be painted before it is arranged.
        app.screen._compositor.update_widgets({hidden})
        app.query_one("#other").display = False
        app.view.feed(b"$ echo")
        await until(pilot, lambda: app.view.room != before)
        await until(pilot, lambda: ("size", *app.view.room) in app.said)
