"""What a lesson's screen shows: the outline, one step, and the live panes beside it."""

from __future__ import annotations

import contextlib

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from pghalab.cluster.model import Snapshot
from pghalab.course.model import Lesson, Step
from pghalab.course.placeholders import used
from pghalab.lab.types import LabError
from pghalab.screens import messages
from pghalab.screens.activity import Activity
from pghalab.screens.console import ConsoleScreen
from pghalab.screens.messages import SessionMessage
from pghalab.screens.way_on import builds_on
from pghalab.widgets.condition import condition
from pghalab.widgets.etcd_pane import EtcdPane
from pghalab.widgets.events_pane import EventsPane
from pghalab.widgets.glyphs import BAD, WARN
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.live import LiveColumn
from pghalab.widgets.nodes_pane import NodesPane
from pghalab.widgets.outline import Outline
from pghalab.widgets.patroni_pane import PatroniPane
from pghalab.widgets.question_card import QuestionCard
from pghalab.widgets.quorum_table import QuorumTable
from pghalab.widgets.step_card import StepCard
from pghalab.widgets.step_view import StepView
from pghalab.widgets.text import plain

AREAS = ("lesson", "live", "outline")
NAMES = "pgha1 192.168.50.10 {{auth_method}}"
"""What a lab calls by names of its own."""
TABS = {"lesson": "1 Lesson", "live": "2 Cluster", "outline": "3 Outline"}


class LessonView(ConsoleScreen):
    """Shows one step and the cluster; it does nothing by itself."""

    CSS_PATH = "lesson.tcss"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-one"), (100, "-two"), (160, "-three")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (12, "-short"), (30, "-high")]  # noqa: RUF012

    def __init__(self, step_id: str) -> None:
        super().__init__()
        self._step_id = step_id
        self.area = "lesson"
        self._shown_busy = False
        self._names = ""
        """NAMES as they were when the step was shown."""
        self._roles: tuple[object, ...] = ()
        """Who led and who streamed at the last look."""

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
        yield Static("", id="needs")
        yield Activity()
        with Horizontal(id="areas"):
            yield Outline(id="outline")
            yield StepView(id="lesson")
            yield LiveColumn(id="live")
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Show the step, let ages advance once a second."""
        self.set_interval(1.0, self._tick)
        self.show_area(self.area)
        self.query_one(LiveColumn).pause(self.console.session.paused)
        self.show_sources()
        self._show_step()

    # Showing

    def go_to(self, step_id: str) -> None:
        """Show another step."""
        self._step_id = step_id
        if self.is_mounted:
            self._show_step()

    @work(exclusive=True, group="show step", exit_on_error=False)
    async def _show_step(self, *, again: bool = False) -> None:
        session = self.console.session
        view = self.query_one(StepView)
        self._names = session.text(NAMES)
        await view.show(self.lesson, self.step, self.console.lesson_text)
        self.refresh_bindings()
        self._show_outline()
        self.query_one("#outline", Outline).point_at(f"step:{self._step_id}")
        self._show_state()
        session.visit(self._step_id)
        if self.area == "lesson":
            target: Widget = view
            for table in self.query(QuorumTable):
                target = table
            if session.states.get(self._step_id) != "done":
                for card in self.query(QuestionCard):
                    target = card.query_one(OptionList)
            target.focus(scroll_visible=False)
        await self._resolve()
        self._ask()
        if again and self._step_id in session.runs:
            self.call_after_refresh(view.show_results)

    @work(exclusive=True, group="ask", exit_on_error=False)
    async def _ask(self) -> None:
        """Ask the cluster what the placeholders of the command stand for, as a run would."""
        parts, step = self.console.session.parts, self.step
        if parts is None or not used(step.kind.where.node, step.kind.where.command):
            return
        # Without an answer the card keeps the last one, and a run says why there is none.
        with contextlib.suppress(LabError):
            await parts.runner.ask(step)
            await self._resolve()

    async def _resolve(self) -> None:
        """Show the command with its placeholders answered, as far as the answers are known."""
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
            self.query_one("#outline", Outline).show(session.course, session.states, self.step, text=session.text)

    def _show_top(self) -> None:
        session = self.console.session
        trouble = str(session.trouble) if session.trouble is not None else ""
        line = condition(session.lab_name, session.nodes, session.etcd, session.patroni, trouble, session.paused)
        if session.read_only:
            line = Content.assemble(("‖ READ-ONLY  ", f"bold {WARN}"), plain(session.driver, WARN), "  ", line)
        if session.paused:
            line = Content.assemble(("‖ panes paused, P goes on  ", f"bold {WARN}"), line)
        top = self.query_one("#top", Static)
        if not line.is_same(top.content if isinstance(top.content, Content) else Content("")):
            top.update(line, layout=False)
        wrong = session.broken()
        broken = self.query_one("#broken", Static)
        broken.display = bool(wrong)
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            text = plain(f"✗ No longer true (B goes there): {wrong[0]}{more}", BAD)
            if not text.is_same(broken.content if isinstance(broken.content, Content) else Content("")):
                broken.update(text, layout=False)

        assert session.course is not None
        numbers = builds_on(session.course, self.lesson, session.states)
        needs = self.query_one("#needs", Static)
        needs.display = bool(numbers) and not session.opening
        if needs.display:
            listed = ", ".join(map(str, numbers))
            needs.update(Content.styled(f"! This lesson builds on {listed}: not done yet", WARN), layout=False)

    def show_sources(self) -> None:
        """Bring every pane up to date."""
        for source in ("nodes", "etcd", "patroni", "event"):
            self._show_source(source)
        self._show_top()

    def _show_source(self, source: str) -> None:
        session = self.console.session
        if session.paused:
            return
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
                pass
        looks = [one.taken_at for one in (session.nodes, session.etcd, session.patroni) if one is not None]
        self.query_one(EventsPane).show(Snapshot(tuple(session.events), None, max(looks)) if looks else None)

    def _tick(self) -> None:
        self.query_one(LiveColumn).tick()
        self.query_one(StepView).tick()

    @on(messages.ClusterSeen)
    def _cluster_seen(self, message: messages.ClusterSeen) -> None:
        self._show_source(message.source)
        self._show_top()
        view = self.console.session.patroni.value if self.console.session.patroni is not None else None
        if message.source == "patroni" and view is not None:
            roles = (view.leader, *(member.name for member in view.members if member.state == "streaming"))
            if roles != self._roles:
                self._roles = roles
                self._ask()

    @on(messages.RunProgressed)
    def _run_progressed(self) -> None:
        self._show_state()

    @on(messages.StatesChanged)
    @on(messages.LabOpened)
    @on(messages.TroubleChanged)
    async def _states_changed(self, _: SessionMessage) -> None:
        if self.console.session.text(NAMES) != self._names:
            self._show_step(again=True)
            return
        self._show_outline()
        self._show_state()
        await self._resolve()

    def show_area(self, area: str) -> None:
        """Show an area and put the focus there."""
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
