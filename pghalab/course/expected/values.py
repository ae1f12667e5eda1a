"""The types of values that differ from lab to lab, told by their shape."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from pghalab.course.localise import Names
from pghalab.values import dataclass

_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"
_SHAPES = {
    "time": rf"\b(?:\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK})?|{_CLOCK})(?:Z|[+-]\d\d(?::?\d\d)?)?(?![\d:])",
    "duration": r"(?<![\w.])\d+\.\d+(?:ns|µs|us|ms|s)\b|(?<=took = )\d+(?:ns|µs|us|ms|s)\b",
    "pid": r"(?<=\bpid=)\d+\b",
    "pointer": r"\b0x[0-9a-f]{4,16}\b",
    "lsn": r"(?<![\w.])[0-9A-F]{1,8}/[0-9A-F]{1,8}\b",
    "system": r"\b7\d{18}\b",
    # etcdctl prints them without leading zeros.
    "id": r"\b(?=[0-9]{0,16}[a-f])(?=[a-f]{0,16}[0-9])[0-9a-f]{12,16}\b|\b[0-9a-f]{16}\b",
    "size": r"(?<![\w.])\d+(?:\.\d+)? ?[kMGT]?B\b",
    "version": r"(?<![\w.])\d+\.\d+(?:\.\d+)?(?:-\d+\+deb\d+u\d+)?(?!\.?\w)",
    "state": r"\b(?:creating replica|starting|running|streaming)\b",
    "bool": r"\b(?:true|false)\b",
    "port": r"(?<=:)\d{2,5}\b(?![:.])",
    "number": r"(?<![\w.])\d+(?!\w|\.\d)",
}
"""None of them takes more than linear time: lines are cut, and no part of a shape can match what the next one does."""
TYPES = ("node", "address", *_SHAPES)
"""What a lesson may name; of two that fit the same text the first counts."""
AUTOMATIC = frozenset({"time", "duration", "pid", "pointer", "lsn", "system", "id", "size", "version"})
"""What may differ unless a lesson says otherwise: no two labs have it in common."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without its values: two texts of one shape have the same `shape`, and as many `values`."""

    shape: str
    values: tuple[tuple[str, str], ...]
    """Type and text of each."""


def masked(text: str, types: Iterable[str], names: Names) -> Masked:
    """Take the values of some types out of a text in a lab's own names."""
    active = frozenset(types)
    values: list[tuple[str, str]] = []

    def take(match: re.Match[str]) -> str:
        values.append((match.lastgroup or "", match[0]))
        # No output has a NUL in it once it is cleaned.
        return f"\0{match.lastgroup}\0"

    shape = _pattern(active, names.prefix, names.subnet).sub(take, text) if active else text
    return Masked(shape, tuple(values))


@lru_cache(maxsize=64)
def _pattern(types: frozenset[str], prefix: str, subnet: str) -> re.Pattern[str]:
    shapes = {
        "node": rf"(?<![\w-]){re.escape(prefix)}[1-9]\d?\b",
        "address": rf"(?<![\d.]){re.escape(subnet)}\.\d{{1,3}}\b(?!\.\d)",
        **_SHAPES,
    }
    return re.compile("|".join(f"(?P<{name}>{shapes[name]})" for name in TYPES if name in types))
