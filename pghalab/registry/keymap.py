"""The keys that a person wants instead of the console's own: the `[keymap]` of their settings, each line for itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pghalab.lab.host import paths, person
from pghalab.lab.host.person import SHOWN, Settings, Wrong, quoted
from pghalab.registry.actions import ACTIONS, Action, meet
from pghalab.text import one_line

MOST_KEYS = 5
"""Keys of one action."""
_BARE = re.compile(r"([a-z][a-z-]*\.[a-z][a-z0-9-]*)(\s*=.*)")
_MODIFIERS = ("ctrl", "alt", "shift", "super", "hyper", "meta")
_NAMED = {
    "escape": "Escape", "enter": "Enter", "tab": "Tab", "space": "space", "backspace": "Backspace", "delete": "Del",
    "insert": "Ins", "home": "Home", "end": "End", "pageup": "PgUp", "pagedown": "PgDn", "up": "↑", "down": "↓",
    "left": "←", "right": "→", **{f"f{number}": f"F{number}" for number in range(1, 25)},
}  # fmt: skip
_ALSO = {"esc": "escape", "return": "enter", "pgup": "pageup", "pgdn": "pagedown", "del": "delete", "ins": "insert"}
_SHORT = {"slash": "solidus", "backslash": "reverse solidus", "at": "commercial at", "minus": "hyphen-minus",
          "plus": "plus sign", "underscore": "low line"}  # fmt: skip
"""How Textual names characters, where Unicode calls them otherwise."""
_FIXED = {
    **dict.fromkeys(("up", "down", "pageup", "pagedown", "home", "end"), "it moves and scrolls everywhere"),
    **dict.fromkeys(("tab", "shift+tab"), "it leads from one thing to the next everywhere"),
    "ctrl+p": "it opens the palette",
    "ctrl+i": "terminals send it as Tab",
    "ctrl+m": "terminals send it as Enter",
    "ctrl+left_square_bracket": "terminals send it as Escape",
    "ctrl+c": "terminals and Textual give it a meaning of their own",
}
_TYPED_IN = ("app", "lesson", "edit", "settings", "snapshot-name", "shell", "search")
"""Places that have keys while somebody types a text."""

Keymap = Mapping[str, tuple[str, ...]]
"""Keys by the id of their action."""


class Line(NamedTuple):
    """A line that names an action and keys for it."""

    number: int
    id: str
    keys: tuple[str, ...]


def load() -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The keymap of the person who runs this, and what is wrong with their settings, in sentences."""
    settings, unread = person.load("The keys are those of pghalab.")
    keymap = take(settings)
    return keymap, unread + [f"{paths.person_file()}, {line}" for line in settings.said()]


def read(text: str) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The keymap that a settings file sets, and what is wrong in it, a line each; what is right holds all the same."""
    settings = person.read(text)
    return take(settings), settings.said()


def take(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The keymap of some settings, in which what is wrong with its lines is noted."""
    lines: dict[str, Line] = {}
    for number, row in settings.rows.get("keymap", ()):
        try:
            line = _line(number, row)
            if line.id in lines:
                raise Wrong(f"line {lines[line.id].number} is about {line.id} already")
            lines[line.id] = line
        except Wrong as error:
            settings.wrong[number] = f"{quoted(row)}: {error}"
    while clash := _clash(lines):
        line, why = clash
        del lines[line.id]
        settings.wrong[line.number] = f"{line.id} keeps its keys: {why}"
    return {line.id: line.keys for line in lines.values()}


def _line(number: int, row: str) -> Line:
    import tomllib

    # An id without quotation marks would be a table in a table.
    row = _BARE.sub(r'"\1"\2', row)
    try:
        found = tomllib.loads(row)
    except (tomllib.TOMLDecodeError, RecursionError):
        raise Wrong('it is not of the form lesson.run = "ctrl+r, R"') from None
    [(name, value)] = found.items()
    if name not in ACTIONS:
        raise Wrong(f"there is no action {one_line(str(name))[:SHOWN]!r}; `pghalab keys` lists them")
    if not isinstance(value, str):
        raise Wrong("the keys stand in one pair of quotation marks, separated by commas")
    wanted = [key.strip() for key in value.split(",")]
    if len(wanted) > MOST_KEYS:
        raise Wrong(f"an action has {MOST_KEYS} keys at most")
    keys = tuple(dict.fromkeys(map(normal, wanted)))
    for key in keys:
        _require_free(name, ACTIONS[name], key)
    return Line(number, name, keys)


