"""The shells of the console: opened on the nodes, kept while a node goes and returns, and listened to.

Whoever draws a shell gives a function for what the node prints, and hands over what is typed. Nothing here draws.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from pghalab.lab.types import Container, LabError, LinkChanged, Node, Terminal, User
from pghalab.session.background import Background
from pghalab.session.events import ShellClosed, ShellLost, ShellMarked, ShellOpened
from pghalab.session.noticing import Noticing
from pghalab.session.state import State
from pghalab.session.typed import Typing
from pghalab.text import one_line

if TYPE_CHECKING:
    from pghalab.session.backend import DrivenLab

Draw = Callable[[bytes], Awaitable[None] | None]
"""Takes what a shell printed; as long as what it returns is awaited, the node waits too."""
Standing = Literal["opening", "open", "lost", "closed"]

WAITING = 64 * 1024
"""Bytes that may be typed before a shell is open."""
NOTICE = 2.0
"""Seconds within which the link to a node tells that it is gone, once a shell on it has ended without a word."""
_LEFT_BEHIND = (
    b"\x1b\\\x1b7\x1b[?1049l"
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[?1l\x1b>\x1b[0m"
)
"""Takes back what a program may have set in a terminal: its own screen, mouse, paste, keys, colours.

Leaving a screen of its own brings the cursor back to where it was kept last, also where there was none to leave: it is
kept just before, so that it stays.
"""


class Shell:
    """One shell of the console."""

    def __init__(self, number: int, node: str, user: User, size: tuple[int, int], term: str, draw: Draw) -> None:
        self.number = number
        """Counts from 1; no other shell of this console has it."""
        self.node = node
        self.user = user
        self.standing: Standing = "opening"
        self.reason = ""
        """Why it is lost or could not be opened, in words."""
        self.status: int | None = None
        """Its exit status, once it has ended by itself."""
        self._size, self._term, self._draw = size, term, draw
        self._terminal: Terminal | None = None
        self._typing: Typing
        self._task: asyncio.Task[None]
        self._waiting = b""
        self._unanswered = 0
        self._told = False
        self._quiet = False
        """That it is lost, and back, is not written into what it shows."""
        self._refused: Callable[[Shell], object]

    @property
    def blind(self) -> str:
        """Why the console is not told what is typed now; empty when it is, as far as is known."""
        return self._typing.blind

    @property
    def at(self) -> tuple[str, str]:
        """The node and the user whose prompt was shown last: those of a shell within it, or its own."""
        return self._typing.at or (self.node, self.user)

    @property
    def prompts(self) -> int:
        """How many prompts it has shown, each behind all that was entered before."""
        return self._typing.prompts

    @property
    def waits(self) -> bool:
        """It shows a prompt, and nothing was entered that it has not come to."""
        return self.standing == "open" and self._typing.waits

    def write(self, data: bytes) -> None:
        """Type something. Before the shell is open it waits; while the shell is lost it is not sent, which is told."""
        if self.standing == "opening" and len(self._waiting) + len(data) <= WAITING:
            self._waiting += data
        elif self.standing == "open" and self._terminal is not None:
            self._unanswered += len(data)
            self._typing.enter(data)
            self._terminal.write(data)
        elif not self._told:
            self._told = True
            self._refused(self)

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has another size."""
        self._size = (columns, rows)
        if self._terminal is not None:
            self._terminal.resize(columns, rows)

    async def close(self) -> None:
        """Hang up, and return when that is done."""
        if self.standing != "closed":
            self._task.cancel()
            await asyncio.wait([self._task])


