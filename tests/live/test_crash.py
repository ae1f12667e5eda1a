"""A console that ends in the middle of its work, by whatever signal: the next start knows the lab and continues."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from pghalab.course.load import load_course
from pghalab.lab.engine.client import Engine
from pghalab.lab.image.context import ca_bundle
from tests.live.conftest import MakeSettings
from tests.live.driven import PGHALAB, ROOT, Course, driven, wait


@pytest.fixture
async def course(make_settings: MakeSettings, engine: Engine) -> AsyncIterator[Course]:
    """The course on a lab of five nodes, with a tag of its own for the image."""
    with driven(await make_settings(5), engine) as made:
        yield made


def _building(engine: Engine) -> set[str]:
    """The containers of image builds that run now."""
    found = engine.api.containers(filters={"label": "pghalab.image=1"})
    return {one["Id"] for one in found if "pghalab.lab" not in one["Labels"]}


async def test_the_next_start_continues_what_a_console_left_in_the_middle(course: Course, tmp_path: Path) -> None:
    course.verb("run", "--to", "image-inside")
    _while_building(course, tmp_path)
    course.verb("run", "--to", "deploy-addresses")
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
