"""The verb that shows a recording in the console."""

from __future__ import annotations

import argparse
from pathlib import Path


def replay(arguments: argparse.Namespace) -> int:
    """Open the console over a recording; raises LabError."""
    return show(Path(arguments.file) if arguments.file else None)


def show(path: Path | None = None) -> int:
    """Open the console over a recording, by default the one of the whole course; raises LabError."""
    from pghalab.cli import console
    from pghalab.course.recorded import SHIPPED, read_recorded
    from pghalab.session.replay.connect import recorded_backend
    from pghalab.session.replay.lab import NAME
    from pghalab.session.replay.position import Position

    position = Position(read_recorded(path or SHIPPED))
    return console(NAME, connect=recorded_backend(position), recorded=position)
