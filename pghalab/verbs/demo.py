"""The verb that shows lessons to a room: the console, opened for that alone."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from pghalab.lab.types import LabError
from pghalab.session.demo.pace import FASTEST, SLOWEST, Tempo

if TYPE_CHECKING:
    from pghalab.screens.console import Console


def demo(arguments: argparse.Namespace) -> int:
    """Open the console, and begin once the lab is open; raises LabError for what cannot be shown."""
    from pghalab.cli import console
    from pghalab.course.load import load_course
    from pghalab.session.demo.program import chosen

    speed: float | None = arguments.speed
    if speed is not None and not SLOWEST <= speed <= FASTEST:
        raise LabError(
            f"A show {speed:g} times as fast cannot be followed.",
            todo=f"--speed takes a number from {SLOWEST:g} to {FASTEST:g}.",
            kind="bad-value",
        )
    chosen(load_course(), arguments.lessons)
    if arguments.notes:
        from pghalab.lab.host.paths import STATE_DIR, state_root
        from pghalab.lab.host.window import open_window

        # What opens the window may have been started long ago, with another environment.
        folder = ["env", f"{STATE_DIR}={state_root().absolute()}"]
        open_window([*folder, sys.executable, "-m", "pghalab", "--lab", arguments.lab, "notes"])

    def tempo(wanted: Tempo) -> Tempo:
        return replace(wanted, speed=wanted.speed if speed is None else speed, instant=arguments.instant)

    def begin(app: Console) -> None:
        course = app.session.state.course
        assert course is not None
        program = chosen(course, arguments.lessons)
        app.present(program, tempo(app.wanted.tempo), auto=arguments.auto, loop=arguments.loop, alone=True)

    return console(arguments.lab, begin)
