"""The votes of a room: one for each viewer and question."""

from __future__ import annotations

from collections.abc import Callable

from pghalab.session.events import QuestionShown

MOST = 2000
"""Viewers whose votes for one question are counted."""


class Ballot:
    """Counts for the question that is shown; `counted` is told whenever there is something new to tell."""

    def __init__(self, counted: Callable[[], object]) -> None:
        self.question: QuestionShown | None = None
        self._counted = counted
        self._votes: dict[str, int] = {}
        self._last: QuestionShown | None = None
        """The question that was asked last, whose votes these are."""

    def ask(self, question: QuestionShown | None) -> None:
        """Another question is shown, or none; one that is shown again keeps its votes."""
        self.question = question
        if question is not None:
            if question != self._last:
                self._votes.clear()
            self._last = question
            self._counted()

    def vote(self, viewer: str, step: str, option: int) -> bool:
        """Take a viewer's vote, in place of an earlier one; false when that is not asked now."""
        question = self.question
        if question is None or step != question.step or not 0 <= option < len(question.options):
            return False
        if viewer not in self._votes and len(self._votes) >= MOST:
            return False
        if self._votes.get(viewer) != option:
            self._votes[viewer] = option
            self._counted()
        return True

    def of(self, viewer: str) -> int | None:
        """What a viewer chose."""
        return self._votes.get(viewer) if self.question is not None else None

    @property
    def counts(self) -> tuple[int, ...]:
        """How many chose each option."""
        options = self.question.options if self.question is not None else ()
        chosen = list(self._votes.values())
        return tuple(chosen.count(option) for option in range(len(options)))
