"""A console that ends in the middle of its work, by whatever signal: the next start knows the lab and continues."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound

from pghalab.course.journal import Journal
from pghalab.course.load import load_course
from pghalab.course.progress import Progress
from pghalab.lab.engine.client import Engine
from pghalab.lab.host.lock import DriverLock
from pghalab.lab.host.paths import log_file, state_dir
from pghalab.lab.image.context import ca_bundle
from pghalab.lab.settings import LabSettings, load_settings, save_settings
from tests.live.conftest import MakeSettings
from tests.terminal import Terminal

ROOT = Path(__file__).parents[2]
PGHALAB = [sys.executable, "-m", "pghalab"]
STATUS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 128 + signal.SIGTERM, signal.SIGHUP: 128 + signal.SIGHUP}


def wait(
    condition: Callable[[], object], what: str, limit: float = 60.0, work: Callable[[], object] | None = None
) -> None:
    """Wait until something holds, doing `work` meanwhile."""
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, f"{what} was not seen within {limit:g} s"
        if work is None:
            time.sleep(0.02)
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
        before = len(self.events(step))
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

            wait(lambda: len(self.events(step)) > before, f"the start of {step}", work=run)
            yield terminal

    def ended(self, terminal: Terminal, number: signal.Signals) -> None:
        """End a console and see that it left everything behind readable, with the lab free to be driven."""
        status = terminal.signal(number)
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
        assert len(list(journal.entries())) == len(journal.path.read_text().splitlines())


@pytest.fixture
async def course(make_settings: MakeSettings, engine: Engine) -> Any:
    """The course on a lab of five nodes, with a tag of its own for the image."""
    settings = await make_settings(5)
    settings = replace(settings, image=f"pghalab-test-{settings.name}:latest")
    save_settings(settings)
    dangling = _dangling(engine)
    yield Course(settings, engine)
    subprocess.run(
        [*PGHALAB, "--lab", settings.name, "down", "-f", "--force"], cwd=ROOT, check=True, capture_output=True
    )
    with contextlib.suppress(ImageNotFound):
        engine.client.images.remove(settings.image)
    for image in _dangling(engine) - dangling:
        with contextlib.suppress(ImageNotFound):
            engine.client.images.remove(image, force=True)


def _dangling(engine: Engine) -> set[str]:
    return set(engine.api.images(quiet=True, filters={"dangling": True, "label": "pghalab.image=1"}))


def _building(engine: Engine) -> set[str]:
    """The containers of image builds that run now."""
    found = engine.api.containers(filters={"label": "pghalab.image=1"})
    return {one["Id"] for one in found if "pghalab.lab" not in one["Labels"]}


async def test_the_next_start_continues_what_a_console_left_in_the_middle(course: Course, tmp_path: Path) -> None:
    course.verb("run", "--to", "image-question")
    _while_building(course, tmp_path)
    course.verb("run", "--to", "deploy-question")
    _while_deploying(course)
    _while_headless(course, "etcd-start-pgha2")
    _while_bootstrapping(course)
    course.verb("run", "--to", "replicas-streaming")
    assert "already" in course.verb("run", "--to", "replicas-streaming")
    course.readable()


def _while_building(course: Course, folder: Path) -> None:
    # Another certificate in the context: nothing after it comes from the cache, and nothing of the real image is lost.
    real = ca_bundle()
    bundle = folder / "bundle.pem"
    bundle.write_bytes((real.read_bytes() if real else b"") + f"\n# {course.name}\n".encode())
    before = _building(course.engine)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        with course.console("image-build", PGHALAB_CA_BUNDLE=str(bundle)) as terminal:
            wait(lambda: _building(course.engine) - before, "a step of the build", work=lambda: terminal.read(0.05))
            course.ended(terminal, number)
        assert course.events("image-build")[-1] == ("CommandStarted" if number == signal.SIGKILL else "StepEnded")
        wait(lambda: not _building(course.engine) - before, "the end of the build")
        with pytest.raises(ImageNotFound):
            course.engine.api.inspect_image(course.settings.image)


def _while_deploying(course: Course) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        with course.console("deploy-up") as terminal:
            wait(course.containers, "the first container", work=lambda: terminal.read(0.01))
            course.ended(terminal, number)
        if number != signal.SIGKILL:
            assert course.containers() == {}
    assert course.events("deploy-up")[-1] == "CommandStarted"
    half = course.containers()
    assert half
    course.verb("run", "--to", "deploy-up")
    whole = course.containers()
    assert set(whole) == set(course.settings.node_names)
    assert {name: whole[name] for name in half} == half


def _while_headless(course: Course, step: str) -> None:
    """The run without a console is killed while a step goes on."""
    before = len(course.events(step))
    killed = subprocess.Popen(
        [*PGHALAB, "--lab", course.name, "run", "--all"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait(lambda: len(course.events(step)) > before, step, 120)
    finally:
        killed.kill()
    assert killed.wait() == -signal.SIGKILL
    course.readable()


def _while_bootstrapping(course: Course) -> None:
    order = [each.id for lesson in load_course().lessons for each in lesson.steps]
    steps = ("leader-start", "replicas-pgha2-start", "replicas-pgha3-start")
    for step, number in zip(steps, (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP), strict=True):
        course.verb("run", "--to", order[order.index(step) - 1])
        # The leader: while its data is being made, which goes on without the console. The replicas: in the command.
        middle = _has_data if number == signal.SIGKILL else _commanded
        with course.console(step) as terminal:
            wait(partial(middle, course, step), step, work=partial(terminal.read, 0.01))
            course.ended(terminal, number)
        if step == "leader-start":
            _while_headless(course, "leader-data")


def _commanded(course: Course, step: str) -> bool:
    return "CommandStarted" in course.events(step)


def _has_data(course: Course, _: str) -> bool:
    """The first node's data directory exists."""
    api = course.engine.api
    asked = api.exec_create(course.settings.node_names[0], ["test", "-e", "/pgdata/17/data"])["Id"]
    api.exec_start(asked)
    return bool(api.exec_inspect(asked)["ExitCode"] == 0)
