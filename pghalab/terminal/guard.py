"""What the engine cannot bear is taken out of what it is fed.

Mode 2027 (a cluster of characters is one cell) can end the process of libghostty-vt 0.1.3, found by feeding it noise:
below a scrolling region, a narrow character in the last column is joined to one that makes it wide. Without the mode,
which is off unless a program sets it, no such cell comes to be.
"""

from __future__ import annotations

import re

_MODE = b"2027"
_SET = re.compile(rb"\x1b\[[^\x1b\x40-\x7e]*h")
"""A sequence that sets modes; what a parser passes over inside of one, control characters, is part of it."""
_UNFINISHED = re.compile(rb"\x1b(?:\[[^\x1b\x40-\x7e]*)?\Z")
_HELD = 1024
"""Longest beginning of a sequence that is held back until the rest of it comes, in bytes; a longer one is dropped."""


class Guard:
    """Passes a stream on in any pieces, without the setting of that mode."""

    def __init__(self) -> None:
        self._rest = b""

    def passed(self, data: bytes) -> bytes:
        """What may be fed by now."""
        if b"\x1b" not in data and not self._rest:
            return data
        data = self._rest + data
        start = data.rfind(b"\x1b")
        cut = start if start >= 0 and _UNFINISHED.match(data, start) else len(data)
        self._rest = data[cut:] if len(data) - cut <= _HELD else b""
        return _SET.sub(_without, data[:cut])


def _without(found: re.Match[bytes]) -> bytes:
    """The sequence without the mode, if it is a private one and among those that are set."""
    words = re.sub(rb"[\x00-\x1f\x7f]", b"", found[0][2:-1])
    if not words.startswith(b"?"):
        return found[0]
    modes = re.split(rb"[;:]", words[1:])
    kept = [mode for mode in modes if mode.lstrip(b"0") != _MODE]
    if len(kept) == len(modes):
        return found[0]
    return b"\x1b[?" + b";".join(kept) + b"h" if kept else b""
