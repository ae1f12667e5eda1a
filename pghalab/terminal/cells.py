"""A row of cells as runs of text of one style, cleaned: what a program wrote obeys nothing and hides nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from pghalab.terminal.engine import Engine, load
from pghalab.text import harmless

Color = None | int | tuple[int, int, int]
"""The default, a place in the palette (0 to 255), or red, green and blue."""

CLUSTER = 16
"""Most code points of one cell that are shown."""


class Style(NamedTuple):
    """How a run looks; `underline` is the kind of line, 0 for none."""

    foreground: Color = None
    background: Color = None
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underline: int = 0
    blink: bool = False
    inverse: bool = False
    invisible: bool = False
    strike: bool = False


PLAIN = Style()


class Run(NamedTuple):
    """Cells of one style. Either each character fills one cell, or it is a single cell's text, `width` cells wide."""

    text: str
    width: int
    style: Style = PLAIN


Row = tuple[Run, ...]
"""A line of the screen from its left edge; what is missing up to the right edge is blank."""


class Decoder:
    """Turns the engine's packed cells into runs; one for each terminal, since it holds scratch memory of the engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lib = engine.lib
        new = engine.ffi.new
        self._cells = new("GhosttyRenderStateRowCells*")
        self._lib.ghostty_render_state_row_cells_new(engine.ffi.NULL, self._cells)
        self._view = new("GhosttyCellsView*")
        self._style = engine.pyghostty.core.init_sized("GhosttyStyle")
        self._index = new("uint8_t*")
        self._rgb = new("GhosttyColorRgb*")
        self._text = new("uint32_t[]", CLUSTER)
        self._length = new("size_t*")
        # What makes two neighbours one run: the style's number, and how the content is to be read.
        self._look = engine.style.mask << engine.style.shift | engine.content.mask << engine.content.shift
        self._odd = engine.wide.mask << engine.wide.shift

    def row(self, iterator: Any) -> Row:
        """The row that the engine's iterator stands on."""
        engine, lib = self._engine, self._lib
        lib.ghostty_render_state_row_get(iterator, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, self._view)
        view = self._view[0]
        cells: list[int] = engine.ffi.unpack(view.ptr, view.len)
        lib.ghostty_render_state_row_get(iterator, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS, self._cells)
        shift, mask = engine.codepoint.shift, engine.codepoint.mask
        text_in, look_bits, odd_bits = engine.content.mask << engine.content.shift, self._look, self._odd
        runs: list[Run] = []
        end = len(cells)
        while end and not cells[end - 1] & (look_bits | odd_bits | mask << shift):
            end -= 1
        start = 0
        while start < end:
            look = cells[start] & look_bits
            if look & text_in or cells[start] & odd_bits:
                # A cluster, a cell of colour only, or one that is not one cell wide.
                tail = start + 1 < end and engine.wide.of(cells[start + 1]) == lib.GHOSTTY_CELL_WIDE_SPACER_TAIL
                run = self._single(start, cells[start], tail)
                stop = start + run.width
                if run.text == " " and run.width == 1:
                    while stop < end and cells[stop] == cells[start]:
                        stop += 1
                    run = run._replace(text=" " * (stop - start), width=stop - start)
                runs.append(run)
                start = stop
                continue
            stop = start + 1
            while stop < end and cells[stop] & look_bits == look and not cells[stop] & odd_bits:
                stop += 1
            text = "".join([chr(cell >> shift & mask or 32) for cell in cells[start:stop]])
            if not text.isprintable():
                text = "".join([harmless(letter) or " " for letter in text])
            runs.append(Run(text, stop - start, self._style_at(start) if look else PLAIN))
            start = stop
        return tuple(runs)

    def _single(self, column: int, cell: int, tail: bool) -> Run:
        """A cell that is no plain character; `tail` if the next one is the other half of a wide character."""
        lib, content = self._lib, self._engine.content.of(cell)
        if content == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_PALETTE:
            lib.ghostty_cell_get(cell, lib.GHOSTTY_CELL_DATA_COLOR_PALETTE, self._index)
            return Run(" ", 1, Style(background=int(self._index[0])))
        if content == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_RGB:
            lib.ghostty_cell_get(cell, lib.GHOSTTY_CELL_DATA_COLOR_RGB, self._rgb)
            return Run(" ", 1, Style(background=(self._rgb.r, self._rgb.g, self._rgb.b)))
        style = self._style_at(column)
        wide = self._engine.wide.of(cell)
        if wide in (lib.GHOSTTY_CELL_WIDE_SPACER_TAIL, lib.GHOSTTY_CELL_WIDE_SPACER_HEAD):
            return Run(" ", 1, style)
        text = chr(self._engine.codepoint.of(cell) or 32)
        if content == lib.GHOSTTY_CELL_CONTENT_CODEPOINT_GRAPHEME:
            text = self._cluster() or text
        width = 2 if tail and wide == lib.GHOSTTY_CELL_WIDE_WIDE else 1
        return Run(harmless(text).strip() or " " * width, width, style)

    def _cluster(self) -> str:
        """The code points of the cell that `_style_at` selected; empty if there are more than are shown."""
        lib, key = self._lib, self._lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_LEN
        length = self._engine.ffi.new("uint32_t*")
        if lib.ghostty_render_state_row_cells_get(self._cells[0], key, length) or length[0] > CLUSTER:
            return ""
        key = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_BUF
        lib.ghostty_render_state_row_cells_get(self._cells[0], key, self._text)
        return "".join(chr(point) for point in self._text[0 : length[0]])

    def _style_at(self, column: int) -> Style:
        lib = self._lib
        lib.ghostty_render_state_row_cells_select(self._cells[0], column)
        lib.ghostty_render_state_row_cells_get(
            self._cells[0], lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE, self._style
        )
        return _style(bytes(self._engine.ffi.buffer(self._style)))

    def close(self) -> None:
        """Give the engine's memory back."""
        self._lib.ghostty_render_state_row_cells_free(self._cells[0])


@lru_cache(maxsize=4096)
def _style(packed: bytes) -> Style:
    """The engine's style, from the bytes of its struct: there are few, and reading a field costs a call."""
    engine = load()
    style = engine.ffi.from_buffer("GhosttyStyle*", packed)
    return Style(
        foreground=_color(engine, style.fg_color),
        background=_color(engine, style.bg_color),
        bold=bool(style.bold),
        faint=bool(style.faint),
        italic=bool(style.italic),
        underline=int(style.underline),
        blink=bool(style.blink),
        inverse=bool(style.inverse),
        invisible=bool(style.invisible),
        strike=bool(style.strikethrough),
    )


def _color(engine: Engine, color: Any) -> Color:
    if color.tag == engine.lib.GHOSTTY_STYLE_COLOR_PALETTE:
        return int(color.value.palette)
    if color.tag == engine.lib.GHOSTTY_STYLE_COLOR_RGB:
        return (int(color.value.rgb.r), int(color.value.rgb.g), int(color.value.rgb.b))
    return None
