"""The screen that a program on a node draws: fed with its bytes, read as rows of runs, with what scrolled away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pghalab.terminal.cells import Decoder, Row
from pghalab.terminal.engine import load
from pghalab.terminal.guard import Guard

SCROLLBACK = 10_000
"""Lines above the screen that are kept at least, as long as the program gave them no more than the usual styles."""

_MOST_LINES = 4 * SCROLLBACK
"""The engine's limit of lines. The one of bytes comes before it: feeding is ten times slower where this one is met."""


def _most_bytes(columns: int) -> int:
    """The engine's limit of bytes: 8 for a cell, and what a page of lines needs besides."""
    return SCROLLBACK * (9 * columns + 256)


LEAST = 2
"""Fewest columns and rows of a screen; a pane that is smaller shows a part of it."""


class Cursor(NamedTuple):
    """Where the cursor stands in the part that is shown, and how it looks: block, bar, underline or hollow."""

    x: int
    y: int
    shape: str


class Scrolled(NamedTuple):
    """Lines in all, the first one that is shown, and how many are."""

    total: int
    first: int
    shown: int

    @property
    def below(self) -> int:
        """Lines further down than what is shown; 0 where the program writes."""
        return max(0, self.total - self.first - self.shown)


class Modes(NamedTuple):
    """What the program asked for."""

    mouse: bool
    paste: bool
    focus: bool
    alternate: bool
    """It draws on a screen of its own, which has nothing above it."""
    alternate_scroll: bool
    """The wheel is arrow keys there."""


