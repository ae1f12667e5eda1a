"""The live cluster, and nothing else."""

from __future__ import annotations

from typing import ClassVar, get_args

from textual.app import ComposeResult
from textual.binding import BindingType

from pghalab.screens.activity import Activity
from pghalab.screens.arranged import ArrangedScreen
from pghalab.screens.messages import Told, hears
from pghalab.session.events import ClusterSeen, LabOpened, SessionEvent, Source, TroubleChanged
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings
from pghalab.widgets.pane import LivePane
from pghalab.widgets.pane_column import PaneColumn
from pghalab.widgets.steady import SteadyText


class LiveScreen(ArrangedScreen):
    """The condition in one line, and the four panes on the whole width."""

    DEFAULT_CSS = """
    LiveScreen #condition { height: auto; width: 1fr; padding: 0 1; background: $panel; }
    LiveScreen PaneColumn { height: 1fr; }
    """
    HELP = "# The live cluster\nNodes, etcd, Patroni and Events as they are now. **{live.back}** leads back."
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("live"), *bindings("panes")]
    NAME: ClassVar[str] = "live"

    def compose(self) -> ComposeResult:
        """The line, what runs elsewhere, the panes."""
        yield SteadyText("", id="condition")
        yield Activity()
        yield PaneColumn()
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Show what is known, and let ages advance."""
        panes = self.query_one(PaneColumn)
        panes.pause(self.console.session.state.paused)
        self.set_interval(1.0, panes.tick)
        if panes.first is not None:
            panes.first.focus()
        self._show(*get_args(Source))

    def _show(self, *sources: Source) -> None:
        state = self.console.session.state
        self.query_one("#condition", SteadyText).say(self.condition())
        for source in () if state.paused else sources:
            self.query_one(PaneColumn).show(source, state)

    @hears(ClusterSeen)
    def _seen(self, message: Told[ClusterSeen]) -> None:
        self._show(message.event.source)

    @hears(LabOpened, TroubleChanged)
    def _changed(self, _: Told[SessionEvent]) -> None:
        self._show()

    def action_back(self) -> None:
        """Leave the zoom, or the screen."""
        if self.maximized is not None:
            self.minimize()
        else:
            self.app.pop_screen()

    def action_pause(self) -> None:
        """Let the panes stand still, or go on."""
        session = self.console.session
        session.watch.pause(not session.state.paused)
        self.query_one(PaneColumn).pause(session.state.paused)
        self._show(*get_args(Source))

    def action_refresh(self) -> None:
        """Look at the cluster now."""
        self.console.session.watch.refresh()

    def action_zoom(self) -> None:
        """Fill the screen with the pane that has the focus, or go back."""
        if self.maximized is not None:
            self.minimize()
        elif isinstance(self.focused, LivePane):
            self.maximize(self.focused, container=False)
