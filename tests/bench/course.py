"""The course headless, and the way to a lesson, against the same commands in a plain shell script.

All begin with no containers and a built image. The script does the lessons as far as the first leader, since what comes
after it waits for Patroni's own clock, and then what is left of the way; beside it the course goes to the same leader,
and behind that another lab to the lesson: each on a lab of its own, so that whatever else goes on meets both. The last
of the labs becomes the cluster that the parts after this one look at.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from pghalab.course.load import load_course
from pghalab.course.localise import Names
from pghalab.course.model import Course
from pghalab.course.way import way
from tests.bench import plain
from tests.bench.cluster import SHARED
from tests.bench.lab import LabHere, timed, verb
from tests.bench.report import Figure

LAST = 10
"""The last lesson that is timed headless."""
PLACE = "pg-hba"


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds that each step of the script took, with what was done before the first of them."""

    steps: Mapping[str, float]

    def of(self, steps: Container[str]) -> float:
        """The sum for some of them."""
        return sum(seconds for step, seconds in self.steps.items() if step in steps)


def by_script(argv: list[str], steps: Container[str], log: Path) -> Timed:
    """Run the script, which prints the name of each step when it begins.

    Raises RuntimeError with the end of what it printed when it fails.
    """
    took: dict[str, float] = {}
    step, began = "", time.perf_counter()
    with (
        log.open("w") as kept,
        subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
        ) as script,
    ):
        assert script.stdout is not None
        for line in script.stdout:
            kept.write(line)
            if line.strip() in steps:
                now = time.perf_counter()
                took[step] = took.get(step, 0.0) + now - began
                step, began = line.strip(), now
    took[step] = took.get(step, 0.0) + time.perf_counter() - began
    if script.returncode:
        raise RuntimeError(f"{argv[0]} ended with {script.returncode}:\n{log.read_text()[-2000:]}")
    return Timed(took)


def plain_script(here: LabHere, course: Course, folder: Path) -> list[str]:
    """The commands of a course, as a plain shell script on a lab that it deploys itself; what to call."""
    deploy, script = folder / "deploy.sh", folder / "course.sh"
    verb(here, "export", "--script", str(deploy))
    plain.write(script, course, Names(here.name, here.subnet))
    return ["sh", str(script), str(deploy), str(here.key), str(folder / "hosts")]


def measure() -> list[Figure]:
    """One course and one way, and one script for both."""
    whole = load_course()
    lessons = tuple(lesson for lesson in whole.lessons if lesson.number <= LAST)
    in_lessons = {step.id for lesson in lessons for step in lesson.steps}
    on_the_way = way(whole, PLACE).steps
    rest = replace(lessons[-1], steps=tuple(step for step in on_the_way if step.id not in in_lessons))
    scripted = replace(whole, lessons=(*lessons, rest))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other, ThreadPoolExecutor(2) as pool:
        here = LabHere.prepare(Path(one))
        there = LabHere.prepare(Path(other), beside=here)
        argv = plain_script(there, scripted, Path(other))
        try:
            script = pool.submit(by_script, argv, {step.id for step in scripted.steps}, Path(other, "log"))
            try:
                ours = timed(here, "run", "--to", lessons[-1].steps[-1].id)
            finally:
                removed = pool.submit(verb, here, "down", "-f")
            goes = timed(SHARED.prepare(beside=there), "goto", PLACE)
            SHARED.is_up()
            took = script.result()
            removed.result()
        finally:
            verb(there, "down", "-f")
    return figures(ours, goes, took.of(in_lessons | {""}), took.of({"", *(step.id for step in on_the_way)}))


def figures(ours: float, goes: float, lessons: float, on_the_way: float) -> list[Figure]:
    """Of the seconds that the lessons and the way took, each of both ways."""
    name = f"lessons 1 to {LAST} headless / plain shell script"
    return [
        Figure(name, ours / lessons, "x", 1.0, f"{ours:.1f} s / {lessons:.1f} s, at the same time"),
        Figure(f"from nothing to the lesson {PLACE}", goes, "s", 45.0, "beside the script"),
        Figure("the same / plain shell script", goes / on_the_way, "x", 1.0, f"{goes:.1f} s / {on_the_way:.1f} s"),
    ]
