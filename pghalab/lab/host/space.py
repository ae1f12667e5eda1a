"""Free disk space where the engine and the lab keep their data."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pghalab.lab.host import paths
from pghalab.lab.types import LabError
from pghalab.values import dataclass

GIB = 1024**3
DEFAULT_MIN_FREE_GB = 3.0


@dataclass(frozen=True, slots=True)
class Space:
    """Free bytes of the file system that holds `path`."""

    path: Path
    what: str
    free: int


_FULL = (errno.ENOSPC, errno.EDQUOT)
_TAKES_NO_MORE = (errno.EFBIG, errno.EROFS)


def full(error: OSError) -> LabError | None:
    """What a write that found no room has to say; None when the error is of another kind."""
    named = error.filename if isinstance(error.filename, str) else ""
    if error.errno in _TAKES_NO_MORE:
        what = f"{named} cannot be written" if named else "Nothing more can be written"
        todo = "Make room, or set PGHALAB_STATE_DIR to a folder on another disk."
        return LabError(f"{what}: {error.strerror}.", todo=todo, kind="no-space")
    if error.errno not in _FULL:
        return None
    return LabError(
        f"The disk is full: {named or paths.state_root()} cannot be written.",
        todo="Free some space (docker system df shows what the engine uses), or set PGHALAB_STATE_DIR to another disk.",
        kind="no-space",
    )


def minimum() -> int:
    """Bytes that must be free: `PGHALAB_MIN_FREE_GB` (GiB), 3 unless set; raises LabError for a bad value."""
    text = os.environ.get("PGHALAB_MIN_FREE_GB", "")
    try:
        gigabytes = float(text) if text else DEFAULT_MIN_FREE_GB
    except ValueError:
        gigabytes = -1.0
    if not 0 <= gigabytes < 1e6:
        raise LabError(f"PGHALAB_MIN_FREE_GB={text!r} is not a number of GiB.", todo="For example: 3", kind="bad-value")
    return int(gigabytes * GIB)


def spaces(info: Mapping[str, Any] | None) -> tuple[Space, ...]:
    """Where the state folder and, if `info` of the engine names a folder of this host, its data lie."""
    found = [_space(paths.state_root(), "the state folder")]
    root = str((info or {}).get("DockerRootDir") or "")
    # With an engine in a virtual machine the folder is the machine's, and there is nothing to measure here.
    if root and _seen(Path(root)):
        found.append(_space(Path(root), "the engine's data"))
    return tuple(found)


def require(info: Mapping[str, Any] | None) -> None:
    """Raise LabError when less than `minimum()` is free where the engine or the lab keeps its data."""
    least = minimum()
    for space in spaces(info):
        if space.free < least:
            raise LabError(
                f"Only {space.free / GIB:.1f} GiB are free for {space.what} ({space.path}); "
                f"the lab wants {least / GIB:.1f} GiB.",
                todo="Free some space (docker system df shows what the engine uses), or set PGHALAB_MIN_FREE_GB.",
                kind="no-space",
            )


def _space(path: Path, what: str) -> Space:
    existing = path
    while not _seen(existing) and existing != existing.parent:
        existing = existing.parent
    return Space(path, what, shutil.disk_usage(existing).free)


def _seen(path: Path) -> bool:
    """Whether it exists, and lies where this user may look."""
    try:
        return path.exists()
    except PermissionError:
        return False
