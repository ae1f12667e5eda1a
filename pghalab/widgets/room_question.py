"""A question to the room: its choices, what the room votes, and the answer once it is revealed."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from pghalab.course.kinds import Question
from pghalab.session.state import State
from pghalab.widgets.glyphs import ACCENT, OK, QUIET
from pghalab.widgets.text import paragraph

BAR = 20
"""Columns of the longest bar."""


class RoomQuestion(Static):
    """Shows one question."""

    DEFAULT_CSS = "RoomQuestion { height: auto; margin: 1 0 0 0; }"

    def __init__(self, question: Question, state: State) -> None:
        super().__init__("")
        self._question, self._state = question, state

    def show(self, votes: Sequence[int], *, revealed: bool) -> None:
        """Show the votes so far, and which choice is right once that is revealed."""
        question, text = self._question, self._state.text
        lines = [paragraph(text(question.text)).stylize("bold"), Content("")]
        for index, choice in enumerate(question.choices):
            right = revealed and index == question.right
            letter = (f"{'✓' if right else ' '} {'abcd'[index]}  ", f"bold {OK if right else ACCENT}")
            words = paragraph(text(choice))
            lines.append(Content.assemble(letter, words.stylize("bold") if right else words))
            if votes:
                lines.append(_bar(votes[index] if index < len(votes) else 0, sum(votes)))
            lines.append(Content(""))
        if revealed:
            lines.append(paragraph(text(question.explain[question.right])))
        self.update(Content("\n").join(lines))


def _bar(count: int, whole: int) -> Content:
    length = round(BAR * count / whole) if whole else 0
    return Content.assemble("     ", ("█" * length, ACCENT), (f" {count}", QUIET))
