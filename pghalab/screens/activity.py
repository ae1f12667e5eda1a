"""The line that says what runs elsewhere in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widgets import Static

from pghalab.registry.keymap import shown
from pghalab.widgets.glyphs import WARN
from pghalab.widgets.text import plain

if TYPE_CHECKING:
    from pghalab.screens.console import ConsoleScreen
    from pghalab.session.work import Work


def stoppable(screen: ConsoleScreen, work: Work) -> str:
    """What runs, and which key stops it; empty when nothing does."""
    text = work.activity()
    if not text or work.stopping:
        return text
    bound = (active.binding for active in screen.active_bindings.values())
    stops = next((shown(binding.key) for binding in bound if binding.action in ("stop", "stop_step")), "")
    return f"{text} · {stops} stops it" if stops else text


class Activity(Static):
    """Looks once a second what runs; is not there while nothing runs, or while its screen shows it anyway."""

    DEFAULT_CSS = "Activity { height: 1; width: 1fr; padding: 0 1; display: none; text-wrap: nowrap; }"

    def __init__(self) -> None:
        super().__init__("")
        self._busy = False

    def on_mount(self) -> None:
        """Look now, and let the time advance."""
        self.set_interval(1.0, self.look)
        self.look()

    def look(self) -> None:
        """Show what runs now."""
        screen = cast("ConsoleScreen", self.screen)
        session = screen.console.session
        text = "" if screen.shows_what_runs else stoppable(screen, session.work)
        self.display = bool(text)
        line = plain(text, WARN)
        if not isinstance(self.content, Content) or not line.is_same(self.content):
            self.update(line, layout=False)
        if self._busy != session.work.busy:
            self._busy = session.work.busy
            screen.refresh_bindings()
