"""The course headless against the same commands in a plain shell script, from no containers and a built image.

As far as the first leader: what comes after it waits for Patroni's own clock, the same both ways. Both run at the same
time, each on a lab of its own, so that whatever else goes on meets both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pghalab.course.load import load_course
from pghalab.course.localise import Names
from pghalab.course.model import Course
from tests.bench import plain
from tests.bench.lab import LabHere, verb
from tests.bench.report import Figure

LAST = 10
"""The last lesson that is timed."""


def timed(argv: list[str], log: Path, env: dict[str, str]) -> float:
    """Seconds that a program takes; raises RuntimeError with the end of what it printed when it fails."""
    start = time.perf_counter()
    with log.open("w") as out:
        done = subprocess.run(
            argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, check=False
        )
    if done.returncode:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}:\n{log.read_text()[-2000:]}")
    return time.perf_counter() - start


def plain_script(here: LabHere, course: Course, folder: Path) -> list[str]:
    """The commands of a course, as a plain shell script on a lab that it deploys itself; what to call."""
    deploy, script = folder / "deploy.sh", folder / "course.sh"
    verb(here, "export", "--script", str(deploy))
    plain.write(script, course, Names(here.name, here.subnet))
    return ["sh", str(script), str(deploy), str(here.key), str(folder / "hosts")]


def measure() -> list[Figure]:
    """One course each way."""
    whole = load_course()
    course = replace(whole, lessons=tuple(lesson for lesson in whole.lessons if lesson.number <= LAST))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other, ThreadPoolExecutor(2) as pool:
        mine, plain_one = Path(one), Path(other)
        here = LabHere.prepare(mine)
        there = LabHere.prepare(plain_one, beside=here)
        try:
            program = [sys.executable, "-m", "pghalab", "--lab", here.name]
            words = ["run", "--to", course.lessons[-1].steps[-1].id]
            script = plain_script(there, course, plain_one)
            headless = pool.submit(timed, [*program, *words], mine / "log", here.env)
            by_script = pool.submit(timed, script, plain_one / "log", dict(os.environ))
            ours, theirs = headless.result(), by_script.result()
        finally:
            list(pool.map(lambda lab: verb(lab, "down", "-f"), (here, there)))
    return [
        Figure(
            f"lessons 1 to {LAST} headless / plain shell script",
            ours / theirs,
            "x",
            1.0,
            f"{ours:.1f} s / {theirs:.1f} s, at the same time",
        )
    ]
