"""Tunnels that keep their port, and shells on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pghalab.lab.ssh.link import Timing
from pghalab.lab.ssh.node import SHELLS, SshNode
from pghalab.lab.ssh.shell import ShellSession
from pghalab.lab.ssh.terminal import LEAVE_KEY
from pghalab.lab.types import LabError, Output
from tests.children import ON_ITS_TERMINAL
from tests.ssh.machine import Machine, Seen, World

QUICK = Timing(keepalive=0.2, unanswered=2, connect=3.0, backoff_first=0.05, backoff_last=0.2)


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A server on the machine's side that answers, after the end of what it got, with all of it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read()
        writer.write(data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def ask(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


async def test_a_tunnel_is_opened_once_and_carries_both_ways(node: SshNode, echo: int) -> None:
    first, again = await asyncio.gather(node.tunnel(echo, "127.0.0.1"), node.tunnel(echo, "127.0.0.1"))
    assert first == again
    assert await node.tunnel(echo) != first  # another host name is another tunnel
    data = os.urandom(3_000_000)
    answers = await asyncio.gather(*(ask(first, data) for _ in range(4)))
    assert all(answer == data for answer in answers)


async def test_a_tunnel_keeps_its_port_over_a_reconnect(world: World, machine: Machine, seen: Seen, echo: int) -> None:
    node = world.node(machine, seen, QUICK)
    port = await node.tunnel(echo, "127.0.0.1")
    assert await ask(port, b"before") == b"before"
    told = len(seen)
    await machine.stop()
    await seen.until("down", after=told)
    with pytest.raises(OSError):
        assert await ask(port, b"meanwhile") == b"", "an answer without a node"
        raise ConnectionError("closed without an answer")
    await machine.start()
    await seen.until("up", after=told)
    assert await ask(port, b"after") == b"after"
    assert await node.tunnel(echo, "127.0.0.1") == port


async def test_a_tunnel_tells_why_its_last_connection_came_to_nothing(node: SshNode, echo: int) -> None:
    assert node.tunnel_failure(1, "127.0.0.1") == ""
    with contextlib.suppress(ConnectionError):
        await ask(await node.tunnel(1, "127.0.0.1"), b"x")
    assert node.tunnel_failure(1, "127.0.0.1") == "refused"
    with contextlib.suppress(ConnectionError):
        await ask(await node.tunnel(echo, "no-such-name.invalid"), b"x")
    assert node.tunnel_failure(echo, "no-such-name.invalid") not in ("", "refused")
    assert await ask(await node.tunnel(echo, "127.0.0.1"), b"x") == b"x"
    assert node.tunnel_failure(echo, "127.0.0.1") == ""


async def test_a_tunnel_to_a_closed_port_closes_at_once(node: SshNode) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", await node.tunnel(1, "127.0.0.1"))
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()


async def test_closing_the_node_closes_its_tunnels(node: SshNode, echo: int) -> None:
    port = await node.tunnel(echo, "127.0.0.1")
    await node.close()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.fixture
async def parrot() -> AsyncIterator[int]:
    """A server on the machine's side that says everything again, in capitals."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data.upper())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_connection_through_a_node_carries_both_ways_and_ends(node: SshNode, parrot: int, echo: int) -> None:
    stream = await node.connect(parrot, "127.0.0.1")
    for said in (b"one", b"two"):
        await stream.write(said)
        assert await stream.read() == said.upper()
    stream.close()
    assert not node._tunnels


