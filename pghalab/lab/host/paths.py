"""Where the state of a lab and the log are kept."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
from pathlib import Path

from pghalab.lab.types import LabError

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


def state_root() -> Path:
    """The folder that holds every lab's state: `PGHALAB_STATE_DIR`, else where the system keeps state."""
    chosen = os.environ.get("PGHALAB_STATE_DIR", "")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_state_path

    return user_state_path("pghalab", appauthor=False)


def require_name(lab: str) -> None:
    """Raise LabError unless this can be a lab's name, and with that a folder's and a label's."""
    if not _NAME.fullmatch(lab):
        raise LabError(
            f"{lab!r} is not a lab's name.",
            todo="Use a lower-case letter, then at most 30 letters, digits, '-' or '_'.",
            kind="bad-value",
        )


def state_dir(lab: str) -> Path:
    """The folder of one lab's settings, keys, progress and journal, made when it is missing; raises LabError."""
    require_name(lab)
    return _made(state_root() / "labs" / lab)


def log_file() -> Path:
    """The file that gets what is too long for the learner, tracebacks first of all; raises LabError."""
    return _made(state_root()) / "pghalab.log"


def setup_logging() -> None:
    """Send every log record of the program to `log_file()`, and nothing to the terminal; raises LabError."""
    root = logging.getLogger()
    path = log_file()
    if any(getattr(handler, "baseFilename", None) == str(path.absolute()) for handler in root.handlers):
        return
    try:
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=2_000_000, backupCount=2, encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def _unwritable(path: Path, error: OSError) -> LabError:
    return LabError(
        f"{path} cannot be written: {error.strerror}.",
        todo="Set PGHALAB_STATE_DIR to a folder that you may write to.",
        kind="state-folder",
    )
