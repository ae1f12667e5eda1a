"""A page of words before the room: one thing alone, with room around it, and a screenful at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Markdown, Static

from pghalab.course.kinds import Read
from pghalab.course.model import Lesson, Step
from pghalab.session.state import State
from pghalab.widgets.glyphs import ACCENT, QUIET, WARN
from pghalab.widgets.part_bar import PartBar
from pghalab.widgets.quorum_table import QuorumTable
from pghalab.widgets.swapped import swapped
from pghalab.widgets.text import paragraph, plain

KEPT = 2
"""Rows of one screenful that are seen in the next one too."""


class RoomPage(VerticalScroll, can_focus=False):
    """Shows some parts, one below the other, in the middle."""

    DEFAULT_CSS = """
    RoomPage { height: 1fr; padding: 1 2; align: center middle; scrollbar-size-vertical: 0; }
    RoomPage > * { width: 1fr; max-width: 84; height: auto; }
    RoomPage > .head { margin: 0 0 1 0; }
    RoomPage > Markdown { margin: 0; padding: 0; background: transparent; }
    RoomPage > Markdown MarkdownFence { margin: 0 0 1 0; }
    RoomPage > Markdown MarkdownFence > Label { width: 100%; padding: 0 2; }
    RoomPage > Markdown MarkdownTableContent { keyline: none; grid-gutter: 0 1; }
    RoomPage > .correction { margin: 1 0 0 0; border-left: thick $warning; padding: 0 1; }
    """

    _key: object = None
    drawn: object = None
    """What stands for what is there."""

    async def show(self, key: object, parts: Callable[[], Sequence[Widget]]) -> None:
        """Show these parts, from the first row on; what has the same key is shown already."""
        self._key = key
        await swapped(self, parts)
        self.drawn = key
        self.scroll_home(animate=False, immediate=True)

    def shows(self, key: object) -> bool:
        """Whether it shows, or is about to, what this stands for."""
        return self._key == key

    @property
    def pages(self) -> int:
        """How many screenfuls there are."""
        step = max(1, self.scrollable_content_region.height - KEPT)
        return 1 + math.ceil(self.max_scroll_y / step)

    def turn(self, by: int) -> bool:
        """Show the next screenful, or the one before; False where there is none."""
        step = by * max(1, self.scrollable_content_region.height - KEPT)
        to = min(max(0, self.scroll_y + step), self.max_scroll_y)
        if to == self.scroll_y:
            return False
        self.scroll_to(y=to, animate=False, immediate=True)
        return True


def title(lesson: Lesson, step: Step, state: State) -> Static:
    """The title of a step, below that of its lesson."""
    above = Content.styled(f"{lesson.number}  {state.text(lesson.title)}\n\n", QUIET)
    return Static(Content.assemble(above, plain(state.text(step.title), f"bold {ACCENT}")), classes="head")


def words(lesson: Lesson, step: Step, state: State) -> list[Widget]:
    """What a step says before anything is done in it."""
    prose = [lesson.intro if step is lesson.steps[0] else "", step.prose]
    parts: list[Widget] = [title(lesson, step, state)]
    parts += [Markdown(state.text(text)) for text in prose if text.strip()]
    if step.widget == "quorum-table":
        parts.append(QuorumTable())
    if isinstance(step.kind, Read) and step.correction:
        parts.append(_correction(step, state))
    return parts


def meaning(lesson: Lesson, step: Step, state: State) -> list[Widget]:
    """What the output of a step means, and where the source text is wrong; nothing where neither is said."""
    parts: list[Widget] = [Markdown(state.text(step.after))] if step.after.strip() else []
    if step.correction and not isinstance(step.kind, Read):
        parts.append(_correction(step, state))
    return [title(lesson, step, state), *parts] if parts else []


def waiting(lesson: Lesson, state: State) -> list[Widget]:
    """What is seen while the lab is brought to where a lesson begins."""
    head = Content.assemble((f"{lesson.number}\n\n", QUIET), plain(state.text(lesson.title), f"bold {ACCENT}"))
    words = Content.styled("One moment: the cluster is made ready.", QUIET)
    return [Static(head, classes="head"), Static(words), PartBar()]


def ending() -> list[Widget]:
    """Behind the last step."""
    credit = (
        "Follows “Postgres High Availability with Patroni Training” by Jorge Torralba, postgressolutions.com",
        QUIET,
    )
    return [Static(Content.styled("Thank you", f"bold {ACCENT}"), classes="head"), Static(Content.assemble(credit))]


def _correction(step: Step, state: State) -> Static:
    head = ("The source text says otherwise\n", f"bold {WARN}")
    return Static(Content.assemble(head, paragraph(state.text(step.correction))), classes="correction")
