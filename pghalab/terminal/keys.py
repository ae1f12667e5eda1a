"""What keys, the mouse, a paste and the focus are to the program: bytes, as the modes that it set ask for them."""

from __future__ import annotations

from typing import Any, NamedTuple

from pghalab.terminal.engine import load
from pghalab.terminal.screen import Screen

NAMED = {
    "enter": "ENTER", "tab": "TAB", "backspace": "BACKSPACE", "escape": "ESCAPE", "delete": "DELETE",
    "insert": "INSERT", "home": "HOME", "end": "END", "pageup": "PAGE_UP", "pagedown": "PAGE_DOWN",
    "up": "ARROW_UP", "down": "ARROW_DOWN", "left": "ARROW_LEFT", "right": "ARROW_RIGHT",
    **{f"f{number}": f"F{number}" for number in range(1, 25)},
}  # fmt: skip
"""The keys that write no character, and the engine's names for them."""

_SAME = {"i": "tab", "m": "enter", "[": "escape"}
"""What Ctrl and a letter is on every terminal, also where ours can tell the two apart."""

BUTTONS = {"left": 1, "right": 2, "middle": 3, "wheel up": 4, "wheel down": 5}
"""The engine's numbers of the mouse's buttons."""

_LONGEST = 128
"""Bytes; more than any key or report of the mouse takes."""


class Held(NamedTuple):
    """The modifiers that are held down."""

    shift: bool = False
    ctrl: bool = False
    alt: bool = False

    @property
    def bits(self) -> int:
        """As the engine counts them."""
        return self.shift | self.ctrl << 1 | self.alt << 2


NONE = Held()


