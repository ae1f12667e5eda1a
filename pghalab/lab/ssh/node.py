"""One machine of the lab over ssh: commands, shells and tunnels on a connection that keeps itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pghalab.lab.ssh.command import WINDOW, CommandSession, command_line, end_line, left_line, runs_line, shell_line
from pghalab.lab.ssh.link import Cause, Link, LinkRefused, Timing
from pghalab.lab.types import Ended, HowEnded, LabError, LinkChanged, LinkState, Output, Result, Stream, User

if TYPE_CHECKING:
    import asyncssh

    from pghalab.lab.ssh.shell import ShellSession
    from pghalab.lab.ssh.tunnel import Tunnel

SESSIONS = 8
"""Commands on one node at the same time; sshd's own limit is 10 (MaxSessions in sshd_config(5))."""
RESERVED = 2
"""Sessions beside them, for ending commands."""
SHELLS = 10
"""Shells on one node at the same time; the image's sshd takes 64 sessions of a connection."""
CAPTURE = 1024 * 1024
"""The most characters that run() keeps of each stream."""
END_LIMIT = 20.0
"""Seconds that ending a command may take in all: a query has 1 to be cancelled, and who ignores TERM has 20 looks at
all processes until KILL; those take 2 s on an idle machine and several on a busy one."""
END_ATTEMPTS = 3

_log = logging.getLogger(__name__)


