"""Creations that fail, are stopped or are refused leave behind what was there before, and nothing else."""

from __future__ import annotations

import asyncio
import io
import secrets
import signal
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Literal
from unittest.mock import AsyncMock

import pytest

from pghalab.lab.deploy import create, lifecycle, preflight
from pghalab.lab.deploy.spec import NodeSpec, deployment
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.local import LocalLab
from pghalab.lab.types import LabError
from tests.live.conftest import MakeSettings, ids, objects, told


@pytest.mark.nodes(3)
async def test_a_creation_that_fails_half_way_takes_back_only_what_it_made(
    lab: LocalLab, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(lab.up())
    names = lab.settings.node_names
    before = await lifecycle.nodes(engine, lab.settings)
    for name in names[1:]:
        engine.api.remove_container(before[name].id, force=True)
    kept = await objects(engine, lab.name)
    assert names[0] in kept and names[1] not in kept
    real = create.make_container

    def fails_on_the_third(with_engine: Engine, spec: NodeSpec) -> str:
        if spec.number == 3:
            raise OSError("the disk is gone")
        return real(with_engine, spec)

    monkeypatch.setattr(create, "make_container", fails_on_the_third)
    with pytest.raises(LabError) as caught:
        await told(lab.up())
    assert caught.value.node == names[2]
    assert await objects(engine, lab.name) == kept
    assert (await ids(engine, lab.settings))[names[0]] == before[names[0]].id


async def test_a_volume_that_another_up_made_meanwhile_is_not_taken_back(
    make_settings: MakeSettings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await make_settings(1)
    plan = deployment(settings, "ssh-ed25519 AAAA x")
    before = await preflight.look(engine)
    other = plan.volumes[0]
    engine.api.create_volume(other.name, labels=dict(other.labels))

    def fails(with_engine: Engine, spec: NodeSpec) -> str:
        raise OSError("the disk is gone")

    monkeypatch.setattr(create, "make_container", fails)
    with pytest.raises(LabError):
        await create.create(engine, settings, plan, before, print, _never)
    assert await objects(engine, settings.name) == {other.name}


async def _never(name: str, found: FoundContainer) -> bool:
    return False


@pytest.mark.nodes(2)
async def test_closing_up_early_takes_back_what_it_made(lab: LocalLab, engine: Engine) -> None:
    events = lab.up()
    await anext(events)
    await events.aclose()
    assert await objects(engine, lab.name) == set()


@pytest.fixture
async def ending_image(engine: Engine, image: str) -> AsyncIterator[str]:
    """The nodes' image with a program that ends at once."""
    tag = f"pghalab-test-{secrets.token_hex(4)}:latest"
    text = f"FROM {image}\nENTRYPOINT []\nCMD echo these are its last words; exit 3\n"
    await asyncio.to_thread(engine.client.images.build, fileobj=io.BytesIO(text.encode()), tag=tag, rm=True)
    yield tag
    await asyncio.to_thread(engine.client.images.remove, tag)


@pytest.mark.nodes(3)
async def test_nodes_that_were_there_stay_when_new_ones_end_at_once(
    lab: LocalLab, engine: Engine, ending_image: str
) -> None:
    await told(lab.up())
    names = lab.settings.node_names
    before = await ids(engine, lab.settings)
    engine.api.remove_container(before[names[2]], force=True)
    kept = await objects(engine, lab.name)
    # As after a build: the tag of the lab is another image now, and what exists goes by the id of its own.
    other = LocalLab(replace(lab.settings, image=ending_image, origin="file"))
    await other.open(link=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preflight, "_same_lab", AsyncMock())
        with pytest.raises(LabError, match="last words"):
            await told(other.up())
    await other.close()
    assert await objects(engine, lab.name) == kept
    assert {name: id_ for name, id_ in before.items() if name != names[2]} == await ids(engine, lab.settings)


@pytest.mark.parametrize("verb", ["up", "build"])
async def test_an_image_that_pghalab_did_not_build_stays_untouched(
    make_settings: MakeSettings, engine: Engine, verb: Literal["up", "build"]
) -> None:
    tag = f"pghalab-test-{secrets.token_hex(4)}:latest"
    with tarfile.open(fileobj=(archive := io.BytesIO()), mode="w"):
        pass
    repository, _, name = tag.partition(":")
    engine.api.import_image_from_data(archive.getvalue(), repository=repository, tag=name)
    before = engine.api.inspect_image(tag)["Id"]
    settings = replace(await make_settings(1), image=tag)
    lab = LocalLab(settings)
    try:
        with pytest.raises(LabError, match="pghalab did not build"):
            await told(lab.action(verb))
        assert engine.api.inspect_image(tag)["Id"] == before
        assert await objects(engine, settings.name) == set()
    finally:
        engine.api.remove_image(tag)
        await lab.close()


TERMINATED = """
import os, signal, sys
from pghalab.cli import main
from pghalab.lab.deploy import create
real = create.make_container
def asks_to_end(engine, spec):
    made = real(engine, spec)
    if spec.number == 2:
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    return made
create.make_container = asks_to_end
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
async def test_a_signal_during_up_takes_back_what_it_made(
    make_settings: MakeSettings, engine: Engine, name: str
) -> None:
    settings = await make_settings()
    words = ["--lab", settings.name, "up", "-n", "3", "-c", settings.prefix, "-s", settings.subnet]
    command = [sys.executable, "-c", TERMINATED, name, *words]
    ended = await asyncio.to_thread(
        subprocess.run, command, cwd=Path(__file__).parents[2], timeout=120, capture_output=True, text=True
    )
    assert ended.returncode == 128 + signal.Signals[name], ended.stderr
    assert "Traceback" not in ended.stderr
    assert await objects(engine, settings.name) == set()
