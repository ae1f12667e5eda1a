"""Signs for states and roles; each goes with a word, so that neither colour nor glyph is needed to understand it."""

from __future__ import annotations

from textual.content import Content

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
    "begun": ("◐", WARN),
    "running": ("●", OK),
    "up": ("●", OK),
    "streaming": ("●", OK),
    "connecting": ("◐", WARN),
    "created": ("◐", WARN),
    "paused": ("‖", WARN),
    "starting": ("◐", WARN),
    "creating replica": ("◐", WARN),
    "in archive recovery": ("◐", WARN),
    "stopping": ("◐", WARN),
    "stopped": ("○", QUIET),
    "exited": ("○", QUIET),
    "absent": ("·", QUIET),
    "unknown": ("?", QUIET),
    "down": ("✗", BAD),
    "refused": ("✗", BAD),
    "foreign": ("✗", BAD),
    "crashed": ("✗", BAD),
    "start failed": ("✗", BAD),
}


def state(word: str) -> Content:
    """A state as glyph and word; a word without a glyph of its own gets `•`."""
    glyph, style = _STATES.get(word, ("•", ""))
    return Content.styled(f"{glyph} {word}", style)


def glyph(word: str) -> tuple[str, str]:
    """The glyph of a state and its style."""
    return _STATES.get(word, ("•", ""))


def role(word: str) -> Content:
    """A Patroni role as glyph and word: `★ Leader`, `○ Replica`."""
    lowered = word.lower()
    if "leader" in lowered:
        return Content.styled(f"★ {word}", f"bold {ACCENT}")
    if "sync" in lowered:
        return Content.styled(f"◆ {word}", ACCENT)
    return Content.styled(f"○ {word}", "")
