"""The course as a list: lessons with their state, and the steps of the lesson at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from textual.content import Content
from textual.widgets.option_list import Option

from pghalab.course.events import StepState
from pghalab.course.model import Course, Lesson, Step
from pghalab.session.next_step import States, lesson_state
from pghalab.widgets.choices import Choices
from pghalab.widgets.glyphs import QUIET, glyph
from pghalab.widgets.text import plain


class Outline(Choices):
    """Lessons by number and state; with `lesson` set, its steps below it."""

    DEFAULT_CSS = """
    Outline { border: none; padding: 0; background: transparent; height: 1fr; scrollbar-size-vertical: 1;
        text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, *, id: str | None = None, wide: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, markup=False)
        self._wide = wide
        self._shown: dict[str, Content] = {}

    def show(
        self, course: Course, states: States, step: Step | None = None, *, text: Callable[[str], str] = str
    ) -> None:
        """Show the course; `step` opens its lesson, `text` makes titles those of the lab at hand."""
        prompts: dict[str, Content] = {}
        rows = [(lesson, text(lesson.title), *lesson_state(lesson, states)) for lesson in course.lessons]
        # With room for columns, titles and states are each of one width.
        title_width = max((len(title) for _, title, _, _ in rows), default=0) if self._wide else 0
        label_width = max((len(label) for _, _, _, label in rows), default=0)
        for lesson, title, word, label in rows:
            prompts[f"lesson:{lesson.id}"] = self._lesson(
                lesson, title.ljust(title_width), word, label.ljust(label_width) if self._wide else label
            )
            if step is not None and any(step.id == own.id for own in lesson.steps):
                for own in lesson.steps:
                    prompts[f"step:{own.id}"] = _step(own, states.get(own.id, "unseen"), own.id == step.id, text)
        if list(prompts) == list(self._shown):
            for key, prompt in prompts.items():
                if not prompt.is_same(self._shown[key]):
                    self.replace_option_prompt(key, prompt)
        else:
            at = self.highlighted_option.id if self.highlighted_option else None
            self.clear_options()
            self.add_options([Option(prompt, id=key) for key, prompt in prompts.items()])
            if at in prompts:
                self.highlighted = list(prompts).index(at)
        self._shown = prompts

    def point_at(self, key: str) -> None:
        """Put the cursor on `lesson:ID` or `step:ID`."""
        if key in self._shown:
            self.highlighted = list(self._shown).index(key)

    def _lesson(self, lesson: Lesson, title: str, word: str, label: str) -> Content:
        sign, style = glyph(word)
        # Beside a lesson there is little room, and the sign says as much.
        tail = f" · {label}" if word in ("broken", "begun") else ""
        if self._wide:
            tail = f"   {label}  {lesson.minutes:>3} min"
        if lesson.optional:
            tail += "   optional" if self._wide else " · optional"
        return Content.assemble(
            (f"{sign} ", style),
            f"{lesson.number:>2}  ",
            plain(title),
            (tail, style if word in ("broken", "begun") else QUIET),
        )


def _step(step: Step, state: StepState | Literal["unseen"], here: bool, text: Callable[[str], str]) -> Content:
    sign, style = glyph(state)
    label = {"unseen": "", "todo": "", "done": "", "past": " · past", "broken": " · broken"}[state]
    optional = " · optional" if step.optional else ""
    return Content.assemble(
        ("   ▸ " if here else "     ", "bold"),
        (f"{sign} ", style),
        plain(text(step.title), "bold" if here else ""),
        (label, style),
        (optional, QUIET),
    )
