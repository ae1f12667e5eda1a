"""The Events pane: what changed in the cluster, the newest first, with times."""

from __future__ import annotations

import time

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pghalab.cluster.model import ClusterEvent, Snapshot
from pghalab.widgets.glyphs import BAD, OK, QUIET
from pghalab.widgets.pane import LivePane
from pghalab.widgets.text import plain

SHOWN = 200
"""How many events are shown."""
QUIET_SO_FAR = "Nothing has happened yet: changes of the cluster appear here as they come."


class EventsPane(LivePane[tuple[ClusterEvent, ...]]):
    """Leader changed, member up or down, quorum lost or back, timeline advanced; its age is that of the last look."""

    DEFAULT_CSS = """
    EventsPane { min-height: 2; }
    EventsPane > .events { height: auto; width: 1fr; }
    """
    TITLE = "Events"
    NOTHING = "Nothing was looked at yet."
    _filled: tuple[ClusterEvent, ...] | None = None

    @property
    def heading(self) -> str:
        """The title with how many events there were."""
        count = len(self._snapshot.value or ()) if self._snapshot is not None else 0
        return f"{self.TITLE}  {count}, the newest first" if count else self.TITLE

    def body(self) -> Widget:
        """The list."""
        return Static(classes="events")

    @property
    def text(self) -> str:
        """The events, the newest first."""
        return "\n".join(_line(event).plain for event in reversed(self._filled or ()))

    def fill(self, snapshot: Snapshot[tuple[ClusterEvent, ...]] | None) -> Content:
        """Show these events, the last of them first, and say what to expect while there are none."""
        events = (snapshot.value if snapshot is not None else None) or ()
        if events != self._filled:
            self._filled = events
            lines = [_line(event) for event in events[: -SHOWN - 1 : -1]]
            self.query_one(".events", Static).update(Content("\n").join(lines))
        if snapshot is None:
            return Content.styled(self.NOTHING, QUIET)
        return Content("") if events else Content.styled(QUIET_SO_FAR, QUIET)


def _line(event: ClusterEvent) -> Content:
    glyph, style = ("✓", OK) if event.good else ("✗", BAD)
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    return Content.assemble((f"{clock} ", QUIET), (f"{glyph} ", style), (f"{event.kind:<8} ", QUIET), plain(event.text))
