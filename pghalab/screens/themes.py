"""Two calm themes of the console's own; Textual's, ansi ones included, are in the command palette."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="pghalab-dark",
    dark=True,
    primary="#5aa2d8",
    secondary="#7f9bb3",
    accent="#e0b35a",
    warning="#e5a853",
    error="#e57373",
    success="#74c08a",
    foreground="#dbe2e9",
    background="#11161b",
    surface="#171d24",
    panel="#222b35",
)
LIGHT = Theme(
    name="pghalab-light",
    dark=False,
    primary="#1f6299",
    secondary="#4f6b83",
    accent="#8a5a00",
    warning="#9a5b00",
    error="#b3261e",
    success="#1e7a3c",
    foreground="#1b232b",
    background="#fbfcfd",
    surface="#f2f5f8",
    panel="#dfe6ec",
)
