"""Home: the course with the state of each lesson, the lab's condition, and where to go."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, OptionList, Static

from pghalab.course.events import SETTLED
from pghalab.course.model import Course
from pghalab.screens.activity import Activity
from pghalab.screens.console import ConsoleScreen
from pghalab.screens.messages import Told, hears
from pghalab.session.events import (
    ClusterSeen,
    CourseRead,
    LabOpened,
    NoticesChanged,
    RunFinished,
    SessionEvent,
    StatesChanged,
    TroubleChanged,
)
from pghalab.widgets.glyphs import BAD, QUIET, WARN
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings, label, said
from pghalab.widgets.outline import Outline
from pghalab.widgets.steady import SteadyText
from pghalab.widgets.text import plain

NOTICES_SHOWN = 3


class HomeScreen(ConsoleScreen):
    """The first screen."""

    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-small"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (14, "-high")]  # noqa: RUF012
    HELP = """\
# Home
**Enter** on *Continue* goes on where you left; **Enter** on a lesson opens it.

The glyph before a lesson says how it stands: ✓ done, ◐ begun, ○ to do, ✗ broken (it was done and no longer holds).
**{app.repair}** goes to what is broken.
"""
    BINDINGS: ClassVar[list[BindingType]] = bindings("home")

    def __init__(self) -> None:
        super().__init__()
        self._wants_on = False
        """The learner wants to go on, as soon as it is known where."""
        self._wants: str = ""
        """The id of the lesson that the learner chose before the course was read."""
        self._titles: Course | None = None
        self._grave: list[str] = []
        self._without_engine = False
        """What was said to be wrong with the cluster."""

    def compose(self) -> ComposeResult:
        """A head, the way on, the outline."""
        with Vertical(id="head"):
            yield Static(
                Content.assemble((" pghalab ", "bold reverse"), "  PostgreSQL high availability, live"), id="name"
            )
            yield SteadyText(Content.styled("looking…", QUIET), id="condition")
            yield Activity()
            yield Static("", id="notices")
        with Horizontal(id="ways"):
            yield Button("Continue", id="continue", variant="primary", compact=True, action="screen.go_on")
            yield Button(label(self, "Lab", "home.lab"), compact=True, action="app.lab_menu")
            yield Button(label(self, "Doctor", "home.doctor"), compact=True, action="app.doctor")
            yield Button(label(self, "About", "home.about"), compact=True, action="app.about")
            yield Button(
                label(self, "Recorded course", "home.recorded"),
                id="recorded",
                classes="-away",
                compact=True,
                action="app.replay",
            )
        yield Outline(id="outline", wide=True)
        yield Static(
            Content.styled("Follows the training by Jorge Torralba, postgressolutions.com", QUIET), id="credit"
        )
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Start on the way on, with the list of the lessons, which is there before they are read."""
        self._titles = self.console.session.titles()
        self.query_one("#continue", Button).focus()
        self._show()

    @hears(CourseRead, LabOpened, TroubleChanged, StatesChanged, NoticesChanged, RunFinished)
    def _changed(self, _: Told[SessionEvent]) -> None:
        # Below another screen nobody sees it, and it catches up when it comes back.
        if self.is_current:
            self._show()
            if self._wants_on and not self.console.session.state.opening:
                self.action_go_on()
            elif self._wants:
                self._open_lesson(self._wants)

    @hears(ClusterSeen)
    def _seen(self, _: Told[ClusterSeen]) -> None:
        if self.is_current:
            self._show_condition()
            state = self.console.session.state
            if (self._grave, self._without_engine) != (state.grave(), state.without_engine):
                self._show()

    def on_screen_resume(self) -> None:
        """Catch up with what happened elsewhere."""
        self._wants_on, self._wants = False, ""
        self._show()
        self.query_one(Activity).look()

    def _show(self) -> None:
        session = self.console.session
        self._show_condition()
        self._grave = session.state.grave()
        course = session.state.course or self._titles
        if course is not None:
            self.query_one(Outline).show(course, session.state.steps, text=session.state.text)
        lines = [plain(f"✗ {line}", f"bold {BAD}") for line in session.state.grave()]
        where = said(self, " ({app.repair} goes there)")
        for one in session.state.broken():
            lines.append(plain(f"✗ No longer true{where}: {one.text}", BAD))
            where = ""
        lines += [plain(f"! {line}", WARN) for line in session.state.notices]
        without = self._without_engine = session.state.without_engine
        self.query_one("#recorded", Button).set_class(not without, "-away")
        if without:
            lines.insert(0, plain(said(self, "The course as it was recorded needs no engine: {home.recorded}"), WARN))
        if session.state.read_only:
            lines.insert(0, plain(f"‖ Read-only. {session.state.driver}", WARN))
        if len(lines) > NOTICES_SHOWN:
            more = len(lines) - NOTICES_SHOWN + 1
            rest = said(self, "the doctor ({home.doctor}) lists all")
            lines = [*lines[: NOTICES_SHOWN - 1], plain(f"… and {more} more: {rest}", WARN)]
        notices = self.query_one("#notices", Static)
        notices.display = bool(lines)
        notices.update(Content("\n").join(lines))
        button = self.query_one("#continue", Button)
        way_on = self._way_on()
        if str(button.label) != str(way_on):
            button.label = way_on
            # A label that changes does not change the width by itself.
            button.refresh(layout=True)

    def _way_on(self) -> Content:
        session = self.console.session
        if session.state.course is None:
            return Content("Reading the lessons…")
        if not session.state.course.lessons:
            return plain(said(self, "No lesson could be read: {home.doctor} shows why"))
        if session.state.opening:
            return Content("Looking where you left…")
        found = session.state.next_step()
        if found is None:
            return label(self, "Every lesson is done: look back", "home.continue")
        lesson, step = found
        word = "Repair" if session.state.steps.get(step.id) == "broken" else "Continue"
        begun = any(state != "todo" for state in session.state.steps.values())
        title = session.state.text(f"{lesson.title} › {step.title}")
        return plain(f"{word if begun else 'Begin'}: {lesson.number} {title}")

    def _show_condition(self) -> None:
        self.query_one("#condition", SteadyText).say(self.condition())

    def action_go_on(self) -> None:
        """Open the step to go on with."""
        session = self.console.session
        if session.state.course is not None and not session.state.course.lessons:
            self.call_later(self.run_action, "app.doctor")
            return
        self._wants_on = session.state.opening
        if session.state.course is None or session.state.opening:
            return
        found = session.state.next_step()
        self.console.open_step((found[1] if found else session.state.course.lessons[-1].steps[0]).id)

    def action_choose(self) -> None:
        """Go between the way on and the outline."""
        outline = self.query_one(Outline)
        (self.query_one("#continue", Button) if self.focused is outline else outline).focus()

    def action_choose_from(self, index: int | None = None) -> None:
        """Go to the outline, where it was left or to a lesson by its place."""
        outline = self.query_one(Outline)
        outline.focus()
        if index is not None or outline.highlighted is None:
            outline.highlighted = (index or 0) % max(1, outline.option_count)

    def action_watch(self) -> None:
        """Open the live cluster, and nothing else."""
        from pghalab.screens.live import LiveScreen

        self.app.push_screen(LiveScreen())

    @on(OptionList.OptionSelected)
    def _opened(self, event: OptionList.OptionSelected) -> None:
        kind, _, key = (event.option.id or "").partition(":")
        if kind == "lesson":
            self._open_lesson(key)

    def _open_lesson(self, key: str) -> None:
        state = self.console.session.state
        if state.course is None:
            self._wants = key
            return
        self._wants = ""
        lesson = next((lesson for lesson in state.course.lessons if lesson.id == key), None)
        if lesson is not None:
            todo = [step for step in lesson.steps if state.steps.get(step.id, "todo") not in SETTLED]
            self.console.open_step((todo or list(lesson.steps))[0].id)