class Shells:
    """Owns every shell of the console."""

    def __init__(self, state: State, background: Background, noticing: Noticing) -> None:
        self._state, self._background, self._noticing = state, background, noticing
        self._open: dict[int, Shell] = {}
        self._last = 0
        self._lab: DrivenLab | None = None
        self._changed = asyncio.Event()
        self._losses: dict[str, int] = {}
        """How often the link to each node was seen to go."""
        self._why: dict[str, str] = {}
        """Why it went last: a moment later the link only says that it is being made anew."""

    @property
    def all(self) -> list[Shell]:
        """The shells that are not closed, in the order in which they were opened."""
        return list(self._open.values())

    def open(
        self,
        node: str,
        user: User,
        size: tuple[int, int],
        draw: Draw,
        *,
        term: str = "xterm-256color",
        quiet: bool = False,
    ) -> Shell:
        """Begin to open a shell on a node, on a terminal of `size` (columns, rows).

        `quiet`: that it is lost, or back, is only told, and not written into what it shows.
        The bus tells how that goes: ShellOpened; ShellLost, and ShellOpened again when the node is back; ShellClosed.
        Raises LabError when there is no such node, or the lab is not open yet.
        """
        backend = self._state.backend
        if backend is None:
            raise self._state.trouble or LabError("the lab is not open yet.", node=node)
        found = backend.lab.nodes.get(node)
        if found is None:
            raise LabError(f"this lab has no node {node}.", kind="no-node")
        self._follow(backend.lab)
        self._last += 1
        shell = Shell(self._last, node, user, size, term, draw)
        shell._refused, shell._quiet = self._refuse, quiet
        shell._typing = self._noticing.typing(
            lambda marked, reason: self._state.bus.publish(ShellMarked(shell.number, marked, reason))
        )
        self._open[shell.number] = shell
        shell._task = self._background.spawn(self._keep(shell, found), f"a shell on {node}")
        shell._task.add_done_callback(lambda _: self._gone(shell))
        return shell

    def listen(self) -> Typing:
        """Follow a shell that somebody else opened: what is typed there counts like what is typed here."""
        return self._noticing.typing()

    async def close(self) -> None:
        """Hang up everywhere."""
        await asyncio.gather(*(shell.close() for shell in self.all))

    def _follow(self, lab: DrivenLab) -> None:
        if lab is not self._lab:
            self._lab = lab
            lab.subscribe(self._link_changed)

    def _link_changed(self, change: LinkChanged | Container) -> None:
        if isinstance(change, LinkChanged):
            if change.link in ("down", "refused"):
                self._why[change.node] = change.reason
            if change.link != "up":
                self._losses[change.node] = self._losses.get(change.node, 0) + 1
            event, self._changed = self._changed, asyncio.Event()
            event.set()

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Wait until a change of a link has made something true."""
        while not holds():
            await self._changed.wait()

    def _refuse(self, shell: Shell) -> None:
        why = shell.reason or "it is not open yet"
        self._state.bus.notice(f"{shell.user}@{shell.node}: what you type is not sent: {why}", "warning")

    async def _keep(self, shell: Shell, node: Node) -> None:
        """Open it, and again each time the node is back, until it ends or is closed."""
        again = False
        try:
            while True:
                losses = self._losses.get(shell.node, 0)
                try:
                    shell._terminal = await node.shell(shell.user, shell._size, shell._term)
                except LabError as error:
                    if not again or node.link == "up":
                        shell.reason = str(error)
                        return
                    # It went again just now.
                else:
                    if again and not shell._quiet:
                        await _drawn(shell, f"\r\n[pghalab: {shell.node} is back: this is a new shell]\r\n".encode())
                    await self._run(shell, again)
                    shell.status = await shell._terminal.wait()
                    if shell.status is not None or not await self._lost(shell, node, losses):
                        return
                again = True
                await self._until(lambda: node.link == "up")
        finally:
            terminal, shell._terminal = shell._terminal, None
            if terminal is not None:
                await terminal.close()

    def _gone(self, shell: Shell) -> None:
        shell._typing.close()
        shell.standing = "closed"
        self._open.pop(shell.number, None)
        self._state.bus.publish(ShellClosed(shell.number, shell.node, shell.user, shell.status, shell.reason))

    async def _run(self, shell: Shell, again: bool) -> None:
        """Hand on what it prints until it ends."""
        assert shell._terminal is not None
        shell.standing, shell.reason, shell._unanswered, shell._told = "open", "", 0, False
        shell._terminal.resize(*shell._size)
        self._state.bus.publish(ShellOpened(shell.number, shell.node, shell.user, again))
        waiting, shell._waiting = shell._waiting, b""
        if waiting:
            shell.write(waiting)
        async for data in shell._terminal.output():
            shell._unanswered = 0
            shell._typing.feed(data)
            await _drawn(shell, data)
            # A node that always has something to give must not keep the keys waiting.
            await asyncio.sleep(0)

    async def _lost(self, shell: Shell, node: Node, losses: int) -> bool:
        """Whether a shell that ended without a status is lost with its node, which is told; else it ended by itself."""
        if shell._terminal is not None:
            terminal, shell._terminal = shell._terminal, None
            await terminal.close()
        shell._typing.close()
        try:
            async with asyncio.timeout(NOTICE):
                await self._until(lambda: node.link != "up" or self._losses.get(shell.node, 0) != losses)
        except TimeoutError:
            shell.reason = "it was ended by a signal"
            return False
        gone = node.link_reason if node.link in ("down", "refused") else self._why.get(shell.node, "")
        shell.standing, shell.reason = "lost", gone or "the ssh connection was lost."
        unsure = shell._unanswered
        self._state.bus.publish(ShellLost(shell.number, shell.node, shell.user, shell.reason, unsure))
        words = f"\r\n[pghalab: this shell is lost: {one_line(shell.reason)}]\r\n"
        if unsure:
            words += f"[pghalab: {unsure} bytes typed since its last word may not have arrived]\r\n"
        await _drawn(shell, _LEFT_BEHIND + (b"" if shell._quiet else words.encode()))
        return True


async def _drawn(shell: Shell, data: bytes) -> None:
    waits = shell._draw(data)
    if inspect.isawaitable(waits):
        await waits
