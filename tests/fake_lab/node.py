"""A node in memory: its processes, what its commands answer, and where its tunnels lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from pghalab.lab.types import Ended, LabError, LinkState, Output, Result, User
from tests.fake_lab.recording import SERVICES, Line, recording
from tests.fake_lab.servers import closed_port
from tests.fake_lab.shell import FakeTerminal

MOMENT = recording("three")
PS_HEAD = "    PID ELAPSED USER                             COMMAND\n"
HOUR = 3600
Piece = Output | Ended
Script = Callable[["FakeNode", str], Sequence[Piece] | AsyncGenerator[Piece, None]]
"""What a command that is run for the learner prints, and how it ends."""


@dataclass(eq=False)
class FakeNode:
    """A node that answers what a test says or, where the test says nothing, what was recorded."""

    name: str
    address: str = "192.168.50.10"
    ports: dict[int, int] = field(default_factory=dict)
    """Ports of the node to ports of this machine; on the others nothing listens."""
    link: LinkState = "up"
    link_reason: str = ""
    processes: dict[str, str] = field(default_factory=dict)
    """Program to user."""
    lines: dict[str, str] = field(default_factory=dict)
    """Program to its command line, where that is not the one that it had on a real node."""
    ages: dict[str, int] = field(default_factory=dict)
    """Program to the seconds that it has run, an hour unless said."""
    answers: dict[str, Result | str] = field(default_factory=dict)
    """What commands answer, by a part of the command."""
    recorded: Mapping[str, Result] = field(default_factory=dict)
    """What whole commands answered on a real node."""
    script: Script | None = None
    hangs: bool = False
    slow: int = 0
    """How many commands, from the first on, get no answer in time."""
    failures: dict[int, str] = field(default_factory=dict)
    """Why tunnels to these ports came to nothing."""
    ran: list[str] = field(default_factory=list)
    closed: int = 0
    opens: type[FakeTerminal] = FakeTerminal
    """What a shell on it is."""
    shells: list[FakeTerminal] = field(default_factory=list)
    """The shells that were opened on it."""

    async def run(
        self, command: str, *, user: User = "root", timeout: float = 30.0, stdin: str | None = None
    ) -> Result:
        """The answer to a command."""
        self.ran.append(command)
        if self.hangs:
            await asyncio.Event().wait()
        if len(self.ran) <= self.slow:
            raise LabError("it gave no answer", node=self.name, kind="no-answer")
        if command.startswith("ps "):
            return Result(0, self._listing(), "", 0.0)
        for part, answer in self.answers.items():
            if part in command:
                return Result(0, answer, "", 0.0) if isinstance(answer, str) else answer
        return self.recorded.get(command, Result(0, "", "", 0.0))

    def _listing(self) -> str:
        """What `ps` prints: what runs on every node, and the processes with the lines that they had on a real one."""
        lines = [line for line in MOMENT.lines["pgha5"] if line.program not in SERVICES]
        for name, user in self.processes.items():
            said = (Line(name, user, self.lines[name]),) if name in self.lines else ()
            real = said or MOMENT.lines_of(name) or (Line(name, user, f"/usr/bin/{name} --flag"),)
            lines += [replace(line, user=user) for line in real]
        return PS_HEAD + "".join(
            f"{pid:7} {self.ages.get(line.program, HOUR):7} {line.user:32} {line.args}\n"
            for pid, line in enumerate(lines, 1)
        )

    async def stream(
        self, command: str, *, user: User = "root", timeout: float | None = None, stdin: str | None = None
    ) -> AsyncGenerator[Output | Ended, None]:
        """What the script says; without one the command ends well and prints nothing."""
        self.ran.append(command)
        try:
            pieces = self.script(self, command) if self.script else [Ended("exited", 0, 0.0)]
            async with aclosing(_one_by_one(pieces)) as each:
                async for piece in each:
                    yield piece
        finally:
            self.closed += 1

    async def shell(self, user: User, size: tuple[int, int], term: str = "xterm-256color") -> FakeTerminal:
        """A shell, where the node can be reached."""
        if self.link != "up":
            raise LabError(self.link_reason, node=self.name)
        self.shells.append(self.opens(user, self.name, size, len(self.shells) + 1))
        return self.shells[-1]

    async def connect(self, port: int, host: str = "localhost") -> FakeStream:
        """A connection to what stands for a port of the node."""
        if self.link != "up":
            raise LabError(self.link_reason, node=self.name)
        if why := self.tunnel_failure(port, host):
            raise ConnectionRefusedError() if why == "refused" else OSError(0, why)
        local = self.ports[port]
        reader, writer = await asyncio.open_connection("127.0.0.1", local)
        return FakeStream(reader, writer, lambda: self.link == "up" and self.ports.get(port) == local)

    async def tunnel(self, port: int, host: str = "localhost") -> int:
        """The port of this machine that stands for one of the node."""
        if self.link != "up":
            raise LabError(self.link_reason, node=self.name)
        return self.ports[port] if port in self.ports else closed_port()

    def tunnel_failure(self, port: int, host: str = "localhost") -> str:
        """Why a tunnel came to nothing: what the test says, and of a port on which nothing listens that it refused."""
        return self.failures.get(port, "" if port in self.ports else "refused")


class FakeStream:
    """A connection to a port of this machine, which ends when that does not stand for the node's port any more."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stands: Callable[[], bool] = lambda: True
    ) -> None:
        self._reader, self._writer, self._stands = reader, writer, stands

    async def read(self) -> bytes:
        """What comes next."""
        if not self._stands():
            raise ConnectionResetError
        return await self._reader.read(65536)

    async def write(self, data: bytes) -> None:
        """Send something."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """End it."""
        self._writer.close()


async def _one_by_one(pieces: Sequence[Piece] | AsyncIterator[Piece]) -> AsyncGenerator[Piece, None]:
    if isinstance(pieces, Sequence):
        for piece in pieces:
            yield piece
    else:
        async for piece in pieces:
            yield piece
