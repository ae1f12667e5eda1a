"""What runs before the room without being typed, or ran before: the command, how far it is, and what it printed."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from pghalab.course.kinds import Where
from pghalab.course.model import Step
from pghalab.session.demo.stand_in import Recording
from pghalab.session.step_run import StepRun
from pghalab.text import clean
from pghalab.widgets.command import CommandText
from pghalab.widgets.glyphs import ACCENT, WARN
from pghalab.widgets.output import OutputView
from pghalab.widgets.part_bar import PartBar

LINES = 200
"""How many of the last lines are held: the room sees what is at the end."""


class RoomCard(Vertical):
    """The card of a step, without anything that only the presenter needs."""

    DEFAULT_CSS = """
    RoomCard { height: 1fr; padding: 0 2; }
    RoomCard .command { height: auto; width: 1fr; background: $boost; padding: 0 1; margin: 0 0 1 0; }
    RoomCard OutputView { height: auto; max-height: 1fr; display: none; scrollbar-size: 0 0; padding: 0 1; }
    RoomCard .recorded { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    RoomCard OutputView.-some { display: block; }
    """

    def compose(self) -> ComposeResult:
        """The command, the bar, the output."""
        yield CommandText(classes="command")
        yield PartBar()
        yield Static("", classes="recorded")
        view = OutputView(folds=False)
        view.can_focus = False
        yield view

    def show(self, step: Step, where: Where, run: StepRun | None, recorded: Recording | None = None) -> None:
        """Show a step's command and its last run, or in its place, while it goes on, one that was `recorded`."""
        card = step.kind.card
        if card is None:
            return
        mark = "#" if where.user == "root" else "$"
        prompt = f"{where.who} {mark} " if where.command else ""
        command = step.kind.typed(where.command) if where.command else card.words
        self.query_one(CommandText).show(Content.styled(clean(prompt), f"bold {ACCENT}"), clean(command).rstrip("\n"))
        self.query_one(PartBar).show(run.part if run is not None and run.active else None)
        sign = self.query_one(".recorded", Static)
        sign.display = recorded is not None
        if recorded is not None:
            # The versions are what may be cut off.
            words = recorded.title.replace(" · ", " · the real one goes on · ", 1)
            sign.update(Content.styled(words, f"bold {WARN}"))
            lines: Sequence[str] = recorded.lines[-LINES:]
        else:
            lines = run.buffer.lines[-LINES:] if run is not None else []
        view = self.query_one(OutputView)
        view.set_class(bool(lines), "-some")
        view.show(lines)
        # Nobody scrolls before a room, and the checks that come below take some of its height.
        view.call_after_refresh(view.scroll_end, animate=False, x_axis=False)
