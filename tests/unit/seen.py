"""Moments of a real cluster as the monitor saw them; `tests/live/test_cluster.py` records them (PGHALAB_RECORD)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pghalab.cluster import codec, render
from pghalab.cluster.cells import printed, written
from pghalab.cluster.headline import headline
from pghalab.cluster.model import ClusterEvent, Etcd, Nodes, Patroni, Trouble
from pghalab.cluster.trouble import troubles

RECORDINGS = Path(__file__).parents[1] / "recordings"


@dataclass(frozen=True)
class Moment:
    """Everything that was known at one moment."""

    nodes: Nodes
    etcd: Etcd
    patroni: Patroni
    events: tuple[ClusterEvent, ...]

    def headline(self) -> str:
        return "".join(map(written, headline("pgha", self.nodes, self.etcd, self.patroni)))

    def troubles(self) -> list[Trouble]:
        return list(troubles(self.nodes, self.etcd, self.patroni))

    def tables(self) -> list[str]:
        sheets = (render.nodes(self.nodes), render.etcd(self.etcd), render.patroni(self.patroni))
        return [line for sheet in sheets for line in printed(sheet)]

    def row(self, name: str, table: int = 0) -> str:
        """The words of a node's row: of the Nodes pane (0), etcd (1) or Patroni (2)."""
        sheet = (render.nodes(self.nodes), render.etcd(self.etcd), render.patroni(self.patroni))[table]
        return next(" ".join(line.split()) for line in printed(sheet) if line.startswith(name))


def moment(name: str) -> Moment:
    """A recorded moment, as if it were now."""
    kept = json.loads((RECORDINGS / f"seen-{name}.json").read_text())
    return Moment(
        codec.read_nodes(kept["nodes"]),
        codec.read_etcd(kept["etcd"]),
        codec.read_patroni(kept["patroni"]),
        tuple(map(codec.read_event, kept["events"])),
    )
