"""The lab's condition in one line."""

from __future__ import annotations

from textual.content import Content

from pghalab.cluster.headline import headline
from pghalab.cluster.model import Etcd, Nodes, Patroni
from pghalab.widgets import glyphs


def condition(
    lab: str,
    nodes: Nodes | None,
    etcd: Etcd | None,
    patroni: Patroni | None,
    trouble: str = "",
    paused: bool = False,
) -> Content:
    """`lab pgha · ● 5 of 5 nodes up · etcd 5 of 5, quorum · ★ pgha1 leads, timeline 1, 2 streaming`."""
    return glyphs.line(headline(lab, nodes, etcd, patroni, trouble, paused))
