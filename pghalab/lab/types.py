"""The values and the interfaces through which every other room sees the lab."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Literal, Protocol

from pghalab.values import dataclass

User = Literal["root", "postgres"]
LinkState = Literal["up", "connecting", "down", "refused"]
HowEnded = Literal["exited", "timeout", "stopped", "lost"]
ContainerState = Literal["absent", "created", "running", "paused", "exited", "foreign"]


ErrorKind = Literal[
    "unspecified",
    # The engine
    "no-engine",
    "no-permission",
    "engine-settings",
    "engine-refused",
    "engine-silent",
    # The lab on it
    "no-image",
    "no-lab",
    "taken",
    "in-use",
    "differs",
    "gone",
    "driven",
    # A node, and the console's way to it
    "no-node",
    "not-running",
    "paused",
    "no-network",
    "connecting",
    "out-of-reach",
    "refused",
    "busy",
    "timeout",
    # A service on a node
    "no-answer",
    # This machine
    "state-folder",
    "no-space",
    "bad-value",
    "no-terminal",
]
"""What kind of failure an error is, for whatever decides by it; its words are for people only.

- `no-engine`: nothing answers where the engine should be; `no-permission`: it may not be used; `engine-settings`: the
  docker client's own settings do not work; `engine-refused`: it answered with an error; `engine-silent`: not in time.
- `no-lab`: nothing of the lab exists; `taken`: somebody else has a name, an address or a subnet; `in-use`: what should
  go is used; `differs`: the lab exists with other settings; `gone`: it vanished; `driven`: another console drives.
- `connecting`: wait for it; `out-of-reach`: the node does not answer the console; `refused`: it answers and lets
  nobody in, or is not who it was; `busy`: all its sessions are taken.
- `no-answer`: a service on a node took the call and said nothing.
"""


class LabError(Exception):
    """What happened, on which node, and what to do next, in words for the learner, and its kind for the program."""

    kind: ErrorKind = "unspecified"

    def __init__(self, what: str, *, node: str | None = None, todo: str = "", kind: ErrorKind | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.node = node
        self.todo = todo
        if kind is not None:
            self.kind = kind

    def __str__(self) -> str:
        """One or two lines: `node: what`, then what to do."""
        head = f"{self.node}: {self.what}" if self.node else self.what
        return f"{head}\n{self.todo}" if self.todo else head


class Part(str):
    """What is printed when a part of long work begins, and with it how far the work is: `number` of `of`."""

    number: int
    of: int
    words: str
    """What goes on now."""

    def __new__(cls, text: str, number: int, of: int, words: str) -> Part:
        """Text like any other, which may be empty."""
        part = super().__new__(cls, text)
        part.number, part.of, part.words = number, of, words
        return part


class Parts:
    """Tells the parts of work that has so many of them, each when it begins."""

    def __init__(self, say: Callable[[str], object], of: int) -> None:
        self._say = say
        self._of = of
        self._number = 0

    def next(self, words: str, text: str = "") -> None:
        """The next part begins; `text` is printed."""
        self._number = min(self._number + 1, self._of)
        self._say(Part(text, self._number, self._of, words))


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of what a command printed; `text` is decoded with errors replaced, control characters kept."""

    stream: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended; `exit_status` is None unless it exited by itself."""

    how: HowEnded
    exit_status: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """A finished command with everything it printed (each stream capped at 1 MiB)."""

    exit_status: int
    stdout: str
    stderr: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the lab as the engine sees it."""

    name: str
    state: ContainerState
    address: str
    """Its address on the lab's network, empty when it is not connected; without a container the one it will get."""
    ssh_port: int | None
    """The port on 127.0.0.1 that leads to its sshd; None unless it runs."""
    id: str = ""
    """The engine's name for this very container, empty without one: a container made again has another."""


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The ssh connection to a node changed its state; `reason` says why it is down or refused."""

    node: str
    link: LinkState
    reason: str


class Terminal(Protocol):
    """An interactive shell on a terminal of a node; it counts as open until it is closed."""

    def write(self, data: bytes) -> None:
        """Type something; ignored once the shell is gone."""

    def resize(self, columns: int, rows: int) -> None:
        """Tell the node that the terminal has another size; ignored once the shell is gone."""

    def output(self) -> AsyncGenerator[bytes, None]:
        """Yield what the shell prints until it ends or the connection is lost."""

    async def wait(self) -> int | None:
        """Wait for the shell's end; its exit status, or None when the connection was lost or it was closed."""

    async def close(self) -> None:
        """Hang up: the shell gets SIGHUP, as from a terminal that is closed."""


