"""One row of the Nodes pane, from what is known of the node's container, its services and its data."""

from __future__ import annotations

from typing import Literal

from pghalab.cluster.model import NodeHealth
from pghalab.cluster.roles import Roles
from pghalab.cluster.services import Services
from pghalab.cluster.traces import MANAGED, MEMBER, Traces
from pghalab.lab.types import Container, Node


def health(node: Node, container: Container | None, services: Services, roles: Roles, traces: Traces) -> NodeHealth:
    """How a node stands; of one whose container does not run nothing is known of what runs and lies on it."""
    name, word = node.name, services.word
    runs = container is None or container.state == "running"
    none: Literal["none", "unknown"] = "unknown" if services.is_data_node(name) else "none"
    return NodeHealth(
        name=name,
        container=container.state if container else "running" if node.link == "up" else "absent",
        address=container.address if container else node.address,
        ssh=node.link,
        etcd=word("etcd", name) if runs else "unknown",
        patroni=word("patroni", name) if runs else none,
        postgres=word("postgres", name) if runs else none,
        writes=roles.words.writes(name) if runs else None,
        system_id=roles.system_ids.get(name, ""),
        member=traces.lies(MEMBER, name) if runs else None,
        managed=traces.lies(MANAGED, name) if runs else None,
    )
