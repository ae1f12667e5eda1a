"""The Nodes pane: what runs on each machine of the lab."""

from __future__ import annotations

from pghalab.cluster import render
from pghalab.cluster.cells import Sheet
from pghalab.cluster.model import NodeHealth, Nodes
from pghalab.widgets.pane import LivePane


class NodesPane(LivePane[tuple[NodeHealth, ...]]):
    """Container, address, ssh and the three services of every node."""

    TITLE = "Nodes"
    nothing = render.NO_NODES
    COLUMNS = render.NODE_COLUMNS

    def sheet(self, snapshot: Nodes) -> Sheet:
        """As `status` prints it."""
        return render.nodes(snapshot)
