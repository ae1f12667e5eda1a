"""Two calm themes of the console's own, and two of high contrast for a projector.

Textual's, ansi ones included, are in the command palette.
"""

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
ROOM = {
    "dark": Theme(
        name="pghalab-room-dark",
        dark=True,
        primary="#6cb8ff",
        secondary="#b9d6ee",
        accent="#ffd166",
        warning="#ffb347",
        error="#ff7b7b",
        success="#7cf29a",
        foreground="#ffffff",
        background="#000000",
        surface="#0c0c0c",
        panel="#262626",
    ),
    "light": Theme(
        name="pghalab-room-light",
        dark=False,
        primary="#003f7d",
        secondary="#26445f",
        accent="#7a3b00",
        warning="#8a4300",
        error="#9b0000",
        success="#005c24",
        foreground="#000000",
        background="#ffffff",
        surface="#f4f4f4",
        panel="#d9d9d9",
    ),
}
"""By the background that the person wants."""
