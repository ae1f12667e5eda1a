"""A shell on a node, full screen on the terminal that pghalab was started in."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Protocol

from pghalab.lab.ssh.node import SshNode
from pghalab.lab.ssh.shell import CHUNK
from pghalab.lab.types import LabError, User
from pghalab.out import descriptor, say

LEAVE_KEY = b"\x1d"
LEAVE_NAME = "Ctrl-]"


class Ear(Protocol):
    """Follows a terminal that is drawn elsewhere."""

    def feed(self, data: bytes) -> None:
        """Take what the terminal shows next."""

    def enter(self, data: bytes) -> None:
        """Take what is typed next."""


async def interactive(node: SshNode, user: User = "root", ear: Ear | None = None) -> int:
    """Give the local terminal to a shell on the node and return its exit status; raises LabError.

    The terminal is raw meanwhile and is restored however this ends. LEAVE_NAME leaves even when the node hangs. `ear`
    hears what is shown and typed.
    """
    import termios
    import tty

    source, sink = sys.stdin.fileno(), descriptor()
    if not os.isatty(source) or not os.isatty(sink):
        raise LabError(
            "a shell needs a terminal.",
            node=node.name,
            todo="Run it from a terminal, without a pipe.",
            kind="no-terminal",
        )
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
            if ear is not None:
                ear.enter(before)
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
            if ear is not None:
                ear.feed(data)
            # A terminal that is stopped with Ctrl-S must not stop the loop, which keeps the link alive.
            await asyncio.to_thread(_write_all, sink, data)

    # A caller that handles these itself cancels this when they come.
    fatal = [sign for sign in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(sign) is signal.SIG_DFL]
    before = termios.tcgetattr(source)
    tasks = [asyncio.ensure_future(show()), asyncio.ensure_future(left.wait())]
    try:
        tty.setraw(source, termios.TCSADRAIN)
        say(f"{user}@{node.name}: leave with `exit` or {LEAVE_NAME}.", end="\r\n")
        loop.add_reader(source, typed)
        loop.add_signal_handler(signal.SIGWINCH, resized)
        for number in fatal:
            loop.add_signal_handler(number, ended, number)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if left.is_set():
            return status_when_left
        status = await shell.wait()
        if status is None:
            raise LabError("the connection to the shell was lost.", node=node.name, kind="out-of-reach")
        return status
    finally:
        loop.remove_reader(source)
        for number in (signal.SIGWINCH, *fatal):
            loop.remove_signal_handler(number)
        for task in tasks:
            task.cancel()
        # What was typed for the node must not reach the host's shell.
        termios.tcsetattr(source, termios.TCSAFLUSH, before)
        say()
        await shell.close()


def _write_all(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]
