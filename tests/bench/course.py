"""The course headless against the same commands in a plain shell script, from no containers and a built image.

As far as the first leader: what comes after it waits for Patroni's own clock, the same both ways.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pghalab.course.load import load_course
from pghalab.course.localise import Names
from tests.bench import plain
from tests.bench.lab import LabHere, verb
from tests.bench.report import Figure

LAST = 10
"""The last lesson that is timed."""


def _timed(argv: list[str], log: Path, env: dict[str, str]) -> float:
    start = time.perf_counter()
    with log.open("w") as out:
        done = subprocess.run(
            argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, check=False
        )
    if done.returncode:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}:\n{log.read_text()[-2000:]}")
    return time.perf_counter() - start


def measure() -> list[Figure]:
    """One course each way, one after the other, on the same lab name and addresses."""
    whole = load_course()
    lessons = tuple(lesson for lesson in whole.lessons if lesson.number <= LAST)
    with tempfile.TemporaryDirectory() as folder:
        here = LabHere.prepare(Path(folder))
        deploy = Path(folder, "deploy.sh")
        verb(here, "export", "--script", str(deploy))
        script = Path(folder, "course.sh")
        plain.write(script, replace(whole, lessons=lessons), Names(here.name, here.subnet))
        try:
            program = [sys.executable, "-m", "pghalab", "--lab", here.name]
            ours = _timed([*program, "run", "--to", lessons[-1].steps[-1].id], Path(folder, "ours.log"), here.env)
            verb(here, "down", "-f")
            theirs = _timed(
                ["sh", str(script), str(deploy), str(here.key), str(Path(folder, "hosts"))],
                Path(folder, "plain.log"),
                dict(os.environ),
            )
        finally:
            verb(here, "down", "-f")
    return [
        Figure(
            f"lessons 1 to {LAST} headless / plain shell script",
            ours / theirs,
            "x",
            1.0,
            f"{ours:.1f} s / {theirs:.1f} s",
        )
    ]
