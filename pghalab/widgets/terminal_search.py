"""The line in which one writes what is searched for in a terminal."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from pghalab.terminal.marked import MOST_NEEDLE
from pghalab.values import dataclass
from pghalab.widgets.keys import bindings


class Needle(Input):
    """What is searched for."""

    def on_mount(self) -> None:
        """Remember what Textual's input listens to."""
        self._heard = self.screen.text_selection_started_signal

    def on_unmount(self) -> None:
        """Listen no more: the signal holds whoever listens until it tells again, which may be never."""
        self._heard.unsubscribe(self)


class SearchLine(Horizontal):
    """A needle, and how often it is there; Enter goes on upwards, Escape ends it."""

    DEFAULT_CSS = """
    SearchLine { dock: bottom; height: 1; display: none; background: $panel; }
    SearchLine Needle { width: 1fr; padding: 0 1; background: $panel; }
    SearchLine Static { width: auto; padding: 0 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("search")

    @dataclass
    class Sought(Message):
        """The next place is wanted, upwards or back down."""

        line: SearchLine
        needle: str
        back: bool

    class Ended(Message):
        """The line was left."""

    def compose(self) -> ComposeResult:
        """The needle and the count."""
        yield Needle(placeholder="search upwards: Enter, ↑ ↓, Esc", max_length=MOST_NEEDLE, compact=True)
        yield Static(markup=False)

    def open(self) -> None:
        """Show the line, with the needle of the last time marked."""
        self.display = True
        self.query_one(Static).update("")
        needle = self.query_one(Input)
        self.screen.set_focus(needle)  # at once: the next key may be here already
        needle.select_all()

    def tell(self, number: int, total: int) -> None:
        """Say which place is shown, and of how many."""
        self.query_one(Static).update(f"{number} of {total}" if total else "not found")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        event.stop()
        self.action_seek(False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """What was found for another needle says nothing about this one."""
        event.stop()
        self.query_one(Static).update("")

    def action_seek(self, back: bool) -> None:
        """Ask for the next place."""
        if needle := self.query_one(Input).value:
            self.post_message(self.Sought(self, needle, back))

    def action_end(self) -> None:
        """Hide the line and say so."""
        self.display = False
        self.post_message(self.Ended())
