"""The lab menu: build, create, start, stop, restart and remove, with what each prints."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from pghalab import registry
from pghalab.lab.settings import LabSettings
from pghalab.registry import Verb, Way
from pghalab.screens.activity import Activity, stoppable
from pghalab.screens.console import ConsoleScreen
from pghalab.screens.messages import Told, hears
from pghalab.session.events import ClusterSeen, LabOpened, SessionEvent, TroubleChanged, VerbFinished, VerbProgressed
from pghalab.widgets.choices import Choices
from pghalab.widgets.glyphs import BAD, OK, QUIET, WARN
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings
from pghalab.widgets.output import OutputView
from pghalab.widgets.part_bar import PartBar
from pghalab.widgets.steady import SteadyText
from pghalab.widgets.text import plain


class LabScreen(ConsoleScreen):
    """Everything that changes the lab itself."""

    DEFAULT_CSS = """
    LabScreen #condition { height: auto; width: 1fr; padding: 0 1; background: $panel; }
    LabScreen OptionList { height: auto; max-height: 50%; border: none; padding: 0 1; margin: 1 0;
        background: transparent; }
    LabScreen #status { height: 1; width: 1fr; padding: 0 1; }
    LabScreen OutputView { height: 1fr; max-height: 100%; }
    """
    HELP = "# The lab\n**Enter** does what the line says. What removes something asks first."
    BINDINGS: ClassVar[list[BindingType]] = bindings("lab")

    def __init__(self) -> None:
        super().__init__()
        self._shown = -1

    @property
    def shows_what_runs(self) -> bool:
        """A verb's output is on this screen, a step's is not."""
        return self.console.session.work.active is None

    def compose(self) -> ComposeResult:
        """The condition, the verbs, the output."""
        yield SteadyText("", id="condition")
        yield Activity()
        yield Choices(*(Option(_line(way), id=way.title) for _, way in registry.ways()))
        yield SteadyText("", id="status")
        yield PartBar()
        yield OutputView()
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Start in the list."""
        self.query_one(OptionList).focus()
        self.set_interval(1.0, self._show)
        self._show()

    @hears(VerbProgressed, VerbFinished, ClusterSeen, LabOpened, TroubleChanged)
    def _changed(self, _: Told[SessionEvent]) -> None:
        self._show()

    def _show(self) -> None:
        session = self.console.session
        self.query_one("#condition", SteadyText).say(self.condition())
        self.query_one("#status", SteadyText).say(self._status())
        running = session.work.busy and session.work.active is None
        self.query_one(PartBar).show(session.work.verb_part if running else None)
        if session.work.verb_output.pieces != self._shown:
            self._shown = session.work.verb_output.pieces
            self.query_one(OutputView).show(session.work.verb_output.lines)

    def _status(self) -> Content:
        session = self.console.session
        if not session.work.verb:
            return Content.styled("Enter does what the line says.", QUIET)
        if session.work.verb_ended is None:
            return plain(stoppable(self, session.work), WARN)
        text, bad = session.work.verb_outcome()
        return plain(f"{'✗' if bad else '✓'} {text}", BAD if bad else OK)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.begin(*next(pair for pair in registry.ways() if pair[1].title == event.option.id))

    def begin(self, verb: Verb, way: Way) -> None:
        """Do what a line says, after asking what has to be asked."""
        if way.asks == "settings":
            self._choose_settings(verb, way)
        elif way.asks:
            self._go_back(way.asks)
        elif way.warning:
            self.console.ask(way.warning, way.title, lambda: self._start(verb, way), danger=True)
        else:
            self._start(verb, way)

    def _start(self, verb: Verb, way: Way, settings: LabSettings | None = None) -> None:
        if registry.start(self.console.session, verb, way, settings):
            self._shown = -1
            self._show()
            self.refresh_bindings()

    @work(exclusive=True, group="settings", exit_on_error=False)
    async def _choose_settings(self, verb: Verb, way: Way) -> None:
        from pghalab.screens.settings_dialog import SettingsDialog

        session = self.console.session
        backend = session.state.backend
        if (refusal := session.work.refusal()) or backend is None:
            self.notify(refusal, severity="warning", markup=False)
            return
        lab = backend.lab
        if any(container.state not in ("absent", "foreign") for container in await lab.containers()):
            self.notify(
                "The nodes of this lab exist already; other settings can be chosen once it is removed.",
                severity="warning",
                markup=False,
            )
            return
        chosen = await self.app.push_screen_wait(SettingsDialog(lab.settings))
        if chosen is not None:
            self._start(verb, way, chosen)

    @work(exclusive=True, group="going back", exit_on_error=False)
    async def _go_back(self, asks: str) -> None:
        from pghalab.screens.going_back import ASKED

        if await ASKED[asks](self.console):
            self._shown = -1
            self._show()
            self.refresh_bindings()

    def action_copy_output(self) -> None:
        """Copy what was printed."""
        self.console.copy(self.query_one(OutputView).text, "the output")


def _line(way: Way) -> Content:
    asks = ("  asks first", WARN) if way.warning or way.asks == "lesson" else ""
    return Content.assemble((f"{way.title:<15}", "bold"), (way.words, QUIET), asks)
