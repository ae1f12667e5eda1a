"""Puts two sequences side by side, in bounded time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

LIKE = 0.5
"""How much two items that are not equal have to have in common to stand side by side (0 to 1)."""
MOST_PAIRS = 2_500
"""Pairs that are looked at in one gap between equal items."""

Pair = tuple[int | None, int | None]


def aligned(ours: Sequence[Hashable], theirs: Sequence[Hashable], like: Callable[[int, int], float]) -> list[Pair]:
    """Pairs of positions, in order; what has no partner stands alone.

    Equal items come side by side wherever that is possible; between those, the ones that are most like each other.
    """
    found: list[Pair] = []
    before = (0, 0)
    for one, other in [*_common(ours, theirs), (len(ours), len(theirs))]:
        found += _between(range(before[0], one), range(before[1], other), like)
        if one < len(ours):
            found.append((one, other))
        before = (one + 1, other + 1)
    return found


def _common(ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The longest common subsequence, its items as early as possible."""
    # Numbers are compared faster than what they stand for.
    numbers: dict[Hashable, int] = {}
    ours = [numbers.setdefault(item, len(numbers)) for item in ours]
    theirs = [numbers.setdefault(item, len(numbers)) for item in theirs]
    rest = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for one in reversed(range(len(ours))):
        row, below, item = rest[one], rest[one + 1], ours[one]
        for other in reversed(range(len(theirs))):
            if item == theirs[other]:
                row[other] = below[other + 1] + 1
            else:
                row[other] = below[other] if below[other] >= row[other + 1] else row[other + 1]
    found: list[tuple[int, int]] = []
    one = other = 0
    while one < len(ours) and other < len(theirs):
        if ours[one] == theirs[other]:
            found.append((one, other))
            one, other = one + 1, other + 1
        elif rest[one + 1][other] >= rest[one][other + 1]:
            one += 1
        else:
            other += 1
    return found


def _between(ours: range, theirs: range, like: Callable[[int, int], float]) -> list[Pair]:
    """What has no equal partner: the most alike side by side, without crossing."""
    if not ours or not theirs or len(ours) * len(theirs) > MOST_PAIRS:
        return [*((one, None) for one in ours), *((None, other) for other in theirs)]
    likeness = {(one, other): like(one, other) for one in ours for other in theirs}
    best: dict[tuple[int, int], float] = {}
    for one in reversed(ours):
        for other in reversed(theirs):
            together = likeness[one, other]
            best[one, other] = max(
                best.get((one + 1, other), 0.0),
                best.get((one, other + 1), 0.0),
                together + best.get((one + 1, other + 1), 0.0) if together >= LIKE else 0.0,
            )
    found: list[Pair] = []
    one, other = ours.start, theirs.start
    while one < ours.stop and other < theirs.stop:
        together = likeness[one, other]
        score = best[one, other]
        if together >= LIKE and score == together + best.get((one + 1, other + 1), 0.0):
            found.append((one, other))
            one, other = one + 1, other + 1
        elif score == best.get((one + 1, other), 0.0):
            found.append((one, None))
            one += 1
        else:
            found.append((None, other))
            other += 1
    return [
        *found,
        *((each, None) for each in range(one, ours.stop)),
        *((None, each) for each in range(other, theirs.stop)),
    ]
