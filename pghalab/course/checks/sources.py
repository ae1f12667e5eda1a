"""Where the facts about etcd, Patroni and PostgreSQL come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.lab.types import Lab, Node


class Sources(Protocol):
    """Where the facts about etcd, Patroni and PostgreSQL come from; replaced in tests."""

    async def endpoint(self, node: Node) -> EtcdEndpoint:
        """The status of the etcd member on a node; before its cluster had a majority, that it `waits`."""

    async def members(self, node: Node) -> Sequence[EtcdMember]:
        """The members of the etcd cluster as the member on this node knows them."""

    async def health(self, node: Node) -> bool:
        """The etcd member on this node can commit."""

    async def keys(self, node: Node, prefix: str) -> Mapping[str, str]:
        """Every key below a prefix, asked of the etcd member on this node."""

    async def patroni(self, node: Node) -> Mapping[str, Any]:
        """`GET /patroni` of a node."""

    async def query(self, lab: Lab, node: Node, sql: str, database: str) -> Sequence[tuple[Any, ...]]:
        """The rows of a query, as the superuser on a node."""

    async def login(
        self, lab: Lab, *, via: Node, to: Node, user: str, database: str, password: str
    ) -> tuple[bool, str]:
        """Whether a fresh connection from one node to another is accepted, and the server's words if not."""


class ClusterSources:
    """The facts from `pghalab.cluster`, imported when they are first wanted."""

    async def endpoint(self, node: Node) -> EtcdEndpoint:
        """The status of the etcd member on a node; before its cluster had a majority, that it `waits`."""
        from pghalab.cluster import etcd

        return (await etcd.standing(node))[0]

    async def members(self, node: Node) -> Sequence[EtcdMember]:
        """The members of the etcd cluster as the member on this node knows them."""
        from pghalab.cluster import etcd

        return await etcd.members(node)

    async def health(self, node: Node) -> bool:
        """The etcd member on this node can commit."""
        from pghalab.cluster import etcd

        return await etcd.health(node)

    async def keys(self, node: Node, prefix: str) -> Mapping[str, str]:
        """Every key below a prefix, asked of the etcd member on this node."""
        from pghalab.cluster import etcd

        return await etcd.get_prefix(node, prefix)

    async def patroni(self, node: Node) -> Mapping[str, Any]:
        """`GET /patroni` of a node."""
        from pghalab.cluster import patroni

        return await patroni.status(node)

    async def query(self, lab: Lab, node: Node, sql: str, database: str) -> Sequence[tuple[Any, ...]]:
        """The rows of a query, as the superuser on a node."""
        from pghalab.cluster import postgres

        return await postgres.query(lab, node.name, sql, database=database)

    async def login(
        self, lab: Lab, *, via: Node, to: Node, user: str, database: str, password: str
    ) -> tuple[bool, str]:
        """Whether a fresh connection from one node to another is accepted, and the server's words if not."""
        from pghalab.cluster import postgres

        result = await postgres.login(
            lab,
            via=via.name,
            to=to.name,
            user=user,
            database=database,
            password=password,
        )
        return result.accepted, result.message