async def test_a_connection_that_comes_to_nothing_says_why(node: SshNode, echo: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        await node.connect(1, "127.0.0.1")
    with pytest.raises(OSError, match=r".") as told:
        await node.connect(echo, "no-such-name.invalid")
    assert not isinstance(told.value, ConnectionRefusedError) and told.value.strerror


async def test_a_connection_through_a_node_that_is_lost(
    world: World, machine: Machine, seen: Seen, parrot: int
) -> None:
    node = world.node(machine, seen, QUICK)
    stream = await node.connect(parrot, "127.0.0.1")
    await stream.write(b"one")
    assert await stream.read() == b"ONE"
    told = len(seen)
    await machine.stop()
    await seen.until("down", after=told)
    with pytest.raises(OSError):
        while not await stream.read():
            await stream.write(b"two")
    stream.close()
    with pytest.raises(LabError):
        await node.connect(parrot, "127.0.0.1")


class Screen:
    """Collects what a shell prints."""

    def __init__(self, shell: ShellSession) -> None:
        self.text = ""
        self._output = shell.output()

    async def until(self, wanted: str) -> None:
        async with asyncio.timeout(60):
            while wanted not in self.text:
                self.text += (await anext(self._output)).decode()


async def test_a_shell_has_a_terminal_of_the_given_size(node: SshNode, machine: Machine) -> None:
    shell = await node.shell("postgres", (101, 37), "xterm-256color")
    screen = Screen(shell)
    shell.write(b"stty size; echo user=$LOGGED_IN tty=$(tty)\n")
    await screen.until("37 101")
    await screen.until("user=postgres tty=/dev/")
    assert machine.terminal == "xterm-256color"
    shell.resize(70, 20)
    shell.write(b"stty size\n")
    await screen.until("20 70")
    shell.write(b"exit 5\n")
    assert await shell.wait() == 5
    await shell.close()
    shell.write(b"too late")
    shell.resize(80, 24)


async def test_shells_have_their_own_sessions(node: SshNode) -> None:
    shells = [await node.shell("root", (80, 24)) for _ in range(SHELLS)]
    with pytest.raises(LabError, match=f"{SHELLS} shells are open"):
        await node.shell("root", (80, 24))
    # A stop works beside them.
    events = node.stream("echo $$; exec sleep 1000")
    first = await anext(events)
    assert isinstance(first, Output)
    pid = first.text.strip()
    await events.aclose()
    assert not Path(f"/proc/{pid}").exists()
    for shell in shells:
        await shell.close()
        await shell.close()
    again = await node.shell("root", (80, 24))
    await again.close()


async def test_a_shell_tells_that_the_link_is_lost(world: World, machine: Machine) -> None:
    node = world.node(machine, timing=QUICK)
    shell = await node.shell("root", (80, 24))
    assert machine.proxy
    machine.proxy.freeze()
    async with asyncio.timeout(60):
        async for _ in shell.output():
            pass
        assert await shell.wait() is None
    await shell.close()


FULL_SCREEN = """
import asyncio, signal, sys
from pathlib import Path
from pghalab.lab.ssh.link import Timing
from pghalab.lab.ssh.node import SshNode
from pghalab.lab.ssh.terminal import interactive

async def main():
    async def endpoint():
        return {port}
    node = SshNode("pgha1", "127.0.0.1", endpoint=endpoint, key=Path({key!r}), pin=lambda: {pin!r},
                   all_nodes=lambda: [], changed=lambda change: None, timing=Timing(connect=60))
    node.start()
    if {own_handler}:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    try:
        return await interactive(node, "root")
    except asyncio.CancelledError:
        return 3 if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL else 4
    finally:
        await node.close()

sys.exit(asyncio.run(main()))
"""


class Terminal:
    """A process on a terminal of this test."""

    def __init__(self, script: str) -> None:
        self.master, self._slave = pty.openpty()
        self.resize(90, 33)
        self.before = termios.tcgetattr(self._slave)
        self.text = ""
        self._script = script

    async def start(self) -> asyncio.subprocess.Process:
        self.process = await asyncio.create_subprocess_exec(
            *ON_ITS_TERMINAL,
            sys.executable,
            "-c",
            self._script,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
        )
        os.set_blocking(self.master, False)
        return self.process

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    async def until(self, wanted: str) -> None:
        async with asyncio.timeout(60):
            while wanted not in self.text:
                try:
                    self.text += os.read(self.master, 65536).decode()
                except BlockingIOError:
                    await asyncio.sleep(0.02)

    def restored(self) -> bool:
        return termios.tcgetattr(self._slave) == self.before

    def close(self) -> None:
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def own_handler() -> bool:
    """Whether the program handles SIGTERM itself."""
    return False


@pytest.fixture
async def terminal(world: World, machine: Machine, own_handler: bool) -> AsyncIterator[Terminal]:
    script = FULL_SCREEN.format(port=machine.port, key=str(world.key), pin=machine.pin, own_handler=own_handler)
    made = Terminal(script)
    process = await made.start()
    yield made
    if process.returncode is None:
        process.kill()
        await process.wait()
    made.close()


async def test_full_screen_says_how_to_leave_and_gives_the_status_back(terminal: Terminal) -> None:
    await terminal.until("Ctrl-]")
    terminal.type(b"stty size; echo $((6*7))ready\r")
    await terminal.until("33 90")
    await terminal.until("42ready")
    assert not terminal.restored()
    terminal.resize(66, 22)
    terminal.type(b"until [ \"$(stty size)\" = '22 66' ]; do sleep 0.1; done; echo $((6*8))resized\r")
    await terminal.until("48resized")
    terminal.type(b"exit 9\r")
    assert await terminal.process.wait() == 9
    assert terminal.restored()


async def test_the_leave_key_works_while_something_runs(terminal: Terminal) -> None:
    await terminal.until("Ctrl-]")
    terminal.type(b"echo $((6*7))ready; trap '' INT; sleep 1000\r")
    await terminal.until("42ready")
    terminal.type(LEAVE_KEY)
    assert await terminal.process.wait() == 0
    assert terminal.restored()


@pytest.mark.parametrize(("own_handler", "status"), [(False, 143), (True, 3)])
async def test_sigterm_restores_the_terminal(terminal: Terminal, status: int) -> None:
    await terminal.until("Ctrl-]")
    terminal.type(b"echo $((6*7))ready\r")
    await terminal.until("42ready")
    terminal.process.terminate()
    assert await terminal.process.wait() == status
    assert terminal.restored()
