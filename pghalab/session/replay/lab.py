"""The lab of a recording: it has names and nodes, and nothing can be done to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pghalab.lab.settings import LabSettings, default_settings
from pghalab.lab.types import (
    Container,
    Ended,
    LabAction,
    LabError,
    LinkChanged,
    LinkState,
    Output,
    Result,
    Stream,
    Terminal,
    User,
)
from pghalab.session.replay.position import Position
from pghalab.session.replay.terminal import RecordedTerminal

NAME = "replay"
"""What a lab is called in whose place a recording is shown."""


def refusal() -> LabError:
    """What is said to whoever wants more of a recording than it has."""
    return LabError(
        "This is a recording: nothing can be done to its lab, and only the steps' own commands can be run.",
        todo="A machine with a container engine can have a lab of its own: pghalab doctor",
        kind="no-lab",
    )


class RecordedNode:
    """A node that is only remembered."""

    def __init__(self, position: Position, name: str, address: str) -> None:
        self.name, self.address = name, address
        self._position = position

    @property
    def link(self) -> LinkState:
        """Its shell can be opened."""
        return "up"

    @property
    def link_reason(self) -> str:
        """It is up."""
        return ""

    async def run(
        self, command: str, *, user: User = "root", timeout: float = 30.0, stdin: str | None = None
    ) -> Result:
        """Refuse."""
        raise refusal()

    async def stream(
        self, command: str, *, user: User = "root", timeout: float | None = None, stdin: str | None = None
    ) -> AsyncGenerator[Output | Ended, None]:
        """Refuse."""
        raise refusal()
        yield

    async def shell(self, user: User, size: tuple[int, int], term: str = "xterm-256color") -> Terminal:
        """A shell that plays what the steps' commands printed."""
        return RecordedTerminal(self._position, self.name, user)

    async def connect(self, port: int, host: str = "localhost") -> Stream:
        """Refuse."""
        raise refusal()

    async def tunnel(self, port: int, host: str = "localhost") -> int:
        """Refuse."""
        raise refusal()

    def tunnel_failure(self, port: int, host: str = "localhost") -> str:
        """Nothing was ever asked."""
        return ""


class RecordedLab:
    """The lab that was recorded."""

    def __init__(self, position: Position, let_go: Callable[[], object]) -> None:
        """`let_go` is called when it is closed."""
        head = position.recorded.head
        auth: Any = head.auth_method
        self.settings: LabSettings = replace(
            default_settings(NAME), prefix=head.prefix, subnet=head.subnet, network=head.network, nodes=head.nodes,
            auth_method=auth,
        )  # fmt: skip
        self.nodes: Mapping[str, RecordedNode] = {
            name: RecordedNode(position, name, address) for name, address in self.settings.addresses.items()
        }
        self.notices: Sequence[str] = ()
        self.no_engine: LabError | None = None
        self._versions = head.versions.image
        self._let_go = let_go

    @property
    def name(self) -> str:
        """What it is called here."""
        return NAME

    @property
    def prefix(self) -> str:
        """What node names began with."""
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
    def auth_method(self) -> Literal["scram-sha-256", "md5"]:
        """How passwords were stored and asked for."""
        return self.settings.auth_method

    @property
    def password(self) -> str:
        """There is none: no recording has one."""
        return ""

    async def containers(self) -> Sequence[Container]:
        """None is there."""
        return ()

    async def image_versions(self) -> Mapping[str, str] | None:
        """Of the image that was recorded."""
        return self._versions

    async def open(self) -> None:
        """It is."""

    def subscribe(self, callback: Callable[[LinkChanged | Container], None]) -> Callable[[], None]:
        """Nothing changes by itself."""
        return lambda: None

    async def close(self) -> None:
        """Let go of what was made for it."""
        self._let_go()

    async def configure(self, settings: LabSettings) -> None:
        """Refuse."""
        raise refusal()

    async def snapshots(self) -> Sequence[Any]:
        """None is kept."""
        return ()

    async def _refuse(self, *_: object, **__: object) -> AsyncGenerator[Output | Ended, None]:
        """Refuse what a verb of a lab does."""
        raise refusal()
        yield

    def action(self, name: LabAction, *, auto: bool = False) -> AsyncGenerator[Output | Ended, None]:
        """Refuse."""
        return self._refuse()

    snapshot = restore = build = up = start = stop = restart = rm = rmvolumes = down = _refuse
