"""The lab on an engine in memory: what its verbs tell, who may run them, and what its subscribers hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from pghalab.lab.changing import Changing
from pghalab.lab.deploy import addresses
from pghalab.lab.deploy.create import Say
from pghalab.lab.engine import lease
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import RIGHT_LABEL
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import default_settings, load_settings
from pghalab.lab.types import Container, Ended, LabError, LinkChanged, Output
from tests.fake_lab.engine import FakeDocker, refusal

SETTINGS = replace(default_settings("pgha"), nodes=3, password="secret", origin="file")


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDocker:
    """An engine on which the lab was made."""
    made = FakeDocker(SETTINGS.image)
    made.deploy(SETTINGS)
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(Engine, "connect", classmethod(lambda cls: made.engine()))
    monkeypatch.setattr(addresses, "host_routes", tuple)
    return made


@pytest.fixture
async def lab(docker: FakeDocker) -> AsyncIterator[LocalLab]:
    """The lab, without links."""
    opened = LocalLab(SETTINGS)
    await opened.open(link=False)
    yield opened
    await opened.close()
    lease._given_up.clear()


async def told(verb: AsyncGenerator[Output | Ended, None]) -> list[str]:
    """What a verb said, once it has ended well."""
    async with aclosing(verb) as pieces:
        found = [piece async for piece in pieces]
    ended = found.pop()
    assert isinstance(ended, Ended) and (ended.how, ended.exit_status) == ("exited", 0)
    return sorted(piece.text for piece in found if isinstance(piece, Output) and piece.text)


def fails(change: Container | LinkChanged) -> None:
    raise ZeroDivisionError


def rights(docker: FakeDocker) -> list[str]:
    return [name for name, labels in docker.vols.items() if RIGHT_LABEL in labels]


async def test_a_verb_tells_what_it_does_and_then_that_it_ended(lab: LocalLab, docker: FakeDocker) -> None:
    assert await told(lab.stop()) == ["pgha1 stopped\n", "pgha2 stopped\n", "pgha3 stopped\n"]
    assert {one.state for one in docker.held.values()} == {"exited"}
    assert await told(lab.rm()) == ["pgha1 removed\n", "pgha2 removed\n", "pgha3 removed\n"]
    assert await told(lab.down(volumes=True)) == [
        "network pghanet removed\n",
        *(f"volume {name} removed\n" for name in sorted(["pgha-keys", *(f"pgha{n}-{what}" for n in (1, 2, 3)
          for what in ("pgdata", "pgha"))])),
    ]  # fmt: skip
    assert (docker.held, docker.nets, docker.vols) == ({}, {}, {})


async def test_a_failure_comes_after_what_was_said_before_it_and_leaves_no_right(
    lab: LocalLab, docker: FakeDocker
) -> None:
    docker.fails["stop", "pgha2"] = refusal(500, "it does not want to")
    said = []
    with pytest.raises(LabError, match="it does not want to"):
        async for piece in lab.stop():
            said.append(piece)
    assert sum(piece.text != "" for piece in said if isinstance(piece, Output)) == 2
    assert not any(isinstance(piece, Ended) for piece in said)
    assert rights(docker) == []


async def test_a_stopped_verb_is_waited_for_however_often_its_reader_is_cancelled(docker: FakeDocker) -> None:
    async def engine() -> Engine:
        return docker.engine()

    async def nothing() -> None:
        return

    begun, taken_back, over = asyncio.Event(), asyncio.Event(), False

    async def work(say: Say) -> None:
        nonlocal over
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await taken_back.wait()
            over = True

    reading = asyncio.create_task(told(Changing("pgha", engine).stream("works", work, nothing)))
    await begun.wait()
    for _ in range(4):
        reading.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
    assert not reading.done()
    taken_back.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert over


async def test_a_verb_that_is_closed_early_is_stopped(lab: LocalLab, docker: FakeDocker) -> None:
    begun, ended = asyncio.Event(), []

    async def slow(say: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("here")

    verb = Changing("pgha", lab.engine).stream("works", slow, lab.settle)
    waiting = asyncio.create_task(anext(verb))
    await begun.wait()
    assert len(rights(docker)) == 1
    waiting.cancel()
    await asyncio.wait({waiting})
    await verb.aclose()
    assert ended == ["here"] and rights(docker) == []


async def test_whoever_changes_the_lab_already_does_not_wait_for_himself(lab: LocalLab, docker: FakeDocker) -> None:
    async with lab.changing("runs the course"):
        assert len(rights(docker)) == 1
        await told(lab.stop())
        assert len(rights(docker)) == 1
    assert rights(docker) == []


async def test_who_only_looks_changes_nothing_and_writes_nothing(docker: FakeDocker, tmp_path: Path) -> None:
    looking = LocalLab(SETTINGS, look_only=True)
    await looking.open(link=False)
    for verb in (looking.stop(), looking.up(), looking.down(volumes=True)):
        with pytest.raises(LabError) as refused:
            await told(verb)
        assert (refused.value.kind, refused.value.todo) == ("driven", "Take over first.")
    await looking.close()
    assert len(docker.held) == 3 and list(tmp_path.iterdir()) == []


async def test_without_an_engine_a_lab_opens_and_its_verbs_say_why_they_do_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def none(cls: type[Engine]) -> Engine:
        raise LabError("No container engine answers.", kind="no-engine")

    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(Engine, "connect", classmethod(none))
    lab = LocalLab(SETTINGS)
    await lab.open(link=False)
    with pytest.raises(LabError, match="No container engine answers"):
        await told(lab.stop())
    with pytest.raises(LabError, match="No container engine answers"):
        await lab.containers()
    await lab.settle()
    await lab.close()


async def test_every_node_has_a_container_or_the_word_that_it_has_none(lab: LocalLab, docker: FakeDocker) -> None:
    docker.named("pgha1").name = "renamed"
    docker.remove_container(docker.named("pgha2").id, force=True, v=True)
    docker.named("pgha3").labels = {}
    docker.named("pgha3").networks = {"pghanet": "192.168.50.99"}
    first = docker.named("renamed")
    assert list(await lab.containers()) == [
        Container("pgha1", "running", "192.168.50.10", first.port, first.id),
        Container("pgha2", "absent", "192.168.50.11", None),
        Container("pgha3", "foreign", "192.168.50.12", None),
    ]


async def test_subscribers_hear_what_changed_and_only_that(lab: LocalLab, docker: FakeDocker) -> None:
    for one in docker.held.values():
        one.state = "exited"
    heard: list[Container | LinkChanged] = []
    unsubscribe = lab.subscribe(heard.append)
    lab.subscribe(fails)
    also: list[Container | LinkChanged] = []
    lab.subscribe(also.append)
    await lab.settle()
    assert [one.name for one in heard if isinstance(one, Container)] == ["pgha1", "pgha2", "pgha3"]
    heard.clear()
    await lab.settle()
    assert heard == []
    docker.named("pgha2").state = "paused"
    # A container that was made again is another one, however alike.
    again = docker.named("pgha3")
    docker.held = {(f"{id_}0" if one is again else id_): one for id_, one in docker.held.items()}
    again.id = f"{again.id}0"
    await lab.settle()
    assert [(one.name, one.state) for one in heard if isinstance(one, Container)] == [
        ("pgha2", "paused"), ("pgha3", "exited"),
    ]  # fmt: skip
    unsubscribe()
    unsubscribe()
    docker.named("pgha1").state = "paused"
    await lab.settle()
    assert len(heard) == 2 and len(also) == 6


async def test_other_settings_bring_other_nodes_and_the_same_ones_none(lab: LocalLab) -> None:
    before = dict(lab.nodes)
    await lab.configure(replace(SETTINGS, password="another"))
    assert dict(lab.nodes) == before and lab.password == "another"
    await lab.configure(replace(SETTINGS, prefix="node", nodes=2))
    assert {name: node.address for name, node in lab.nodes.items()} == {
        "node1": "192.168.50.10",
        "node2": "192.168.50.11",
    }


async def test_settings_that_are_lost_are_read_back_and_kept(docker: FakeDocker) -> None:
    lost = LocalLab(default_settings("pgha"))
    await lost.open(link=False)
    assert lost.settings == SETTINGS
    assert lost.notices == ["The settings of the lab pgha were read back from its nodes."]
    assert load_settings("pgha") == SETTINGS
    await lost.close()


async def test_a_node_whose_container_does_not_run_is_not_waited_for(lab: LocalLab, docker: FakeDocker) -> None:
    docker.named("pgha1").state = "exited"
    with pytest.raises(LabError) as refused:
        await lab.connect("pgha1", 5.0)
    assert refused.value.node == "pgha1"
