"""Signs for states and roles; each goes with a word, so that neither colour nor glyph is needed to understand it."""

from __future__ import annotations

from textual.content import Content

from pghalab.cluster.cells import Cell, Line, Tone, written

OK = "$text-success"
BAD = "$text-error"
WARN = "$text-warning"
ACCENT = "$text-accent"
QUIET = "dim"

_STATES: dict[str, tuple[str, str]] = {
    "done": ("✓", OK),
    "past": ("»", QUIET),
    "broken": ("✗", BAD),
    "todo": ("○", QUIET),
    "unseen": ("·", QUIET),
    "begun": ("◐", WARN),
}
_STYLES: dict[Tone, str] = {"": "", "quiet": QUIET, "ok": OK, "warn": WARN, "bad": BAD, "accent": ACCENT}


def glyph(word: str) -> tuple[str, str]:
    """The glyph of a step's state and its style."""
    return _STATES.get(word, ("•", ""))


def drawn(cell: Cell) -> Content:
    """A cell as the screen shows it, in one line."""
    return Content.styled(written(cell), f"{'bold ' if cell.bold else ''}{_STYLES[cell.tone]}".strip())


def line(cells: Line) -> Content:
    """Cells one after the other."""
    return Content.assemble(*map(drawn, cells))
