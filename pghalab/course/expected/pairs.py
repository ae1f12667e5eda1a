"""Puts the lines and tables of two outputs side by side."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from functools import cache

from pghalab.course.expected.align import Pair, aligned
from pghalab.course.expected.rules import Rules
from pghalab.course.expected.tables import Item, Table
from pghalab.course.expected.values import TYPES, masked
from pghalab.course.localise import Names

_WORD = re.compile(r"[\w./-]+|\0\w+\0")


def even(line: str) -> str:
    """A line whose columns and borders have the least width; patronictl's title covers part of a border."""
    line = " ".join(line.split())
    if line.startswith("+ Cluster: "):
        line = line.rstrip("-+ ")
    return re.sub(r"-{2,}", "--", line)


class Pairing:
    """Pairs by the rules of one lesson step."""

    def __init__(self, rules: Rules, names: Names) -> None:
        self._rules = rules
        self._names = names

    def pairs(self, ours: Sequence[Item], theirs: Sequence[Item]) -> list[Pair]:
        """Positions side by side; lines that are free stand in nobody's way."""
        free, spare = self._free(ours), self._free(theirs)
        pairs = self._ordered(ours, theirs, [*_but(ours, free)], [*_but(theirs, spare)])
        for one, text in free.items():
            other = next((place for place, said in spare.items() if said == text), None)
            if other is not None:
                del spare[other]
            # Behind the line that it follows.
            place = next((n for n in reversed(range(len(pairs))) if pairs[n][0] == one - 1), -1)
            pairs.insert(place + 1, (one, other))
        for other in spare:
            place = next((n for n in reversed(range(len(pairs))) if pairs[n][1] == other - 1), len(pairs) - 1)
            pairs.insert(place + 1, (None, other))
        return pairs

    def _free(self, found: Sequence[Item]) -> dict[int, str]:
        """The positions of lines that are free, with the text by which they are."""
        texts = ((place, self._rules.free_line(item)) for place, item in enumerate(found) if isinstance(item, str))
        return {place: text for place, text in texts if text}

    def _ordered(self, ours: Sequence[Item], theirs: Sequence[Item], left: list[int], right: list[int]) -> list[Pair]:
        """Some positions side by side, in order unless the order is free."""
        mine, their = [self._shape(ours[one]) for one in left], [self._shape(theirs[other]) for other in right]
        look = cache(lambda item: _look(item, self._names))
        pairs: list[Pair] = []
        if self._rules.any_order:
            places: dict[tuple[str, ...], list[int]] = {}
            for other in reversed(range(len(their))):
                places.setdefault(their[other], []).append(other)
            pairs = [(one, places[shape].pop()) for one, shape in enumerate(mine) if places.get(shape)]
        done, taken = {one for one, _ in pairs}, {other for _, other in pairs}
        some, others = [*_but(left, done)], [*_but(right, taken)]
        rest = aligned(
            [mine[one] for one in some],
            [their[other] for other in others],
            lambda a, b: _likeness(look(ours[left[some[a]]]), look(theirs[right[others[b]]])),
        )
        pairs += [(None if a is None else some[a], None if b is None else others[b]) for a, b in rest]
        if self._rules.any_order:
            pairs.sort(key=lambda pair: (pair[0] is None, pair[0] or 0, pair[1] or 0))
        return [(None if a is None else left[a], None if b is None else right[b]) for a, b in pairs]

    def _shape(self, item: Item) -> tuple[str, ...]:
        """What two items that belong side by side have in common."""
        if isinstance(item, Table):
            return ("table", item.kind, *item.columns)
        return ("line", masked(even(item), self._rules.types(item), self._names).shape)


def _but(items_: Sequence[object], without: Container[int | None]) -> Iterator[int]:
    """The positions of all but some."""
    return (place for place in range(len(items_)) if place not in without)


def _look(item: Item, names: Names) -> str | frozenset[str]:
    """What an item looks like from afar: a table's kind, a line's words whatever its values are."""
    return item.kind if isinstance(item, Table) else frozenset(_WORD.findall(masked(even(item), TYPES, names).shape))


def _likeness(ours: str | frozenset[str], theirs: str | frozenset[str]) -> float:
    """How much of what two items look like is the same, from 0 to 1."""
    if isinstance(ours, str) or isinstance(theirs, str):
        return float(ours == theirs)
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) if ours and theirs else 0.0
