"""What a step printed, and what it should print, on the whole screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from pghalab.screens.console import ConsoleScreen
from pghalab.screens.messages import hears
from pghalab.session.events import RunFinished, RunProgressed
from pghalab.values import dataclass
from pghalab.widgets.glyphs import QUIET
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings
from pghalab.widgets.output import OutputView
from pghalab.widgets.text import plain


@dataclass(frozen=True, slots=True)
class Page:
    """A text of lines, which may still grow."""

    title: str
    lines: Callable[[int], Sequence[str]]
    """By the number of columns there are."""


class WideScreen(ConsoleScreen):
    """Shows one page at a time, never folded; a selection with the mouse takes nothing else along."""

    DEFAULT_CSS = """
    WideScreen #head { height: 1; width: 1fr; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    WideScreen OutputView { height: 1fr; max-height: 100%; padding: 0; background: $background; }
    """
    HELP = """\
# The whole width
Nothing is folded or cut here. **{wide.other}** shows the next page, **{wide.back}** goes back.
"""
    BINDINGS: ClassVar[list[BindingType]] = bindings("wide")

    def __init__(self, title: str, pages: Sequence[Page]) -> None:
        super().__init__()
        self._title = title
        self._pages = pages
        self._at = 0
        self._width = 0

    def compose(self) -> ComposeResult:
        """Which page it is, and the page."""
        yield Static("", id="head")
        yield OutputView(folds=False)
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Start with the first line: what the text speaks of first."""
        self.query_one(OutputView).focus()
        self._show()
        self.call_after_refresh(self.action_edge, 0)

    def _show(self) -> None:
        page = self._pages[self._at]
        place = f"  {self._at + 1} of {len(self._pages)}" if len(self._pages) > 1 else ""
        head = Content.assemble((page.title, "bold"), (place, QUIET), "  ", plain(self._title, QUIET))
        self.query_one("#head", Static).update(head)
        self._width = self.app.size.width
        self.query_one(OutputView).show(page.lines(self._width - 1), follow=False)

    def on_resize(self) -> None:
        """Lay the page out anew."""
        if self.is_mounted and self.app.size.width != self._width:
            self._show()

    @hears(RunProgressed, RunFinished)
    def _progressed(self) -> None:
        self._show()

    def action_other(self) -> None:
        """Show the next page, or the first again."""
        self._at = (self._at + 1) % len(self._pages)
        self._show()
        self.call_after_refresh(self.action_edge, 0)

    def action_sideways(self, by: int) -> None:
        """Scroll by half a screen."""
        self.query_one(OutputView).sideways(by)

    def action_edge(self, last: int) -> None:
        """Go to the first or the last line."""
        view = self.query_one(OutputView)
        view.scroll_to(x=0, y=view.max_scroll_y if last else 0, animate=False, immediate=True)

    def action_copy_all(self) -> None:
        """Copy the page."""
        self.console.copy(self.query_one(OutputView).text, self._pages[self._at].title.lower())