class Keys:
    """The encoders of one screen."""

    def __init__(self, screen: Screen) -> None:
        engine = load()
        self._screen, self._ffi, self._lib = screen, engine.ffi, engine.lib
        new, lib, null = self._ffi.new, self._lib, self._ffi.NULL
        self._keys = new("GhosttyKeyEncoder*")
        lib.ghostty_key_encoder_new(null, self._keys)
        self._key = new("GhosttyKeyEvent*")
        lib.ghostty_key_event_new(null, self._key)
        self._mice = new("GhosttyMouseEncoder*")
        lib.ghostty_mouse_encoder_new(null, self._mice)
        self._mouse = new("GhosttyMouseEvent*")
        lib.ghostty_mouse_event_new(null, self._mouse)
        self._size = engine.pyghostty.core.init_sized("GhosttyMouseEncoderSize")
        self._size.cell_width = self._size.cell_height = 1
        self._any = new("bool*")
        self._out = new("char[]", _LONGEST)
        self._length = new("size_t*")

    def key(self, name: str, held: Held = NONE) -> bytes:
        """A key that was pressed: one of NAMED, or the character that is on it; nothing for a key without a meaning."""
        if held.ctrl and name in _SAME:
            name, held = _SAME[name], held._replace(ctrl=False)
        lib, event = self._lib, self._key[0]
        letter = name if len(name) == 1 else ""
        if not letter and name not in NAMED:
            return b""
        code = NAMED.get(name) or (letter.upper() if letter.isascii() and letter.isalpha() else "UNIDENTIFIED")
        if letter == " ":
            code = "SPACE"
        text = (letter.upper() if held.shift else letter).encode()
        lib.ghostty_key_event_set_action(event, lib.GHOSTTY_KEY_ACTION_PRESS)
        lib.ghostty_key_event_set_key(event, getattr(lib, f"GHOSTTY_KEY_{code}"))
        lib.ghostty_key_event_set_mods(event, held.bits)
        # The event keeps no copy: `text` lives until it was encoded.
        lib.ghostty_key_event_set_utf8(event, text or self._ffi.NULL, len(text))
        lib.ghostty_key_event_set_consumed_mods(event, int(held.shift and bool(letter)))
        lib.ghostty_key_event_set_unshifted_codepoint(event, ord(letter.lower()[0]) if letter else 0)
        lib.ghostty_key_encoder_setopt_from_terminal(self._keys[0], self._screen.handle)
        return self._encoded(lib.ghostty_key_encoder_encode(self._keys[0], event, self._out, _LONGEST, self._length))

    def press(self, button: str, x: int, y: int, held: Held = NONE) -> bytes:
        """A button of BUTTONS went down on a cell; nothing if the program does not listen."""
        return self._report(self._lib.GHOSTTY_MOUSE_ACTION_PRESS, button, x, y, held)

    def release(self, button: str, x: int, y: int, held: Held = NONE) -> bytes:
        """A button came up."""
        return self._report(self._lib.GHOSTTY_MOUSE_ACTION_RELEASE, button, x, y, held)

    def move(self, button: str, x: int, y: int, held: Held = NONE) -> bytes:
        """The mouse moved to a cell, with a button held down or with none ("")."""
        return self._report(self._lib.GHOSTTY_MOUSE_ACTION_MOTION, button, x, y, held)

    def _report(self, action: int, button: str, x: int, y: int, held: Held) -> bytes:
        lib, event, encoder = self._lib, self._mouse[0], self._mice[0]
        lib.ghostty_mouse_event_set_action(event, action)
        if button:
            lib.ghostty_mouse_event_set_button(event, BUTTONS[button])
        else:
            lib.ghostty_mouse_event_clear_button(event)
        lib.ghostty_mouse_event_set_mods(event, held.bits)
        lib.ghostty_mouse_event_set_position(event, {"x": x + 0.5, "y": y + 0.5})
        self._size.screen_width, self._size.screen_height = self._screen.columns, self._screen.rows
        self._any[0] = bool(button) and action == lib.GHOSTTY_MOUSE_ACTION_MOTION
        lib.ghostty_mouse_encoder_setopt_from_terminal(encoder, self._screen.handle)
        lib.ghostty_mouse_encoder_setopt(encoder, lib.GHOSTTY_MOUSE_ENCODER_OPT_SIZE, self._size)
        lib.ghostty_mouse_encoder_setopt(encoder, lib.GHOSTTY_MOUSE_ENCODER_OPT_ANY_BUTTON_PRESSED, self._any)
        return self._encoded(lib.ghostty_mouse_encoder_encode(encoder, event, self._out, _LONGEST, self._length))

    def paste(self, text: str) -> bytes:
        """Pasted text: within brackets if the program asked for them; it can neither end them nor press other keys."""
        data = text.replace("\r\n", "\n").encode(errors="replace")
        if not data:
            return b""
        size = len(data) + 64
        out = self._ffi.new("char[]", size)
        # The engine changes what it is given, so it gets a copy.
        result = self._lib.ghostty_paste_encode(
            self._ffi.new("char[]", data), len(data), self._screen.modes.paste, out, size, self._length
        )
        return self._taken(result, out)

    def focus(self, gained: bool) -> bytes:
        """The focus came or went; nothing if the program did not ask to be told."""
        if not self._screen.modes.focus:
            return b""
        event = self._lib.GHOSTTY_FOCUS_GAINED if gained else self._lib.GHOSTTY_FOCUS_LOST
        return self._encoded(self._lib.ghostty_focus_encode(event, self._out, _LONGEST, self._length))

    def _encoded(self, result: int) -> bytes:
        return self._taken(result, self._out)

    def _taken(self, result: int, out: Any) -> bytes:
        if result:
            raise load().pyghostty.GhosttyError(f"the terminal engine could not encode this: {result}")
        return bytes(self._ffi.buffer(out, self._length[0]))

    def close(self) -> None:
        """Give the engine's memory back."""
        lib = self._lib
        lib.ghostty_key_event_free(self._key[0])
        lib.ghostty_key_encoder_free(self._keys[0])
        lib.ghostty_mouse_event_free(self._mouse[0])
        lib.ghostty_mouse_encoder_free(self._mice[0])
