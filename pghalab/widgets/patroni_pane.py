"""The Patroni pane: what `patronictl list` prints, and whether each node's own REST API answers."""

from __future__ import annotations

from pghalab.cluster import render
from pghalab.cluster.cells import Sheet
from pghalab.cluster.model import Patroni, PatroniView
from pghalab.widgets.pane import LivePane


class PatroniPane(LivePane[PatroniView]):
    """The data layer."""

    TITLE = "Patroni"
    nothing = render.NO_CLUSTER
    COLUMNS = render.PATRONI_COLUMNS

    def sheet(self, snapshot: Patroni) -> Sheet:
        """As `status` prints it."""
        return render.patroni(snapshot, self.nothing)
