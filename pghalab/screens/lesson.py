"""A lesson: one step, what its keys do, and the live panes beside it."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import OptionList

from pghalab.course.events import SETTLED
from pghalab.course.kinds import Question
from pghalab.course.model import Course, Lesson, Step
from pghalab.course.placeholders import used
from pghalab.lab.types import LabError
from pghalab.screens import lesson_texts
from pghalab.screens.activity import Activity
from pghalab.screens.lesson_areas import LessonAreas
from pghalab.screens.lesson_front import Front
from pghalab.screens.lesson_going import Going
from pghalab.screens.lesson_head import LessonHead
from pghalab.screens.lesson_help import Helping
from pghalab.screens.lesson_keys import HELP, usable
from pghalab.screens.lesson_panes import PaneKeys
from pghalab.screens.lesson_questions import again, without
from pghalab.screens.lesson_shell import ShellArea
from pghalab.screens.messages import Told, hears
from pghalab.session.demo.program import onward
from pghalab.session.events import (
    ClusterSeen,
    LabOpened,
    RunFinished,
    RunProgressed,
    SessionEvent,
    StatesChanged,
    TroubleChanged,
)
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings
from pghalab.widgets.question_card import QuestionCard

NAMES = "pgha1 192.168.50.10 {{auth_method}}"
"""What a lab calls by names of its own."""


class LessonScreen(PaneKeys):
    """Shows one step and what it does to the cluster."""

    CSS_PATH = "lesson.tcss"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-one"), (100, "-two"), (160, "-three")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (12, "-short"), (30, "-high")]  # noqa: RUF012

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("lesson"), *bindings("panes")]
    NAME: ClassVar[str] = "lesson"

    def __init__(self, step_id: str) -> None:
        super().__init__()
        self._step_id = step_id
        self.front = Front(self)
        self.helping = Helping(self)
        self.going = Going(self)
        self._shown_busy = False
        self._names = ""
        """NAMES as they were when the step was shown."""
        self._roles: tuple[object, ...] = ()
        """Who led and who streamed at the last look."""

    @property
    def course(self) -> Course:
        """The course; it has been read before a lesson opens."""
        assert self.console.session.state.course is not None
        return self.console.session.state.course

    @property
    def step(self) -> Step:
        """The step shown."""
        return self.course.step(self._step_id)

    @property
    def lesson(self) -> Lesson:
        """The lesson it belongs to."""
        return self.course.lesson_of(self._step_id)

    def compose(self) -> ComposeResult:
        """Where one is, what is wrong, and the three areas."""
        yield LessonHead()
        yield Activity()
        yield LessonAreas(self.console.session)
        yield ShellArea(self.console.session, id="shell")
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Show the step, let ages advance once a second."""
        self.set_interval(1.0, self.areas.tick)
        self.front.show("lesson")
        self.areas.panes.pause(self.console.session.state.paused)
        self.areas.show_sources()
        self._show_head()
        self._show_step()

    # Showing

    def go_to(self, step_id: str) -> None:
        """Show another step."""
        self._step_id = step_id
        if self.is_mounted:
            self._show_step()

    @work(exclusive=True, group="show step", exit_on_error=False)
    async def _show_step(self, *, again: bool = False) -> None:
        session, areas, step = self.console.session, self.areas, self.step
        self._names = session.state.text(NAMES)
        await areas.show_step(self.lesson, step)
        self.refresh_bindings()
        self._show_state()
        session.learner.visit(step.id)
        if self.front.area == "lesson":
            areas.target(step).focus(scroll_visible=False)
        areas.show_command(step)
        self._ask()
        if again and step.id in session.work.runs:
            self.call_after_refresh(areas.step_view.show_results)

    @work(exclusive=True, group="ask", exit_on_error=False)
    async def _ask(self) -> None:
        """Ask the cluster what the placeholders of the command stand for, as a run would."""
        step = self.step
        if not used(step.kind.where.node, step.kind.where.command):
            return
        # Without an answer the card keeps the last one, and a run says why there is none.
        with contextlib.suppress(LabError):
            await self.console.session.ask(step)
            self.areas.show_command(self.step)

    def _show_state(self) -> None:
        self.areas.show_state(self.step)
        busy = self.console.session.work.busy
        if self._shown_busy != busy:
            self._shown_busy = busy
            self.refresh_bindings()
        self._show_head()

    def _show_head(self) -> None:
        self.query_one(LessonHead).show(self.condition(), self.console.session.state, self.lesson, self.step)

    @hears(ClusterSeen)
    def _cluster_seen(self, message: Told[ClusterSeen]) -> None:
        self.areas.show_sources(message.event.source)
        self._show_head()
        patroni = self.console.session.state.patroni
        view = patroni.value if patroni is not None else None
        if message.event.source == "patroni" and view is not None:
            roles = (view.leader, *(member.name for member in view.members if member.state == "streaming"))
            if roles != self._roles:
                self._roles = roles
                self._ask()

    @hears(RunProgressed)
    def _run_progressed(self) -> None:
        self._show_state()

    @hears(StatesChanged, LabOpened, TroubleChanged)
    def _states_changed(self, _: Told[SessionEvent]) -> None:
        if self.console.session.state.text(NAMES) != self._names:
            self._show_step(again=True)
            return
        self.areas.show_outline(self.step)
        self._show_state()
        self.areas.show_command(self.step)
        self.helping.follow()

    @hears(RunFinished)
    def _run_finished(self, message: Told[RunFinished]) -> None:
        self.areas.show_outline(self.step)
        self._show_state()
        if message.event.step != self._step_id:
            return
        self.helping.look()
        self.call_after_refresh(self.areas.step_view.show_results)
        if not self.is_active:
            return
        run = self.console.session.work.runs.get(self._step_id)
        if (question := again(message.event.outcome)) is not None:
            self.console.ask(question.text, question.yes, lambda: self._run(again=True))
        elif run is not None and (gone := run.without):
            question = without(gone)
            self.console.ask(question.text, question.yes, lambda: self._run(without=gone), danger=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done now."""
        return usable(action, self.console.session, self.step)

    @property
    def shows_what_runs(self) -> bool:
        """The step that runs is the one on the screen."""
        active = self.console.session.work.active
        return active is not None and active.step == self._step_id

    def on_screen_resume(self) -> None:
        """The step is on the screen again, and what was told meanwhile is shown."""
        self.console.session.state.shown = self._step_id
        self.areas.show_sources()
        self.areas.show_outline(self.step)
        self._show_state()

    def on_screen_suspend(self) -> None:
        """Something else is on the screen."""
        self.console.session.state.shown = ""

    # Doing

    def action_run_step(self) -> None:
        """Run the step."""
        self._run()

    def action_run_elsewhere(self) -> None:
        """Create the nodes on the next free subnet."""
        self._run(elsewhere=True)

    def _run(self, *, elsewhere: bool = False, without: tuple[str, ...] = (), again: bool = False) -> None:
        if self.front.came_into_view():
            return
        work = self.console.session.work
        if work.run_step(self._step_id, elsewhere=elsewhere, without=without, again=again):
            self._show_state()
            self.areas.step_view.show_results()

    def action_onward(self) -> None:
        """Do what comes next: run what is to do, go on from what is done."""
        if self.front.is_typed_into or self.front.came_into_view():
            return
        if self.step.kind.acts and self.console.session.state.steps.get(self._step_id, "todo") not in SETTLED:
            view = self.areas.step_view
            if view.command_in_sight:
                self._run()
            else:
                view.show_command()
        else:
            self.action_next_step()

    def action_stop_step(self) -> None:
        """Stop what runs."""
        self.action_stop()

    @work(exclusive=True, group="edit", exit_on_error=False)
    async def action_edit_step(self) -> None:
        """Change the command, then run it."""
        from pghalab.screens.dialogs import EditCommand

        card = self.step.kind.card
        if card is None or not card.editable:
            self.say("Only a command can be edited.")
            return
        found = lesson_texts.where(self.console.session, self.step)
        edited = await self.app.push_screen_wait(EditCommand(found.who, found.command))
        if edited is not None and self.console.session.work.run_step(self._step_id, command=edited):
            self._show_state()

    @work(exclusive=True, group="copy", exit_on_error=False)
    async def action_copy_command(self) -> None:
        """Copy the command, with the leader of this moment or not at all."""
        session, step = self.console.session, self.step
        try:
            await session.ask(step)
        except LabError as error:
            self.notify(f"The command is not copied: {error}", severity="warning", markup=False)
        else:
            self.console.copy(lesson_texts.typed(session, step), "the command")

    def action_copy_output(self) -> None:
        """Copy what the command printed."""
        self.console.copy(lesson_texts.output(self.console.session, self.step), "the output")

    def action_full_log(self) -> None:
        """Open the whole log of the step's last run."""
        run = self.console.session.work.runs.get(self._step_id)
        if run is None or run.log is None:
            self.say("This step has not printed anything here yet.")
            return
        from pghalab.screens.log_view import LogScreen

        self.app.push_screen(LogScreen(run.log))

    def action_hint(self) -> None:
        """Show one hint more, and what the lab shows."""
        self.helping.hint()

    def action_expected(self) -> None:
        """Open or close the expected output."""
        if not self.areas.step_view.toggle_expected():
            self.say("This step has no expected output.")

    def action_look(self) -> None:
        """Look at the cluster and at the checks now."""
        if self.console.session.state.backend is not None:
            self.console.session.watch.refresh()
            self.console.session.rechecks.soon([self._step_id], 0)
            busy = self.console.session.work.busy
            words = "The checks are looked at when what runs has ended." if busy else "Looking again."
            self.notify(words, markup=False, timeout=2)

    def action_notes(self) -> None:
        """Show or hide what a presenter should know."""
        shown = self.areas.step_view.toggle_notes()
        if shown and not self.step.notes:
            self.say("Presenter's notes are on; this step has none. {lesson.notes} hides them.")
        elif not shown:
            self.notify("Presenter's notes are hidden.", markup=False, timeout=2)

    def action_pause(self) -> None:
        """Let the live panes stand still, or go on."""
        session = self.console.session
        session.watch.pause(not session.state.paused)
        self.areas.panes.pause(session.state.paused)
        self.areas.show_sources()
        self._show_head()

    def action_present(self) -> None:
        """Show the course to a room, from this lesson on."""
        self.console.present(onward(self.course, self.step))

    def action_skip(self) -> None:
        """Leave an optional step out."""
        if self.step.optional or self.lesson.optional:
            self.console.session.learner.skip(self._step_id)
            self.going.by_steps(1)
        else:
            self.say("Only an optional step can be skipped; {lesson.next} looks at the next one.")

    @on(QuestionCard.Answered)
    def _answered(self, message: QuestionCard.Answered) -> None:
        self.console.session.learner.answer(self._step_id, message.choice)
        view = self.areas.step_view
        view.show_answer(message.choice)
        question = self.step.kind
        if isinstance(question, Question) and message.choice == question.right:
            view.focus(scroll_visible=False)

    # Going

    def action_next_step(self) -> None:
        """Go to the next step; one that is only to be read is done thereby."""
        self.going.onward()

    def action_previous_step(self) -> None:
        """Go to the step before."""
        self.going.by_steps(-1)

    def action_lesson(self, by: int) -> None:
        """Go to the first step of another lesson."""
        self.going.by_lessons(by)

    def action_sideways(self, by: int) -> None:
        """Scroll an output that is too wide."""
        self.areas.step_view.sideways(by)

    def action_wide(self) -> None:
        """Show what was printed, and what a healthy lab prints, on the whole screen."""
        from pghalab.screens.wide import WideScreen

        session, step = self.console.session, self.step
        pages = lesson_texts.pages(session, step, self.areas.step_view)
        if pages:
            self.app.push_screen(WideScreen(session.state.text(step.title), pages))
        else:
            self.say("This step prints nothing.")

    def action_zoom(self) -> None:
        """Fill the screen with what is in front of the reader, or go back."""
        if not self.front.zoom():
            self.action_wide()

    def action_home(self) -> None:
        """Go home; a step that runs goes on running."""
        if self.maximized is not None:
            self.minimize()
        else:
            self.console.go_home()

    @on(OptionList.OptionSelected, "#outline")
    def _opened(self, event: OptionList.OptionSelected) -> None:
        self.going.to(event.option.id or "")
