"""How a run of text looks, in the words of the page: `foreground|background|letters`."""

from __future__ import annotations

from functools import lru_cache

from pghalab.terminal.cells import PLAIN, Color, Style

FOREGROUND, BACKGROUND = (0xD4, 0xD4, 0xD4), (0x1E, 0x1E, 0x1E)
"""What a program gets that asks for no colour; `page/page.css` has the same."""
_BASE = (
    (0x00, 0x00, 0x00), (0xCD, 0x31, 0x31), (0x0D, 0xBC, 0x79), (0xE5, 0xE5, 0x10),
    (0x24, 0x72, 0xC8), (0xBC, 0x3F, 0xBC), (0x11, 0xA8, 0xCD), (0xE5, 0xE5, 0xE5),
    (0x66, 0x66, 0x66), (0xF1, 0x4C, 0x4C), (0x23, 0xD1, 0x8B), (0xF5, 0xF5, 0x43),
    (0x3B, 0x8E, 0xEA), (0xD6, 0x70, 0xD6), (0x29, 0xB8, 0xDB), (0xFF, 0xFF, 0xFF),
)  # fmt: skip
_LEVELS = (0, 95, 135, 175, 215, 255)
"""Of red, green and blue in the cube of 216 colours."""
_Rgb = tuple[int, int, int]


@lru_cache(maxsize=4096)
def look(style: Style) -> str:
    """The style as `#rrggbb|#rrggbb|biu`; a part is empty where it is the page's own."""
    if style == PLAIN:
        return ""
    front, back = _rgb(style.foreground), _rgb(style.background)
    if style.inverse:
        front, back = back or BACKGROUND, front or FOREGROUND
    if style.faint:
        one, other = front or FOREGROUND, back or BACKGROUND
        front = (_mixed(one[0], other[0]), _mixed(one[1], other[1]), _mixed(one[2], other[2]))
    letters = "".join(
        letter
        for letter, on in (("b", style.bold), ("i", style.italic), ("u", style.underline), ("s", style.strike))
        if on
    )
    return f"{_hex(front)}|{_hex(back)}|{letters}"


def _mixed(one: int, other: int) -> int:
    return (3 * one + 2 * other) // 5


def _hex(color: _Rgb | None) -> str:
    return "" if color is None else "#{:02x}{:02x}{:02x}".format(*color)


def _rgb(color: Color) -> _Rgb | None:
    """The colour of a place in the palette that most terminals have: 16 of their own, a cube, and greys."""
    if color is None or isinstance(color, tuple):
        return color
    if color < 16:
        return _BASE[color]
    if color >= 232:
        grey = 8 + 10 * (color - 232)
        return (grey, grey, grey)
    place = color - 16
    return (_LEVELS[place // 36], _LEVELS[place // 6 % 6], _LEVELS[place % 6])
