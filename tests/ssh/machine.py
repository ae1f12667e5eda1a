"""A node in this process: an asyncssh server that runs real local processes, behind a proxy that can freeze."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import struct
import termios
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh

from pghalab.lab.ssh.keys import ensure_console_key
from pghalab.lab.ssh.link import Cause, Timing
from pghalab.lab.ssh.node import SshNode
from pghalab.lab.types import LinkChanged
from tests.children import ON_ITS_TERMINAL

SUDO = """#!/bin/bash
[ "$1 $2 $3" = "-E -u postgres" ] || exit 99
shift 3
SUDO_TO=postgres exec "$@"
"""
SETPRIV = """#!/bin/bash
[ "$*" = "--reuid postgres --regid postgres --init-groups --reset-env /bin/bash -l" ] || exit 99
exec env -i TERM="$TERM" HOME="$HOME" LOGGED_IN=postgres /bin/bash -l
"""


class Proxy:
    """Stands where the published port of a container is; frozen, it passes nothing on, like a paused container."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def freeze(self) -> None:
        self._open.clear()

    def thaw(self) -> None:
        self._open.set()

    def drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        self.drop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers += [writer, far_writer]
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._open.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()


class Machine:
    """The machine behind the proxy: sshd, its host key, and what it saw."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.bin = folder / "bin"
        for path in (self.home, self.bin):
            path.mkdir(parents=True)
        for name, script in (("sudo", SUDO), ("setpriv", SETPRIV)):
            program = self.bin / name
            program.write_text(script)
            program.chmod(0o755)
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.authorized = folder / "authorized_keys"
        self.environments: list[dict[str, str]] = []
        self.terminal = ""
        self.running = 0
        self.most_running = 0
        self.logins = 0
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: list[asyncssh.SSHServerConnection] = []
        self.proxy: Proxy | None = None

    @property
    def pin(self) -> str:
        return self.host_key.export_public_key("openssh").decode()

    @property
    def port(self) -> int | None:
        return self.proxy.port if self.proxy else None

    async def start(self) -> None:
        machine = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                machine._connections.append(conn)

            def auth_completed(self) -> None:
                machine.logins += 1

            def connection_requested(self, *_: object) -> bool:
                return True

        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Server,
            server_host_keys=[self.host_key],
            authorized_client_keys=str(self.authorized),
            process_factory=self._process,
            encoding=None,
            line_editor=False,
            config=None,
        )
        self.proxy = Proxy(self._acceptor.get_port())
        await self.proxy.start()

    async def stop(self) -> None:
        proxy, self.proxy = self.proxy, None
        if proxy and self._acceptor:
            self._acceptor.close()
            for connection in self._connections:
                connection.abort()
            self._connections.clear()
            await proxy.stop()

    async def _process(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.environments.append(dict(process.env))
        try:
            await self._run(process)
        finally:
            self.running -= 1

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        env = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(self.home)}
        argv = ["/bin/bash", "-c", process.command or ""]
        if process.term_type:
            await self._on_terminal(process, argv, env)
            return
        child = await asyncio.create_subprocess_exec(
            *argv,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert child.stdin and child.stdout and child.stderr
        feeding = asyncio.create_task(self._feed(process, child.stdin))
        showing = asyncio.gather(
            self._show(child.stdout, process.stdout),
            self._show(child.stderr, process.stderr),
        )
        try:
            status = await child.wait()
            await showing
        finally:
            feeding.cancel()
            showing.cancel()
        if status < 0:
            process.exit_with_signal("KILL" if status == -9 else "TERM")
        else:
            process.exit(status)

    async def _feed(self, process: asyncssh.SSHServerProcess[bytes], stdin: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await process.stdin.read(65536):
                stdin.write(data)
                await stdin.drain()
            stdin.close()

    async def _show(self, source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
        while data := await source.read(65536):
            with contextlib.suppress(OSError, asyncssh.Error):
                sink.write(data)
                await sink.drain()

    async def _on_terminal(
        self, process: asyncssh.SSHServerProcess[bytes], argv: list[str], env: dict[str, str]
    ) -> None:
        self.terminal = process.term_type or ""
        master, slave = pty.openpty()

        def resize(columns: int, rows: int) -> None:
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

        resize(process.term_size[0], process.term_size[1])
        child = await asyncio.create_subprocess_exec(
            *ON_ITS_TERMINAL,
            *argv,
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        loop = asyncio.get_running_loop()

        def printed() -> None:
            try:
                data = os.read(master, 65536)
            except OSError:
                data = b""
            if data:
                process.stdout.write(data)
            else:
                loop.remove_reader(master)

        async def typed() -> None:
            while True:
                try:
                    data = await process.stdin.read(65536)
                except asyncssh.TerminalSizeChanged as change:
                    resize(change.width, change.height)
                    continue
                if not data:
                    return
                os.write(master, data)

        loop.add_reader(master, printed)
        typing = asyncio.create_task(typed())
        try:
            process.exit(await child.wait())
        finally:
            typing.cancel()
            loop.remove_reader(master)
            os.close(master)


class Seen(list[LinkChanged]):
    """Every link change, and a way to wait for the next that fits."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def __call__(self, change: LinkChanged) -> None:
        self.append(change)
        self._news.set()

    async def until(self, state: str, after: int = 0) -> LinkChanged:
        async with asyncio.timeout(60):
            while True:
                for change in self[after:]:
                    if change.link == state:
                        return change
                self._news.clear()
                await self._news.wait()


class World:
    """A console key, machines, and nodes that lead to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.public = ensure_console_key(folder / "keys")
        self.nodes: list[SshNode] = []
        self.machines: list[Machine] = []

    async def machine(self) -> Machine:
        machine = Machine(self.folder / f"machine{len(self.machines)}")
        machine.authorized.write_text(self.public + "\n")
        self.machines.append(machine)
        await machine.start()
        return machine

    def node(
        self,
        machine: Machine,
        seen: Callable[[LinkChanged], None] | None = None,
        timing: Timing | None = None,
        key: Path | None = None,
        mend: Callable[[Cause], Awaitable[bool]] | None = None,
        pin: Callable[[], str] | None = None,
        mark: str = "l",
    ) -> SshNode:
        async def endpoint() -> int | None:
            return machine.port

        pinned = machine.pin
        node = SshNode(
            f"pgha{len(self.nodes) + 1}",
            "127.0.0.1",
            endpoint=endpoint,
            key=key or self.key,
            pin=pin or (lambda: pinned),
            mend=mend,
            mark=mark,
            all_nodes=lambda: self.nodes,
            changed=(lambda change: None) if seen is None else seen,
            timing=timing,
        )
        self.nodes.append(node)
        node.start()
        return node

    async def close(self) -> None:
        for node in self.nodes:
            await node.close()
        for machine in self.machines:
            await machine.stop()
