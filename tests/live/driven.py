"""The course on one lab, driven by programs that may be ended at any moment, and what they must leave behind."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from docker.errors import ImageNotFound

from pghalab.course.journal import Journal
from pghalab.course.load import load_course
from pghalab.course.progress import Progress
from pghalab.lab.deploy.driving import DriverLock
from pghalab.lab.engine.client import Engine
from pghalab.lab.host.paths import log_file, state_dir
from pghalab.lab.settings import LabSettings, load_settings, save_settings
from tests.terminal import Terminal

ROOT = Path(__file__).parents[2]
PGHALAB = [sys.executable, "-m", "pghalab"]
STATUS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 128 + signal.SIGTERM, signal.SIGHUP: 128 + signal.SIGHUP}


ASKED = 0.4
"""Seconds between two looks that run programs on nodes, which take as much of the machine as what is waited for."""


def wait(
    condition: Callable[[], object],
    what: str,
    limit: float = 60.0,
    work: Callable[[], object] | None = None,
    every: float = 0.05,
) -> None:
    """Wait until something holds, looking so often and doing `work` meanwhile."""
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, f"{what} was not seen within {limit:g} s"
        if work is None:
            time.sleep(every)
        else:
            work()


@dataclass(frozen=True, slots=True)
class Course:
    """The course on one lab, driven by programs that may be ended at any moment."""

    settings: LabSettings
    engine: Engine

    @property
    def name(self) -> str:
        return self.settings.name

    def verb(self, *words: str) -> str:
        """Run a verb to its end and return what it printed."""
        done = subprocess.run(
            [*PGHALAB, "--lab", self.name, *words], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}\n{log_file().read_text()[-4000:]}"
        return done.stdout

    def events(self, step: str) -> list[str]:
        """What the journal tells of a step, oldest first."""
        entries = Journal(state_dir(self.name) / "journal").entries()
        return [entry["event"] for entry in entries if entry.get("step") == step]

    def containers(self) -> dict[str, str]:
        """Each container of the lab by name, with its id."""
        found = self.engine.api.containers(all=True, filters={"label": f"pghalab.lab={self.name}"})
        assert all(one["Labels"]["pghalab.node"].isdigit() for one in found)
        return {one["Names"][0].removeprefix("/"): one["Id"] for one in found}

    @contextlib.contextmanager
    def console(self, step: str, **env: str) -> Iterator[Terminal]:
        """The console, running the step that it says to continue with."""
        course = load_course()
        lesson = course.lesson_of(step)
        argv = [*PGHALAB, "--lab", self.name]
        before = self.events(step).count("StepStarted")
        with Terminal(argv, env={"PYTHONPATH": str(ROOT), "TEXTUAL_ANIMATIONS": "none", **env}) as terminal:
            terminal.wait_for(f"{lesson.number} {lesson.title} › {course.step(step).title[:12]}")
            terminal.press("c")
            terminal.wait_for("Go on")
            until = 0.0

            def run() -> None:
                # The key is refused while the lab is still being opened.
                nonlocal until
                if time.monotonic() > until:
                    terminal.press("r")
                    until = time.monotonic() + 2
                terminal.read(0.05)

            wait(lambda: self.events(step).count("StepStarted") > before, f"the start of {step}", work=run)
            yield terminal

    def ended(self, terminal: Terminal, number: signal.Signals) -> None:
        """End a console and see that it left everything behind readable, with the lab free to be driven."""
        status = terminal.signal(number, 90)
        screen = terminal.seen
        self.readable()
        assert status == STATUS[number]
        if number != signal.SIGKILL:
            assert b"\x1b[?1049l" in screen, "the terminal was not given back"
            assert b"Traceback" not in screen

    def readable(self) -> None:
        """Nothing that is kept was damaged, and nobody drives."""
        assert DriverLock(self.name).holder() is None
        assert Progress.load(state_dir(self.name) / "progress.json").notices == []
        stored = load_settings(self.name)
        assert (stored, stored.origin, stored.notices) == (self.settings, "file", ())
        journal = Journal(state_dir(self.name) / "journal")
        # A run that was ended before its first step has none.
        written = journal.path.read_text().splitlines() if journal.path.exists() else []
        assert len(list(journal.entries())) == len(written)


@contextlib.contextmanager
def own_image(settings: LabSettings, engine: Engine) -> Iterator[LabSettings]:
    """Stored settings with a tag of their own for the image; what was built under it is removed afterwards."""
    settings = replace(settings, image=f"pghalab-test-{settings.name}:latest")
    save_settings(settings)
    before = dangling(engine)
    try:
        yield settings
    finally:
        with contextlib.suppress(ImageNotFound):
            engine.client.images.remove(settings.image)
        for image in dangling(engine) - before:
            with contextlib.suppress(ImageNotFound):
                engine.client.images.remove(image, force=True)


@contextlib.contextmanager
def driven(settings: LabSettings, engine: Engine) -> Iterator[Course]:
    """The course on a lab of these settings, with a tag of its own for the image; all of it is removed afterwards."""
    with own_image(settings, engine) as made:
        try:
            yield Course(made, engine)
        finally:
            subprocess.run(
                [*PGHALAB, "--lab", made.name, "down", "-f", "--force"], cwd=ROOT, check=True, capture_output=True
            )


def dangling(engine: Engine) -> set[str]:
    """What builds left without a tag."""
    return set(engine.api.images(quiet=True, filters={"dangling": True, "label": "pghalab.image=1"}))
