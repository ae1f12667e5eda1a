"""The lab's condition in one line."""

from __future__ import annotations

from textual.content import Content

from pghalab.cluster.model import Etcd, Nodes, Patroni
from pghalab.widgets.glyphs import BAD, OK, QUIET, WARN
from pghalab.widgets.text import plain


def condition(
    lab: str,
    nodes: Nodes | None,
    etcd: Etcd | None,
    patroni: Patroni | None,
    trouble: str = "",
    paused: bool = False,
) -> Content:
    """`lab pgha · 5 of 5 nodes up · etcd 5 of 5, quorum · ★ pgha1 leads, timeline 1, 2 streaming`."""
    parts = [plain(f"lab {lab}", "bold")]
    if paused:
        parts.append(Content.styled("‖ as it was when you paused", WARN))
    if trouble:
        parts.append(plain(f"✗ {trouble.splitlines()[0]}", BAD))
        return Content(" · ").join(parts)
    if nodes is None or nodes.value is None:
        parts.append(plain(nodes.error.splitlines()[0], BAD) if nodes and nodes.error else _quiet("looking…"))
        return Content(" · ").join(parts)
    if nodes.error:
        parts.append(plain(f"✗ {nodes.error.splitlines()[0]}", BAD))
        return Content(" · ").join(parts)
    made = [node for node in nodes.value if node.container not in ("absent", "foreign")]
    if not made:
        parts.append(_quiet("no nodes yet"))
        return Content(" · ").join(parts)
    up = sum(node.container == "running" and node.ssh == "up" for node in nodes.value)
    total = len(nodes.value)
    parts.append(Content.styled(f"{'●' if up == total else '!'} {up} of {total} nodes up", OK if up == total else WARN))
    if etcd is not None and etcd.value is not None and etcd.error:
        parts.append(Content.styled("? etcd not seen", WARN))
    elif etcd is not None and etcd.value is not None and etcd.value.members:
        view = etcd.value
        text = f"etcd {view.alive} of {view.members}, {'quorum' if view.has_quorum else 'NO QUORUM'}"
        parts.append(Content.styled(text, (OK if view.alive == view.members else WARN) if view.has_quorum else BAD))
    if patroni is not None and patroni.value is not None and patroni.value.members:
        cluster = patroni.value
        if patroni.error:
            parts.append(Content.styled("? leader not known", WARN))
        elif cluster.leader is None:
            parts.append(Content.styled("✗ no leader", BAD))
        else:
            leader = next((member for member in cluster.members if member.name == cluster.leader), None)
            timeline = f", timeline {leader.timeline}" if leader is not None and leader.timeline else ""
            streaming = sum(member.state == "streaming" and member.answers for member in cluster.members)
            parts.append(plain(f"★ {cluster.leader} leads{timeline}, {streaming} streaming", OK))
    return Content(" · ").join(parts)


def _quiet(text: str) -> Content:
    return Content.styled(text, QUIET)
