"""The log viewer: the whole output of a step, read from disk a piece at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from pghalab.cluster.units import size
from pghalab.screens.console import ConsoleScreen
from pghalab.session.output import OutputBuffer
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings
from pghalab.widgets.output import OutputView
from pghalab.widgets.text import plain

PIECE = 512 * 1024
"""Bytes of the log that are held at a time."""
LOOK_EVERY = 1.0
"""Seconds between two looks whether the log has grown: the step may still be running."""


class LogScreen(ConsoleScreen):
    """Pages through a log of any size; follows one that grows."""

    DEFAULT_CSS = """
    LogScreen #head { height: auto; max-height: 3; background: $panel; padding: 0 1; }
    LogScreen OutputView { height: 1fr; max-height: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("log")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._at = 0
        self._pieces = 1
        self._total = -1
        """Bytes of the log when it was last read."""

    def compose(self) -> ComposeResult:
        """The path and the text."""
        yield Static(plain(str(self._path)), id="head")
        yield OutputView(id="text")
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Start at the end, where the result is."""
        self.query_one(OutputView).focus()
        self._load(-1)
        self.set_interval(LOOK_EVERY, self._follow)

    def _follow(self) -> None:
        """Read what came since, unless the reader is somewhere before the last piece."""
        try:
            grown = self._path.stat().st_size != self._total
        except OSError:
            return
        if grown and self._at == self._pieces - 1:
            self._load(-1 if self.query_one(OutputView).is_vertical_scroll_end else self._at)

    @work(exclusive=True, exit_on_error=False)
    async def _load(self, piece: int, *, last: bool | None = None) -> None:
        """Show a piece: its first or its `last` line, or what stands where the reader was."""
        try:
            text, total, at = await asyncio.to_thread(_read, self._path, piece)
        except OSError as error:
            self.query_one("#head", Static).update(plain(f"{self._path}: {error.strerror}", "$text-error"))
            return
        self._pieces, self._at, self._total = max(1, -(-total // PIECE)), at, total
        buffer = OutputBuffer(limit=PIECE)
        buffer.feed(text)
        buffer.close()
        view = self.query_one(OutputView)
        view.show(buffer.lines, follow=last is None)
        if last is not None:
            self.call_after_refresh(view.scroll_to, y=view.max_scroll_y if last else 0, animate=False)
        place = f"{size(total)} · piece {at + 1} of {self._pieces} · {self._path}"
        self.query_one("#head", Static).update(plain(place))

    def action_piece(self, by: int) -> None:
        """Go to another piece."""
        if 0 <= self._at + by < self._pieces:
            self._load(self._at + by, last=False)

    def action_edge(self, last: int) -> None:
        """Go to the first or the last line."""
        self._load(-1 if last else 0, last=bool(last))

    def action_copy_path(self) -> None:
        """Copy where the log lies."""
        self.console.copy(str(self._path), "the path")

    def action_copy_text(self) -> None:
        """Copy the log, of a long one the piece that is shown."""
        what = "the log" if self._pieces == 1 else f"piece {self._at + 1} of {self._pieces}"
        self.console.copy(self.query_one(OutputView).text, what)


def _read(path: Path, piece: int) -> tuple[str, int, int]:
    total = path.stat().st_size
    last = max(0, -(-total // PIECE) - 1)
    at = last if piece < 0 else min(piece, last)
    with path.open("rb") as file:
        file.seek(at * PIECE)
        return file.read(PIECE).decode("utf-8", "replace"), total, at
