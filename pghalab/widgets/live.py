"""The four live panes, one below the other."""

from __future__ import annotations

from textual.app import ComposeResult

from pghalab.widgets.etcd_pane import EtcdPane
from pghalab.widgets.events_pane import EventsPane
from pghalab.widgets.nodes_pane import NodesPane
from pghalab.widgets.pane import LivePane
from pghalab.widgets.patroni_pane import PatroniPane
from pghalab.widgets.scrolling import KeyScroll


class LiveColumn(KeyScroll, can_focus=False):
    """Nodes, etcd, Patroni and Events."""

    DEFAULT_CSS = """
    LiveColumn { scrollbar-size-vertical: 1; }
    LiveColumn > LivePane { margin: 0 0 1 0; }
    """

    def compose(self) -> ComposeResult:
        """The panes."""
        yield NodesPane(id="nodes")
        yield EtcdPane(id="etcd")
        yield PatroniPane(id="patroni")
        yield EventsPane(id="events")

    def pause(self, paused: bool) -> None:
        """Say whether the panes stand still."""
        for pane in self.query(LivePane):
            pane.pause(paused)

    def tick(self) -> None:
        """Let the ages advance."""
        if self.content_size.width:
            for pane in self.query(LivePane):
                pane.tick()
