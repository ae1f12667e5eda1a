"""The Events pane: what changed in the cluster, the newest first, with times."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from pghalab.cluster.model import ClusterEvent
from pghalab.widgets.glyphs import BAD, OK, QUIET
from pghalab.widgets.scrolling import KeyScroll
from pghalab.widgets.text import plain

SHOWN = 200
"""How many events are shown."""


class EventsPane(KeyScroll):
    """Leader changed, member up or down, quorum lost or back, timeline advanced."""

    DEFAULT_CSS = """
    EventsPane { height: auto; width: 1fr; min-height: 2; padding: 0 1; scrollbar-size-vertical: 1; }
    EventsPane > .pane-title { height: 1; width: 1fr; text-style: bold; background: $panel; color: $foreground; }
    EventsPane:focus > .pane-title { background: $primary; color: $text; }
    EventsPane > .events { height: auto; width: 1fr; }
    EventsPane.-maximized { height: 1fr; width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="events.down"),
        Binding("k", "scroll_up", "Up", show=False, id="events.up"),
    ]
    ALLOW_MAXIMIZE = True

    def compose(self) -> ComposeResult:
        """The title line and the list."""
        yield Static(" Events", classes="pane-title", markup=False)
        yield Static(
            Content.styled("Nothing has happened yet: changes of the cluster appear here as they come.", QUIET),
            classes="events",
        )

    def show(self, events: Sequence[ClusterEvent]) -> None:
        """Show these events; the last of them comes first."""
        if not events:
            return
        lines = [_line(event) for event in list(events)[: -SHOWN - 1 : -1]]
        self.query_one(".events", Static).update(Content("\n").join(lines))
        self.query_one(".pane-title", Static).update(Content(f" Events  {len(events)}, the newest first"))


def _line(event: ClusterEvent) -> Content:
    glyph, style = ("✓", OK) if event.good else ("✗", BAD)
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    return Content.assemble((f"{clock} ", QUIET), (f"{glyph} ", style), (f"{event.kind:<8} ", QUIET), plain(event.text))
