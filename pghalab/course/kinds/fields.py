"""Reads the typed keys of a lesson's YAML; whatever is wrong is a Bad with its line."""

from __future__ import annotations

from collections.abc import Mapping

from pghalab.course.lines import Located

Types = type | tuple[type, ...]
TEXT: Types = str
FLAG: Types = bool
LIST: Types = list
MAPPING: Types = dict
NUMBER: Types = (int, float)
WHOLE: Types = int
TEXTS: Types = (str, list)

DEFAULT_TIMEOUT = 60.0
"""Seconds a command may run."""

_WORDS: Mapping[Types, str] = {
    TEXT: "text", LIST: "a list", MAPPING: "a mapping", FLAG: "true or false", NUMBER: "a number",
    TEXTS: "a step id or a list of them", WHOLE: "a whole number",
}  # fmt: skip


class Bad(Exception):
    """Something in a lesson file cannot be used; `line` is where."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def of_type(block: Located, key: str, wanted: Types) -> None:
    """Raise Bad unless the value of a key is of its type."""
    value = block.data[key]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise Bad(block.line(key), f"`{key}` is {_WORDS[wanted]}")


def seconds(block: Located, key: str, default: float) -> float:
    """A number of seconds above 0."""
    return in_seconds(key, block.data.get(key, default), block.line(key))


def in_seconds(key: str, value: object, line: int) -> float:
    """A number of seconds above 0, from a value that may be anything."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise Bad(line, f"`{key}` is a number of seconds above 0")
    return float(value)


def one_of(block: Located, key: str, known: tuple[str, ...], default: str = "") -> str:
    """A word from a list, or the default when the key is absent."""
    value = block.data.get(key, default)
    if value not in known and value != default:
        raise Bad(block.line(key), f"`{key}` is one of {', '.join(known)}; found `{value}`")
    return str(value)
