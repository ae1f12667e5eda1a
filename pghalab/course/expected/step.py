"""What one step printed beside what its lesson expects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pghalab.course.expected.compare import compare
from pghalab.course.expected.model import Comparison, Situation
from pghalab.course.localise import Names

if TYPE_CHECKING:
    from pghalab.course.model import Step

_JOB = re.compile(
    r"\[\d{1,4}\][+-]? +(?:\d{1,10}|(?:Done|Running|Stopped|Terminated|Killed|Exit \d+)\b.*)|\(wd now: .*\)"
)
"""What an interactive shell says of what runs in the background."""


def of_step(
    step: Step,
    printed: str | Iterable[str],
    names: Names,
    situation: Situation | None = None,
    *,
    typed: bool = False,
) -> Comparison | None:
    """The comparison, in the lab's own names; None when the lesson does not say what is printed.

    A step that is to print nothing, and printed nothing, has none either: there is nothing to be shown. What an
    interactive shell says of its jobs is left out of what was `typed`.
    """
    if not step.expect and not step.silent:
        return None
    if typed:
        lines = printed.split("\n") if isinstance(printed, str) else printed
        printed = [line for line in lines if not _JOB.fullmatch(line.rstrip())]
    found = compare(step.expect, printed, step.match, names, situation)
    return found if step.expect or found.rows else None
