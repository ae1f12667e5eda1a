"""Pictures of what a room sees, on a projector's terminal and on a small one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from pghalab.session.events import VotesCounted
from tests.ui.stage import Stage
from tests.ui.test_demo import Hall, Size, built, presented

__all__ = ["built"]
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)


def shows(built: Stage, moves: Callable[[Hall], Awaitable[None]]) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Begin a show, and bring it where the picture is taken."""

    async def run(pilot: Pilot[Any]) -> None:
        await moves(await presented(built, pilot))
        await pilot.pause()

    return run


async def said(at: Hall) -> None:
    await at.to("second-start")


async def asked(at: Hall) -> None:
    await at.to("first-question")
    at.built.app.session.bus.publish(VotesCounted("first-question", (12, 31, 4)))
    await at.sees("31")


async def typed(at: Hall) -> None:
    await at.to("second-start")
    await at.press("pagedown")
    await at.comes("ready")
    await at.sees("2>&1 &")


async def seen(at: Hall) -> None:
    await typed(at)
    await at.press("pagedown")
    await at.comes("seen")
    await at.sees("1 of 1 hold")


async def looked_back(at: Hall) -> None:
    await seen(at)
    await at.press("pagedown", "pagedown")
    await at.comes("say", "second-edit")
    await at.press("pageup")
    await at.sees("postgres@pgha1 $", "◂")


@SIZES
@pytest.mark.parametrize("moves", [said, asked, typed, seen], ids=lambda moves: moves.__name__)
def test_what_the_room_sees(
    built: Stage, snap_compare: Any, size: Size, moves: Callable[[Hall], Awaitable[None]]
) -> None:
    assert snap_compare(built.app, terminal_size=size, run_before=shows(built, moves))


def test_looking_back(built: Stage, snap_compare: Any) -> None:
    assert snap_compare(built.app, terminal_size=(120, 40), run_before=shows(built, looked_back))


def test_on_a_light_background(built: Stage, snap_compare: Any) -> None:
    settings = Path(built.folder.parent, "state", "settings.toml")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('[demo]\nbackground = "light"\n')
    assert snap_compare(built.app, terminal_size=(120, 40), run_before=shows(built, seen))
