"""The card of a step by itself: where its command runs."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.strip import Strip

from pghalab.course.kinds import Card, Where
from pghalab.widgets.command import CommandText
from pghalab.widgets.step_card import StepCard


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Where("pgha1", "postgres", "psql"), "postgres@pgha1 $ psql"),
        (Where("all", "root", "cat /etc/hosts"), "root on every node # cat /etc/hosts"),
    ],
)
async def test_a_card_says_as_whom_and_where_a_command_runs(where: Where, words: str) -> None:
    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            yield StepCard(Card("command", editable=True, copyable=True), where)

    app = Alone()
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        assert words in "\n".join(strip.text for strip in _lines(app.query_one(CommandText)))


def _lines(part: CommandText) -> list[Strip]:
    return [part.render_line(row) for row in range(part.size.height)]
