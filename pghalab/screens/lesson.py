"""A lesson: the outline, one step, and the live panes beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, OptionList, Static

from pghalab.course.model import Lesson, Step
from pghalab.screens import messages
from pghalab.screens.messages import SessionMessage
from pghalab.widgets.condition import condition
from pghalab.widgets.etcd_pane import EtcdPane
from pghalab.widgets.events_pane import EventsPane
from pghalab.widgets.glyphs import BAD, WARN
from pghalab.widgets.live import LiveColumn
from pghalab.widgets.nodes_pane import NodesPane
from pghalab.widgets.outline import Outline
from pghalab.widgets.patroni_pane import PatroniPane
from pghalab.widgets.question_card import QuestionCard
from pghalab.widgets.quorum_table import QuorumTable
from pghalab.widgets.step_card import StepCard
from pghalab.widgets.step_view import StepView
from pghalab.widgets.text import plain

if TYPE_CHECKING:
    from pghalab.screens.console import Console

AREAS = ("lesson", "live", "outline")
TABS = {"lesson": "1 Lesson", "live": "2 Cluster", "outline": "3 Outline"}


class LessonScreen(Screen[None]):
    """Shows one step and what it does to the cluster."""

    CSS_PATH = "lesson.tcss"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-one"), (100, "-two"), (160, "-three")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (12, "-high")]  # noqa: RUF012
    HELP = """\
# A lesson
Read the step, run its command (**r**), watch the cluster, see the checks.
A step is done when its checks hold, however that came about: with Run, in a shell, or yesterday.

