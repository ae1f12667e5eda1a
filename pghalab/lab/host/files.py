"""Files that are never half written, broken ones that are never thrown away, and reading that nothing can hang."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path
from typing import Any

STATE_LIMIT = 32_000_000
"""Bytes of a state file; the largest that pghalab writes has a few."""
ABANDONED = 60.0
"""Seconds after which an unfinished file that nobody holds is left over from a write that was killed."""

_swept: set[Path] = set()


class Unfit(ValueError):
    """The file is there and cannot be what it should be; the text says why."""


def read_text(path: Path, limit: int = STATE_LIMIT, *, errors: str = "strict") -> str:
    """The text of a UTF-8 file, with or without a byte order mark; raises OSError, Unfit.

    No more than `limit` bytes are read, however the file grows meanwhile.
    """
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Unfit(f"it is larger than {limit / 1e6:g} MB")
    try:
        return data.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise Unfit("it is not UTF-8 text") from error


def open_regular(path: Path) -> BufferedReader:
    """A regular file, to be read and closed; anything else is not opened at all; raises OSError, Unfit.

    A pipe would be waited for and a device acted upon.
    """
    require_regular(path.stat())
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb")
    try:
        require_regular(os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def read_json(path: Path, limit: int = STATE_LIMIT) -> Any:
    """The value in a JSON file; raises OSError, Unfit."""
    try:
        return json.loads(read_text(path, limit))
    except RecursionError as error:
        raise Unfit("it is nested too deeply") from error
    except ValueError as error:
        raise error if isinstance(error, Unfit) else Unfit(f"it is no JSON: {error}") from error


def require_regular(found: os.stat_result) -> None:
    """Raise Unfit for a pipe, a device or a folder."""
    if not stat.S_ISREG(found.st_mode):
        raise Unfit("it is a folder" if stat.S_ISDIR(found.st_mode) else "it is not a regular file")


def write_atomic(path: Path, content: str | Iterable[str | bytes], mode: int = 0o600) -> None:
    """Replace `path` by a text, or by pieces, in one step: a crash leaves the old file or the new; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path not in _swept:
        _swept.add(path)
        _sweep(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            # Held for as long as the file is in use, and let go by the system when its writer is killed.
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(file.fileno(), mode)
            pieces = (content,) if isinstance(content, str) else content
            file.writelines(piece.encode() if isinstance(piece, str) else piece for piece in pieces)
            file.flush()
            os.fsync(file.fileno())
            Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _sweep(path: Path) -> None:
    """Remove what killed writes of this file left beside it: never somebody else's, never one that is in use."""
    mine = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}")
    with contextlib.suppress(OSError):
        for other in path.parent.iterdir():
            if mine.fullmatch(other.name):
                with contextlib.suppress(OSError):
                    _remove_abandoned(other)


def _remove_abandoned(path: Path) -> None:
    found = path.lstat()
    ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1
    if not ours or time.time() - found.st_mtime < ABANDONED:
        return
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(handle)


def keep_aside(path: Path) -> Path:
    """Rename a file that cannot be used to `<name>.corrupt-<time>` and return its new path; raises OSError."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    return path.rename(aside)
