"""The nodes of a lab: how each is found on the engine and put right, and what is done when one is reached."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from pghalab.lab.deploy import lifecycle
from pghalab.lab.deploy.adopt import Adopter
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.left import Arrivals, end_left
from pghalab.lab.news import Change, News
from pghalab.lab.settings import LabSettings
from pghalab.lab.ssh.command import driver_mark
from pghalab.lab.ssh.link import Cause
from pghalab.lab.ssh.node import SshNode
from pghalab.lab.types import LabError, LinkChanged

log = logging.getLogger(__name__)
LINK_SECONDS = 10.0
LOGIN_SECONDS = 3.0
"""How long one look whether a node is reached may wait for the login on it."""


class Nodes:
    """The nodes that the settings name, and the links to them once `start` was called.

    With `may_drive` what a killed driver left running on a node is ended when the node is reached.
    """

    def __init__(
        self,
        settings: Callable[[], LabSettings],
        engine: Callable[[], Awaitable[Engine]],
        adopter: Adopter,
        news: News,
        *,
        may_drive: bool,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._adopter = adopter
        self._news = news
        self._may_drive = may_drive
        self._mark = driver_mark(settings().name, secrets.token_hex(6)) if may_drive else "l"
        self._arrivals = Arrivals(self._arrived)
        self._ended: list[str] = []
        self._linked = False
        self._nodes = self._made()
        news.subscribe(self._changed)

    @property
    def by_name(self) -> Mapping[str, SshNode]:
        """Every node by name, in order, whether its container exists or not."""
        return self._nodes

    @property
    def linked(self) -> bool:
        """Whether the links are kept."""
        return self._linked

    @property
    def ended(self) -> list[str]:
        """What was ended on nodes, a sentence each."""
        return self._ended

    @property
    def shut_out(self) -> list[str]:
        """Why nodes let this console not in, those of one reason together."""
        reasons: dict[str, list[str]] = {}
        for name, node in self._nodes.items():
            if node.link == "refused":
                reasons.setdefault(node.link_reason, []).append(name)
        return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]

    def start(self) -> None:
        """Begin to keep the links, also those of nodes that come later."""
        self._linked = True
        for node in self._nodes.values():
            node.start()

    async def renew(self) -> None:
        """The settings have other addresses: let go of the nodes that were, and make those that are."""
        old, self._nodes = self._nodes, self._made()
        await asyncio.gather(*(node.close() for node in old.values()))
        if self._linked:
            self.start()

    async def close(self) -> None:
        """Let go of the links, once what was begun on the nodes is done."""
        await asyncio.gather(*(node.close() for node in self._nodes.values()))
        await self.looked()

    async def connect(self, name: str, limit: float) -> None:
        """Keep the link to one node, without those to the others, and wait for it; raises LabError."""
        node = self._nodes[name]
        settled = asyncio.Event()
        reason = ""

        def look(_: object) -> None:
            nonlocal reason
            reason = node.link_reason or reason
            if node.link in ("up", "refused"):
                settled.set()

        await self._engine()
        unsubscribe = self._news.subscribe(look)
        try:
            node.start()
            async with asyncio.timeout(limit):
                await settled.wait()
        except TimeoutError as error:
            raise LabError(reason or "It does not answer.", node=name) from error
        finally:
            unsubscribe()
        if node.link != "up":
            raise LabError(node.link_reason, node=name)

    async def reached(self, name: str, found: FoundContainer) -> bool:
        """Whether a command runs on this container now, over the link that is kept to it; raises LabError."""
        node = self._nodes[name]
        node.start()
        await node.attempt(LOGIN_SECONDS)
        if node.link == "refused":
            raise node.trouble
        try:
            await node.run("true", timeout=LOGIN_SECONDS)
        except LabError:
            return False
        return node.port == found.ssh_port

    async def settle(self) -> None:
        """Wait until every running node is connected or refuses, at most LINK_SECONDS; the rest is for who asks it."""
        try:
            await self._news.publish()
        except LabError:
            return
        settled = asyncio.Event()

        def waiting() -> list[SshNode]:
            running = self._news.running
            return [
                node
                for name, node in self._nodes.items()
                if name in running and node.link in ("connecting", "down") and node.trouble.kind != "no-network"
            ]

        unsubscribe = self._news.subscribe(lambda _: None if waiting() else settled.set())
        try:
            for node in waiting():
                node.poke()
            if waiting():
                async with asyncio.timeout(LINK_SECONDS):
                    await settled.wait()
        except TimeoutError:
            log.warning("no connection to %s yet", ", ".join(node.name for node in waiting()))
        finally:
            unsubscribe()
        await self.looked()

    async def looked(self) -> None:
        """Wait until what is done on nodes that were reached is done."""
        await self._arrivals.looked()

    def _made(self) -> dict[str, SshNode]:
        return {
            name: SshNode(
                name,
                address,
                endpoint=partial(self._endpoint, name),
                key=self._adopter.private_key,
                pin=partial(self._adopter.pin, name),
                all_nodes=lambda: self._nodes.values(),
                changed=self._news.tell,
                mend=partial(self._mend, name),
                mark=self._mark,
            )
            for name, address in self._settings().addresses.items()
        }

    async def _found(self, engine: Engine, name: str) -> FoundContainer | None:
        return (await lifecycle.nodes(engine, self._settings())).get(name)

    async def _endpoint(self, name: str) -> int | None:
        engine = await self._engine()
        found = await self._found(engine, name)
        if found is not None and found.state == "paused":
            raise LabError("its container is paused.", node=name, todo="Wake it with `pghalab start`.", kind="paused")
        if found is None or found.state != "running":
            return None
        lifecycle.require_connected(self._settings(), name, found)
        await self._adopter.adopt(engine, name, found)
        return found.ssh_port

    async def _mend(self, name: str, cause: Cause) -> bool:
        engine = await self._engine()
        found = await self._found(engine, name)
        if found is None or found.state != "running":
            return False
        return await self._adopter.mend(engine, name, found, cause)

    async def _arrived(self, node: SshNode) -> None:
        engine = await self._engine()
        found = await self._found(engine, node.name)
        if found is not None:
            await self._adopter.learn(engine, node.name, found)
        if self._may_drive:
            self._ended += await end_left(engine, self._settings().name, node)

    def _changed(self, change: Change) -> None:
        if isinstance(change, LinkChanged):
            if change.link == "up":
                self._arrivals.came_up(self._nodes[change.node])
        elif change.state == "running" and change.name in self._nodes:
            self._nodes[change.name].poke()
