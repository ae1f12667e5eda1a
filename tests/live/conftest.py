"""A container engine or a loud skip, the nodes' image, and labs of their own that are removed afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlparse

import pytest

from pghalab.lab.deploy import addresses, lifecycle, preflight
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import RIGHT_LABEL, Right
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import DEFAULT_IMAGE, LabSettings, default_settings
from pghalab.lab.types import Ended, LabError, Output
from pghalab.session.keeping import OFF
from tests.live.gate import Gate

MakeSettings = Callable[..., Coroutine[Any, Any, LabSettings]]


# Of the processes that test side by side: which one this is, and how many there are.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

# Each looks at every image, or build, of the engine.
BUILDING = {"test_crash", "test_faults_console", "test_image"}
# Each takes minutes, the first of them most: begun last, it would run on alone.
LONGEST = ("test_course", "images", "test_soak", "test_snapshots", "test_diagnoses", "test_cluster", "test_typing")
# A process that has no more than two tests before it is given what comes next, which then waits behind what it is at:
# that is to be nothing long, also where another process takes some of these meanwhile.
BETWEEN = 2 * WORKERS


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything below this folder as live, and each file as what one process runs; the longest begin first."""
    here = Path(__file__).parent
    groups: dict[str, list[pytest.Item]] = {name: [] for name in LONGEST}
    others: list[pytest.Item] = []
    for item in items:
        if here in item.path.parents:
            name = "images" if item.path.stem in BUILDING else item.path.stem
            item.add_marker(pytest.mark.live)
            item.add_marker(pytest.mark.xdist_group(name))
            groups.setdefault(name, []).append(item)
        else:
            others.append(item)
    ordered: list[pytest.Item] = []
    for number, group in enumerate((group for group in groups.values() if group), 1):
        ordered += group
        # At first each process is given one, and only then one more.
        if number >= WORKERS > 1:
            ordered += others[:BETWEEN]
            del others[:BETWEEN]
    items[:] = ordered + others


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine; without one the test is skipped, or fails when PGHALAB_REQUIRE_ENGINE is set."""
    try:
        connected = Engine.connect()
    except LabError as error:
        message = f"NO CONTAINER ENGINE, LIVE TESTS DID NOT RUN: {error.what}"
        if os.environ.get("PGHALAB_REQUIRE_ENGINE"):
            pytest.fail(message)
        pytest.skip(message)
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tag of the nodes' image, built from these files (at once if they did not change), or PGHALAB_TEST_IMAGE."""
    from pghalab.lab.image.build import build_image

    if named := os.environ.get("PGHALAB_TEST_IMAGE"):
        return named

    async def build() -> None:
        async with contextlib.aclosing(build_image(engine, DEFAULT_IMAGE)) as events:
            async for event in events:
                if isinstance(event, Output):
                    print(event.text, end="")

    # Tests that run side by side have one engine; the first of them builds.
    shared = tmp_path_factory.getbasetemp()
    with ((shared.parent if WORKERS > 1 else shared) / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(build())
    return DEFAULT_IMAGE


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own; no snapshot is made by itself, which a test does not count on."""
    folder = tmp_path / "state"
    monkeypatch.setenv(OFF, "1")
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(folder))
    return folder


async def free_settings(engine: Engine, image: str, nodes: int, others: Iterable[LabSettings] = ()) -> LabSettings:
    """The settings of a lab with a name of its own, on a subnet that is free now and not for one of the others.

    Each of the processes that test side by side has subnets of its own.
    """
    name = f"t{secrets.token_hex(4)}x"
    world = await preflight.look(engine)
    start = replace(default_settings(name), nodes=nodes, image=image, subnet="192.168.90")
    holders = addresses.taken(name, world.containers, world.networks, world.routes)
    taken = {one.subnet for one in others}
    subnet = next(
        candidate
        for candidate in (f"192.168.{90 + WORKERS * secrets.randbelow(160 // WORKERS) + WORKER}" for _ in range(1000))
        if addresses.conflict(replace(start, subnet=candidate), holders) is None and candidate not in taken
    )
    return replace(start, subnet=subnet)


@pytest.fixture
async def make_settings(engine: Engine, image: str) -> AsyncIterator[MakeSettings]:
    """A function that gives the settings of a new lab on a free subnet; its objects are removed afterwards."""
    made: list[LabSettings] = []

    async def make(nodes: int = 1) -> LabSettings:
        made.append(await free_settings(engine, image, nodes, made))
        return made[-1]

    yield make
    for settings in made:
        await lifecycle.down(engine, settings, print, volumes=True)
        await asyncio.to_thread(_remove_claims, engine, settings.name)


def _remove_claims(engine: Engine, lab: str) -> None:
    # What a process that was killed held of the lab: the next one would remove it, and here there is none.
    for right in get_args(Right):
        found = engine.api.volumes(filters={"label": f"{RIGHT_LABEL}={lab}/{right}"})["Volumes"] or []
        for volume in found:
            engine.api.remove_volume(volume["Name"])


@pytest.fixture
async def lab(make_settings: MakeSettings, request: pytest.FixtureRequest) -> AsyncIterator[LocalLab]:
    """A lab of one node, or of as many as the mark `nodes` says, that is open, with nothing created yet."""
    mark = request.node.get_closest_marker("nodes")
    opened = LocalLab(await (make_settings(*mark.args) if mark else make_settings()))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def gate(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gate]:
    """A gate to the engine, which everything connected from here on goes through."""
    address = urlparse(os.environ.get("DOCKER_HOST", "") or "unix:///var/run/docker.sock")
    if address.scheme != "unix" or not Path(address.path).is_socket():
        pytest.skip("the engine is not reached over a local socket")
    made = Gate(address.path, tmp_path / "engine.sock")
    await made.open()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{made.path}")
    yield made
    with contextlib.suppress(AssertionError):
        await made.shut()


async def told(events: Any) -> str:
    """Run a verb to its end and return what it printed."""
    printed, ended = [], None
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, Output):
                printed.append(event.text)
            else:
                ended = event
    assert isinstance(ended, Ended)
    assert ended.exit_status == 0
    return "".join(printed)


async def until(condition: Callable[[], bool], limit: float = 30.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(limit):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def objects(engine: Engine, lab: str) -> set[str]:
    """The names of everything that carries the lab's label."""
    world = await preflight.look(engine)
    names = {one.name for one in world.containers if one.lab == lab}
    names |= {one.name for one in world.networks if one.lab == lab}
    return names | {one.name for one in world.volumes if one.lab == lab}


async def ids(engine: Engine, settings: LabSettings) -> dict[str, str]:
    """The ids of the lab's containers by node name."""
    return {name: found.id for name, found in (await lifecycle.nodes(engine, settings)).items()}
