"""Prints a lock file without the terminal engine where no marker can say that it has no wheel: musl, macOS before 13.

Ends with 0 if something was left out, with 1 if the lock file fits this machine as it is.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
from pathlib import Path

ENGINE = "pyghostty=="


def has_wheel() -> bool:
    """Whether the engine has a wheel for this C library or macOS; the processor is the marker's matter."""
    macos = platform.mac_ver()[0]
    return "musl" not in str(sysconfig.get_config_var("SOABI")) and not (macos and int(macos.split(".")[0]) < 13)


def without_engine(lock: str) -> str:
    """The lines of a lock file without the engine's pin and its hashes."""
    kept: list[str] = []
    leaving = False
    for line in lock.splitlines(keepends=True):
        leaving = line.startswith(ENGINE) or (leaving and line[0].isspace())
        if not leaving:
            kept.append(line)
    return "".join(kept)


if __name__ == "__main__":
    if has_wheel():
        sys.exit(1)
    sys.stdout.write(without_engine(Path(sys.argv[1]).read_text(encoding="utf-8")))
