"""What every live pane owes its reader: the age of the data, a mark when it is old, and three explicit states."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pghalab.cluster.cells import Column, Sheet, printed
from pghalab.cluster.model import Snapshot
from pghalab.cluster.units import ago
from pghalab.registry.actions import ACTIONS
from pghalab.widgets import glyphs
from pghalab.widgets.keys import bindings, key
from pghalab.widgets.scrolling import KeyScroll
from pghalab.widgets.table import Table

FRESH_FOR = 6.0
"""Seconds within which a healthy source is looked at again; until then the exact age is not worth a repaint."""
STALE_AFTER = 10.0
"""Seconds after which data is marked as old."""

T = TypeVar("T")


class LivePane(KeyScroll, Generic[T]):
    """A title with the age of the data, a summary, and a table; or why there is none."""

    DEFAULT_CSS = """
    LivePane { height: auto; width: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    LivePane > .pane-title { height: 1; width: 1fr; text-style: bold; background: $panel; color: $foreground; }
    LivePane:focus > .pane-title { background: $primary; color: $text; }
    LivePane > .pane-summary { height: auto; width: 1fr; }
    LivePane.-maximized { height: 1fr; width: 1fr; }
    """
    ALLOW_MAXIMIZE = True
    BINDINGS: ClassVar[list[BindingType]] = bindings("pane")
    TITLE = ""
    nothing = ""
    """What is said while there are no data."""
    COLUMNS: ClassVar[tuple[Column, ...]] = ()

    def __init__(self, *, id: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
        self._snapshot: Snapshot[T] | None = None
        self._title = ""
        self._summary: Content | None = None
        self._paused = False
        self.recorded = False
        """What it shows is of a recording, and of no age."""

    def compose(self) -> ComposeResult:
        """The title line, the summary, the table."""
        yield Static(f" {self.jump}{self.TITLE}", classes="pane-title", markup=False)
        yield Static("", classes="pane-summary")
        yield self.body()

    def on_mount(self) -> None:
        """Start with what is known."""
        self._paint()

    @property
    def state(self) -> str:
        """`none`, `data`, `stale` or `failed`."""
        if self._snapshot is None or (self._snapshot.value is None and not self._snapshot.error):
            return "none"
        if self._snapshot.value is None:
            return "failed"
        return "stale" if self._clock() - self._snapshot.taken_at > STALE_AFTER else "data"

    def show(self, snapshot: Snapshot[T] | None) -> None:
        """Show a new look, or that there was none yet."""
        self._snapshot = snapshot
        if self.is_mounted:
            self._paint()

    def without(self, words: str) -> None:
        """Say this while there are no data."""
        if words != self.nothing:
            self.nothing = words
            self.show(self._snapshot)

    def pause(self, paused: bool) -> None:
        """Say whether the pane stands still because the reader wants it to."""
        self._paused = paused
        self.tick()

    def tick(self) -> None:
        """Let the shown age advance; called once a second while the pane is visible."""
        width = self.content_size.width
        if not width:
            return
        left = f" {self.jump}{self.heading}"
        right, style = self._age()
        gap = max(1, width - len(left) - len(right) - 1)
        title = f"{left}{' ' * gap}{right} "
        if title != self._title:
            self._title = title
            self.query_one(".pane-title", Static).update(
                Content.assemble(left, " " * gap, (f"{right} ", style)), layout=False
            )

    def on_resize(self) -> None:
        """Keep the age at the right edge."""
        self.tick()

    @property
    def jump(self) -> str:
        """The key that leads here, in front of the title."""
        name = f"panes.{self.id}"
        return f"{key(self, name)} " if name in ACTIONS else ""

    @property
    def heading(self) -> str:
        """What stands at the left of the title line."""
        return self.TITLE

    def body(self) -> Widget:
        """What stands below the summary."""
        return Table(self.COLUMNS)

    def sheet(self, snapshot: Snapshot[T]) -> Sheet:
        """The lines above the table, and its rows."""
        raise NotImplementedError

    def fill(self, snapshot: Snapshot[T] | None) -> Content:
        """Show what was seen in the body, and give what stands above it."""
        if snapshot is None or (snapshot.value is None and not snapshot.error):
            self.query_one(Table).show(())
            return Content.styled(self.nothing, "dim")
        sheet = self.sheet(snapshot)
        self.query_one(Table).show([[glyphs.drawn(cell) for cell in row] for row in sheet.rows])
        return Content("\n").join(map(glyphs.line, sheet.lines))

    @property
    def text(self) -> str:
        """What was seen, whole, as `status` prints it; empty before anything was."""
        return "" if self._snapshot is None else "\n".join(printed(self.sheet(self._snapshot)))

    def action_copy(self) -> None:
        """Copy it."""
        if self.text:
            self.app.copy_to_clipboard(self.text)

    def _age(self) -> tuple[str, str]:
        if self._snapshot is None:
            return "no data", "dim"
        if self.recorded:
            return "■ RECORDED", "bold $text-warning"
        seconds = self._clock() - self._snapshot.taken_at
        age = ago(seconds)
        if self._paused:
            return f"‖ PAUSED {age}", "bold $text-warning"
        match self.state:
            case "failed":
                return f"✗ FAILED {age} ago", "bold $text-error"
            case "stale":
                return f"! STALE {age}", "bold $text-warning"
            case "none":
                return "no data", "dim"
        return ("● live, < 6 s", "dim") if seconds < FRESH_FOR else (f"{age} ago", "dim")

    def _paint(self) -> None:
        self.tick()
        self._say(self.fill(self._snapshot))

    def _say(self, summary: Content) -> None:
        if self._summary is not None and summary.is_same(self._summary):
            return
        self._summary = summary
        line = self.query_one(".pane-summary", Static)
        line.display = bool(summary.plain)
        line.update(summary)
