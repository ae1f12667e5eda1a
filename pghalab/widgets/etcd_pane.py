"""The etcd pane: `endpoint status` of every member, and the arithmetic of the quorum."""

from __future__ import annotations

from pghalab.cluster import render
from pghalab.cluster.cells import Sheet
from pghalab.cluster.model import Etcd, EtcdView
from pghalab.widgets.pane import LivePane


class EtcdPane(LivePane[EtcdView]):
    """The consensus layer."""

    TITLE = "etcd"
    nothing = render.NO_ETCD
    COLUMNS = render.ETCD_COLUMNS

    def sheet(self, snapshot: Etcd) -> Sheet:
        """As `status` prints it."""
        return render.etcd(snapshot, self.nothing)
