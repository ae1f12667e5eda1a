"""The presenter lets a room see the screen by a key, and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import OptionList, Static

from pghalab.screens import room
from pghalab.screens.dialogs import Choose, Confirm
from pghalab.session.serving import Serving
from tests.ui.stage import Stage, opened, stage, until


def told(built: Stage) -> list[str]:
    return [note.message for note in built.app._notifications]


async def test_the_address_is_told_and_can_be_taken_back(folder: Path) -> None:
    built = stage(folder)
    app = built.app
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("enter")
        await until(pilot, lambda: app.session.serving.addresses)
        (address,) = app.session.serving.addresses
        assert address.startswith("http://127.0.0.1:")
        await until(pilot, lambda: any(address in toast for toast in told(built)))
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        assert address in str(app.screen.query_one(Static).render())
        await pilot.press("down", "enter")
        await until(pilot, lambda: not app.session.serving.addresses)
        await until(pilot, lambda: any("No room sees" in toast for toast in told(built)))


async def test_the_network_is_asked_about_again_and_no_is_the_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str] = []

    async def start(_: Serving, listen: str) -> tuple[str, ...]:
        began.append(listen)
        return ("http://192.0.2.1:80/x/",)

    monkeypatch.setattr(Serving, "start", start)
    built = stage(folder)
    app = built.app
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, built)
        for answer in ("enter", "y"):
            await pilot.press("V")
            await until(pilot, lambda: isinstance(app.screen, Choose))
            assert app.screen.query_one(OptionList).option_count == 2
            await pilot.press("down", "enter")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            assert "not encrypted" in str(app.screen.query_one(Static).render())
            await pilot.press(answer)
            await until(pilot, lambda: not isinstance(app.screen, Confirm))
        await until(pilot, lambda: began)
        assert began == [room.NETWORK]


async def test_a_console_that_only_looks_is_seen_by_nobody(folder: Path) -> None:
    built: Stage = stage(folder, driver="another console")
    app = built.app
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.session.state.read_only)
        await pilot.press("V")
        await until(pilot, lambda: any("only looks" in toast for toast in told(built)))
        assert not isinstance(app.screen, Choose)
