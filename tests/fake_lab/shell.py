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


class EchoTerminal(FakeTerminal):
    """A shell that shows what is typed, as a terminal does, and answers each line with itself; `exit` ends it.

    `flood` paints some lines below the prompt anew, `FLOOD` times a second, for as long as the shell is there.
    """

    FLOOD = 20

    def __init__(self, user: str, node: str, size: tuple[int, int], number: int) -> None:
        super().__init__(user, node, size, number)
        self._line = b""
        self._flood: asyncio.Task[None] | None = None
        self.prompt()

    def write(self, data: bytes) -> None:
        """Take what is typed, and answer."""
        super().write(data)
        for key in data:
            if key == ord("\r"):
                self._enter(self._line.decode())
                self._line = b""
            elif key == ord("\x15"):
                self._line = b""
                self.say(b"\r\x1b[2C\x1b[K")
            else:
                self._line += bytes([key])
                self.say(bytes([key]))

    def _enter(self, line: str) -> None:
        if line == "flood":
            self.say(b"\x1b[2J\x1b[H")
            self._flood = asyncio.ensure_future(self._paint())
            self.ran(line)
            return
        self.say(b"\r\n")
        if line == "exit":
            self.end(0)
        elif line:
            self.ran(line, f"{line}: well\n")
        else:
            self.prompt()

    async def _paint(self) -> None:
        turn = 0
        while not self.closed:
            rows = "".join(
                f"\x1b[{row};1Hturn {turn} \x1b[3{row % 8}mrow {row} {turn * row:>40}\x1b[0m" for row in range(3, 12)
            )
            self.say(f"\x1b7{rows}\x1b8".encode())
            turn += 1
            await asyncio.sleep(1 / self.FLOOD)
