"""The doctor: what this machine offers the lab, and the command to copy for what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from pghalab.lab.types import LabError
from pghalab.screens.activity import Activity
from pghalab.screens.console import ConsoleScreen
from pghalab.screens.messages import hears
from pghalab.session.events import ClusterSeen, NoticesChanged, StatesChanged, TroubleChanged
from pghalab.widgets.choices import Choices
from pghalab.widgets.glyphs import ACCENT, BAD, OK, QUIET, WARN
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings
from pghalab.widgets.scrolling import KeyScroll
from pghalab.widgets.text import plain

if TYPE_CHECKING:
    from pghalab.lab.doctor import Fact


class DoctorScreen(ConsoleScreen):
    """Facts about this machine and this lab."""

    DEFAULT_CSS = """
    DoctorScreen #title { height: 1; width: 1fr; padding: 0 1; background: $panel; text-style: bold; }
    DoctorScreen OptionList { height: 1fr; border: none; padding: 0 1; background: transparent; }
    DoctorScreen #rest { height: auto; max-height: 8; padding: 0 1; border-top: solid $panel; }
    DoctorScreen #rest:focus { background-tint: $foreground 4%; }
    DoctorScreen #rest Static { height: auto; }
    """
    HELP = "# The doctor\nWhat the lab needs from this machine. **Enter** copies the command of the line."
    BINDINGS: ClassVar[list[BindingType]] = bindings("doctor")

    def __init__(self) -> None:
        super().__init__()
        self._facts: list[Fact] = []

    def compose(self) -> ComposeResult:
        """The facts, and what the session has to say."""
        yield Static("Doctor", id="title")
        yield Activity()
        yield Choices(Option(Content.styled("looking…", QUIET)))
        with KeyScroll(id="rest"):
            yield Static("", id="notices")
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Look."""
        self.query_one(OptionList).focus()
        self.action_examine()

    @work(exclusive=True, group="examine", exit_on_error=False)
    async def action_examine(self) -> None:
        """Look at the machine."""
        self._show_notices()
        options = self.query_one(OptionList)
        try:
            self._facts = await self.console.session.examine()
        except LabError as error:
            self._facts = []
            options.clear_options()
            options.add_option(Option(plain(f"✗ {error}", BAD)))
            return
        options.clear_options()
        options.add_options([Option(_line(fact)) for fact in self._facts])
        bad = [index for index, fact in enumerate(self._facts) if not fact.ok]
        options.highlighted = bad[0] if bad else 0
        # What was added has no height yet, and so nowhere to scroll to.
        self.call_after_refresh(options.scroll_to_highlight)
        self._show_title()

    def _show_title(self) -> None:
        """All is well only when nothing below says otherwise."""
        bad = sum(not fact.ok for fact in self._facts)
        lab = len(self._wrong())
        if bad:
            word = f"{bad} of {len(self._facts)} need attention"
        elif lab:
            word = f"this machine is fit for the lab; the lab needs attention: {lab} below"
        else:
            word = "all is well" if self._facts else "looking…"
        self.query_one("#title", Static).update(Content(f"Doctor · {word}"))

    def _wrong(self) -> list[Content]:
        state = self.console.session.state
        lines = [plain(f"✗ {state.trouble}", BAD)] if state.trouble is not None else []
        lines += [plain(f"✗ {line}", f"bold {BAD}") for line in state.grave()]
        lines += [plain(f"✗ No longer true: {one.text}", BAD) for one in state.broken()]
        return lines + [plain(f"! {line}", WARN) for line in state.notices]

    @hears(NoticesChanged, StatesChanged, TroubleChanged, ClusterSeen)
    def _show_notices(self) -> None:
        lines = self._wrong()
        self._show_title()
        self.query_one("#rest").display = bool(lines)
        self.query_one("#notices", Static).update(Content("\n").join(lines))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_index < len(self._facts):
            fact = self._facts[event.option_index]
            if fact.command:
                self.console.copy(fact.command, "the command")
            else:
                self.notify("Nothing to copy here." if fact.ok else fact.todo, markup=False)

    def action_copy_report(self) -> None:
        """Copy every fact."""
        lines = [
            f"{'ok ' if fact.ok else 'NO '} {fact.check}: {fact.found} {fact.todo}".rstrip() for fact in self._facts
        ]
        self.console.copy("\n".join(lines), "the report")


def _line(fact: Fact) -> Content:
    sign = ("✓ ok  ", OK) if fact.ok else ("✗ no  ", BAD)
    parts = [Content.assemble(sign, plain(f"{fact.check:<14}", "bold"), plain(fact.found))]
    if fact.todo:
        parts.append(Content.assemble("      ", plain(fact.todo, WARN)))
    if fact.command:
        parts.append(Content.assemble("      $ ", plain(fact.command, f"bold {ACCENT}"), ("   Enter copies it", QUIET)))
    return Content("\n").join(parts)
