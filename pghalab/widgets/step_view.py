"""One step of a lesson: its prose, its card, its checks, its hints."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Collapsible, Markdown, Static

from pghalab.course.diagnoses.base import Diagnosis
from pghalab.course.events import SETTLED, CheckResult, StepState
from pghalab.course.kinds import Question, Read
from pghalab.course.model import Lesson, Step
from pghalab.session.step_run import StepRun
from pghalab.text import clean
from pghalab.widgets.checks_view import ChecksView
from pghalab.widgets.glyphs import ACCENT, BAD, QUIET, WARN, glyph
from pghalab.widgets.keys import said
from pghalab.widgets.output import OutputView
from pghalab.widgets.question_card import QuestionCard
from pghalab.widgets.quorum_table import QuorumTable
from pghalab.widgets.scrolling import KeyScroll
from pghalab.widgets.step_card import StepCard
from pghalab.widgets.swapped import swapped
from pghalab.widgets.text import paragraph, plain

RESULTS = "StepCard, StepCard OutputView, ChecksView, .after, .correction"
"""What a run brings."""
SETTLES = 0.9
"""Seconds after which what did not move is in its place."""
JUST_BEGUN = 1.0
"""Seconds within which a run that is seen for the first time counts as begun just now."""


class StepView(KeyScroll, can_focus=True):
    """Shows one step at a time."""

    DEFAULT_CSS = """
    StepView { padding: 0 1; scrollbar-size-vertical: 1; border-bottom: solid $panel; border-subtitle-align: left;
        border-subtitle-color: $foreground 70%; }
    StepView > .title { height: auto; width: 1fr; margin: 0 0 1 0; }
    StepView > Markdown { margin: 0; padding: 0; background: transparent; height: auto; }
    StepView > Markdown MarkdownFence { margin: 0 0 1 0; max-height: 40; }
    StepView > Markdown MarkdownFence > Label { width: 100%; padding: 0 2; }
    StepView > Markdown MarkdownTableContent { keyline: none; grid-gutter: 0 1; }
    StepView > Markdown MarkdownTableContent > .header { text-style: bold underline; }
    StepView > .correction { height: auto; width: 1fr; margin: 1 0 0 0; border-left: thick $warning; padding: 0 1; }
    StepView > .hints { height: auto; width: 1fr; margin: 1 0 0 0; }
    StepView > .diagnoses { height: auto; width: 1fr; margin: 1 0 0 0; border-left: thick $warning; padding: 0 1;
        display: none; }
    StepView > Collapsible { margin: 1 0 0 0; padding: 0; border-top: none; background: transparent; }
    StepView > .after { height: auto; margin: 1 0 0 0; border-left: thick $success; padding: 0 0 0 1; display: none; }
    StepView > .notes { height: auto; width: 1fr; margin: 1 0 0 0; border-left: thick $accent; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.step: Step | None = None
        self._notes_shown = False
        self.ready = False
        """All parts of the step are there; between two steps they are not."""
        self._hints_shown = 0
        self._text: Callable[[str], str] = str
        self._state: tuple[StepState, str] | None = None
        self._run: StepRun | None = None
        self._follows = False
        """What a run brings is scrolled into sight, until the reader scrolls."""
        self._left_at = 0.0
        self._placed: list[Region] = []
        """Where the parts that are followed were at the last tick,"""
        self._placed_at = 0.0
        """and since when (`time.monotonic`)."""
        self._typing = False
        """A shell beside it has the keys."""

    def show_typing(self, typing: bool) -> None:
        """Say where the keys go: to a shell beside the step, or to the step."""
        self._typing = typing
        self._show_onward()

    async def show(self, lesson: Lesson, step: Step, text: Callable[[str], str]) -> None:
        """Show another step; `text` makes lesson text that of the lab at hand."""
        self.step, self._text, self._hints_shown, self._state = step, text, 0, None
        self._head = (
            f"{lesson.number} {text(lesson.title)} · step {lesson.steps.index(step) + 1} of {len(lesson.steps)}"
        )
        self._run, self._follows = None, False
        self.ready = False
        with self.app.batch_update():
            await swapped(self, partial(self._parts, lesson, step))
            self.scroll_home(animate=False)
        self.ready = True

    def _parts(self, lesson: Lesson, step: Step) -> list[Widget]:
        first = step is lesson.steps[0]
        prose = "\n\n".join(part for part in (lesson.intro if first else "", step.prose) if part.strip())
        parts: list[Widget] = [Static("", classes="title")]
        if prose:
            parts.append(Markdown(self._text(prose)))
        if step.widget == "quorum-table":
            parts.append(QuorumTable())
        if isinstance(step.kind, Question):
            parts.append(QuestionCard(step.kind, self._text))
        if step.kind.card is not None:
            parts += [StepCard(step.kind.card, step.kind.where), ChecksView(), Static("", classes="diagnoses")]
        if step.expect:
            expected = OutputView(folds=False)
            expected.add_class("expect")
            expected.show(self.expected(step))
            title = said(self, "What a healthy lab prints ({lesson.expected})")
            parts.append(Collapsible(expected, title=title, collapsed=True))
        if step.hints:
            words = said(self, "Stuck? {lesson.hint} shows a hint")
            parts.append(Static(Content.styled(f"{words} ({len(step.hints)}).", QUIET), classes="hints"))
        if step.after:
            parts.append(Markdown(self._text(step.after), classes="after"))
        if step.correction:
            seen = "is so" if isinstance(step.kind, Read) else "you just saw"
            head = (f"! What the source text says, and what {seen}\n", f"bold {WARN}")
            correction = Static(Content.assemble(head, paragraph(self._text(step.correction))), classes="correction")
            # Before the run it would give away what there is to see.
            correction.display = isinstance(step.kind, Read)
            parts.append(correction)
        if step.notes:
            head = (said(self, "For a presenter ({lesson.notes} hides it)\n"), f"bold {ACCENT}")
            notes = Static(Content.assemble(head, paragraph(self._text(step.notes))), classes="notes")
            notes.display = self._notes_shown
            parts.append(notes)
        return parts

    def expected(self, step: Step) -> list[str]:
        """The lines that a healthy lab prints."""
        return clean(self._text(step.expect)).rstrip().split("\n") if step.expect else []

    def sideways(self, by: int) -> bool:
        """Scroll what is too wide; false when nothing is."""
        views = [view for view in self.query(OutputView) if view.display and view.size.width]
        return any([view.sideways(by) for view in views])

    @property
    def command_in_sight(self) -> bool:
        """What Enter would run is on the screen; true for a step that runs nothing."""
        for part in self.query(".command") if self.ready else ():
            return self.region.contains_point(part.region.offset) and part.region.bottom <= self.region.bottom
        return True

    def show_command(self) -> None:
        """Bring what Enter would run into sight."""
        for part in self.query("StepCard") if self.ready else ():
            part.scroll_visible(animate=False, top=part.size.height > self.size.height)

    def show_state(self, state: StepState, *, unknown: bool = False, why_past: str = "", done_by: str = "") -> None:
        """Show whether the step is done, and then what its output means.

        `unknown`: nobody could look at what does not hold; `why_past`: what made it past, in words; `done_by`: what
        made it done, in words that begin with `done`.
        """
        if self.step is None or not self.ready:
            return
        sign, style = glyph(state)
        words = {
            "todo": "to do",
            "done": done_by or "done",
            "past": f"past: {why_past}" if why_past else "past",
            "broken": "broken: no longer holds",
        }[state]
        if state == "broken" and unknown:
            (sign, style), words = ("?", WARN), "was done; cannot be checked now"
        if self._state == (state, words):
            return
        self._state = (state, words)
        optional = said(self, " · optional ({lesson.skip} skips it)") if self.step.optional else ""
        for title in self.query(".title").results(Static):
            title.update(
                Content.assemble(
                    (self._head + "\n", QUIET),
                    plain(self._text(self.step.title), "bold"),
                    plain(f"  {sign} {words}", style),
                    (optional, QUIET),
                )
            )
        for after in self.query(".after"):
            after.display = state in SETTLED
        for correction in self.query(".correction"):
            correction.display = state in SETTLED or isinstance(self.step.kind, Read)
        for hints in self.query(".hints"):
            hints.display = state not in SETTLED or self._hints_shown > 0
        if state in SETTLED:
            self.show_diagnoses((), asked=False)
        # How far the step reaches is known once it is arranged.
        self.call_after_refresh(self._show_onward)

    def show_run(self, run: StepRun | None, results: Sequence[CheckResult], *, may_run: bool, busy: bool) -> None:
        """Show how the run of this step stands, and the last look at its checks."""
        if self.step is None or not self.ready:
            return
        running = run is not None and run.active
        if run is not self._run:
            self._run = run
            # One that began earlier was left alone: then the text comes first.
            if run is not None and running and run.seconds < JUST_BEGUN:
                self.show_results()
        for card in self.query(StepCard):
            card.show(run, may_run=may_run, busy=busy, state=self._state[0] if self._state else "todo")
        seen = run.results if run is not None and (running or not results) else results
        for checks in self.query(ChecksView):
            checks.show(
                seen,
                expected=len(self.step.checks),
                running=running,
                untried=run is None and self._state is not None and self._state[0] == "todo",
                past=self._state is not None and self._state[0] == "past",
                why_none=self._text(self.step.kind.card.no_check) if self.step.kind.card else "",
            )
        self._show_onward()
        if self._follows:
            self.call_after_refresh(self._scroll_to_results)

    def show_answer(self, choice: int) -> None:
        """Explain a choice."""
        for card in self.query(QuestionCard) if self.ready else ():
            card.show(choice)

    def show_hint(self) -> bool:
        """Show one hint more; False when there is none left."""
        if self.step is None or not self.ready or self._hints_shown >= len(self.step.hints):
            return False
        self._hints_shown += 1
        hints = self.step.hints[: self._hints_shown]
        total = len(self.step.hints)
        lines = [
            Content.assemble((f"Hint {number} of {total}  ", f"bold {WARN}"), paragraph(self._text(hint)))
            for number, hint in enumerate(hints, 1)
        ]
        target = self.query_one(".hints", Static)
        target.update(Content("\n").join(lines))
        target.display = True
        # The hints have their new height only once they are arranged.
        self.call_after_refresh(target.scroll_visible, animate=False)
        return True

    @property
    def hints_shown(self) -> int:
        """How many of the hints are shown."""
        return self._hints_shown

    def show_diagnoses(self, found: Sequence[Diagnosis], *, asked: bool) -> None:
        """Show what is wrong, in the words of the live state; when that was `asked`, also that nothing was found."""
        lines = [Content.assemble(("✗ ", BAD), plain(one.says), "\n  ", plain(one.todo, QUIET)) for one in found]
        if asked and not lines:
            lines = [Content.styled("The lab shows none of the mistakes that are common here.", QUIET)]
        for view in self.query(".diagnoses").results(Static) if self.ready else ():
            head = Content.styled("What the lab shows", f"bold {WARN}")
            view.update(Content("\n").join([head, *lines]) if found else Content("\n").join(lines))
            view.display = bool(lines)
            if lines:
                # Whoever asked did so by a hint, which stands below this, and stays in sight.
                seen = self.query(".hints").results(Static) if asked else (view,)
                for one in seen:
                    self.call_after_refresh(one.scroll_visible, animate=False)

    def toggle_notes(self) -> bool:
        """Show the presenter's notes of the steps, or hide them; says whether they are shown now."""
        self._notes_shown = not self._notes_shown
        for notes in self.query(".notes"):
            notes.display = self._notes_shown
            if self._notes_shown:
                self.call_after_refresh(notes.scroll_visible, animate=False)
        return self._notes_shown

    def show_results(self) -> None:
        """Scroll so that the card, its checks and what they mean are seen, also as they grow."""
        self._follows, self._left_at, self._placed = True, self.scroll_y, []
        self.call_after_refresh(self._scroll_to_results)

    def _scroll_to_results(self) -> None:
        self._follows = self._follows and self.scroll_y == self._left_at
        for part in self.query(RESULTS) if self.ready and self._follows else ():
            # What is not arranged yet would be scrolled to later, and look like the reader's own scrolling.
            if part.display and part.size:
                part.scroll_visible(animate=False, immediate=True)
        if self._follows:
            self._left_at = self.scroll_y

    @property
    def expected_opened(self) -> bool:
        """The expected output is open."""
        return any(not part.collapsed for part in self.query(Collapsible)) if self.ready else False

    def toggle_expected(self) -> bool:
        """Open or close the expected output; False when there is none."""
        for part in self.query(Collapsible) if self.ready else ():
            part.collapsed = not part.collapsed
            return True
        return False

    def tick(self) -> None:
        """Let the elapsed time advance."""
        for card in self.query(StepCard) if self.ready else ():
            card.tick()
        self._show_onward()
        if self._follows:
            self._scroll_to_results()
            # The end of the run is arranged when nothing moved for a while; ticks that are late come at once.
            placed, now = [part.virtual_region for part in self.query(RESULTS)], time.monotonic()
            if placed != self._placed:
                self._placed, self._placed_at = placed, now
            elif now - self._placed_at > SETTLES and not (self._run is not None and self._run.active):
                self._follows = False

    def on_resize(self) -> None:
        """How much is below depends on the room there is."""
        self.call_after_refresh(self._show_onward)

    @property
    def keeps_place(self) -> bool:
        """While a run is followed, its results are what is read."""
        return not self._follows

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Say whether there is more below."""
        super().watch_scroll_y(old_value, new_value)
        self._show_onward()

    def _show_onward(self) -> None:
        """Show what leads on, in the line that does not scroll away."""
        if self.step is None or self._state is None or not self.ready:
            return
        more = said(self, "↓ {scroll.page-down}: more · ") if self.max_scroll_y - self.scroll_y > 1 else ""
        running = self._run is not None and self._run.active
        if self._typing:
            words = said(self, "Enter goes to the shell · {shell.leave} leads back to the lesson")
        else:
            words = more + said(
                self, _onward(self.step, self._state[0], running=running, in_sight=self.command_in_sight)
            )
        if words != self.border_subtitle:
            self.border_subtitle = words


def _onward(step: Step, state: StepState, *, running: bool, in_sight: bool) -> str:
    if running:
        return "{lesson.stop} stops it · {lesson.next} goes on · {lesson.previous} goes back"
    if isinstance(step.kind, Read) or state in SETTLED:
        return "{lesson.onward} goes on · {lesson.previous} goes back"
    if step.kind.card is None:
        return "{lesson.next} goes on without an answer · {lesson.previous} goes back"
    if not in_sight:
        return "{lesson.onward} shows the command · {lesson.next} goes on · {lesson.previous} goes back"
    does = "waits for it" if step.kind.card.subject == "wait" else "runs it"
    return f"{{lesson.onward}} {does} · {{lesson.next}} goes on · {{lesson.previous}} goes back"
