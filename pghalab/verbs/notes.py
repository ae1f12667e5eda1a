"""The verb that shows a presenter the notes, in a terminal of their own."""

from __future__ import annotations

import argparse
import os


def notes(arguments: argparse.Namespace) -> int:
    """Follow the show of the lab until left; raises LabError where it cannot be drawn."""
    from pghalab.cli import require_terminal
    from pghalab.lab.host.paths import lab_folder

    require_terminal()
    folder = lab_folder(arguments.lab)
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    from pghalab.screens.notes import NotesApp

    app = NotesApp(arguments.lab, folder)
    app.run()
    return app.return_code or 0
