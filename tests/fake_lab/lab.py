"""A lab in memory: its nodes, their containers, and verbs that do to them what a real lab's do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace

from pghalab.lab.settings import AuthMethod, LabSettings, default_settings
from pghalab.lab.snapshots.model import NOWHERE, About, Place
from pghalab.lab.types import Container, ContainerState, Ended, LabAction, LabError, LinkChanged, Output
from tests.fake_lab.node import FakeNode
from tests.fake_lab.recording import PASSWORD

Change = LinkChanged | Container
SSH_PORT = 2200


class FakeLab:
    """A lab whose nodes run and do nothing until a test says otherwise."""

    def __init__(
        self,
        nodes: int = 5,
        *,
        name: str = "pgha",
        prefix: str = "pgha",
        subnet: str = "192.168.50",
        engine_error: str = "",
        trouble: LabError | None = None,
    ) -> None:
        self.settings = replace(
            default_settings(name), prefix=prefix, subnet=subnet, nodes=nodes, network="pghanet", password=PASSWORD
        )
        self.engine_error = engine_error
        """What the container engine says instead of an answer."""
        self.trouble = trouble
        """Why the lab cannot be opened."""
        self.notices: Sequence[str] = ()
        self.versions: Mapping[str, str] | None = None
        self.states: dict[str, Container] = {}
        """The containers that do not run as they should."""
        self.kept: list[About] = []
        """The snapshots."""
        self.acted: list[str] = []
        """The verbs that were run, with their options."""
        self.closed = False
        self.subscribers: list[Callable[[Change], None]] = []
        self.nodes = self._made()

    def _made(self) -> dict[str, FakeNode]:
        return {name: FakeNode(name, address) for name, address in self.settings.addresses.items()}

    @property
    def name(self) -> str:
        """The lab's name."""
        return self.settings.name

    @property
    def prefix(self) -> str:
        """What node names begin with."""
        return self.settings.prefix

    @property
    def subnet(self) -> str:
        """The first three octets."""
        return self.settings.subnet

    @property
    def network(self) -> str:
        """The name of the nodes' network."""
        return self.settings.network

    @property
    def auth_method(self) -> AuthMethod:
        """How passwords are stored and asked for."""
        return self.settings.auth_method

    @property
    def password(self) -> str:
        """The password of the postgres superuser."""
        return self.settings.password

    # What a session does to it

    @property
    def no_engine(self) -> LabError | None:
        """Why no engine answers."""
        return LabError(self.engine_error) if self.engine_error else None

    async def open(self) -> None:
        """Open it, unless there is trouble."""
        if self.trouble is not None:
            raise self.trouble

    async def close(self) -> None:
        """Let go of it."""
        self.closed = True

    async def configure(self, settings: LabSettings) -> None:
        """Take other settings, and other nodes with them."""
        before, self.settings = self.settings, settings
        if before.addresses != settings.addresses:
            self.nodes = self._made()

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Be told what `tell` tells, until the returned function is called."""
        self.subscribers.append(callback)
        return lambda: self.subscribers.remove(callback)

    def tell(self, *changes: Change) -> None:
        """Tell everybody who asked to be told."""
        for change in changes:
            for callback in tuple(self.subscribers):
                callback(change)

    # Its containers

    def container(self, name: str, state: ContainerState) -> Container:
        """A node's container in some state."""
        return Container(name, state, self.nodes[name].address, SSH_PORT if state == "running" else None)

    def put(self, state: ContainerState, *names: str) -> None:
        """Bring containers (by default all) into a state, one by one, the links to their nodes with them, and tell."""
        for name in names or self.nodes:
            self.states[name] = self.container(name, state)
            node = self.nodes[name]
            if state not in ("running", "paused"):
                node.processes.clear()
            node.link, node.link_reason = ("up", "") if state == "running" else ("down", f"its container is {state}")
            self.tell(self.states[name])

    async def containers(self) -> Sequence[Container]:
        """The containers, or what is wrong with the engine."""
        if self.engine_error:
            raise LabError(self.engine_error)
        return [self.states.get(name, self.container(name, "running")) for name in self.nodes]

    async def image_versions(self) -> Mapping[str, str] | None:
        """What is in the image."""
        return self.versions

    # Its verbs

    def action(self, name: LabAction, *, auto: bool = False) -> AsyncGenerator[Output | Ended, None]:
        """The verb of this name."""
        return {"build": self.build, "start": self.start}[name]() if name != "up" else self.up(auto=auto)

    async def build(self) -> AsyncGenerator[Output | Ended, None]:
        """Build the image."""
        self.versions = {"postgresql": "17.11"}
        async for piece in self._told("build"):
            yield piece

    async def up(self, *, auto: bool = False) -> AsyncGenerator[Output | Ended, None]:
        """Create and start the nodes."""
        async for piece in self._told("up auto" if auto else "up", "running"):
            yield piece

    def start(self) -> AsyncGenerator[Output | Ended, None]:
        """Start the nodes."""
        return self._told("start", "running")

    def stop(self) -> AsyncGenerator[Output | Ended, None]:
        """Stop the nodes."""
        return self._told("stop", "exited")

    def restart(self) -> AsyncGenerator[Output | Ended, None]:
        """Stop and start the nodes."""
        return self._told("restart", "running")

    def rm(self) -> AsyncGenerator[Output | Ended, None]:
        """Remove the containers."""
        return self._told("rm", "absent")

    def rmvolumes(self) -> AsyncGenerator[Output | Ended, None]:
        """Remove the volumes."""
        return self._told("rmvolumes")

    def down(self, *, volumes: bool = False) -> AsyncGenerator[Output | Ended, None]:
        """Remove everything."""
        return self._told("down volumes" if volumes else "down", "absent")

    def snapshot(
        self, name: str | None = None, *, remove: bool = False, place: Place = NOWHERE
    ) -> AsyncGenerator[Output | Ended, None]:
        """Keep the lab as it is, or what was kept no more."""
        if remove:
            self.kept = [each for each in self.kept if each.name != name]
            return self._told(f"remove snapshot {name}")
        called = name or (f"before-{place.before}" if place.before else f"kept-{len(self.kept) + 1}")
        about = About(
            called, self.name, 1, name is None, 1e9 + 3600 * len(self.kept), 1.0, 42_000_000, "", {}, "", {}, (), (),
            (), "", place,
        )  # fmt: skip
        self.kept.append(about)
        return self._told(f"snapshot before {place.before}" if place.before else f"snapshot {called}")

    async def restore(
        self, name: str | None = None, *, begun: Callable[[About], object] = lambda _: None
    ) -> AsyncGenerator[Output | Ended, None]:
        """Say that the lab is as it was."""
        about = next((each for each in reversed(self.kept) if each.name == (name or each.name)), None)
        if about is None:
            raise LabError(f"The lab has no snapshot {name}.", kind="gone")
        begun(about)
        async for piece in self._told(f"restore {about.name}"):
            yield piece

    async def snapshots(self) -> Sequence[About]:
        """What is kept."""
        return tuple(self.kept)

    async def _told(self, verb: str, state: ContainerState | None = None) -> AsyncGenerator[Output | Ended, None]:
        self.acted.append(verb)
        if state is not None:
            self.put(state)
        yield Output("stdout", f"{verb}: {', '.join(self.nodes)}\n")
        yield Ended("exited", 0, 0.1)


def lab_of(*nodes: FakeNode) -> FakeLab:
    """A lab of these nodes."""
    lab = FakeLab(len(nodes))
    lab.nodes = {node.name: node for node in nodes}
    return lab
