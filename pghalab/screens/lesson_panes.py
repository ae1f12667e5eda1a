"""The areas and panes of a lesson: what its keys do with them."""

from __future__ import annotations

from typing import Any

from textual.widget import Widget

from pghalab.screens.lesson_areas import LessonAreas
from pghalab.screens.lesson_front import Front
from pghalab.screens.lesson_shell import ShellArea, ShellKeys
from pghalab.widgets.pane import LivePane


class PaneKeys(ShellKeys):
    """A screen with the areas of a lesson: each can be gone to, and hidden where something else is left."""

    front: Front

    @property
    def areas(self) -> LessonAreas:
        """What is shown of the step and the cluster."""
        return self.query_one(LessonAreas)

    def action_area(self, area: str) -> None:
        """Show an area and put the focus there."""
        if area == "outline":
            self.reveal(area)
        self.front.bring(area)

    def come_to(self, pane: LivePane[Any]) -> None:
        """Show the cluster, and give the pane the focus."""
        self.front.show("live", pane)

    def may_hide(self, widget: Widget) -> bool:
        """The lesson is left to look at; the outline is hidden only where it stands beside it."""
        return isinstance(widget, LivePane) or self.has_class("-three")

    def hide_else(self) -> None:
        """Hide the shell; else there is only the lesson itself."""
        if not self.query_one(ShellArea).hide():
            self.say("The lesson itself stays; {panes.hide} hides the pane that has the focus.")

    def after_hiding(self, widget: Widget) -> None:
        """Stay with the cluster as long as something of it is shown."""
        beside = isinstance(widget, LivePane) and self.areas.panes.first is not None
        self.front.show("live" if beside else "lesson")

    def action_to_output(self) -> None:
        """Go to what the step printed."""
        if not self.front.to_output():
            self.say("This step has printed nothing here.")
