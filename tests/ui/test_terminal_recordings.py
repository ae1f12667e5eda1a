"""Programs of a real node in the widget: the rows that tmux shows too, how they look, and pictures of some."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.stage import until
from tests.ui.test_terminal import Alone, alone, drawn, reversed_cells, shown
from tests.unit.test_terminal_recordings import NAMES, recording


def data(moment: dict[str, Any]) -> bytes:
    """What the program wrote in one moment."""
    return bytes(moment["data"].encode("latin-1"))


@pytest.mark.parametrize("name", NAMES)
async def test_each_moment_is_painted(name: str) -> None:
    recorded = recording(name)
    async with alone((recorded["columns"], recorded["rows"] + 1)) as (app, pilot):
        for moment in recorded["moments"]:
            await drawn(app, pilot, data(moment))
            painted = [strip.text.rstrip() for strip in app.screen._compositor.render_strips()[: recorded["rows"]]]
            assert painted == shown(app) == moment["rows"], moment["typed"]


async def at(app: Alone, pilot: Pilot[None], name: str, typed: str) -> None:
    """Draw a recording up to and with the moment after this was typed."""
    for moment in recording(name)["moments"]:
        await drawn(app, pilot, data(moment))
        if moment["typed"] == typed:
            return
    raise AssertionError(f"{typed!r} was never typed")


async def test_less_shows_its_prompt_and_what_was_searched_for_reversed() -> None:
    async with alone((80, 25)) as (app, pilot):
        await at(app, pilot, "less", "/tcp\r")
        for y in range(23):
            found = [x for x in range(78) if shown(app)[y][x : x + 3] == "tcp"]
            assert reversed_cells(app, y) == [x + more for x in found for more in range(3)], y
        await at(app, pilot, "less", "G")
        assert reversed_cells(app, 23)[:5] == [0, 1, 2, 3, 4], "(END)"
        await pilot.press("up")
        assert app.took() == b"\x1bOA", "less asked for arrow keys of this kind"


async def test_top_has_its_header_reversed_as_far_as_it_writes_it() -> None:
    async with alone((80, 25)) as (app, pilot):
        await at(app, pilot, "top", "top -d 1\r")
        [header] = [y for y, row in enumerate(shown(app)) if row.lstrip().startswith("PID")]
        assert reversed_cells(app, header) == list(range(79)), "top leaves the last column out"


def up_to(name: str, typed: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """The moment of a picture."""

    async def run(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, Alone)
        app.view.focus()
        await until(pilot, lambda: app.view.terminal)
        await at(app, pilot, name, typed)

    return run


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize(("name", "typed"), [("vim", ":set number\r"), ("top", "1")], ids=["vim", "top"])
def test_picture(snap_compare: Any, name: str, typed: str, theme: str) -> None:
    app = Alone()
    app.theme = theme
    assert snap_compare(app, terminal_size=(80, 25), run_before=up_to(name, typed))
