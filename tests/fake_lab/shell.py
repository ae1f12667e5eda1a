"""A shell in memory: it prints what a test says, with the marks that the lab's shells set."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator


def mark(*parts: object) -> bytes:
    """A mark."""
    return b"\x1b]7717;" + ";".join(map(str, parts)).encode() + b"\x07"


class FakeTerminal:
    """What a node gives for a shell; the test is the shell."""

    def __init__(self, user: str, node: str, size: tuple[int, int], number: int) -> None:
        self.who = (f"{number:016x}", user, node)
        self.sizes = [size]
        self.typed = b""
        self.closed = False
        self._output: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._status: int | None = None

    def say(self, data: bytes) -> None:
        """Print."""
        self._output.put_nowait(data)

    def prompt(self) -> None:
        """Print a prompt."""
        self.say(mark("A", *self.who) + b"$ " + mark("B", self.who[0]))

    def begin(self, command: str) -> None:
        """The command begins."""
        text = command.encode()
        self.say(mark("C", *self.who, len(text), base64.b64encode(text).decode()))

    def finish(self, status: int = 0) -> None:
        """The command has ended, and there is a prompt again."""
        self.say(mark("D", self.who[0], status))
        self.prompt()

    def ran(self, command: str, printed: str = "", status: int = 0) -> None:
        """A whole command."""
        self.begin(command)
        self.say(printed.replace("\n", "\r\n").encode())
        self.finish(status)

    def end(self, status: int | None) -> None:
        """The shell is gone, with its status or without a word."""
        self._status = status
        self._output.put_nowait(None)

    # What the console calls

    def write(self, data: bytes) -> None:
        """Take what is typed."""
        self.typed += data

    def resize(self, columns: int, rows: int) -> None:
        """Take another size."""
        self.sizes.append((columns, rows))

    async def output(self) -> AsyncGenerator[bytes, None]:
        """What the test says."""
        while (data := await self._output.get()) is not None:
            yield data

    async def wait(self) -> int | None:
        """How it ended."""
        return self._status

    async def close(self) -> None:
        """Hang up."""
        self.closed = True
