"""What a lesson asks when a run has ended and another one would do more, or something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pghalab.course.events import Outcome


class Question(NamedTuple):
    """A question, and the words of its yes."""

    text: str
    yes: str


def again(outcome: Outcome) -> Question | None:
    """Whether to run all the same what had nothing to do; None when it ran."""
    text = {
        "already": "The checks of this step already hold. Run it again?",
        "past": "Nothing is left to do in this step. Run it all the same?",
    }.get(outcome)
    return Question(text, "Run again") if text else None


def without(nodes: Sequence[str]) -> Question:
    """Whether to start without nodes that nobody can look at."""
    names = " and ".join(nodes)
    return Question(
        f"Nobody can look at {names}, which may have rows that no other node has.\n\n"
        f"Started without, the others go on from what they have: those rows are lost, also when {names} comes back.",
        f"Start without {names}",
    )
