"""Interactive shells on a node: as a session for a pane, and full screen on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from pghalab.lab.types import LabError, User

if TYPE_CHECKING:
    import asyncssh

    from pghalab.lab.node import SshNode

LEAVE_KEY = b"\x1d"
LEAVE_NAME = "Ctrl-]"
CHUNK = 32 * 1024


class ShellSession:
    """A login shell on a terminal of the node; it counts as open until close() is called."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], release: Callable[[], None]) -> None:
        self._process = process
        self._release = release
        self._closed = False

    def write(self, data: bytes) -> None:
        """Type something; ignored once the shell is gone."""
        if not self._process.is_closing():
            with contextlib.suppress(OSError):
                self._process.stdin.write(data)

    def resize(self, columns: int, rows: int) -> None:
        """Tell the node that the terminal has another size; ignored once the shell is gone."""
        if not self._process.is_closing():
            with contextlib.suppress(OSError):
                self._process.change_terminal_size(columns, rows)

    async def output(self) -> AsyncGenerator[bytes, None]:
        """Yield what the shell prints until it ends or the connection is lost."""
        import asyncssh

        while True:
            try:
                data = await self._process.stdout.read(CHUNK)
            except (asyncssh.Error, OSError):
                return
            if not data:
                return
            yield data

    async def wait(self) -> int | None:
        """Wait for the shell's end; its exit status, or None when the connection was lost or it was closed."""
        import asyncssh

        try:
            await self._process.wait_closed()
        except (asyncssh.Error, OSError):
            return None
        status = self._process.exit_status
        return status if status is not None and status >= 0 else None

    async def close(self) -> None:
        """Hang up: the shell gets SIGHUP, as from a terminal that is closed."""
        if not self._closed:
            self._closed = True
            self._process.channel.abort()
            self._release()


async def interactive(node: SshNode, user: User = "root") -> int:
    """Give the local terminal to a shell on the node and return its exit status; raises LabError.

    The terminal is raw meanwhile and is restored however this ends. LEAVE_NAME leaves even when the node hangs.
    """
    import termios
    import tty

    source, sink = sys.stdin.fileno(), sys.stdout.fileno()
    if not os.isatty(source) or not os.isatty(sink):
        raise LabError("a shell needs a terminal.", node=node.name, todo="Run it from a terminal, without a pipe.")
    size = os.get_terminal_size(sink)
    shell = await node.shell(user, (size.columns, size.lines), "xterm-256color")
    loop = asyncio.get_running_loop()
    left = asyncio.Event()
    status_when_left = 0

    def typed() -> None:
        try:
            data = os.read(source, CHUNK)
        except BlockingIOError:  # somebody else made it non-blocking, and there is nothing yet
            return
        except OSError:
            data = b""
        before, key, _ = data.partition(LEAVE_KEY)
        if before:
            shell.write(before)
        if key or not data:
            loop.remove_reader(source)
            left.set()

    def ended(number: int) -> None:
        nonlocal status_when_left
        status_when_left = 128 + number
        left.set()

    def resized() -> None:
        now = os.get_terminal_size(sink)
        shell.resize(now.columns, now.lines)

    async def show() -> None:
        async for data in shell.output():
            # A terminal that is stopped with Ctrl-S must not stop the loop, which keeps the link alive.
            await asyncio.to_thread(_write_all, sink, data)

    # A caller that handles these itself cancels this when they come.
    fatal = [sign for sign in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(sign) is signal.SIG_DFL]
    before = termios.tcgetattr(source)
    tasks = [asyncio.ensure_future(show()), asyncio.ensure_future(left.wait())]
    try:
        tty.setraw(source, termios.TCSADRAIN)
        print(f"{user}@{node.name}: leave with `exit` or {LEAVE_NAME}.", end="\r\n", flush=True)
        loop.add_reader(source, typed)
        loop.add_signal_handler(signal.SIGWINCH, resized)
        for number in fatal:
            loop.add_signal_handler(number, ended, number)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if left.is_set():
            return status_when_left
        status = await shell.wait()
        if status is None:
            raise LabError("the connection to the shell was lost.", node=node.name)
        return status
    finally:
        loop.remove_reader(source)
        for number in (signal.SIGWINCH, *fatal):
            loop.remove_signal_handler(number)
        for task in tasks:
            task.cancel()
        # What was typed for the node must not reach the host's shell.
        termios.tcsetattr(source, termios.TCSAFLUSH, before)
        print(flush=True)
        await shell.close()


def _write_all(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]
