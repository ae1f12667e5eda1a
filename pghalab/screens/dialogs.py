"""The dialogs: yes or no, a change to confirm, a command to edit, a node to choose, about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from pghalab.text import clean
from pghalab.widgets.choices import Choices
from pghalab.widgets.glyphs import ACCENT, BAD, OK, QUIET
from pghalab.widgets.keys import bindings, label, said
from pghalab.widgets.text import plain

BOX_CSS = """
    .box { width: 90%; max-width: 96; height: auto; max-height: 90%; background: $surface; border: round $primary;
        padding: 1 2; }
    .box Static { height: auto; width: 1fr; }
    .box .buttons { height: auto; margin: 1 0 0 0; }
    .box Button { margin: 0 2 0 0; min-width: 6; }
    .box .scroll { height: auto; max-height: 24; background: $boost; padding: 0 1; margin: 1 0 0 0; }
    .box TextArea { height: 8; margin: 1 0 0 0; }
    .box OptionList { height: auto; max-height: 16; border: none; margin: 1 0 0 0; }
"""


class Confirm(ModalScreen[bool]):
    """A question answered with yes or no; no is the default."""

    DEFAULT_CSS = BOX_CSS
    BINDINGS: ClassVar[list[BindingType]] = bindings("confirm")

    def __init__(self, question: str, yes: str, *, danger: bool = False) -> None:
        super().__init__()
        self._question, self._yes, self._danger = question, yes, danger

    def compose(self) -> ComposeResult:
        """The question and two buttons."""
        with Vertical(classes="box"):
            yield Static(plain(self._question))
            with Horizontal(classes="buttons"):
                yield Button(
                    label(self, self._yes, "confirm.yes"),
                    id="yes",
                    variant="error" if self._danger else "primary",
                    compact=True,
                )
                yield Button(label(self, "No", "confirm.no"), id="no", compact=True)

    def on_mount(self) -> None:
        """Yes is not one key away: Enter may be pressed once too often."""
        self.query_one("#no").focus()

    def action_other(self) -> None:
        """Go to the other button."""
        self.focus_next()

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        self.dismiss(yes)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


class ConfirmChange(Confirm):
    """A change of the dynamic configuration, as the tool's own diff shows it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("change")

    def __init__(self, diff: str) -> None:
        super().__init__("Apply this change of the cluster's configuration?", "Apply")
        self._diff = diff

    def compose(self) -> ComposeResult:
        """The diff between the question and the buttons."""
        with Vertical(classes="box"):
            yield Static(plain(self._question, "bold"))
            with VerticalScroll(classes="scroll"):
                yield Static(Content("\n").join([_diff_line(line) for line in clean(self._diff).splitlines()]))
            with Horizontal(classes="buttons"):
                yield Button(label(self, "Apply", "confirm.yes"), id="yes", variant="primary", compact=True)
                yield Button(label(self, "No", "confirm.no"), id="no", compact=True)

    def action_scroll(self, by: int) -> None:
        """Scroll the diff by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_edge(self, last: int) -> None:
        """Go to the first or the last line of the diff."""
        view = self.query_one(VerticalScroll)
        view.scroll_to(y=view.max_scroll_y if last else 0, animate=False)


def _diff_line(line: str) -> Content:
    if line.startswith("+"):
        return Content.styled(line, OK)
    return Content.styled(line, BAD if line.startswith("-") else "")


class EditCommand(ModalScreen[str | None]):
    """The command of a step, to be changed before it runs."""

    DEFAULT_CSS = BOX_CSS
    BINDINGS: ClassVar[list[BindingType]] = bindings("edit")

    def __init__(self, who: str, command: str) -> None:
        super().__init__()
        self._who, self._command = who, command

    def compose(self) -> ComposeResult:
        """The editor and two buttons."""
        with Vertical(classes="box"):
            yield Static(Content.assemble((f"{self._who} $", f"bold {ACCENT}"), "  edit, then run"))
            yield TextArea(self._command.rstrip("\n"), soft_wrap=True, tab_behavior="focus", show_line_numbers=False)
            with Horizontal(classes="buttons"):
                yield Button(label(self, "Run", "edit.run"), id="run", variant="primary", compact=True)
                yield Button(label(self, "Cancel", "edit.cancel"), id="cancel", compact=True)

    def on_mount(self) -> None:
        """Start at the end of the command."""
        editor = self.query_one(TextArea)
        editor.cursor_blink = False
        editor.focus()
        editor.move_cursor(editor.document.end)

    def action_run_it(self) -> None:
        """Run what stands in the editor."""
        text = self.query_one(TextArea).text
        self.dismiss(text if text.strip() else None)

    def action_leave(self) -> None:
        """Run nothing."""
        self.dismiss(None)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "run":
            self.action_run_it()
        else:
            self.dismiss(None)


class Choose(ModalScreen[str | None]):
    """One of a few things."""

    DEFAULT_CSS = BOX_CSS
    BINDINGS: ClassVar[list[BindingType]] = bindings("choose")

    def __init__(self, question: str, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._question, self._choices = question, choices

    def compose(self) -> ComposeResult:
        """The question and a list."""
        with Vertical(classes="box"):
            yield Static(plain(self._question, "bold"))
            yield Choices(*(Option(plain(label), id=key) for key, label in self._choices))
            yield Static(Content.styled(said(self, "Enter chooses, {choose.cancel} leaves"), QUIET))

    def on_mount(self) -> None:
        """Start in the list."""
        self.query_one(OptionList).focus()

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)


class About(ModalScreen[None]):
    """What this is, and whom it follows."""

    DEFAULT_CSS = BOX_CSS
    BINDINGS: ClassVar[list[BindingType]] = bindings("about")

    def compose(self) -> ComposeResult:
        """The credit."""
        from pghalab import __version__

        with Vertical(classes="box"):
            yield Static(
                Content.assemble(
                    (f"pghalab {__version__}\n", "bold"),
                    "Build, break and repair a real PostgreSQL cluster with Patroni and etcd, lesson by lesson.\n\n",
                    "The course follows ",
                    ("Postgres High Availability with Patroni Training", "bold"),
                    "\nby ",
                    ("Jorge Torralba", "bold"),
                    ", ",
                    ("postgressolutions.com", f"underline {ACCENT}"),
                    ".\nIts facts, commands and order are his; the sentences and scripts here were written anew.\n\n",
                    "MIT licence.",
                )
            )
            with Horizontal(classes="buttons"):
                yield Button(label(self, "Close", "about.close"), variant="primary", compact=True)

    @on(Button.Pressed)
    def _pressed(self) -> None:
        self.dismiss(None)
