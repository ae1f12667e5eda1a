"""From step to step, and from lesson to lesson."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pghalab.course.kinds import Read

if TYPE_CHECKING:
    from pghalab.screens.lesson import LessonScreen


class Going:
    """Shows another step of the course."""

    def __init__(self, screen: LessonScreen) -> None:
        self._screen = screen

    def onward(self) -> None:
        """Go to the next step; one that is only to be read is done thereby."""
        if isinstance(self._screen.step.kind, Read):
            self._screen.console.session.learner.mark_read(self._screen.step.id)
        self.by_steps(1)

    def by_steps(self, by: int) -> None:
        """Go so many steps on, or back; behind the last one is the end of the course."""
        screen = self._screen
        order = screen.course.steps
        at = order.index(screen.step) + by
        if 0 <= at < len(order):
            screen.go_to(order[at].id)
        elif by > 0:
            from pghalab.screens.end import EndScreen

            screen.app.push_screen(EndScreen())
        else:
            screen.notify("This is the first step.", markup=False)

    def by_lessons(self, by: int) -> None:
        """Go to the first step of another lesson."""
        lessons = self._screen.course.lessons
        at = lessons.index(self._screen.lesson) + by
        if 0 <= at < len(lessons) and lessons[at].steps:
            self._screen.go_to(lessons[at].steps[0].id)

    def to(self, option: str) -> None:
        """Go where a line of the outline leads: `step:ID` or `lesson:ID`."""
        kind, _, key = option.partition(":")
        if kind == "step":
            self._screen.go_to(key)
            self._screen.front.bring("lesson")
        else:
            lesson = next(lesson for lesson in self._screen.course.lessons if lesson.id == key)
            if lesson.steps:
                self._screen.go_to(lesson.steps[0].id)
