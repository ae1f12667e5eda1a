"""A question with choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pghalab.course.kinds.base import Kind
from pghalab.course.kinds.fields import MAPPING, Bad, Types
from pghalab.course.lines import Located
from pghalab.values import dataclass

if TYPE_CHECKING:
    from pghalab.course.progress import Record

MOST_CHOICES = 4
"""Choices of a question: each is chosen by a letter."""
_CHOICE_KEYS = {"text", "explain", "right"}


@dataclass(frozen=True, slots=True)
class Question(Kind):
    """Done once it was answered rightly; each choice explains itself once it is chosen."""

    text: str
    choices: tuple[str, ...]
    right: int
    """Index into `choices`."""
    explain: tuple[str, ...]
    """One explanation for each choice."""

    name: ClassVar[str] = "question"
    keys: ClassVar[dict[str, Types]] = {"question": MAPPING}
    needed: ClassVar[tuple[str, ...]] = ("question",)
    acts: ClassVar[bool] = False

    @classmethod
    def read(cls, block: Located) -> Question:
        """The text and the choices, exactly one of which is right."""
        line = block.line("question")
        data = block.data["question"]
        listed = isinstance(data.get("choices"), list) and isinstance(data.get("text"), str)
        if set(data) != {"text", "choices"} or not listed:
            raise Bad(line, "a question has `text` and the list `choices`")
        choices = data["choices"]
        for choice in choices:
            if not isinstance(choice, dict) or not set(choice) <= _CHOICE_KEYS:
                raise Bad(line, "a choice has `text`, `explain` and, when it is the right one, `right: true`")
            if not all(isinstance(choice.get(key), (str, int, float)) for key in ("text", "explain")):
                raise Bad(line, f"the choice `{choice.get('text', '')}` needs `text` and `explain`")
        right = [index for index, choice in enumerate(choices) if choice.get("right") is True]
        if not 2 <= len(choices) <= MOST_CHOICES or len(right) != 1:
            found = f"found {len(choices)} and {len(right)}"
            raise Bad(line, f"a question has 2 to {MOST_CHOICES} choices and one right one; {found}")
        return cls(
            data["text"].strip(), tuple(str(choice["text"]).strip() for choice in choices), right[0],
            tuple(str(choice["explain"]).strip() for choice in choices),
        )  # fmt: skip

    def known(self, record: Record) -> bool:
        """It was answered rightly."""
        return record.right

    def take(self, record: Record) -> None:
        """It counts as answered rightly."""
        record.choice, record.right = self.right, True