**1 2 3** show the lesson, the cluster and the outline. **z** fills the screen with the pane that has the focus.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,f5", "run_step", "Run", id="lesson.run"),
        Binding("x,f8", "stop_step", "Stop", id="lesson.stop"),
        Binding("n,full_stop", "next_step", "Next", id="lesson.next"),
        Binding("p,comma", "previous_step", "Prev", id="lesson.previous"),
        Binding("h,f4", "hint", "Hint", id="lesson.hint"),
        Binding("s,f3", "app.shell", "Shell", id="lesson.shell"),
        Binding("z,f11", "zoom", "Zoom", id="lesson.zoom"),
        Binding("escape,q", "home", "Home", id="lesson.home"),
        Binding("e,f2", "edit_step", "Edit before running", show=False, id="lesson.edit"),
        Binding("y,f6", "copy_command", "Copy the command", show=False, id="lesson.copy"),
        Binding("Y", "copy_output", "Copy the output", show=False, id="lesson.copy-output"),
        Binding("l,f9", "full_log", "Full log", show=False, id="lesson.log"),
        Binding("o", "expected", "Expected output", show=False, id="lesson.expected"),
        Binding("u,f7", "look", "Look at the checks again", show=False, id="lesson.look"),
        Binding("S", "skip", "Skip an optional step", show=False, id="lesson.skip"),
        Binding("right_square_bracket", "lesson(1)", "Next lesson", show=False, id="lesson.next-lesson"),
        Binding("left_square_bracket", "lesson(-1)", "Previous lesson", show=False, id="lesson.previous-lesson"),
        Binding("1", "area('lesson')", "Lesson", show=False, id="lesson.area-lesson"),
        Binding("2", "area('live')", "Cluster", show=False, id="lesson.area-live"),
        Binding("3", "area('outline')", "Outline", show=False, id="lesson.area-outline"),
    ]

    def __init__(self, step_id: str) -> None:
        super().__init__()
        self._step_id = step_id
        self.area = "lesson"
        self._shown_busy = False

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    @property
    def step(self) -> Step:
        """The step shown."""
        assert self.console.session.course is not None
        return self.console.session.course.step(self._step_id)

    @property
    def lesson(self) -> Lesson:
        """The lesson it belongs to."""
        assert self.console.session.course is not None
        return self.console.session.course.lesson_of(self._step_id)

    def compose(self) -> ComposeResult:
        """Where one is, what is wrong, and the three areas."""
        yield Static("", id="top")
        yield Static("", id="tabs")
        yield Static("", id="broken")
        with Horizontal(id="areas"):
            yield Outline(id="outline")
            yield StepView(id="lesson")
            yield LiveColumn(id="live")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Listen, show the step, let ages advance once a second."""
        self.console.session.listen(self.post_message)
        self.set_interval(1.0, self._tick)
        self.action_area(self.area)
        for source in ("nodes", "etcd", "patroni", "event"):
            self._show_source(source)
        self._show_step()

    def on_unmount(self) -> None:
        """Listen no more."""
        self.console.session.unlisten(self.post_message)

    # Showing

    def go_to(self, step_id: str) -> None:
        """Show another step."""
        self._step_id = step_id
        if self.is_mounted:
            self._show_step()

    @work(exclusive=True, group="show step", exit_on_error=False)
    async def _show_step(self) -> None:
        session = self.console.session
        view = self.query_one(StepView)
        await view.show(self.lesson, self.step, self.console.lesson_text)
        self._show_outline()
        self.query_one("#outline", Outline).point_at(f"step:{self._step_id}")
        self._show_state()
        session.look_soon([self._step_id], 0)
        if self.area == "lesson":
            target: Widget = view
            for kind in (QuestionCard, QuorumTable):
                for card in self.query(kind):
                    target = card.query_one(OptionList) if isinstance(card, QuestionCard) else card
            target.focus(scroll_visible=False)
        await self._resolve()

    async def _resolve(self) -> None:
        """Answer the placeholders of the command from the live cluster."""
        step = self.step
        resolved = await self.console.resolve(step)
        if resolved is not None and step.id == self._step_id and self.query_one(StepView).ready:
            for card in self.query(StepCard):
                card.resolve(*resolved)

    def _show_state(self) -> None:
        session = self.console.session
        view = self.query_one(StepView)
        view.show_state(session.states.get(self._step_id, "todo"))
        view.show_run(
            session.runs.get(self._step_id),
            session.results.get(self._step_id, ()),
            may_run=not session.read_only,
            busy=session.busy,
        )
        if self._shown_busy != session.busy:
            self._shown_busy = session.busy
            self.refresh_bindings()
        self._show_top()

    def _show_outline(self) -> None:
        session = self.console.session
        if session.course is not None:
            self.query_one("#outline", Outline).show(session.course, session.states, self.step)

    def _show_top(self) -> None:
        session = self.console.session
        trouble = str(session.trouble) if session.trouble is not None else ""
        line = condition(session.lab_name, session.nodes, session.etcd, session.patroni, trouble)
        if session.read_only:
            line = Content.assemble(("‖ READ-ONLY  ", f"bold {WARN}"), line)
        top = self.query_one("#top", Static)
        if not line.is_same(top.content if isinstance(top.content, Content) else Content("")):
            top.update(line, layout=False)
        wrong = session.broken()
        broken = self.query_one("#broken", Static)
        broken.display = bool(wrong)
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            broken.update(plain(f"✗ No longer true: {wrong[0]}{more}", BAD))

    def _show_source(self, source: str) -> None:
        session = self.console.session
        match source:
            case "nodes":
                self.query_one(NodesPane).show(session.nodes)
                made = session.nodes is not None and any(
                    node.container not in ("absent", "foreign") for node in session.nodes.value or ()
                )
                self.set_class(made, "-live")
            case "etcd":
                self.query_one(EtcdPane).show(session.etcd)
            case "patroni":
                # Without any etcd there is nothing that could have failed yet.
                formed = session.etcd is not None and session.etcd.value is not None and session.etcd.value.members
                seen = session.patroni if formed or (session.patroni and session.patroni.value) else None
                self.query_one(PatroniPane).show(seen)
            case _:
                self.query_one(EventsPane).show(session.events)

    def _tick(self) -> None:
        self.query_one(LiveColumn).tick()
        self.query_one(StepView).tick()

    @on(messages.ClusterSeen)
    def _cluster_seen(self, message: messages.ClusterSeen) -> None:
        self._show_source(message.source)
        self._show_top()

    @on(messages.RunProgressed)
    def _run_progressed(self) -> None:
        self._show_state()

    @on(messages.StatesChanged)
    @on(messages.LabOpened)
    @on(messages.TroubleChanged)
    def _states_changed(self, _: SessionMessage) -> None:
        self._show_outline()
        self._show_state()

    @on(messages.RunFinished)
    def _run_finished(self, message: messages.RunFinished) -> None:
        self._show_outline()
        self._show_state()
        if message.step == self._step_id:
            self.call_after_refresh(self.query_one(StepView).show_results)
        if message.outcome == "already" and message.step == self._step_id:
            self.console.ask("The checks of this step already hold. Run it again?", "Run again", self._run_again)

    def _run_again(self) -> None:
        self.console.session.run_step(self._step_id, again=True)
        self._show_state()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done now."""
        busy = self.console.session.busy
        if action == "stop_step":
            return True if busy else None
        if action in ("run_step", "edit_step"):
            return None if busy or self.console.session.read_only else True
        return True

    # Doing

    def action_run_step(self) -> None:
        """Run the step."""
        if self.step.kind in ("read", "question"):
            self.action_next_step()
        elif self.console.session.run_step(self._step_id):
            self._show_state()
            self.query_one(StepView).show_results()

    def action_stop_step(self) -> None:
        """Stop what runs."""
        if self.console.session.busy:
            self.console.session.stop()
        else:
            self.notify("Nothing is running.", markup=False)

    @work(exclusive=True, group="edit", exit_on_error=False)
    async def action_edit_step(self) -> None:
        """Change the command, then run it."""
        from pghalab.screens.dialogs import EditCommand

        if self.step.kind != "command":
            self.notify("Only a command can be edited.", markup=False)
            return
        node, user, command = await self.console.resolve(self.step) or (
            self.step.node,
            self.step.user,
            self.step.command,
        )
        edited = await self.app.push_screen_wait(EditCommand(node, user, command))
        if edited is not None and self.console.session.run_step(self._step_id, command=edited):
            self._show_state()

    @work(exclusive=True, group="copy", exit_on_error=False)
    async def action_copy_command(self) -> None:
        """Copy the command."""
        resolved = await self.console.resolve(self.step)
        self.console.copy(resolved[2] if resolved else self.step.command, "the command")

    def action_copy_output(self) -> None:
        """Copy what the command printed."""
        run = self.console.session.runs.get(self._step_id)
        self.console.copy("\n".join(run.buffer.lines) if run else "", "the output")

    def action_full_log(self) -> None:
        """Open the whole log of the step's last run."""
        run = self.console.session.runs.get(self._step_id)
        if run is None or run.log is None:
            self.notify("This step has not printed anything here yet.", markup=False)
            return
        from pghalab.screens.log_view import LogScreen

        self.app.push_screen(LogScreen(run.log))

    def action_hint(self) -> None:
        """Show one hint more."""
        if not self.query_one(StepView).show_hint():
            self.notify("There is no other hint." if self.step.hints else "This step has no hints.", markup=False)

    def action_expected(self) -> None:
        """Open or close the expected output."""
        if not self.query_one(StepView).toggle_expected():
            self.notify("This step has no expected output.", markup=False)

    def action_look(self) -> None:
        """Look at the cluster and at the checks now."""
        parts = self.console.session.parts
        if parts is not None:
            self.console.session.refresh()
            self.console.session.look_soon([self._step_id], 0)
            self.notify("Looking again.", markup=False, timeout=2)

    def action_skip(self) -> None:
        """Leave an optional step out."""
        if self.step.optional or self.lesson.optional:
            self.console.session.skip(self._step_id)
            self._move(1)
        else:
            self.notify("Only an optional step can be skipped; n looks at the next one.", markup=False)

    @on(QuestionCard.Answered)
    def _answered(self, message: QuestionCard.Answered) -> None:
        self.console.session.answer(self._step_id, message.choice)
        self.query_one(StepView).show_answer(message.choice)

    # Going

    def action_next_step(self) -> None:
        """Go to the next step; one that is only to be read is done thereby."""
        if self.step.kind == "read":
            self.console.session.mark_read(self._step_id)
        self._move(1)

    def action_previous_step(self) -> None:
        """Go to the step before."""
        self._move(-1)

    def _move(self, by: int) -> None:
        course = self.console.session.course
        assert course is not None
        order = [step.id for lesson in course.lessons for step in lesson.steps]
        at = order.index(self._step_id) + by
        if 0 <= at < len(order):
            self.go_to(order[at])
        else:
            self.notify("This is the last step." if by > 0 else "This is the first step.", markup=False)

    def action_lesson(self, by: int) -> None:
        """Go to the first step of another lesson."""
        course = self.console.session.course
        assert course is not None
        at = course.lessons.index(self.lesson) + by
        if 0 <= at < len(course.lessons) and course.lessons[at].steps:
            self.go_to(course.lessons[at].steps[0].id)

    def action_area(self, area: str) -> None:
        """Show an area and put the focus there."""
        self.screen.minimize()
        self.area = area
        for name in AREAS:
            self.set_class(name == area, f"-area-{name}")
        tabs = Content(" ").join(
            Content.styled(f" {TABS[name]} ", "bold reverse" if name == area else "dim") for name in AREAS
        )
        self.query_one("#tabs", Static).update(tabs)
        target = self.query_one(NodesPane) if area == "live" else self.query_one(f"#{area}")
        # The area may only just be becoming visible.
        self.call_after_refresh(target.focus, scroll_visible=False)

    def action_zoom(self) -> None:
        """Fill the screen with the pane that has the focus, or go back."""
        if self.maximized is not None:
            self.minimize()
            return
        focused = self.focused
        for widget in focused.ancestors_with_self if focused is not None else ():
            if isinstance(widget, Widget) and widget.ALLOW_MAXIMIZE:
                self.maximize(widget, container=False)
                return
        self.maximize(self.query_one(StepView), container=False)

    def action_home(self) -> None:
        """Go home; a step that runs goes on running."""
        if self.maximized is not None:
            self.minimize()
        else:
            self.console.go_home()

    @on(OptionList.OptionSelected, "#outline")
    def _opened(self, event: OptionList.OptionSelected) -> None:
        kind, _, key = (event.option.id or "").partition(":")
        course = self.console.session.course
        assert course is not None
        if kind == "step":
            self.go_to(key)
            self.action_area("lesson")
        else:
            lesson = next(lesson for lesson in course.lessons if lesson.id == key)
            if lesson.steps:
                self.go_to(lesson.steps[0].id)
