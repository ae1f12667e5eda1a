"""Sizes, ages, times and positions in few characters."""

from __future__ import annotations


def ago(seconds: float) -> str:
    """An age in a few characters: `4 s`, `3 min`, `2 h`."""
    if seconds < 90:
        return f"{max(0, int(seconds))} s"
    if seconds < 5400:
        return f"{int(seconds // 60)} min"
    return f"{int(seconds // 3600)} h"


def clock(seconds: float) -> str:
    """A time as a clock counts it: `2:05`, `1:02:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: int) -> str:
    """Bytes as etcdctl prints them: `20 kB`, `1.3 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def lsn(position: int | None) -> str:
    """A position in the write-ahead log as PostgreSQL prints it: `0/4000060`."""
    return "" if position is None else f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
