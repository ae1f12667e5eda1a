"""How long until the first screen and until `--help`, beside the least that Python and Textual need."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pghalab.course.load import load_course
from tests.bench.report import Figure
from tests.terminal import Terminal

LESSON = 5
"""The lesson whose title is waited for; it is in sight on the first screen."""
BARE = """
from textual.app import App
from textual.widgets import Footer, Header

class Bare(App):
    BINDINGS = [("q", "quit", "Leave-the-bare-app")]

    def compose(self):
        yield Header()
        yield Footer()

Bare().run()
"""


def _wall(argv: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _first_screen(argv: list[str], words: str, env: dict[str, str]) -> float:
    with Terminal(argv, env=env) as terminal:
        return terminal.wait_for(words)


def help_figure(rounds: int = 11) -> Figure:
    """`pghalab --help` against `python -c pass`, in turn."""
    program = str(Path(sys.executable).with_name("pghalab"))
    pairs = [(_wall([program, "--help"]), _wall([sys.executable, "-c", "pass"])) for _ in range(rounds)]
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        "pghalab --help / python -c pass",
        statistics.median(a / b for a, b in pairs),
        "x",
        limit=3.0,
        detail=f"{ours * 1000:.0f} ms / {bare * 1000:.0f} ms, median of {rounds} pairs",
    )


def screen_figure(rounds: int = 5) -> Figure:
    """The course's list, from which a person can read and choose, against a bare header and footer, in turn.

    The lab was never made. A later lesson's title is waited for: the list is painted as a whole.
    """
    lesson = load_course().lessons[LESSON - 1].title
    with tempfile.TemporaryDirectory() as folder:
        env = {"PGHALAB_STATE_DIR": folder}
        bare = Path(folder, "bare.py")
        bare.write_text(BARE)
        pairs = [
            (
                _first_screen([sys.executable, "-m", "pghalab", "--lab", "bench-start"], lesson, env),
                _first_screen([sys.executable, str(bare)], "Leave-the-bare-app", env),
            )
            for _ in range(rounds)
        ]
    ours, least = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        "the course to choose from / bare Textual app",
        statistics.median(a / b for a, b in pairs),
        "x",
        limit=1.5,
        detail=f"{ours * 1000:.0f} ms / {least * 1000:.0f} ms, median of {rounds} pairs",
    )


def measure() -> list[Figure]:
    """Both figures."""
    return [help_figure(), screen_figure()]
