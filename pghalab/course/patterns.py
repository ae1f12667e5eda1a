"""The patterns of lessons: anybody may have written them, so a match has a time limit.

The standard library's engine cannot be stopped and holds every other thread up meanwhile: `(a+)+$` on a screen of
text takes longer than a lifetime. The module `regex` knows the same expressions, lets other threads run, and gives up
when its time is over. (An engine of linear time, RE2, has no wheels for musl and lacks what lessons use.)
"""

from __future__ import annotations

import asyncio
import re

LONGEST = 300
"""Characters of a pattern."""
TIME = 1.0
"""Seconds that a match may take."""


class PatternError(ValueError):
    """The pattern cannot be used; the text says why."""


def require(pattern: str) -> None:
    """Raise PatternError unless this can be a pattern."""
    if len(pattern) > LONGEST:
        raise PatternError(f"it is longer than {LONGEST} characters")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f"it is no regular expression: {error}") from error


async def found(pattern: str, text: str) -> bool:
    """Whether the pattern matches somewhere, `^` and `$` at every line; raises PatternError, also when time is over."""
    require(pattern)
    return await asyncio.to_thread(_found, pattern, text)


def _found(pattern: str, text: str) -> bool:
    import regex

    try:
        return regex.search(pattern, text, regex.MULTILINE, timeout=TIME, concurrent=True) is not None
    except TimeoutError as error:
        raise PatternError(f"it finds no answer within {TIME:g} s") from error
    except (regex.error, RecursionError) as error:
        raise PatternError(f"it is no regular expression: {error}") from error
