"""Programs put before a test's child that set its limit or its terminal.

A function called between fork and exec runs the fork handlers of every library in this process; gRPC's end the child
now and then.
"""

from __future__ import annotations

import sys

# The terminal that is its stdin becomes the one that controls it; the child begins a session of its own.
ON_ITS_TERMINAL = [
    sys.executable, "-I", "-S", "-c",
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])",
]  # fmt: skip


def limited(limit: str) -> list[str]:
    """The start of a command line that runs the rest of it under a limit of the shell's `ulimit`."""
    return ["sh", "-c", f'ulimit {limit} && exec "$@"', "sh"]
