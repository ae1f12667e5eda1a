"""Keys and mouse of a terminal: what Textual calls them, and whether a click is the program's or marks text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual import events
from textual.geometry import Offset
from textual.keys import REPLACED_KEYS, key_to_character

from pghalab.terminal.keys import NAMED, Held
from pghalab.terminal.marked import Unit
from pghalab.terminal.terminal import Terminal

if TYPE_CHECKING:
    from pghalab.widgets.terminal import TerminalView

WHEEL = 3
"""Lines for one notch of the wheel."""

AGAIN = 0.5
"""Seconds within which another click on the same cell marks a word, and a third one the line."""

_BUTTONS = {1: "left", 2: "middle", 3: "right"}


def key_name(event: events.Key) -> tuple[str, Held]:
    """A key as `Keys.key` wants it; an empty name for one that means nothing to a terminal."""
    *modifiers, base = event.key.split("+")
    held = Held("shift" in modifiers, "ctrl" in modifiers, "alt" in modifiers)
    if not {"super", "hyper", "meta"}.isdisjoint(modifiers):
        return "", held
    if base in NAMED:
        return base, held
    if event.is_printable and event.character and not modifiers:
        return event.character, held
    if base == "space":
        return " ", held
    return (base if len(base) == 1 else key_to_character(REPLACED_KEYS.get(base, base)) or ""), held


def held(event: events.MouseEvent) -> Held:
    """The modifiers of a movement or a click."""
    return Held(event.shift, event.ctrl, event.meta)


class Mouse:
    """What the mouse does on one terminal. With Shift held down it marks text, whatever the program listens to."""

    def __init__(self, view: TerminalView) -> None:
        self._view = view
        self._pressed = ""
        """The button that the program was told of and that is still down."""
        self._marks = False
        """The left button is down and marks."""
        self._clicks: tuple[float, Offset, int] = (0.0, Offset(-1, -1), 0)
        self._moved_to = Offset(-1, -1)

    def down(self, event: events.MouseDown, terminal: Terminal) -> None:
        """A button went down."""
        at = event.get_content_offset_capture(self._view)
        button = _BUTTONS.get(event.button, "")
        if terminal.screen.modes.mouse and not event.shift:
            if button:
                self._pressed = button
                self._view.capture_mouse()
                self._view.type(terminal.keys.press(button, at.x, at.y, held(event)))
        elif button == "left":
            self._marks = True
            self._view.capture_mouse()
            terminal.marking.start(at.x, at.y, self._unit(at))
            self._view.show()

    def _unit(self, at: Offset) -> Unit:
        when, where, clicks = self._clicks
        now = time.monotonic()
        clicks = clicks % len(Unit) + 1 if where == at and now - when < AGAIN else 1
        self._clicks = (now, at, clicks)
        return Unit(clicks)

    def move(self, event: events.MouseMove, terminal: Terminal) -> None:
        """The mouse moved."""
        at = event.get_content_offset_capture(self._view)
        if at == self._moved_to:
            return
        self._moved_to = at
        if self._marks:
            if at.y < 0 or at.y >= terminal.screen.rows:
                terminal.screen.scroll(at.y if at.y < 0 else at.y - terminal.screen.rows + 1)
            terminal.marking.extend(at.x, at.y)
            self._view.show()
        elif terminal.screen.modes.mouse and not event.shift:
            self._view.type(terminal.keys.move(self._pressed, at.x, at.y, held(event)))

    def up(self, event: events.MouseUp, terminal: Terminal) -> None:
        """A button came up: what was marked is copied."""
        at = event.get_content_offset_capture(self._view)
        if self._pressed or self._marks:
            self._view.release_mouse()
        if self._pressed:
            self._view.type(terminal.keys.release(self._pressed, at.x, at.y, held(event)))
            self._pressed = ""
        elif self._marks:
            self._marks = False
            self._view.copy()

    def wheel(self, event: events.MouseEvent, up: bool, terminal: Terminal) -> None:
        """One notch of the wheel: the program's, or arrow keys on a screen of its own, or a way through what was."""
        at = event.get_content_offset_capture(self._view)
        modes = terminal.screen.modes
        if modes.mouse and not event.shift:
            self._view.type(terminal.keys.press("wheel up" if up else "wheel down", at.x, at.y, held(event)))
        elif modes.alternate and modes.alternate_scroll:
            self._view.type(terminal.keys.key("up" if up else "down") * WHEEL)
        else:
            self._view.scroll(-WHEEL if up else WHEEL)
