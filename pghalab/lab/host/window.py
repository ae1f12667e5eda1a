"""A terminal in a window of its own, where whoever sits here has a desktop."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from pghalab.lab.types import LabError

log = logging.getLogger(__name__)

_EMULATORS = (
    ("x-terminal-emulator", "-e"), ("gnome-terminal", "--"), ("konsole", "-e"), ("xfce4-terminal", "-x"),
    ("kitty",), ("foot",), ("alacritty", "-e"), ("xterm", "-e"),
)  # fmt: skip
"""Each with what stands before the program that runs in it."""


def open_window(argv: Sequence[str]) -> str:
    """Run a program in a terminal of its own and tell which one that is; raises LabError where none can be opened."""
    for words in emulators(os.environ, sys.platform, argv):
        if shutil.which(words[0]) is None:
            continue
        try:
            subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        except OSError:
            log.warning("%s cannot be started", words[0], exc_info=True)
            continue
        return words[0]
    raise LabError(
        "No terminal in a window of its own can be opened from here.",
        todo=f"Open a second terminal yourself, and run there: {shlex.join(argv)}",
        kind="bad-value",
    )


def emulators(known: Mapping[str, str], platform: str, argv: Sequence[str]) -> list[tuple[str, ...]]:
    """The commands that could open a window for whoever sits before this machine, the best first."""
    # Over ssh a window would open where nobody sits.
    if known.get("SSH_TTY") or known.get("SSH_CONNECTION"):
        return []
    if platform == "darwin":
        script = shlex.join(argv).replace("\\", "\\\\").replace('"', '\\"')
        return [("osascript", "-e", f'tell application "Terminal" to do script "{script}"')]
    if not known.get("DISPLAY") and not known.get("WAYLAND_DISPLAY"):
        return []
    chosen = [(known["TERMINAL"], "-e")] if known.get("TERMINAL") else []
    return [(*words, *argv) for words in (*chosen, *_EMULATORS)]
