"""What of a lesson is in front of the reader: one of its areas, or a part of one that fills the screen."""

from __future__ import annotations

from textual.screen import Screen
from textual.widget import Widget

from pghalab.screens.lesson_areas import LessonAreas
from pghalab.screens.lesson_head import TABS, LessonHead
from pghalab.widgets.output import OutputView
from pghalab.widgets.shell_pane import ShellPane
from pghalab.widgets.terminal import TerminalView


class Front:
    """Brings areas to the front of a screen that has them, and fills it with one thing."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen
        self.area = "lesson"
        """The area that has the focus, and the screen where there is room for one only."""

    def show(self, area: str, target: Widget | None = None) -> None:
        """Show an area and put the focus there, or on a part of it."""
        self.area = area
        # All at once: each change has every widget styled anew.
        self._screen.update_classes({f"-area-{name}": name == area for name in TABS})
        self._screen.query_one(LessonHead).show_area(area)
        # The area may only just be becoming visible.
        self._screen.call_after_refresh(self._focus, area, target)

    def _focus(self, area: str, target: Widget | None) -> None:
        if target is not None:
            target.focus()
        elif area != "shell":
            self._areas.area(area).focus(scroll_visible=False)
        elif (view := self._screen.query_one(ShellPane).view) is not None:
            view.focus()

    def bring(self, area: str) -> None:
        """Show an area, also when something else fills the screen."""
        self._screen.minimize()
        self.show(area)

    @property
    def is_typed_into(self) -> bool:
        """A shell has the focus: an Enter that was on its way to the lesson when it took it is not meant for a step."""
        return isinstance(self._screen.focused, TerminalView)

    def to_output(self) -> bool:
        """Go to what the step printed; False when there is nothing."""
        for view in self._areas.query("StepCard OutputView.-some"):
            self._screen.minimize()
            self.show("lesson", view)
            return True
        return False

    def came_into_view(self) -> bool:
        """Show the step first where something else fills the screen: nobody runs what he does not see."""
        view = self._areas.step_view
        if view.display and self._screen.maximized in (None, view):
            return False
        self.bring("lesson")
        return True

    def zoom(self) -> bool:
        """Fill the screen with what is in front, or go back; False for an output, which has a screen of its own."""
        screen = self._screen
        if screen.maximized is not None:
            screen.minimize()
            return True
        focused = screen.focused
        for widget in focused.ancestors_with_self if focused is not None else ():
            if isinstance(widget, OutputView):
                return False
            if isinstance(widget, Widget) and widget.ALLOW_MAXIMIZE:
                screen.maximize(widget, container=False)
                return True
        shells = screen.query_one(ShellPane)
        fronts: dict[str, Widget] = {"live": self._areas.panes, "outline": self._areas.outline, "shell": shells}
        front = fronts.get(self.area, self._areas.step_view)
        screen.maximize(front, container=False)
        return True

    @property
    def _areas(self) -> LessonAreas:
        return self._screen.query_one(LessonAreas)
