"""A question with choices; whatever is chosen explains itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from pghalab.course.kinds import Question
from pghalab.widgets.glyphs import BAD, OK, QUIET
from pghalab.widgets.keys import bindings
from pghalab.widgets.text import paragraph

HOW = "Choose with ↑ ↓ and Enter, or a letter. A wrong answer costs nothing."


class _Choices(OptionList):
    """Nothing is chosen until the learner has moved: Enter may be pressed once too often."""

    def __init__(self, *options: Option) -> None:
        super().__init__(*options)
        self.highlighted = None

    def action_select(self) -> None:
        """Take the choice; without one say how to choose."""
        if self.highlighted is None:
            self.notify(HOW, markup=False, timeout=3)
        super().action_select()


class QuestionCard(Vertical):
    """The text, the choices, and the explanation of the last choice."""

    DEFAULT_CSS = """
    QuestionCard { height: auto; width: 1fr; border-left: thick $primary; padding: 0 0 0 1; }
    QuestionCard.-right { border-left: thick $success; }
    QuestionCard .question { height: auto; text-style: bold; margin: 0 0 1 0; }
    QuestionCard OptionList { height: auto; max-height: 100vh; border: none; background: $boost; padding: 0;
        overflow: hidden; scrollbar-size: 0 0; }
    QuestionCard .explain { height: auto; margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("question")

    class Answered(Message):
        """A choice was made."""

        def __init__(self, choice: int) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, question: Question, text: Callable[[str], str] = str) -> None:
        super().__init__()
        self.question = question
        self._text = text

    def compose(self) -> ComposeResult:
        """The question and its choices."""
        yield Static(paragraph(self._text(self.question.text)), classes="question")
        yield _Choices(*(Option(self._choice(index)) for index in range(len(self.question.choices))))
        yield Static(
            Content.styled(HOW, QUIET),
            classes="explain",
        )

    def show(self, choice: int) -> None:
        """Explain this choice."""
        right = choice == self.question.right
        glyph, style = ("✓ Right. ", OK) if right else ("✗ Not so. ", BAD)
        words = self.query_one(".explain", Static)
        words.update(Content.assemble((glyph, f"bold {style}"), paragraph(self._text(self.question.explain[choice]))))
        self.call_after_refresh(words.scroll_visible, animate=False)
        self.set_class(right, "-right")
        options = self.query_one(OptionList)
        options.highlighted = choice
        for index in range(len(self.question.choices)):
            options.replace_option_prompt_at_index(index, self._choice(index, choice))

    def action_choose(self, index: int) -> None:
        """Choose by letter."""
        if index < len(self.question.choices):
            self.post_message(self.Answered(index))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Answered(event.option_index))

    def _choice(self, index: int, chosen: int | None = None) -> Content:
        mark = "  "
        style = ""
        if index == chosen:
            mark, style = ("✓ ", OK) if index == self.question.right else ("✗ ", BAD)
        text = paragraph(self._text(self.question.choices[index]))
        return Content.assemble((mark, style), (f"{'abcd'[index]}  ", "bold"), text)
