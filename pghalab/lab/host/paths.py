"""Where the state of a lab and the log are kept."""

from __future__ import annotations

import errno
import logging
import logging.handlers
import os
import re
import stat
import threading
from io import TextIOWrapper
from pathlib import Path

from pghalab.lab.types import LabError

LOG_NAME = "pghalab.log"
STATE_DIR = "PGHALAB_STATE_DIR"
"""Names another folder for every lab's state."""
LONGEST_RECORD = 20_000
"""Characters of one record in the log."""
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


def state_root() -> Path:
    """The folder that holds every lab's state: `PGHALAB_STATE_DIR`, else where the system keeps state."""
    chosen = os.environ.get(STATE_DIR, "")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_state_path

    return user_state_path("pghalab", appauthor=False)


def person_file() -> Path:
    """The settings of the person, for all their labs; they write it by hand, and it need not be there."""
    return state_root() / "settings.toml"


def layout_file() -> Path:
    """How the person arranged the console."""
    return state_root() / "console.json"


def require_name(lab: str) -> None:
    """Raise LabError unless this can be a lab's name, and with that a folder's and a label's."""
    if not _NAME.fullmatch(lab):
        raise LabError(
            f"{lab!r} is not a lab's name.",
            todo="Use a lower-case letter, then at most 30 letters, digits, '-' or '_'.",
            kind="bad-value",
        )


def lab_folder(lab: str) -> Path:
    """The folder of one lab's settings, keys, progress and journal, whether it exists or not; raises LabError."""
    require_name(lab)
    return state_root() / "labs" / lab


def state_dir(lab: str) -> Path:
    """The same folder, made when it is missing; raises LabError."""
    return _made(lab_folder(lab))


def log_file() -> Path:
    """The file that gets what is too long for the learner, tracebacks first of all; raises LabError."""
    return _made(state_root()) / LOG_NAME


def setup_logging(*, look_only: bool = False) -> None:
    """Send every log record of the program to the log file, and nothing to the terminal; raises LabError.

    With `look_only` nothing is written unless the program itself fails.
    """
    root = logging.getLogger()
    path = state_root() / LOG_NAME if look_only else log_file()
    if any(getattr(handler, "baseFilename", None) == str(path.absolute()) for handler in root.handlers):
        return
    try:
        handler = _LogHandler(path, maxBytes=2_000_000, backupCount=2, encoding="utf-8", delay=look_only)
    except OSError as error:
        raise _unwritable(path, error) from error
    handler.setFormatter(_Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.ERROR if look_only else logging.INFO)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread


class _LogHandler(logging.handlers.RotatingFileHandler):
    """A log that its owner alone reads, and that gives up without a word on the terminal when the disk is full.

    With `delay` the file, and its folder, are made with the first record.
    """

    def _open(self) -> TextIOWrapper:
        _made(Path(self.baseFilename).parent)
        # A regular file only: a pipe would be waited for.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(self.baseFilename, flags, 0o600)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, "it is not a regular file")
        os.fchmod(handle, 0o600)
        return os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:
        """Lose the record: whoever wanted to log has more to say than that the log is full."""


class _Formatter(logging.Formatter):
    """Keeps secrets out of the log, and cuts a record that alone would fill it."""

    def format(self, record: logging.LogRecord) -> str:
        from pghalab.redact import Secrets

        text = super().format(record)
        cut = text if len(text) <= LONGEST_RECORD else f"{text[:LONGEST_RECORD]}… ({len(text)} characters)"
        return Secrets().removed(cut)


def _log_thread(failed: threading.ExceptHookArgs) -> None:
    """A thread of a library that fails says so in the log: on the terminal it would wreck the screen."""
    if failed.exc_type is not SystemExit:
        information = (failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)
        logging.getLogger(__name__).error("a thread failed", exc_info=information)


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
