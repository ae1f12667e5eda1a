"""The four live panes, one below the other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from textual.app import ComposeResult
from textual.widgets import Static

from pghalab.cluster.absent import no_cluster, no_etcd
from pghalab.cluster.model import Snapshot
from pghalab.session.events import Source
from pghalab.session.state import State
from pghalab.widgets.etcd_pane import EtcdPane
from pghalab.widgets.events_pane import EventsPane
from pghalab.widgets.nodes_pane import NodesPane
from pghalab.widgets.pane import LivePane
from pghalab.widgets.patroni_pane import PatroniPane
from pghalab.widgets.scrolling import KeyScroll


class PaneColumn(KeyScroll, can_focus=False):
    """Nodes, etcd, Patroni and Events."""

    DEFAULT_CSS = """
    PaneColumn { scrollbar-size-vertical: 1; }
    PaneColumn > LivePane { margin: 0 0 1 0; }
    PaneColumn > #hidden { height: 1; width: 1fr; padding: 0 2; color: $foreground 60%; display: none; }
    """

    def compose(self) -> ComposeResult:
        """The panes."""
        yield NodesPane(id="nodes")
        yield EtcdPane(id="etcd")
        yield PatroniPane(id="patroni")
        yield EventsPane(id="events")
        yield Static("", id="hidden", markup=False)

    @property
    def first(self) -> LivePane[Any] | None:
        """The first pane that is not hidden."""
        return next((pane for pane in self.query(LivePane) if pane.display), None)

    @property
    def left(self) -> int:
        """How many panes are not hidden."""
        return sum(pane.display for pane in self.query(LivePane))

    def hide(self, names: Collection[str]) -> None:
        """Hide these panes and show the others, and name the keys that bring the hidden ones back."""
        away = []
        for pane in self.query(LivePane):
            pane.display = pane.id not in names
            if not pane.display:
                away.append(f"{pane.jump}{pane.TITLE}")
        line = self.query_one("#hidden", Static)
        line.display = bool(away)
        line.update(f"hidden: {' · '.join(away)}")

    def show(self, source: Source, state: State) -> None:
        """Bring the pane of a source up to date."""
        for pane in self.query(LivePane):
            pane.recorded = bool(state.recorded)
        if source == "nodes":
            self.query_one(EtcdPane).without(no_etcd(state.nodes))
            self.query_one(PatroniPane).without(no_cluster(state.nodes))
        match source:
            case "nodes":
                self.query_one(NodesPane).show(state.nodes)
            case "etcd":
                self.query_one(EtcdPane).show(state.etcd)
            case "patroni":
                # Without any etcd there is nothing that could have failed yet.
                formed = state.etcd is not None and state.etcd.value is not None and state.etcd.value.members
                seen = state.patroni if formed or (state.patroni and state.patroni.value) else None
                self.query_one(PatroniPane).show(seen)
            case _:
                pass
        looks = [one.taken_at for one in (state.nodes, state.etcd, state.patroni) if one is not None]
        self.query_one(EventsPane).show(Snapshot(tuple(state.events), None, max(looks)) if looks else None)

    def pause(self, paused: bool) -> None:
        """Say whether the panes stand still."""
        for pane in self.query(LivePane):
            pane.pause(paused)

    def tick(self) -> None:
        """Let the ages advance."""
        if self.content_size.width:
            for pane in self.query(LivePane):
                pane.tick()
