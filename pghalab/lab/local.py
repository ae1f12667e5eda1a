"""The lab on this machine's container engine: its nodes, what happens to their containers, and its verbs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from pghalab.lab.deploy import create, driving, lifecycle, preflight, recover
from pghalab.lab.deploy.adopt import Adopter
from pghalab.lab.deploy.spec import deployment
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.follow import follow
from pghalab.lab.host import paths, space
from pghalab.lab.left import Arrivals, end_left
from pghalab.lab.settings import LabSettings, save_settings
from pghalab.lab.ssh.command import driver_mark
from pghalab.lab.ssh.link import Cause
from pghalab.lab.ssh.node import SshNode
from pghalab.lab.types import Container, Ended, LabAction, LabError, LinkChanged, Output

if TYPE_CHECKING:
    from pghalab.lab.deploy.create import Say

log = logging.getLogger(__name__)
Change = LinkChanged | Container
LINK_SECONDS = 10.0
LOGIN_SECONDS = 3.0
"""How long one look whether a node is reached may wait for the login on it."""


class LocalLab:
    """A lab on the local engine; see the Lab protocol for what each part promises.

    The verbs are async generators: they yield what they do as Output and end with one Ended; they raise LabError.
    Closing one early stops it; what a half-done creation made is then taken back. Only one process at a time changes a
    lab, and nobody changes one that another console drives, unless `force` says that this is known. With `look_only`
    nothing is written: no folder, no key, no settings, nothing in the nodes; the verbs are refused then.
    """

    def __init__(self, settings: LabSettings, *, look_only: bool = False, force: bool = False) -> None:
        self._settings = settings
        self._look_only = look_only
        self._force = force
        self._alone = False
        self._may_drive = not look_only and not force
        self._mark = driver_mark(settings.name, secrets.token_hex(6)) if self._may_drive else "l"
        self._arrivals = Arrivals(self._arrived)
        self._notices = list(settings.notices)
        self._adopter = Adopter(paths.lab_folder(settings.name), look_only=look_only)
        self._engine: Engine | None = None
        self._connecting = asyncio.Lock()
        self._subscribers: list[Callable[[Change], None]] = []
        self._seen: dict[str, tuple[Container, str]] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._linked = False
        self._nodes = self._make_nodes()

    @property
    def name(self) -> str:
        """The lab's name."""
        return self._settings.name

    @property
    def prefix(self) -> str:
        """What node names begin with."""
        return self._settings.prefix

    @property
    def subnet(self) -> str:
        """The first three octets."""
        return self._settings.subnet

    @property
    def network(self) -> str:
        """The name of the nodes' network."""
        return self._settings.network

    @property
    def auth_method(self) -> Literal["scram-sha-256", "md5"]:
        """How passwords are stored and asked for."""
        return self._settings.auth_method

    @property
    def password(self) -> str:
        """The password of the postgres superuser."""
        return self._settings.password

    @property
    def notices(self) -> list[str]:
        """What the learner has to know about how this lab was found: what was lost, and what was done about it."""
        return [
            *self._notices,
            *self._adopter.notices,
            *(self._shut_out() if self._look_only else ()),
        ]

    def _shut_out(self) -> list[str]:
        """Why nodes let this console not in, those of one reason together."""
        reasons: dict[str, list[str]] = {}
        for name, node in self._nodes.items():
            if node.link == "refused":
                reasons.setdefault(node.link_reason, []).append(name)
        return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]

    @property
    def settings(self) -> LabSettings:
        """The settings in force: as given, as read back from the engine, or as `up(auto=True)` chose them."""
        return self._settings

    @property
    def nodes(self) -> Mapping[str, SshNode]:
        """Every node by name, in order, whether its container exists or not."""
        return self._nodes

    async def open(self, *, link: bool = True) -> None:
        """Find the engine and the lab on it, and with `link` keep watching it and the ssh connections to its nodes.

        Without an engine this succeeds all the same, and the lab keeps looking for one. Raises LabError when the state
        folder or the key cannot be used.
        """
        await self._adopter.ensure_key()
        with contextlib.suppress(LabError):
            await self.engine()
        if link:
            self._linked = True
            for node in self._nodes.values():
                node.start()
            following = follow(self.name, self.engine, self._publish)
            self._keeper = asyncio.create_task(following, name=f"engine of {self.name}")

    async def close(self) -> None:
        """Let go of the nodes and of the engine; the lab itself runs on."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        await asyncio.gather(*(node.close() for node in self._nodes.values()))
        await self._arrivals.looked()
        if self._engine is not None:
            self._engine.close()

    async def connect(self, name: str, limit: float) -> None:
        """Keep the link to one node, in a lab that was opened without links, and wait for it; raises LabError."""
        node = self._nodes[name]
        settled = asyncio.Event()
        reason = ""

        def look(_: object) -> None:
            nonlocal reason
            reason = node.link_reason or reason
            if node.link in ("up", "refused"):
                settled.set()

        await self.engine()
        unsubscribe = self.subscribe(look)
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

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back in the loop when a link or a container changes, until the returned function is called."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    async def configure(self, settings: LabSettings) -> None:
        """Take other settings for a lab of the same name; nodes that are not the same any more are replaced."""
        before, self._settings = self._settings, settings
        if before.addresses == settings.addresses:
            return
        old, self._nodes = self._nodes, self._make_nodes()
        await asyncio.gather(*(node.close() for node in old.values()))
        if self._linked:
            for node in self._nodes.values():
                node.start()

    async def engine(self) -> Engine:
        """The engine; the first time, settings that were lost are read back from it; raises LabError."""
        async with self._connecting:
            if self._engine is None:
                engine = await asyncio.to_thread(Engine.connect)
                try:
                    if self._settings.origin == "defaults":
                        await self._recover(engine)
                except BaseException:
                    engine.close()
                    raise
                self._engine = engine
            return self._engine

    async def containers(self) -> Sequence[Container]:
        """The containers of the lab, in node order, absent ones included; raises LabError without an engine."""
        return [container for container, _ in (await self._look()).values()]

    async def image_versions(self) -> Mapping[str, str] | None:
        """The versions of what is in the built image, None when it is not built; raises LabError."""
        from pghalab.lab.image.build import image_versions

        return await image_versions(await self.engine(), self._settings.image)

    def action(self, name: LabAction, *, auto: bool = False) -> AsyncGenerator[Output | Ended, None]:
        """The verb of this name, for a step of a lesson; `auto` is that of `up`."""
        if name == "up":
            return self.up(auto=auto)
        return {"build": self.build, "start": self.start}[name]()

    async def build(self) -> AsyncGenerator[Output | Ended, None]:
        """Build the image, telling line by line."""
        from pghalab.lab.image.build import build_image

        engine = await self.engine()
        space.require(await engine.info())
        async with contextlib.aclosing(build_image(engine, self._settings.image)) as events:
            async for event in events:
                yield event

    def up(self, *, auto: bool = False) -> AsyncGenerator[Output | Ended, None]:
        """Create what is missing, start everything and wait for sshd; `auto` takes a free subnet and free names."""
        return self._told("creates and starts its nodes", partial(self._up, auto))

    def start(self) -> AsyncGenerator[Output | Ended, None]:
        """Start the existing nodes, wake paused ones, and wait for sshd."""
        return self._told("starts its nodes", self._verb(partial(lifecycle.start, reached=self._reached)))

    def stop(self) -> AsyncGenerator[Output | Ended, None]:
        """Stop the nodes."""
        return self._told("stops its nodes", self._verb(lifecycle.stop))

    def restart(self) -> AsyncGenerator[Output | Ended, None]:
        """Stop and start the nodes and wait for sshd."""
        return self._told("restarts its nodes", self._verb(partial(lifecycle.restart, reached=self._reached)))

    def rm(self) -> AsyncGenerator[Output | Ended, None]:
        """Remove the containers; the volumes stay."""
        return self._told("removes its nodes", self._verb(lifecycle.remove))

    def rmvolumes(self) -> AsyncGenerator[Output | Ended, None]:
        """Remove the volumes, which no container may use."""
        return self._told("removes its volumes", self._verb(lifecycle.remove_volumes))

    def down(self, *, volumes: bool = False) -> AsyncGenerator[Output | Ended, None]:
        """Remove containers and network, and with `volumes` the data too."""
        return self._told("removes it", self._verb(partial(lifecycle.down, volumes=volumes)))

    async def _up(self, auto: bool, say: Say) -> None:
        engine = await self.engine()
        settings, world = await preflight.check(engine, self._settings, auto=auto)
        if settings != self._settings:
            say(f"taking {settings.prefix}1 to {settings.node_names[-1]} in {settings.subnet}.0/24\n")
            await self.configure(settings)
        # Before anything is created, so that a console that dies meanwhile finds it again.
        save_settings(settings)
        plan = deployment(settings, await self._adopter.ensure_key())
        ready = await create.create(engine, settings, plan, world, say, self._reached)
        say("the console is logged in on every node\n")
        await self._adopter.forget_others(found.id for found in ready.values())
        await self._arrivals.looked()
        for warning in await self._adopter.close_or_open(engine, ready, to_open=settings.open_network):
            say(f"{warning}\n")

    def _verb(
        self, function: Callable[[Engine, LabSettings, Say], Awaitable[None]]
    ) -> Callable[[Say], Awaitable[None]]:
        async def work(say: Say) -> None:
            await function(await self.engine(), self._settings, say)

        return work

    @contextlib.asynccontextmanager
    async def changing(self, doing: str, say: Say = lambda _: None) -> AsyncGenerator[None, None]:
        """Be the only one who changes the lab, its own verbs included; waits for another one or raises LabError."""
        if self._look_only:
            raise LabError("This console only looks.", todo="Take over first.", kind="driven")
        engine = None
        if not self._alone:
            # Without one there is nothing to change, and each verb says so in its own words.
            with contextlib.suppress(LabError):
                engine = await self.engine()
        if engine is None:
            yield
            return
        async with driving.changing(engine, self.name, doing, say, force=self._force):
            self._alone = True
            try:
                yield
            finally:
                self._alone = False

    async def _reached(self, name: str, found: FoundContainer) -> bool:
        """Whether a command runs on this container now, over the link that is kept to it."""
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

    async def _told(self, doing: str, work: Callable[[Say], Awaitable[None]]) -> AsyncGenerator[Output | Ended, None]:
        began = time.monotonic()
        lines: asyncio.Queue[str | None] = asyncio.Queue()

        async def run() -> None:
            try:
                async with self.changing(doing, lines.put_nowait):
                    await work(lines.put_nowait)
            finally:
                lines.put_nowait(None)

        task = asyncio.create_task(run(), name=f"verb on {self.name}")
        try:
            while (line := await lines.get()) is not None:
                yield Output("stdout", line)
            await task
            if self._linked:
                await self.settle()
            yield Ended("exited", 0, time.monotonic() - began)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
                if not task.cancelled() and task.exception():
                    log.warning("a stopped verb also failed: %s", task.exception())

    async def _recover(self, engine: Engine) -> None:
        found = await recover.from_engine(engine, self._settings)
        if found is None:
            return
        self._notices.extend(found.notices[len(self._settings.notices) :])
        await self.configure(replace(found, notices=()))
        if not self._look_only:
            save_settings(self._settings)

    def _make_nodes(self) -> dict[str, SshNode]:
        return {
            name: SshNode(
                name,
                address,
                endpoint=partial(self._endpoint, name),
                key=self._adopter.private_key,
                pin=partial(self._adopter.pin, name),
                all_nodes=lambda: self._nodes.values(),
                changed=self._tell,
                mend=partial(self._mend, name),
                mark=self._mark,
            )
            for name, address in self._settings.addresses.items()
        }

    async def _endpoint(self, name: str) -> int | None:
        engine = await self.engine()
        found = (await lifecycle.nodes(engine, self._settings)).get(name)
        if found is not None and found.state == "paused":
            raise LabError("its container is paused.", node=name, todo="Wake it with `pghalab start`.", kind="paused")
        if found is None or found.state != "running":
            return None
        lifecycle.require_connected(self._settings, name, found)
        await self._adopter.adopt(engine, name, found)
        return found.ssh_port

    async def _mend(self, name: str, cause: Cause) -> bool:
        engine = await self.engine()
        found = (await lifecycle.nodes(engine, self._settings)).get(name)
        if found is None or found.state != "running":
            return False
        return await self._adopter.mend(engine, name, found, cause)

    async def _look(self) -> dict[str, tuple[Container, str]]:
        """Each node's container, with its id, by the node's name."""
        engine = await self.engine()
        everything = await engine.containers()
        ours = lifecycle.named(everything, self._settings)
        taken = {one.name for one in everything if one.lab != self.name}
        found = {}
        for name, address in self._settings.addresses.items():
            if name in ours:
                one = ours[name]
                held = one.address_on(self._settings.network, address)
                found[name] = Container(name, one.state, held, one.ssh_port, one.id), one.id
            else:
                found[name] = Container(name, "foreign" if name in taken else "absent", address, None), ""
        return found

    async def _publish(self) -> None:
        """Look at the containers and tell the subscribers what changed since the last look."""
        before, self._seen = self._seen, await self._look()
        for name, (container, id_) in self._seen.items():
            if before.get(name) == (container, id_):
                continue
            self._tell(container)
            if name in self._nodes and container.state == "running":
                self._nodes[name].poke()

    async def settle(self) -> None:
        """Wait until every running node is connected or refuses, at most LINK_SECONDS; the rest is for who asks it."""
        try:
            await self._publish()
        except LabError:
            return
        settled = asyncio.Event()

        def waiting() -> list[SshNode]:
            running = [name for name, (container, _) in self._seen.items() if container.state == "running"]
            return [
                node
                for name, node in self._nodes.items()
                if name in running and node.link in ("connecting", "down") and node.trouble.kind != "no-network"
            ]

        unsubscribe = self.subscribe(lambda _: None if waiting() else settled.set())
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
        await self._arrivals.looked()

    async def _arrived(self, node: SshNode) -> None:
        engine = await self.engine()
        found = (await lifecycle.nodes(engine, self._settings)).get(node.name)
        if found is not None:
            await self._adopter.learn(engine, node.name, found)
        if self._may_drive:
            self._notices += await end_left(engine, self.name, node)

    def _tell(self, change: Change) -> None:
        if isinstance(change, LinkChanged) and change.link == "up":
            self._arrivals.came_up(self._nodes[change.node])
        for callback in tuple(self._subscribers):
            try:
                callback(change)
            except Exception:
                log.exception("a subscriber failed on %r", change)