class SshNode:
    """A node of the lab reached over ssh; see the Node protocol for what each part promises."""

    def __init__(
        self,
        name: str,
        address: str,
        *,
        endpoint: Callable[[], Awaitable[int | None]],
        key: Path,
        pin: Callable[[], str | None],
        all_nodes: Callable[[], Iterable[SshNode]],
        changed: Callable[[LinkChanged], None],
        timing: Timing | None = None,
        mend: Callable[[Cause], Awaitable[bool]] | None = None,
        mark: str = "l",
    ) -> None:
        """`mark` begins the ids of its runs: `driver_mark` of a console that may drive, `l` of one that only looks."""
        self._mark = mark
        self._name = name
        self._address = address
        self._all_nodes = all_nodes
        self._timing = timing or Timing()
        self._link = Link(
            name,
            endpoint=endpoint,
            key=key,
            pin=pin,
            changed=lambda state, reason: changed(LinkChanged(name, state, reason)),
            timing=self._timing,
            mend=mend,
        )
        self._link.came_up = self._end_left_over
        self._sessions = asyncio.Semaphore(SESSIONS)
        self._reserved = asyncio.Semaphore(RESERVED)
        self._shells = asyncio.Semaphore(SHELLS)
        self._tunnels: dict[tuple[str, int], Tunnel] = {}
        self._opening_tunnel = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        self._left_over: dict[str, bool] = {}
        """Runs to end, each with whether that is only while its command runs."""

    @property
    def name(self) -> str:
        """`pgha1`."""
        return self._name

    @property
    def address(self) -> str:
        """Its address on the lab's network."""
        return self._address

    @property
    def link(self) -> LinkState:
        """The state of the ssh connection now."""
        return self._link.state

    @property
    def link_reason(self) -> str:
        """Why the link is not up, in words; empty when it is."""
        return self._link.reason

    @property
    def trouble(self) -> LabError:
        """What keeps the node out of reach, as an error."""
        return self._link.error()

    @property
    def port(self) -> int | None:
        """The port on 127.0.0.1 that the connection goes through; None without one."""
        return self._link.port

    def start(self) -> None:
        """Begin to keep the link in the background; returns at once."""
        self._link.start()

    async def attempt(self, limit: float) -> None:
        """Unless the link is up, try now and wait for what comes of it, at most `limit` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._link.attempt()

    def poke(self) -> None:
        """Try to connect now, for instance because the container has just started."""
        self._link.poke()

    async def close(self) -> None:
        """Finish ending what was stopped, drop tunnels and link; nothing of it remains in the loop."""
        if self._background:
            await asyncio.wait(self._background, timeout=END_LIMIT)
        for tunnel in self._tunnels.values():
            await tunnel.close()
        self._tunnels.clear()
        await self._link.close()

    async def run(
        self, command: str, *, user: User = "root", timeout: float = 30.0, stdin: str | None = None
    ) -> Result:
        """Run a shell command to its end; raises LabError when the node is out of reach or time runs out."""
        kept: dict[str, list[str]] = {"stdout": [], "stderr": []}
        room = {"stdout": CAPTURE, "stderr": CAPTURE}
        async with contextlib.aclosing(self.stream(command, user=user, timeout=timeout, stdin=stdin)) as events:
            async for event in events:
                if isinstance(event, Output):
                    if room[event.stream]:
                        text = event.text[: room[event.stream]]
                        room[event.stream] -= len(text)
                        kept[event.stream].append(text)
                elif event.how == "timeout":
                    raise LabError(
                        f"a command did not end within {timeout:g} s: {_short(command)}",
                        node=self._name,
                        kind="timeout",
                    )
                elif event.exit_status is None:
                    raise self._link.error()
                else:
                    out, err = ("".join(kept[stream]) for stream in ("stdout", "stderr"))
                    return Result(event.exit_status, out, err, event.seconds)
        raise self._link.error()

    async def stream(
        self, command: str, *, user: User = "root", timeout: float | None = None, stdin: str | None = None
    ) -> AsyncGenerator[Output | Ended, None]:
        """Run a shell command and yield what it prints, then one Ended; raises LabError when it cannot start.

        Closing the generator, cancelling its consumer or running out of time ends the command with every process it
        started, here and on the nodes it reached by ssh; a command whose connection was lost is ended so when the node
        is back. Processes that a command left behind by itself live on.
        """
        import asyncssh

        began = time.monotonic()
        clock = asyncio.get_running_loop().time
        deadline = None if timeout is None else clock() + timeout
        connection = await self._link.connection(min(self._timing.connect, timeout or self._timing.connect))
        try:
            async with asyncio.timeout_at(deadline):
                await self._sessions.acquire()
        except TimeoutError as error:
            raise LabError(f"{SESSIONS} commands run on it already.", node=self._name, kind="busy") from error
        run = f"{self._mark}.{uuid.uuid4().hex}"
        session = CommandSession()
        line = command_line(command, user, run)
        opening = asyncio.ensure_future(
            connection.create_session(lambda: cast(Any, session), line, encoding=None, window=WINDOW)
        )
        how: HowEnded = "stopped"
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(opening)
            session.feed(stdin)
            while await _readable(session, deadline):
                for piece in session.take():
                    yield piece
                if deadline is not None and clock() > deadline:
                    raise TimeoutError
            for piece in session.rest():
                yield piece
            how = "lost" if session.exit_status is None else "exited"
        except TimeoutError:
            how = "timeout"
        except (asyncssh.Error, OSError) as error:
            how = "lost"
            raise self._cannot_open(error) from error
        finally:
            if how in ("exited", "lost"):
                session.close()
                self._sessions.release()
                if how == "lost":
                    self._left_over[run] = True
                    if self.link == "up":
                        self._end_left_over()
            else:
                ending = self._later(self._end(run, session, opening), f"ending a command on {self._name}")
                await asyncio.shield(ending)
        yield Ended(how, session.exit_status if how == "exited" else None, time.monotonic() - began)

    async def shell(self, user: User, size: tuple[int, int], term: str = "xterm-256color") -> ShellSession:
        """Open a login shell on a terminal of `size` (columns, rows); raises LabError."""
        import asyncssh

        from pghalab.lab.ssh.shell import ShellSession

        connection = await self._link.connection(self._timing.connect)
        if self._shells.locked():
            raise LabError(
                f"{SHELLS} shells are open on it already.", node=self._name, todo="Close one of them.", kind="busy"
            )
        await self._shells.acquire()
        try:
            async with asyncio.timeout(self._timing.connect):
                process = await connection.create_process(
                    shell_line(user), request_pty=True, term_type=term, term_size=size, encoding=None
                )
        except TimeoutError as error:
            self._shells.release()
            raise LabError("it did not open a shell in time.", node=self._name, kind="timeout") from error
        except (asyncssh.Error, OSError) as error:
            self._shells.release()
            raise self._cannot_open(error) from error
        except BaseException:
            self._shells.release()
            raise
        return ShellSession(process, self._shells.release)

    async def connect(self, port: int, host: str = "localhost") -> Stream:
        """Open a connection through this node; raises ConnectionRefusedError, another OSError, or LabError."""
        from pghalab.lab.ssh.tunnel import Channel

        return await Channel.opened(await self._link.connection(self._timing.connect), host, port)

    async def tunnel(self, port: int, host: str = "localhost") -> int:
        """Open (once) a tunnel through this node and return its port on 127.0.0.1; raises LabError.

        The port stays the same when the link is lost and comes back; connections made meanwhile are refused.
        """
        from pghalab.lab.ssh.tunnel import Tunnel

        await self._link.connection(self._timing.connect)
        async with self._opening_tunnel:
            tunnel = self._tunnels.get((host, port))
            if tunnel is None:
                tunnel = Tunnel(lambda: self._link.connection(0), host, port)
                await tunnel.open()
                self._tunnels[host, port] = tunnel
        return tunnel.local_port

    def tunnel_failure(self, port: int, host: str = "localhost") -> str:
        """Why the last connection of a tunnel came to nothing: `refused` or other words; empty if it got through."""
        tunnel = self._tunnels.get((host, port))
        return tunnel.failure if tunnel is not None else ""

    async def end_run(self, run: str) -> bool:
        """End every process of a run on this node; False when it could not be done now."""
        status = await self._aside(end_line(run))
        if status != 0:
            _log.warning("%s: run %s could not be ended: %s", self._name, run, status)
        return status == 0

    async def end_left(self) -> list[str]:
        """End the commands that other drivers left running on this node, wherever they reached; what they were."""
        done = await self._completed(left_line(self._mark))
        left: dict[str, str] = {}
        for line in cast(bytes, done.stdout).decode(errors="replace").splitlines() if done else ():
            run, _, command = line.partition(" ")
            # Of its processes the shell that was given the whole command tells most.
            left[run] = max(left.get(run, ""), command.removeprefix("/bin/bash -lc ").strip(), key=len)
        for run in left:
            await self.end_run(run)
            await self._end_on_others(run)
        return [_short(command) for command in left.values()]

    async def _aside(self, line: str) -> int | None:
        """The exit status of a line that runs beside the commands' sessions; None when it could not run now."""
        done = await self._completed(line)
        return done.exit_status if done else None

    async def _completed(self, line: str) -> asyncssh.SSHCompletedProcess | None:
        import asyncssh

        if self.link != "up":
            return None
        try:
            if self._reserved.locked():
                connection = await self._link.open()
                try:
                    return await connection.run(line, encoding=None)
                finally:
                    connection.abort()
            async with self._reserved:
                connection = await self._link.connection(0)
                return await connection.run(line, encoding=None)
        except (LabError, LinkRefused, asyncssh.Error, OSError) as error:
            _log.warning("%s: %s", self._name, error)
            return None

    async def _end(self, run: str, session: CommandSession, opening: asyncio.Future[Any]) -> None:
        """End a run here, then on the other nodes, and see its channel close before the session counts as free."""
        self._left_over[run] = False
        try:
            async with asyncio.timeout(END_LIMIT):
                # A command that is just being started has no processes to find yet.
                await asyncio.wait({opening})
                session.discard()
                for _ in range(END_ATTEMPTS):
                    if not await self.end_run(run):
                        break
                    self._left_over.pop(run, None)
                    if not opening.done() or opening.exception():
                        break
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            await session.closed.wait()
                            break
                await self._end_on_others(run)
        except TimeoutError:
            _log.warning("%s: run %s was not ended within %g s", self._name, run, END_LIMIT)
        finally:
            if opening.done() and not opening.cancelled():
                opening.exception()
            opening.cancel()
            session.close()
            self._sessions.release()

    async def _end_on_others(self, run: str) -> None:
        await asyncio.gather(*(node.end_run(run) for node in self._all_nodes() if node is not self))

    def _end_left_over(self) -> None:
        """End what could not be ended while the link was gone."""

        async def end() -> None:
            for run, while_it_runs in list(self._left_over.items()):
                runs = await self._aside(runs_line(run)) if while_it_runs else 0
                if runs == 1:
                    self._left_over.pop(run, None)
                elif runs == 0 and await self.end_run(run):
                    self._left_over.pop(run, None)
                    await self._end_on_others(run)

        if self._left_over:
            self._later(end(), f"ending what was left on {self._name}")

    def _later(self, work: Any, name: str) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def _cannot_open(self, error: Exception) -> LabError:
        if self.link != "up" or "closed" in str(error):
            return self._link.error()
        return LabError(f"it opens no further session: {error}.", node=self._name, kind="busy")


async def _readable(session: CommandSession, deadline: float | None) -> bool:
    async with asyncio.timeout_at(deadline):
        return await session.readable()


def _short(command: str) -> str:
    line = " ".join(command.split())
    return line if len(line) <= 80 else f"{line[:79]}…"
