"""The three areas of a lesson: the outline, one step, and the live panes."""

from __future__ import annotations

from typing import get_args

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import OptionList

from pghalab.course.model import Lesson, Step
from pghalab.session.alerts import unknown
from pghalab.session.events import Source
from pghalab.session.session import Session
from pghalab.widgets.outline import Outline
from pghalab.widgets.pane_column import PaneColumn
from pghalab.widgets.question_card import QuestionCard
from pghalab.widgets.quorum_table import QuorumTable
from pghalab.widgets.step_card import StepCard
from pghalab.widgets.step_view import StepView


class LessonAreas(Horizontal):
    """Shows what the session knows of a step; what a key does is the screen's."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def compose(self) -> ComposeResult:
        """The areas."""
        yield Outline(id="outline")
        yield StepView(id="lesson")
        yield PaneColumn(id="live")

    @property
    def step_view(self) -> StepView:
        """The step."""
        return self.query_one(StepView)

    @property
    def panes(self) -> PaneColumn:
        """The live panes."""
        return self.query_one(PaneColumn)

    @property
    def outline(self) -> Outline:
        """The course."""
        return self.query_one(Outline)

    def area(self, name: str) -> Widget:
        """What gets the focus when an area does."""
        return (self.panes.first or self.panes) if name == "live" else self.query_one(f"#{name}")

    def target(self, step: Step) -> Widget:
        """What gets the focus when the step is shown: what the learner has to work on, if there is such a thing."""
        target: Widget = self.step_view
        for table in self.query(QuorumTable):
            target = table
        if self._session.state.steps.get(step.id) != "done":
            for card in self.query(QuestionCard):
                target = card.query_one(OptionList)
        return target

    async def show_step(self, lesson: Lesson, step: Step) -> None:
        """Show another step."""
        await self.step_view.show(lesson, step, self._session.state.text)
        self.show_outline(step)
        self.outline.point_at(f"step:{step.id}")

    def show_outline(self, step: Step) -> None:
        """Bring the outline up to date."""
        state = self._session.state
        if state.course is not None:
            self.outline.show(state.course, state.steps, step, text=state.text)

    def show_state(self, step: Step) -> None:
        """Bring the step up to date: its state, its run, its checks."""
        state, work = self._session.state, self._session.work
        results = state.results.get(step.id, ())
        self.step_view.show_state(
            state.steps.get(step.id, "todo"),
            unknown=unknown(results),
            why_past=state.why_past(step.id),
            done_by=state.done_by(step.id),
        )
        self.step_view.show_run(work.runs.get(step.id), results, may_run=not state.read_only, busy=work.busy)

    def show_command(self, step: Step) -> None:
        """Show the command with its placeholders answered, as far as the answers are known."""
        found = self._session.resolve(step)
        if found is not None and self.step_view.ready:
            for card in self.query(StepCard):
                card.resolve(found)

    def show_sources(self, *sources: Source) -> None:
        """Bring the panes of these sources up to date, by default all of them."""
        state = self._session.state
        if state.paused:
            return
        for source in sources or get_args(Source):
            self.panes.show(source, state)
        made = any(node.container not in ("absent", "foreign") for node in (state.nodes and state.nodes.value) or ())
        self.screen.set_class(made, "-live")

    def tick(self) -> None:
        """Let ages and elapsed times advance, where anybody sees them."""
        if self.screen not in self.app.screen_stack:
            return
        self.panes.tick()
        self.step_view.tick()