def _require_free(name: str, action: Action, key: str) -> None:
    """Raise Wrong for a key that can never do this, or that would do harm."""
    if key in keys_of(name, {}):
        return
    if key in _FIXED:
        raise Wrong(f"{shown(key)} is not free: {_FIXED[key]}")
    place = _place(name)
    takes_typing = place in ("shell", "search") or (action.first and place in _TYPED_IN)
    if takes_typing and ("+" not in key) and _character(key):
        raise Wrong(f"{shown(key)} could not be typed any more; take one with Ctrl or Alt, or an F key")


def normal(key: str) -> str:
    """A key as Textual names it, from how a person may write it: `?`, `Ctrl+R`, `shift+q`, `PgUp`; raises Wrong."""
    head, base = (key[:-1], "+") if key.endswith("+") else key.rpartition("+")[::2]
    held = [one.strip().lower() for one in head.removesuffix("+").split("+")] if head else []
    modifiers, base = set(held), base.strip()
    doubled = key.endswith("+") and head and not head.endswith("+")
    if not base or doubled or not modifiers <= set(_MODIFIERS) or len(modifiers) != len(held):
        raise Wrong(f"{quoted(key)} is not a key")
    lowered = _ALSO.get(base.lower(), base.lower())
    if len(base) == 1:
        base = _name(base)
        if modifiers == {"shift"} and base.isalpha():
            # Terminals send the letter.
            modifiers, base = set(), base.upper()
        elif modifiers:
            base = base.lower()
    elif lowered in _NAMED:
        base = lowered
    elif (character := _character(lowered)) is not None:
        base = _name(character)
    else:
        raise Wrong(f"{quoted(key)} is not a key")
    return "+".join([*sorted(modifiers), base])


def _name(character: str) -> str:
    """How Textual names a character's key; raises Wrong for what no key gives."""
    if character.isspace() or not character.isprintable():
        raise Wrong("blank is not a key; write space")
    if character.isalnum():
        return character
    try:
        name = unicodedata.name(character).lower()
    except ValueError:
        raise Wrong(f"{quoted(character)} is not a key") from None
    short = {long: short for short, long in _SHORT.items()}
    return short.get(name, name.replace("-", "_").replace(" ", "_"))


def _character(key: str) -> str | None:
    """The character that a key without modifiers gives; None when it gives none."""
    if len(key) == 1:
        return key
    if key in _NAMED:
        return " " if key == "space" else None
    for name in (_SHORT.get(key, key.replace("_", " ")), key.replace("_", "-")):
        try:
            found = unicodedata.lookup(name.upper())
        except KeyError:
            continue
        return found if found.isprintable() and not found.isspace() else None
    return None


def keys_of(name: str, keymap: Keymap) -> tuple[str, ...]:
    """The keys of an action, as Textual names them; raises KeyError for an unknown one."""
    return keymap.get(name) or tuple(ACTIONS[name].keys.split(","))


def shown(key: str) -> str:
    """A key as a text names it: `Ctrl+R`, `Ctrl-]`, `?`, `F5`."""
    *modifiers, base = key.split("+")
    character = _character(base)
    word = _NAMED.get(base) or (character or base)
    if modifiers and len(word) == 1 and word.isalpha():
        word = word.upper()
    joint = "-" if len(word) == 1 and not word.isalnum() and word not in "←→↑↓" else "+"
    return joint.join(["+".join(one.capitalize() for one in modifiers), word]) if modifiers else word


def _clash(lines: Mapping[str, Line]) -> tuple[Line, str] | None:
    """A line whose key another action has at the same time, and why it cannot be; the lowest of those that can go."""
    keymap = {line.id: line.keys for line in lines.values()}
    for line in sorted(lines.values(), reverse=True):
        for other, key in _others(line, keymap):
            return line, f"{shown(key)} is the key of {other}"
    return None


def _others(line: Line, keymap: Keymap) -> Iterator[tuple[str, str]]:
    """Each other action that has a key of the line at the same time, with that key."""
    for other in ACTIONS:
        # Two ways to the same thing do not clash.
        if other != line.id and meet(_place(line.id), _place(other)) and _does(other) != _does(line.id):
            for key in line.keys:
                # What is so without any keymap is meant so.
                meant = key in keys_of(line.id, {}) and key in keys_of(other, {})
                if key in keys_of(other, keymap) and not meant:
                    yield other, key


def _place(name: str) -> str:
    return name.partition(".")[0]


def _does(name: str) -> str:
    does = ACTIONS[name].does
    return does if does.startswith("app.") else f"{_place(name)}.{does or name}"
