"""The lab on this machine's container engine: its nodes, what happens to their containers, and its verbs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from pghalab.lab.changing import Changing
from pghalab.lab.deploy import create, lifecycle, preflight, recover
from pghalab.lab.deploy.adopt import Adopter
from pghalab.lab.deploy.spec import deployment
from pghalab.lab.engine.client import Engine
from pghalab.lab.follow import follow
from pghalab.lab.host import paths, space
from pghalab.lab.news import Change, News
from pghalab.lab.nodes import Nodes
from pghalab.lab.settings import LabSettings, save_settings
from pghalab.lab.snapshots.keeper import Snapshots
from pghalab.lab.snapshots.model import NOWHERE, About, Place
from pghalab.lab.ssh.node import SshNode
from pghalab.lab.types import Container, Ended, LabAction, LabError, Output

if TYPE_CHECKING:
    from pghalab.lab.deploy.create import Say


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
        self._notices = list(settings.notices)
        self._adopter = Adopter(paths.lab_folder(settings.name), look_only=look_only)
        self._engine: Engine | None = None
        self.no_engine: LabError | None = None
        """Why no engine answers; None when one does, or nobody asked yet."""
        self._connecting = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._changing = Changing(settings.name, self.engine, look_only=look_only, force=force)
        self._news = News(lambda: self._settings, self.engine)
        self._snapshots = Snapshots(
            lambda: self._settings,
            self.engine,
            self._changing,
            self.image_versions,
            partial(self._up, False),
            self._news.frozen,
        )
        self._nodes = Nodes(
            lambda: self._settings, self.engine, self._adopter, self._news, may_drive=not look_only and not force
        )

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
            *self._snapshots.notices,
            *self._nodes.ended,
            *self._adopter.notices,
            *(self._nodes.shut_out if self._look_only else ()),
        ]

    @property
    def settings(self) -> LabSettings:
        """The settings in force: as given, as read back from the engine, or as `up(auto=True)` chose them."""
        return self._settings

    @property
    def nodes(self) -> Mapping[str, SshNode]:
        """Every node by name, in order, whether its container exists or not."""
        return self._nodes.by_name

    async def open(self, *, link: bool = True) -> None:
        """Find the engine and the lab on it, and with `link` keep watching it and the ssh connections to its nodes.

        Without an engine this succeeds all the same, and the lab keeps looking for one. Raises LabError when the state
        folder or the key cannot be used.
        """
        await self._adopter.ensure_key()
        with contextlib.suppress(LabError):
            await self.engine()
        if link:
            if not self._look_only:
                await self._snapshots.mend_left()
            self._nodes.start()
            following = follow(self.name, self.engine, self._news.publish)
            self._keeper = asyncio.create_task(following, name=f"engine of {self.name}")

    async def close(self) -> None:
        """Let go of the nodes and of the engine; the lab itself runs on."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        await self._nodes.close()
        if self._engine is not None:
            self._engine.close()

    async def connect(self, name: str, limit: float) -> None:
        """Keep the link to one node, in a lab that was opened without links, and wait for it; raises LabError."""
        await self._nodes.connect(name, limit)

    async def settle(self) -> None:
        """Wait a while until every running node is connected or refuses; the rest is for who asks it."""
        await self._nodes.settle()

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back in the loop when a link or a container changes, until the returned function is called."""
        return self._news.subscribe(callback)

    async def configure(self, settings: LabSettings) -> None:
        """Take other settings for a lab of the same name; nodes that are not the same any more are replaced."""
        before, self._settings = self._settings, settings
        if before.addresses != settings.addresses:
            await self._nodes.renew()

    async def engine(self) -> Engine:
        """The engine; the first time, settings that were lost are read back from it; raises LabError."""
        async with self._connecting:
            if self._engine is None:
                try:
                    engine = await asyncio.to_thread(Engine.connect)
                except LabError as error:
                    self.no_engine = error
                    raise
                self.no_engine = None
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
        return list((await self._news.look()).values())

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
        return self._told("starts its nodes", self._verb(partial(lifecycle.start, reached=self._nodes.reached)))

    def stop(self) -> AsyncGenerator[Output | Ended, None]:
        """Stop the nodes."""
        return self._told("stops its nodes", self._verb(lifecycle.stop), needs_whole=False)

    def restart(self) -> AsyncGenerator[Output | Ended, None]:
        """Stop and start the nodes and wait for sshd."""
        return self._told("restarts its nodes", self._verb(partial(lifecycle.restart, reached=self._nodes.reached)))

    def rm(self) -> AsyncGenerator[Output | Ended, None]:
        """Remove the containers; the volumes stay."""
        return self._told("removes its nodes", self._verb(lifecycle.remove), needs_whole=False)

    def rmvolumes(self) -> AsyncGenerator[Output | Ended, None]:
        """Remove the volumes, which no container may use; those of snapshots stay."""
        return self._told("removes its volumes", self._verb(lifecycle.remove_volumes), needs_whole=False)

    def down(self, *, volumes: bool = False) -> AsyncGenerator[Output | Ended, None]:
        """Remove containers and network, and with `volumes` the data and the snapshots too."""
        return self._told("removes it", self._verb(partial(lifecycle.down, volumes=volumes)), needs_whole=False)

    def snapshot(
        self, name: str | None = None, *, remove: bool = False, place: Place = NOWHERE
    ) -> AsyncGenerator[Output | Ended, None]:
        """Make a snapshot of the lab at a place of the course, or remove the one of this name.

        One without a name gets that of the time, or of the lesson that begins there, and is not kept for ever.
        """
        if remove:
            return self._told("removes a snapshot", partial(self._snapshots.remove, name or ""), needs_whole=False)
        return self._told("makes a snapshot", partial(self._snapshots.take, name or "", place))

    def restore(
        self, name: str | None = None, *, begun: Callable[[About], object] = lambda _: None
    ) -> AsyncGenerator[Output | Ended, None]:
        """Bring the lab back to a snapshot, by default to the newest.

        `begun` is told when nothing can be refused any more; until then nothing of the lab was touched.
        """
        work = partial(self._snapshots.restore, name or "", begun)
        return self._told("goes back to a snapshot", work, needs_whole=False)

    async def snapshots(self) -> Sequence[About]:
        """The lab's snapshots, oldest first; raises LabError."""
        return await self._snapshots.all()

    async def _up(self, auto: bool, say: Say) -> None:
        engine = await self.engine()
        settings, world = await preflight.check(engine, self._settings, auto=auto)
        if settings != self._settings:
            say(f"taking {settings.prefix}1 to {settings.node_names[-1]} in {settings.subnet}.0/24\n")
            await self.configure(settings)
        # Before anything is created, so that a console that dies meanwhile finds it again.
        save_settings(settings)
        plan = deployment(settings, await self._adopter.ensure_key())
        ready = await create.create(engine, settings, plan, world, say, self._nodes.reached)
        say("the console is logged in on every node\n")
        await self._adopter.forget_others(found.id for found in ready.values())
        await self._nodes.looked()
        for warning in await self._adopter.close_or_open(engine, ready, to_open=settings.open_network):
            say(f"{warning}\n")

    def _verb(
        self, function: Callable[[Engine, LabSettings, Say], Awaitable[None]]
    ) -> Callable[[Say], Awaitable[None]]:
        async def work(say: Say) -> None:
            await function(await self.engine(), self._settings, say)

        return work

    def changing(self, doing: str) -> contextlib.AbstractAsyncContextManager[None]:
        """Be the only one who changes the lab, its own verbs included; waits for another one or raises LabError."""
        return self._changing.alone(doing)

    def _told(
        self, doing: str, work: Callable[[Say], Awaitable[None]], *, needs_whole: bool = True
    ) -> AsyncGenerator[Output | Ended, None]:
        async def whole_first(say: Say) -> None:
            await self._snapshots.mend(say, finish=needs_whole)
            await work(say)

        return self._changing.stream(doing, whole_first, self._settled)

    async def _settled(self) -> None:
        if self._nodes.linked:
            await self._nodes.settle()

    async def _recover(self, engine: Engine) -> None:
        found = await recover.from_engine(engine, self._settings)
        if found is None:
            return
        self._notices.extend(found.notices[len(self._settings.notices) :])
        await self.configure(replace(found, notices=()))
        if not self._look_only:
            save_settings(self._settings)
