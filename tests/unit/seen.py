"""Moments of a real cluster as the monitor saw them; `tests/live/test_cluster.py` records them (PGHALAB_RECORD)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pghalab.cluster import codec, etcd, render
from pghalab.cluster.cells import printed, written
from pghalab.cluster.headline import headline
from pghalab.cluster.model import ClusterEvent, Etcd, EtcdEndpoint, Nodes, Patroni, Trouble
from pghalab.cluster.trouble import troubles
from tests.fake_lab.node import FakeNode
from tests.fake_lab.recording import RECORDINGS
from tests.fake_lab.servers import http_server


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
        return [line for sheet in render.sheets(self.nodes, self.etcd, self.patroni) for line in printed(sheet)]

    def row(self, name: str, table: int = 0) -> str:
        """The words of a node's row: of the Nodes pane (0), etcd (1) or Patroni (2)."""
        sheet = render.sheets(self.nodes, self.etcd, self.patroni)[table]
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


async def recorded_endpoints(recorded: Mapping[str, Any]) -> tuple[EtcdEndpoint, ...]:
    """The rows that a recording's answers of etcd are read as."""
    rows = []
    for name, status in recorded["etcd_status"].items():
        if "error" in status:
            rows.append(EtcdEndpoint(name, f"{name}:2379", errors=status["error"]))
            continue
        with http_server({"/v3/maintenance/status": (200, json.dumps(status).encode())}) as port:
            rows.append(await etcd.endpoint(FakeNode(name, ports={2379: port})))
    return tuple(rows)
