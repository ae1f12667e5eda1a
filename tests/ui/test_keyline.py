"""The line of keys at the bottom of a screen that is too narrow for all of them."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from pghalab.widgets.keyline import KeyLine
from tests.ui.stage import stage, until
from tests.ui.test_console import at_step


async def test_nothing_of_the_keys_below_it_shows_beside_the_last_one(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        footer = screen.query_one(Footer)
        await until(pilot, lambda: footer.max_scroll_x > 0)
        row = screen._compositor.render_strips()[footer.region.y].text
        assert row.endswith("palette ")
        last = screen.query_one("FooterKey.-command-palette", FooterKey)
        assert last.region.right == footer.region.right


async def test_keys_stand_there_whole_or_not_at_all(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(80, 24)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        footer = screen.query_one(KeyLine)

        def row() -> str:
            return str(screen._compositor.render_strips()[footer.region.y].text)

        for width in (80, 60, 100, 120, 80):
            await pilot.resize_terminal(width, 24)
            await until(pilot, lambda: "esc Home ? Help" in row())
            palette = screen.query_one("FooterKey.-command-palette", FooterKey)
            keys = [one for one in screen.query(FooterKey) if one is not palette]
            assert all(one.region.right <= palette.region.x for one in keys)
            words = {one.description for one in keys}
            assert {"Go on", "Run", "Next"} <= words and ("Wide" in words) is (width > 80)
