"""A part of a screen that is marked: by the mouse, or because it is what was searched for; and its text."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pghalab.terminal.engine import load
from pghalab.terminal.screen import Screen
from pghalab.text import harmless

MOST_NEEDLE = 1000
"""Longest text that is searched for, in characters."""


class Unit(Enum):
    """What one click marks."""

    CELL = 1
    WORD = 2
    LINE = 3


class Marking:
    """What is marked on one screen; the engine keeps it where it is while lines scroll."""

    def __init__(self, screen: Screen) -> None:
        engine = load()
        self._screen, self._ffi, self._lib, self._pyghostty = screen, engine.ffi, engine.lib, engine.pyghostty
        self._anchor: Any = None
        self._place: tuple[int, int, bool] = (0, 0, False)
        """The screen that the anchor is on: its size, and whether it is a program's own."""
        self._unit = Unit.CELL
        self._search: Any = None
        self._needle = ""

    def _sized(self, name: str) -> Any:
        return self._pyghostty.core.init_sized(name)

    def start(self, x: int, y: int, unit: Unit = Unit.CELL) -> None:
        """The mouse went down on a cell of what is shown; words and lines are marked at once."""
        self.clear()
        anchor = self._ffi.new("GhosttyTrackedGridRef*")
        if not load().track(self._screen.handle, self._point(x, y), anchor):
            self._anchor, self._unit, self._place = anchor, unit, self._here
        if unit is not Unit.CELL:
            self.extend(x, y)

    def extend(self, x: int, y: int) -> None:
        """The mouse moved on to a cell, with its button down."""
        if self._anchor is None:
            return
        start = self._sized("GhosttyGridRef")
        gone = self._lib.ghostty_tracked_grid_ref_snapshot(self._anchor[0], start)
        if gone or self._place != self._here:
            # What was clicked has scrolled out of all that is kept, or is on another screen or flowed anew: the engine
            # must not be asked for what is between two screens.
            self.clear()
            return
        end = self._terminal_ref(x, y)
        marked = self._sized("GhosttySelection")
        marked.start, marked.end = start[0], end[0]
        if self._unit is not Unit.CELL:
            first, last = self._whole(start), self._whole(end)
            if first is None or last is None:
                return
            down = self._order(marked) == self._lib.GHOSTTY_SELECTION_ORDER_FORWARD
            marked.start = first.start if down else first.end
            marked.end = last.end if down else last.start
        self._mark(marked)

    @property
    def _here(self) -> tuple[int, int, bool]:
        return self._screen.columns, self._screen.rows, self._screen.modes.alternate

    def _whole(self, ref: Any) -> Any:
        """The word or line around a cell, or nothing where there is none."""
        lib, terminal = self._lib, self._screen.handle
        found = self._sized("GhosttySelection")
        if self._unit is Unit.WORD:
            options = self._sized("GhosttyTerminalSelectWordOptions")
            options.ref = ref[0]
            result = lib.ghostty_terminal_select_word(terminal, options, found)
        else:
            options = self._sized("GhosttyTerminalSelectLineOptions")
            options.ref = ref[0]
            result = lib.ghostty_terminal_select_line(terminal, options, found)
        return None if result else found

    def _order(self, marked: Any) -> int:
        order = self._ffi.new("GhosttySelectionOrder*")
        self._lib.ghostty_terminal_selection_order(self._screen.handle, marked, order)
        return int(order[0])

    def _point(self, x: int, y: int) -> Any:
        point = self._ffi.new("GhosttyPointS*")
        point.tag = self._lib.GHOSTTY_POINT_TAG_VIEWPORT
        point.value.x = min(max(0, x), self._screen.columns - 1)
        point.value.y = min(max(0, y), self._screen.rows - 1)
        return point[0]

    def _terminal_ref(self, x: int, y: int) -> Any:
        ref = self._sized("GhosttyGridRef")
        load().grid_ref(self._screen.handle, self._point(x, y), ref)
        return ref

    def _mark(self, marked: Any) -> None:
        self._lib.ghostty_terminal_set(self._screen.handle, self._lib.GHOSTTY_TERMINAL_OPT_SELECTION, marked)

    def clear(self) -> None:
        """Nothing is marked any more."""
        if self._anchor is not None:
            self._lib.ghostty_tracked_grid_ref_free(self._anchor[0])
            self._anchor = None
        self._mark(self._ffi.NULL)

    @property
    def text(self) -> str:
        """What is marked, with folded lines as one, cleaned; empty if nothing is."""
        options = self._sized("GhosttyTerminalSelectionFormatOptions")
        options.emit = self._lib.GHOSTTY_FORMATTER_FORMAT_PLAIN
        options.unwrap = options.trim = True
        marked = self._sized("GhosttySelection")
        if self._lib.ghostty_terminal_get(self._screen.handle, self._lib.GHOSTTY_TERMINAL_DATA_SELECTION, marked):
            return ""
        options.selection = marked
        text: str = self._pyghostty.core.read_buf(
            lambda buffer, room, length: self._lib.ghostty_terminal_selection_format_buf(
                self._screen.handle, options[0], buffer, room, length
            )
        )
        return "\n".join(harmless(line) for line in text.split("\n"))

    def find(self, needle: str, *, back: bool = False) -> tuple[int, int]:
        """Mark the next place of a text, from the end upwards (or `back` down), and show it.

        Returns which one it is, counted from the last (1), and how many there are; (0, 0) if there is none. ASCII
        letters of either case are the same. Another needle begins anew.
        """
        lib, new = self._lib, self._ffi.new
        needle = needle[:MOST_NEEDLE]
        if needle != self._needle or self._search is None:
            self.end_search()
            if not needle:
                return 0, 0
            self._search = new("GhosttySearch*")
            lib.ghostty_search_new(self._ffi.NULL, self._search, self._screen.handle)
            data = needle.encode(errors="replace")
            held = new("uint8_t[]", data)
            lib.ghostty_search_set(
                self._search[0], lib.GHOSTTY_SEARCH_OPT_NEEDLE, new("GhosttyString*", {"ptr": held, "len": len(data)})
            )
            # The engine's own scrolling to a place can leave it where a later look at the screen ends the process.
            stay = new("GhosttySearchScroll*", lib.GHOSTTY_SEARCH_SCROLL_NONE)
            lib.ghostty_search_set(self._search[0], lib.GHOSTTY_SEARCH_OPT_SELECT_SCROLL, stay)
            self._needle = needle
        lib.ghostty_search_run(self._search[0])
        step = lib.GHOSTTY_SEARCH_OPT_SELECT_PREV if back else lib.GHOSTTY_SEARCH_OPT_SELECT_NEXT
        lib.ghostty_search_set(self._search[0], step, self._ffi.NULL)
        total, index = new("size_t*"), new("size_t*")
        lib.ghostty_search_get(self._search[0], lib.GHOSTTY_SEARCH_DATA_TOTAL_MATCHES, total)
        place = self._sized("GhosttySelection")
        self.clear()
        if lib.ghostty_search_get(self._search[0], lib.GHOSTTY_SEARCH_DATA_SELECTED_MATCH, place):
            return 0, int(total[0])
        lib.ghostty_search_get(self._search[0], lib.GHOSTTY_SEARCH_DATA_SELECTED_INDEX, index)
        self._mark(place)
        self._bring(place)
        return int(index[0]) + 1, int(total[0])

    def _bring(self, place: Any) -> None:
        """Show a place, unless it is shown already."""
        point = self._ffi.new("GhosttyPointCoordinate*")
        start = self._ffi.addressof(place[0], "start")
        tag = self._lib.GHOSTTY_POINT_TAG_SCREEN
        if self._lib.ghostty_terminal_point_from_grid_ref(self._screen.handle, start, tag, point):
            return
        shown = self._screen.scrolled
        row = int(point.y) - shown.first
        if not 0 <= row < shown.shown:
            self._screen.scroll(row - shown.shown // 2)

    def end_search(self) -> None:
        """The search is over; what it marked last stays marked."""
        self._needle = ""
        if self._search is not None:
            self._lib.ghostty_search_free(self._search[0])
            self._search = None

    def close(self) -> None:
        """Give the engine's memory back, before the screen does."""
        self.end_search()
        self.clear()
