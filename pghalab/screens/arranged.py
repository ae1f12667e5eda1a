"""A screen with live panes: each can be jumped to, hidden, and made to fill it, and stays as it was left."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.widget import Widget

from pghalab.screens.console import ConsoleScreen
from pghalab.widgets.outline import Outline
from pghalab.widgets.pane import LivePane
from pghalab.widgets.pane_column import PaneColumn


class ArrangedScreen(ConsoleScreen):
    """What is hidden is hidden on every such screen; what fills it is remembered for each."""

    NAME: ClassVar[str] = ""
    """What the file calls it."""

    def on_mount(self) -> None:
        """Be as it was left."""
        self.show_arranged()
        filled = self.console.arranged.zoomed.get(self.NAME, "")
        for widget in self.query(f"#{filled}") if filled and filled not in self.console.arranged.hidden else ():
            self.call_after_refresh(self.maximize, widget, container=False)

    def on_screen_resume(self) -> None:
        """Something may have been hidden on another screen."""
        self.show_arranged()

    def watch_maximized(self, maximized: Widget | None) -> None:
        """Remember what fills the screen."""
        if self.is_mounted:
            self.console.arranged.zoom(self.NAME, (maximized.id or "") if maximized is not None else "")

    def show_arranged(self) -> None:
        """Show what is not hidden."""
        hidden = self.console.arranged.hidden
        panes = self.query_one(PaneColumn)
        panes.hide(hidden)
        self.update_classes({"-no-live": panes.first is None, "-no-outline": "outline" in hidden})

    def action_pane(self, name: str) -> None:
        """Go to a live pane, also to one that is hidden."""
        self.reveal(name)
        pane = self.query_one(f"#{name}", LivePane)
        if self.maximized not in (None, pane):
            self.minimize()
        self.come_to(pane)

    def reveal(self, name: str) -> None:
        """Hide something no longer."""
        self.console.arranged.show(name)
        self.show_arranged()

    def come_to(self, pane: LivePane[Any]) -> None:
        """Give a pane the focus."""
        self.call_after_refresh(pane.focus)

    def action_hide(self) -> None:
        """Hide the pane that has the focus, until it is gone to again."""
        around = self.focused.ancestors_with_self if self.focused is not None else ()
        found = next((one for one in around if isinstance(one, (LivePane, Outline)) and one.id), None)
        if found is None or not self.may_hide(found):
            self.hide_else()
            return
        if self.maximized is not None:
            self.minimize()
        self.console.arranged.hide(str(found.id))
        self.show_arranged()
        self.after_hiding(found)

    def may_hide(self, widget: Widget) -> bool:
        """Whether hiding it leaves something to look at."""
        return self.query_one(PaneColumn).left > 1

    def hide_else(self) -> None:
        """What hides when no pane that can be hidden has the focus."""
        self.say("The last pane stays.")

    def after_hiding(self, widget: Widget) -> None:
        """Where the focus goes then."""
        if (pane := self.query_one(PaneColumn).first) is not None:
            self.come_to(pane)
