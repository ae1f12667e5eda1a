"""The card of a step before a room."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from pghalab.session.step_run import StepRun
from pghalab.widgets.output import OutputView
from pghalab.widgets.room_card import RoomCard
from tests.shipped import shipped_course
from tests.ui.stage import until

BUILD = shipped_course().step("image-build")


class Hall(App[None]):
    """A card, and what comes below it."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield RoomCard()
            below = Static("checks\n" * 8)
            below.display = False
            yield below


async def test_the_end_of_the_output_is_seen_also_when_the_checks_take_some_of_its_height() -> None:
    run = StepRun(BUILD.id)
    run.buffer.feed("".join(f"line {number}\n" for number in range(60)))
    app = Hall()
    async with app.run_test(size=(80, 24)) as pilot:
        card, below = app.query_one(RoomCard), app.query_one("Hall Vertical > Static", Static)
        view = card.query_one(OutputView)
        card.show(BUILD, BUILD.kind.where, run)
        await until(pilot, lambda: view.max_scroll_y > 0 and view.is_vertical_scroll_end)
        height = view.size.height
        below.display = True
        await until(pilot, lambda: view.size.height < height)
        card.show(BUILD, BUILD.kind.where, run)
        await until(pilot, lambda: view.is_vertical_scroll_end)