class Screen:
    """A terminal in memory. Titles, notifications and links end here, and so does what would go to a clipboard.

    `reply` is called with what the terminal answers the program (where its cursor is, what it can do), during `feed`.
    Raises NoEngineError where there is no engine.
    """

    def __init__(self, columns: int, rows: int, reply: Callable[[bytes], None]) -> None:
        engine = load()
        self._engine, self._ffi, self._lib = engine, engine.ffi, engine.lib
        new, lib = self._ffi.new, self._lib
        self.columns, self.rows = max(LEAST, columns), max(LEAST, rows)
        self._terminal = engine.pyghostty.Terminal(cols=self.columns, rows=self.rows, scrollback=_MOST_LINES)
        self._terminal.on_reply(reply)
        self._guard = Guard()
        self.handle = self._terminal._t[0]
        """The engine's own terminal, for its encoders of keys and mouse."""
        self._limit()
        self._set(lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_STORAGE_LIMIT, new("uint64_t*", 0))
        self._state = new("GhosttyRenderState*")
        lib.ghostty_render_state_new(self._ffi.NULL, self._state)
        self._iterator = new("GhosttyRenderStateRowIterator*")
        lib.ghostty_render_state_row_iterator_new(self._ffi.NULL, self._iterator)
        self._decoder = Decoder(engine)
        self._row_number = new("uint16_t*")
        self._selected = engine.pyghostty.core.init_sized("GhosttyRenderStateRowSelection")
        self._cursor = engine.pyghostty.core.init_sized("GhosttyRenderStateCursor")
        self._bar = new("GhosttyTerminalScrollbar*")
        self._compressed = new("GhosttyTerminalCompressionResult*")
        self.lines: list[Row] = []
        """The rows that are shown, as of the last `update`."""
        self.selection: list[tuple[int, int] | None] = []
        """The first and the last selected column of each row, as of the last `update`."""
        self._closed = False
        self.update()

    def _limit(self) -> None:
        limit = self._ffi.new("size_t*", _most_bytes(self.columns))
        self._set(self._lib.GHOSTTY_TERMINAL_OPT_SCROLLBACK_MAX_BYTES, limit)

    def _set(self, option: int, value: Any) -> None:
        self._check(self._lib.ghostty_terminal_set(self.handle, option, value))

    def _check(self, result: int) -> None:
        if result:
            raise self._engine.pyghostty.GhosttyError(f"the terminal engine refused: {result}")

    def feed(self, data: bytes) -> None:
        """Take in what the program wrote, in any pieces."""
        self._terminal.feed(self._guard.passed(data))

    def resize(self, columns: int, rows: int) -> None:
        """Another size; lines that were folded flow anew."""
        wider = columns > self.columns
        self.columns, self.rows = max(LEAST, columns), max(LEAST, rows)
        if wider:
            self._limit()
        self._terminal.resize(self.columns, self.rows)
        if not wider:
            self._limit()

    def update(self) -> list[int]:
        """Read the rows that changed since the last time; their numbers."""
        lib, state = self._lib, self._state[0]
        self._check(lib.ghostty_render_state_update(state, self.handle))
        if len(self.lines) != self.rows:
            self.lines = [()] * self.rows
            self.selection = [None] * self.rows
        changed = []
        lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, self._iterator)
        iterator = self._iterator[0]
        while lib.ghostty_render_state_row_iterator_next_dirty(iterator, self._row_number):
            number = int(self._row_number[0])
            self.lines[number] = self._decoder.row(iterator)
            none = lib.ghostty_render_state_row_get(
                iterator, lib.GHOSTTY_RENDER_STATE_ROW_DATA_SELECTION, self._selected
            )
            self.selection[number] = None if none else (int(self._selected.start_x), int(self._selected.end_x))
            changed.append(number)
        lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_CURSOR, self._cursor)
        lib.ghostty_render_state_clean(state)
        return changed

    @property
    def cursor(self) -> Cursor | None:
        """The cursor as of the last `update`; none where the program hides it or it is not in what is shown."""
        cursor = self._cursor
        if not (cursor.visible and cursor.viewport_has_value):
            return None
        shape = ("bar", "block", "underline", "hollow")[cursor.visual_style]
        return Cursor(int(cursor.viewport_x), int(cursor.viewport_y), shape)

    @property
    def scrolled(self) -> Scrolled:
        """Which part of all lines is shown."""
        self._lib.ghostty_terminal_get(self.handle, self._lib.GHOSTTY_TERMINAL_DATA_SCROLLBAR, self._bar)
        return Scrolled(int(self._bar.total), int(self._bar.offset), int(self._bar.len))

    def scroll(self, lines: int) -> None:
        """Show what is so many lines further down, or up when negative."""
        self._scroll(self._lib.GHOSTTY_SCROLL_VIEWPORT_DELTA, lines)

    def scroll_to_end(self) -> None:
        """Show where the program writes, and stay there."""
        self._scroll(self._lib.GHOSTTY_SCROLL_VIEWPORT_BOTTOM, 0)

    def _scroll(self, kind: int, lines: int) -> None:
        self._engine.scroll_viewport(self.handle, {"tag": kind, "value": {"delta": lines}})

    @property
    def modes(self) -> Modes:
        """What the program asked for by now."""
        mode = self._terminal.mode
        return Modes(
            mouse=any(mode(number) for number in (9, 1000, 1002, 1003)),
            paste=mode(2004),
            focus=mode(1004),
            alternate=self._terminal.get("active_screen", "GhosttyTerminalScreen")
            == self._lib.GHOSTTY_TERMINAL_SCREEN_ALTERNATE,
            alternate_scroll=mode(1007),
        )

    @property
    def text(self) -> str:
        """The rows that are shown as plain text, as of the last `update`."""
        return "\n".join("".join(run.text for run in row).rstrip() for row in self.lines)

    def rest(self) -> bool:
        """Pack a part of what scrolled away while nothing else is to be done; whether there is more to pack."""
        lib = self._lib
        mode = lib.GHOSTTY_TERMINAL_COMPRESSION_MODE_INCREMENTAL
        self._check(lib.ghostty_terminal_compress(self.handle, mode, self._compressed))
        return bool(self._compressed[0] == lib.GHOSTTY_TERMINAL_COMPRESSION_RESULT_PENDING)

    def close(self) -> None:
        """Give the engine's memory back; what is shown stays readable in `lines`."""
        if self._closed:
            return
        self._closed = True
        self._decoder.close()
        self._lib.ghostty_render_state_row_iterator_free(self._iterator[0])
        self._lib.ghostty_render_state_free(self._state[0])
        self._terminal.close()
