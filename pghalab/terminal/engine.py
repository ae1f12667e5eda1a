"""The engine, libghostty-vt through `pyghostty`: whether this machine has it, and how it packs a cell into 64 bits."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

CELL_BITS = 64


class NoEngineError(Exception):
    """This machine has no terminal engine; the text says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where one value lies in a packed cell: `cell >> shift & mask`."""

    shift: int
    mask: int

    def of(self, cell: int) -> int:
        """The field's value in one cell."""
        return cell >> self.shift & self.mask


@dataclass(frozen=True, slots=True)
class Engine:
    """The loaded library, and the fields of its cells that are read without a call for each cell.

    `ffi` and `lib` are cffi's; `pyghostty` is the package with its `Terminal`.
    """

    pyghostty: Any
    ffi: Any
    lib: Any
    scroll_viewport: Any
    """The library's function of that name: cffi cannot pass its argument, a struct with a union, by value."""
    grid_ref: Any
    track: Any
    """`ghostty_terminal_grid_ref` and `…_track`, likewise."""
    codepoint: Field
    content: Field
    style: Field
    wide: Field


@functools.cache
def load() -> Engine:
    """The engine; the first call takes about 0.25 s. Raises NoEngineError."""
    try:
        import pyghostty  # only where a terminal is opened: it reads the library's whole interface
    except (ImportError, OSError) as error:
        raise NoEngineError(f"this machine has no terminal engine ({error})") from error
    ffi, lib = pyghostty.ffi, pyghostty.lib
    return Engine(
        pyghostty,
        ffi,
        lib,
        scroll_viewport=_scroll_viewport(ffi, lib),
        grid_ref=_with_point(ffi, lib, "ghostty_terminal_grid_ref", "GhosttyGridRef"),
        track=_with_point(ffi, lib, "ghostty_terminal_grid_ref_track", "GhosttyTrackedGridRef"),
        codepoint=_field(ffi, lib, lib.GHOSTTY_CELL_DATA_CODEPOINT, "uint32_t"),
        content=_field(ffi, lib, lib.GHOSTTY_CELL_DATA_CONTENT_TAG, "uint32_t"),
        style=_field(ffi, lib, lib.GHOSTTY_CELL_DATA_STYLE_ID, "uint16_t"),
        wide=_field(ffi, lib, lib.GHOSTTY_CELL_DATA_WIDE, "uint32_t"),
    )


def _scroll_viewport(ffi: Any, lib: Any) -> Any:
    """A function of the same call for a struct of the same size and order without the union."""
    ffi.cdef(
        """
        typedef struct { intptr_t delta; uint64_t unused; } PghalabScrollValue;
        typedef struct { GhosttyTerminalScrollViewportTag tag; PghalabScrollValue value; } PghalabScroll;
    """,
        override=True,
    )
    sizes = [(ffi.sizeof(name), ffi.alignof(name)) for name in ("PghalabScroll", "GhosttyTerminalScrollViewport")]
    if sizes[0] != sizes[1]:
        raise NoEngineError("this machine's terminal engine is of another version")
    return ffi.cast("void (*)(GhosttyTerminal, PghalabScroll)", ffi.addressof(lib, "ghostty_terminal_scroll_viewport"))


def _with_point(ffi: Any, lib: Any, name: str, out: str) -> Any:
    """A function that takes a point, for the twin of it that pyghostty declares."""
    return ffi.cast(f"GhosttyResult (*)(GhosttyTerminal, GhosttyPointS, {out}*)", ffi.addressof(lib, name))


def _field(ffi: Any, lib: Any, key: int, kind: str) -> Field:
    """Where a value lies, found by asking about a cell of each single bit: the layout is not part of the interface."""
    out = ffi.new(f"{kind}*")
    values = []
    for bit in range(CELL_BITS):
        out[0] = 0
        lib.ghostty_cell_get(1 << bit, key, out)
        values.append(int(out[0]))
    bits = [bit for bit, value in enumerate(values) if value]
    if not bits or [values[bit] for bit in bits] != [1 << place for place in range(bits[-1] - bits[0] + 1)]:
        raise NoEngineError(
            f"this machine's terminal engine packs its cells in a way that is not known here (value {key})"
        )
    return Field(bits[0], (1 << len(bits)) - 1)