class Stream(Protocol):
    """A connection to a port, through a node; `read` and `write` raise OSError when it is lost."""

    async def read(self) -> bytes:
        """What comes next; nothing at its end."""

    async def write(self, data: bytes) -> None:
        """Send something."""

    def close(self) -> None:
        """End it."""


class Node(Protocol):
    """One machine of the lab, reached over one ssh connection that reconnects by itself."""

    @property
    def name(self) -> str:
        """`pgha1`."""

    @property
    def address(self) -> str:
        """Its address on the lab's network, `192.168.50.10`."""

    @property
    def link(self) -> LinkState:
        """The state of the ssh connection now."""

    @property
    def link_reason(self) -> str:
        """Why the link is down or refused, in words; empty when it is up."""

    async def run(
        self, command: str, *, user: User = "root", timeout: float = 30.0, stdin: str | None = None
    ) -> Result:
        """Run a shell command to its end; raises LabError when the node is out of reach or time runs out."""

    def stream(
        self, command: str, *, user: User = "root", timeout: float | None = None, stdin: str | None = None
    ) -> AsyncGenerator[Output | Ended, None]:
        """Run a shell command and yield what it prints, then one Ended.

        Closing the generator or cancelling its consumer ends the command, with every process it started,
        on this node and on the nodes it reached by ssh.
        """

    async def shell(self, user: User, size: tuple[int, int], term: str = "xterm-256color") -> Terminal:
        """Open a login shell on a terminal of `size` (columns, rows); raises LabError."""

    async def connect(self, port: int, host: str = "localhost") -> Stream:
        """Open a connection through this node, to which `host` is known as to `tunnel`.

        Raises ConnectionRefusedError or another OSError as the node says, and LabError when it is out of reach.
        """

    async def tunnel(self, port: int, host: str = "localhost") -> int:
        """Open (once) a tunnel through this node and return its port on 127.0.0.1.

        `host` is resolved on the node, so `tunnel(5432, "pgha2")` of pgha1 reaches pgha2 from pgha1's address.
        """

    def tunnel_failure(self, port: int, host: str = "localhost") -> str:
        """Why the last connection of a tunnel came to nothing: `refused` or other words; empty if it got through."""


LabAction = Literal["build", "up", "start"]
"""A verb of the lab that a course may use."""


class Lab(Protocol):
    """The lab that a course runs on and a monitor looks at."""

    @property
    def name(self) -> str:
        """The lab's name, `pgha` unless `--lab` says otherwise."""

    @property
    def prefix(self) -> str:
        """What node names begin with, `pgha`."""

    @property
    def subnet(self) -> str:
        """The first three octets, `192.168.50`."""

    @property
    def network(self) -> str:
        """The name of the nodes' network: `pghanet`."""

    @property
    def auth_method(self) -> Literal["scram-sha-256", "md5"]:
        """How passwords are stored and asked for in this lab."""

    @property
    def password(self) -> str:
        """The password of the postgres superuser in this lab."""

    @property
    def nodes(self) -> Mapping[str, Node]:
        """Every node by name, in order, whether its container exists or not."""

    async def containers(self) -> Sequence[Container]:
        """The containers of the lab, in node order, absent ones included; raises LabError without an engine."""

    async def image_versions(self) -> Mapping[str, str] | None:
        """`{"postgresql": "17.11", "etcd": …, "patroni": …, "pgbackrest": …}` of the built image, else None."""

    def action(self, name: LabAction, *, auto: bool = False) -> AsyncGenerator[Output | Ended, None]:
        """Build the image, create and start the nodes, or start the existing ones, telling what it does."""
