"""The card of a step that does something: what is run and where, its buttons, its output and how it ended."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button
from textual.widgets.button import ButtonVariant

from pghalab.course.events import SETTLED, StepState
from pghalab.course.expected.model import FITTING, Comparison
from pghalab.course.expected.words import summary
from pghalab.course.kinds import Card, Where
from pghalab.session.step_run import StepRun
from pghalab.text import clean
from pghalab.widgets.command import CommandText
from pghalab.widgets.glyphs import ACCENT, BAD, OK, QUIET, WARN
from pghalab.widgets.keys import key, label, said
from pghalab.widgets.output import OutputView
from pghalab.widgets.part_bar import PartBar
from pghalab.widgets.steady import SteadyText
from pghalab.widgets.text import plain

MOST_NOTES = 2
"""Reasons for differences that the card itself gives."""
LIVE_LINES = 300
"""How many of the last lines can be scrolled to while more come: laying out all of them costs the keys their time."""


class StepCard(Vertical):
    """`postgres@pgha1 $ command`, Run, Edit before running, Copy, Stop, and what came of it."""

    DEFAULT_CSS = """
    StepCard { height: auto; width: 1fr; border-left: thick $primary; padding: 0 0 0 1; }
    StepCard.-done { border-left: thick $success; }
    StepCard.-failed { border-left: thick $error; }
    StepCard.-running { border-left: thick $warning; }
    StepCard .command { height: auto; width: 1fr; background: $boost; padding: 0 1; }
    StepCard .buttons { height: auto; width: 1fr; margin: 1 0 0 0; }
    StepCard .buttons Button { margin: 0 1 0 0; min-width: 6; }
    StepCard .status { height: auto; width: 1fr; }
    StepCard OutputView { display: none; margin: 1 0 0 0; }
    StepCard OutputView.-some { display: block; }
    StepCard .compared { height: auto; width: 1fr; display: none; }
    StepCard .log { height: auto; width: 1fr; text-style: dim; display: none; }
    """

    def __init__(self, card: Card, where: Where) -> None:
        super().__init__()
        self.card = card
        self.where = where
        """Where the command runs, before anybody answered its placeholders."""
        self._shown = -1
        self._run: StepRun | None = None
        self._state: StepState = "todo"

    def compose(self) -> ComposeResult:
        """The command, the buttons, the output."""
        yield CommandText(classes="command")
        with Horizontal(classes="buttons"):
            words = "Wait for it" if self.card.subject == "wait" else "▶ Run"
            yield self._button(words, "run", "run_step", "primary")
            if self.card.editable:
                yield self._button("Edit", "edit", "edit_step")
            if self.card.copyable:
                yield self._button("Type it", "type", "type_here")
                yield self._button("Copy", "copy", "copy_command")
            if self.card.elsewhere:
                yield self._button("Take the free subnet", "elsewhere", "run_elsewhere")
            yield self._button("■ Stop", "stop", "stop_step", "error")
        yield SteadyText("", classes="status")
        yield PartBar()
        yield SteadyText("", classes="compared")
        yield OutputView()
        yield SteadyText("", classes="log")

    def _button(self, words: str, name: str, action: str, variant: ButtonVariant = "default") -> Button:
        text = label(self, words, f"lesson.{name}")
        return Button(text, id=name, variant=variant, compact=True, action=f"screen.{action}")

    def on_mount(self) -> None:
        """Show the command as it is."""
        self.resolve(self.where)

    def resolve(self, where: Where) -> None:
        """Show the command with its placeholders answered."""
        self.query_one(CommandText).show(*self._prompt(where))

    def show(self, run: StepRun | None, *, may_run: bool, busy: bool, state: StepState = "todo") -> None:
        """Show how the run stands; `busy` means that a step runs somewhere, `state` is how the step stands now."""
        running = run is not None and run.active
        self._state = state
        self.query_one("#run", Button).disabled = busy or not may_run
        for button in self.query("#edit").results(Button):
            button.disabled = busy or not may_run
        for button in self.query("#elsewhere").results(Button):
            button.display = run is not None and run.outcome == "failed"
            button.disabled = busy or not may_run
        self.query_one("#stop", Button).disabled = not running
        self.set_class(running, "-running")
        ended = run is not None and not run.active
        self.set_class(ended and state == "done", "-done")
        failed = run is not None and run.outcome in ("failed", "refused") and state not in SETTLED
        self.set_class(failed or (ended and state == "broken"), "-failed")
        status = self.query_one(".status", SteadyText)
        status.display = run is not None
        self.query_one(PartBar).show(run.part if run is not None and run.active else None)
        if run is None:
            return
        status.say(self._status(run))
        compared = self.query_one(".compared", SteadyText)
        compared.display = run.comparison is not None
        if run.comparison is not None:
            compared.say(_compared(run.comparison, key(self, "lesson.wide")))
        self._show_output(run)

    def tick(self) -> None:
        """Let the elapsed time advance, and show what came since the last paint."""
        if self._run is not None and self._run.active:
            self.query_one(".status", SteadyText).say(self._status(self._run))
            self.query_one(PartBar).show(self._run.part)
            self._show_output(self._run)

    def _status(self, run: StepRun) -> Content:
        if self.card.elsewhere and run.outcome == "failed" and self._state not in SETTLED:
            way_out = (
                "Is something else in the way? {lesson.elsewhere} creates the lab on the next free subnet; "
                "the lessons then show it."
            )
            return Content("\n").join([_status(run, self._state), Content.styled(said(self, way_out), WARN)])
        return _status(run, self._state)

    def _show_output(self, run: StepRun) -> None:
        if run is not self._run:
            self._run, self._shown = run, -1
        buffer = run.buffer
        if buffer.pieces == self._shown and run.active:
            return
        self._shown = buffer.pieces
        lines = buffer.lines
        view = self.query_one(OutputView)
        view.set_class(bool(lines), "-some")
        if run.active and len(lines) > LIVE_LINES:
            lines = [
                f"⋯ {len(lines) - LIVE_LINES} lines before: {key(self, 'lesson.wide')} shows all ⋯",
                *lines[-LIVE_LINES:],
            ]
        view.show(lines, whole=run.active)
        log = self.query_one(".log", SteadyText)
        log.display = run.log is not None and bool(lines)
        # How wide it is is known once it is arranged.
        self.call_after_refresh(self._say_keys, run)

    def _say_keys(self, run: StepRun) -> None:
        """Name the keys for what does not fit."""
        too_wide = any(view.too_wide for view in self.query(OutputView))
        sideways = said(self, "{lesson.left} {lesson.right} sideways · ") if too_wide else ""
        lost = f"{run.buffer.dropped} lines in the middle not held · " if run.buffer.dropped else ""
        name = run.log.name if run.log is not None else ""
        keys = said(self, "{lesson.wide} shows all of it · full log ({lesson.log})")
        # Another step may have taken the place of this one meanwhile: then its parts are gone.
        for log in self.query(".log").results(SteadyText):
            log.say(Content(f"{lost}{sideways}{keys}: {name}"))

    def _prompt(self, where: Where) -> tuple[Content, str]:
        match self.card.subject:
            case "lab":
                return Content.styled("lab ", f"bold {ACCENT}"), clean(self.card.words)
            case "wait":
                return Content.styled(self.card.words, QUIET), ""
            case _:
                pass
        sign = "#" if where.user == "root" else "$"
        return Content.styled(clean(f"{where.who} {sign} "), f"bold {ACCENT}"), clean(where.command)


def _compared(comparison: Comparison, wide: str) -> Content:
    """How the output stands to what was expected, and for what does not fit the reasons that are known."""
    if comparison.fits:
        mark, style = ("≈", QUIET) if comparison.values else ("=", QUIET)
        return Content.styled(f"{mark} output {summary(comparison)}", style)
    notes = dict.fromkeys(row.note for row in comparison.rows if row.note and row.verdict not in FITTING)
    line = Content.styled(f"≠ {summary(comparison, f'{wide} shows both beside each other')}", WARN)
    return Content("\n").join([line, *(plain(f"  {note}") for note in list(notes)[:MOST_NOTES])])


def _status(run: StepRun, state: StepState) -> Content:
    if run.active:
        return Content.styled(f"◐ {run.status}", WARN)
    if run.outcome in ("failed", "refused", "stopped") and state == "done":
        # How the run ended is history as soon as the step is done after all.
        return Content.styled(f"✓ done after all: its checks hold now · the run had ended: {run.status}", OK)
    if run.outcome != "past" and state == "past":
        # Neither a tick nor a cross: what it did, or did not, is of no effect any more.
        line = Content.styled(f"» past by now · the run had ended: {run.status}", QUIET)
        return Content("\n").join([line, plain(run.reason)]) if run.reason and not run.as_expected else line
    if run.outcome in ("done", "already") and state == "broken":
        return Content.styled(f"✗ no longer so: the run had ended: {run.status}", BAD)
    glyph, style = {
        "done": ("✓", OK),
        "already": ("✓", OK),
        "past": ("»", QUIET),
        "failed": ("✗", BAD),
        "refused": ("✗", BAD),
        "stopped": ("■", WARN),
    }[run.outcome or "failed"]
    line = Content.styled(f"{glyph} {run.status}", style)
    if run.outcome == "already":
        line = Content.styled("✓ nothing to do: the checks already held", style)
    return Content("\n").join([line, plain(run.reason)]) if run.reason and not run.as_expected else line
