"""What one step printed beside what its lesson expects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pghalab.course.expected.compare import compare
from pghalab.course.expected.model import Comparison, Situation
from pghalab.course.localise import Names

if TYPE_CHECKING:
    from pghalab.course.model import Step


def of_step(
    step: Step, printed: str | Iterable[str], names: Names, situation: Situation | None = None
) -> Comparison | None:
    """The comparison, in the lab's own names; None when the lesson does not say what is printed.

    A step that is to print nothing, and printed nothing, has none either: there is nothing to be shown.
    """
    if not step.expect and not step.silent:
        return None
    found = compare(step.expect, printed, step.match, names, situation)
    return found if step.expect or found.rows else None
