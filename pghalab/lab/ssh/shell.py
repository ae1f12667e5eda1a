"""An interactive shell on a node, as a session for a pane or a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncssh

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
