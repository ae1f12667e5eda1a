"""The Nodes pane: what runs on each machine of the lab."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content

from pghalab.cluster.model import NodeHealth
from pghalab.widgets import glyphs
from pghalab.widgets.pane import LivePane
from pghalab.widgets.table import Column
from pghalab.widgets.text import plain


class NodesPane(LivePane[tuple[NodeHealth, ...]]):
    """Container, address, ssh and the three services of every node."""

    TITLE = "Nodes"
    NOTHING = "No nodes yet: the deploy step, or the lab menu (L), creates them."
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("name", "Node"),
        Column("container", "Container", 3),
        Column("address", "Address", 5),
        Column("ssh", "ssh", 4),
        Column("etcd", "etcd", 1),
        Column("patroni", "Patroni", 1),
        Column("postgres", "PostgreSQL", 2),
    )

    def facts(self, value: tuple[NodeHealth, ...]) -> Content:
        """What makes nodes, while there are none."""
        return Content("") if _made(value) else Content.styled(self.NOTHING, glyphs.QUIET)

    def rows(self, value: tuple[NodeHealth, ...]) -> list[dict[str, Content]]:
        """One row for each node."""
        return [
            {
                "name": plain(node.name, "bold"),
                "container": glyphs.state(node.container),
                "address": plain(node.address or "none"),
                "ssh": glyphs.state(node.ssh),
                "etcd": glyphs.state(node.etcd),
                "patroni": glyphs.state(node.patroni),
                "postgres": glyphs.state(node.postgres),
            }
            for node in value
            if _made(value)
        ]


def _made(nodes: tuple[NodeHealth, ...]) -> bool:
    return any(node.container != "absent" for node in nodes)
