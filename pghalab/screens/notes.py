"""The presenter's notes: an app of its own, for a second terminal, which follows a show at the door of its console."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Digits, Static

from pghalab.cluster.units import clock
from pghalab.registry import keymap
from pghalab.registry.keymap import Keymap
from pghalab.screens import ending
from pghalab.screens.frames import PromptScreen
from pghalab.screens.themes import DARK, LIGHT
from pghalab.session.demo.desk import Heard, Reader
from pghalab.session.demo.standing import Standing
from pghalab.widgets import standing_view as view
from pghalab.widgets.glyphs import QUIET
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings, in_order, key
from pghalab.widgets.text import HARMLESS, plain

if TYPE_CHECKING:
    from textual.filter import LineFilter

SILENCE = 5.0
"""Seconds without a word from a console that shows something, after which that is said: it speaks every second."""
NO_SHOW = "Nothing is shown to a room now: `pghalab demo` begins a show."
KNOCKING = "Knocking at the console of the lab…"


class NotesScreen(PromptScreen):
    """The one screen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("notes")
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    """On a low terminal the notes have the room, and long commands are cut."""

    def __init__(self, lab: str, folder: Path) -> None:
        """`folder` is that of the lab."""
        super().__init__()
        self.lab = lab
        self.heard: Heard | None = None
        self._reader = Reader(folder, self._hear)
        self._at = monotonic()
        """When something was heard last."""
        self._step = ""

    def compose(self) -> ComposeResult:
        """From the top down: where, when, how it is, what to say, what comes."""
        yield Static(plain(f"lab {self.lab}", QUIET), id="place", classes="row")
        with Horizontal(id="clock"):
            yield Digits("0:00", id="elapsed")
            yield Static("", id="times")
        yield Static("", id="cluster", classes="row")
        yield Static("", id="warnings", classes="row")
        # Its keys are those of the show: a remote's page keys do not scroll.
        with VerticalScroll(id="notes", can_focus=False):
            yield Static(plain(KNOCKING), id="words")
        yield Static("", id="checks", classes="row")
        yield Static("", id="onward", classes="row")
        yield Static("", id="following", classes="row")
        yield KeyLine(show_command_palette=False)

    def on_mount(self) -> None:
        """Follow."""
        self.set_interval(1.0, self._warn)
        self.run_worker(self._reader.follow(), group="follow")

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The bindings that work now, in the order in which they are shown."""
        return in_order(super().active_bindings)

    def _hear(self, heard: Heard) -> None:
        self._at = monotonic()
        if heard != self.heard:
            self.heard = heard
            self._draw(heard)

    def _draw(self, heard: Heard) -> None:
        standing = heard.standing
        self.query_one("#notes").set_class(heard.console != "shows", "away")
        self._warn()
        if standing is None:
            self._put("words", plain(NO_SHOW if heard.console == "idle" else KNOCKING))
            for name in ("times", "cluster", "checks", "onward", "following"):
                self._put(name, Content(""))
            self._put("place", plain(f"lab {self.lab}", QUIET))
            self._step = ""
        else:
            self._show(standing)

    def _show(self, standing: Standing) -> None:
        self.query_one("#elapsed", Digits).update(clock(standing.elapsed))
        self._put("place", view.place(standing))
        self._put("times", Content("\n").join(view.times(standing)))
        self._put("cluster", plain(standing.headline, QUIET))
        self._put("words", view.notes(standing))
        self._put("checks", view.checks(standing.checks))
        self._put("onward", view.onward(standing, key(self, "notes.next")))
        self._put("following", view.following(standing))
        if standing.step != self._step:
            self._step = standing.step
            self.query_one("#notes", VerticalScroll).scroll_home(animate=False)

    def _warn(self) -> None:
        if self.heard is None:
            return
        silent = monotonic() - self._at
        quiet = self.heard.console == "shows" and silent > SILENCE
        self._put("warnings", view.warnings(self.heard, int(silent) if quiet else 0))

    def _put(self, name: str, content: Content) -> None:
        widget = self.query_one(f"#{name}", Static)
        widget.update(content)
        widget.display = name in ("times", "words") or bool(content.plain)

    def action_order(self, what: str) -> None:
        """Have the show do what its key does there."""
        if self.heard is None or self.heard.console == "idle":
            self.notify("Nothing is shown to a room now.", markup=False, timeout=3)
        elif not self._reader.order(what):
            self.notify("The console is away: nothing was done.", severity="warning", markup=False, timeout=3)

    def action_scroll(self, by: int) -> None:
        """Scroll the notes."""
        self.query_one("#notes", VerticalScroll).scroll_relative(y=by, animate=False)


class NotesApp(App[int]):
    """The notes of the show of one lab."""

    TITLE = "pghalab notes"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { scrollbar-size-vertical: 1; }
    Footer { background: $panel; }
    .row { height: auto; padding: 0 1; }
    #place { max-height: 2; background: $panel; }
    #clock { height: 3; }
    #elapsed { width: auto; padding: 0 1; color: $accent; }
    #times { width: 1fr; height: 3; }
    #cluster { max-height: 2; }
    #warnings { max-height: 6; }
    #notes {
        height: 1fr; min-height: 3; padding: 0 1;
        border-top: solid $panel; border-bottom: solid $panel; scrollbar-size-vertical: 1;
    }
    #checks { max-height: 3; }
    #onward { max-height: 3; }
    #following { max-height: 3; border-top: solid $panel; }
    .-tall #checks { max-height: 6; }
    .-tall #onward { max-height: 9; }
    .-tall #following { max-height: 6; }
    .away { opacity: 60%; }
    """

    def __init__(self, lab: str, folder: Path) -> None:
        """`folder` is that of the lab."""
        super().__init__()
        self.own_keys: Keymap = {}
        """The keys that the person chose, by the id of the action."""
        self._lab, self._folder = lab, folder
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.animation_level = "none"
        wanted = os.environ.get("TEXTUAL_THEME", "")
        self.theme = wanted if wanted in self.available_themes else DARK.name

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and the one that lets nothing through that a terminal would obey."""
        return [*super().get_line_filters(), HARMLESS]

    def get_default_screen(self) -> Screen[None]:
        """The notes."""
        return NotesScreen(self._lab, self._folder)

    def on_load(self) -> None:
        """Take the person's own keys."""
        self.own_keys, _ = keymap.load()
        self.set_keymap({name: ",".join(keys) for name, keys in self.own_keys.items()})

    def on_mount(self) -> None:
        """Give the terminal back as it was also when the program is told to end, and end with it."""
        if not self.is_headless:
            ending.listen(self, self._leave)

    def _leave(self, code: int) -> None:
        ending.end_without_terminal(code)
        self.exit(return_code=code)
