"""The lines above a lesson: the lab's condition, the areas, what no longer holds, and what the lesson builds on."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from pghalab.course.model import Lesson, Step
from pghalab.session.next_step import unmet_needs
from pghalab.session.state import State
from pghalab.widgets.glyphs import BAD, WARN
from pghalab.widgets.keys import said
from pghalab.widgets.text import plain

TABS = {
    "lesson": "{lesson.area-lesson} Lesson",
    "live": "{panes.nodes} Cluster",
    "outline": "{lesson.area-outline} Outline",
    "shell": "{lesson.area-shell} Shell",
}


class LessonHead(Vertical):
    """Lines of which only those are there that have something to say."""

    def compose(self) -> ComposeResult:
        """The lines."""
        yield Static("", id="top")
        yield Static("", id="tabs")
        yield Static("", id="grave")
        yield Static("", id="broken")
        yield Static("", id="needs")

    def show_area(self, area: str) -> None:
        """Mark the area that is shown."""
        tabs = Content(" ").join(
            Content.styled(f" {said(self, title)} ", "bold reverse" if name == area else "dim")
            for name, title in TABS.items()
        )
        self.query_one("#tabs", Static).update(tabs)

    def show(self, condition: Content, state: State, lesson: Lesson, step: Step) -> None:
        """Show how things stand; `condition` is the lab's."""
        if state.read_only:
            condition = Content.assemble(("‖ READ-ONLY  ", f"bold {WARN}"), plain(state.driver, WARN), "  ", condition)
        if state.paused:
            words = said(self, "‖ panes paused, {lesson.pause} goes on  ")
            condition = Content.assemble((words, f"bold {WARN}"), condition)
        self._say("#top", condition)
        grave = state.grave()
        also = f" (and {len(grave) - 1} more)" if len(grave) > 1 else ""
        self._say("#grave", plain(f"✗ {grave[0]}{also}", f"bold {BAD}") if grave else Content(""))
        wrong = state.broken()
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        head = said(self, "✗ No longer true ({app.repair} goes there)")
        text = plain(f"{head}: {wrong[0].text}{more}", BAD) if wrong else Content("")
        self._say("#broken", text)
        # Said where the lesson begins: whoever went on knows it.
        begins = state.course is not None and step is lesson.steps[0]
        numbers = unmet_needs(state.course, lesson, state.steps) if state.course is not None and begins else []
        listed = ", ".join(map(str, numbers))
        missing = bool(numbers) and not state.opening
        words = f"! This lesson builds on {listed}: not done yet" if missing else ""
        self._say("#needs", Content.styled(words, WARN))

    def _say(self, line: str, content: Content) -> None:
        widget = self.query_one(line, Static)
        widget.display = bool(content.plain)
        if not content.is_same(widget.content if isinstance(widget.content, Content) else Content("")):
            widget.update(content, layout=False)
