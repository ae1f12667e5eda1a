"""The socket of a lab's folder, by which other programs of the same person speak to the console that drives the lab."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pghalab.lab.host.files import Unfit, read_text

LONGEST_LINE = 256 * 1024
"""Bytes of one line that is spoken."""
_FOLDER, _SOCKET, _ELSEWHERE = "door", "socket", "elsewhere"
_LONGEST_PATH = 100
"""Bytes of a socket's path that every system takes (104 on macOS, 108 on Linux, with the byte that ends it)."""
_log = logging.getLogger(__name__)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def opened(lab_folder: Path, serve: Serve) -> AsyncGenerator[None, None]:
    """Answer whoever knocks at the lab of this folder, until left; raises OSError.

    What an earlier console left behind is replaced: only the one that drives the lab opens the door.
    """
    folder = lab_folder / _FOLDER
    # Nobody else gets through a folder of this mode, whatever the mode of the socket in it.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for left in (_left_elsewhere(folder), folder):
        _clear(left)
    place = folder / _SOCKET
    if len(os.fsencode(place)) > _LONGEST_PATH:
        place = Path(tempfile.mkdtemp(prefix="pghalab-", dir="/tmp"), _SOCKET)
        (folder / _ELSEWHERE).write_text(str(place.parent))
    server = await asyncio.start_unix_server(serve, place, limit=LONGEST_LINE)
    mine = place.lstat().st_ino
    try:
        yield
    finally:
        server.close()
        with contextlib.suppress(OSError):
            # A console that has taken over has opened its own meanwhile.
            if place.lstat().st_ino == mine:
                for used in (place.parent, folder):
                    _clear(used)


async def knock(lab_folder: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """A connection to the console that drives the lab of this folder; None where none answers."""
    folder = lab_folder / _FOLDER
    try:
        place = (_left_elsewhere(folder) or folder) / _SOCKET
        return await asyncio.open_unix_connection(place, limit=LONGEST_LINE)
    except OSError as error:
        _log.debug("nobody opens the door in %s: %s", folder, error)
        return None


def _left_elsewhere(folder: Path) -> Path | None:
    """Where the socket is when its path would be too long here."""
    try:
        return Path(read_text(folder / _ELSEWHERE, 4096))
    except (OSError, Unfit):
        return None


def _clear(folder: Path | None) -> None:
    """Remove a socket and what tells of it, and a folder that was made for it alone."""
    if folder is None:
        return
    for name in (_SOCKET, _ELSEWHERE):
        with contextlib.suppress(OSError, ValueError):
            (folder / name).unlink()
    if folder.name != _FOLDER:
        with contextlib.suppress(OSError, ValueError):
            folder.rmdir()
