"""Creating a lab: what it asks the engine for, what it leaves alone, and that a failure takes back what it made."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from pghalab.lab.deploy import addresses, create, lifecycle, preflight
from pghalab.lab.deploy.spec import deployment
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.settings import LabSettings, default_settings
from pghalab.lab.types import LabError, Part
from tests.fake_lab.engine import FakeDocker, refusal

SETTINGS = replace(default_settings("pgha"), nodes=2, password="secret")
KEY = "ssh-ed25519 AAAA console"


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """An engine that holds nothing."""
    monkeypatch.setattr(addresses, "host_routes", tuple)
    monkeypatch.setattr(lifecycle, "POLL_SECONDS", 0.001)
    return FakeDocker(SETTINGS.image)


@pytest.fixture
def said() -> list[str]:
    """What was said meanwhile."""
    return []


async def reached(name: str, found: FoundContainer) -> bool:
    return found.state == "running"


async def up(
    docker: FakeDocker,
    said: list[str],
    settings: LabSettings = SETTINGS,
    reached: lifecycle.Reached = reached,
    parts: list[Part] | None = None,
) -> dict[str, FoundContainer]:
    engine = docker.engine()
    world = await preflight.look(engine)

    def say(text: str) -> None:
        if parts is not None and isinstance(text, Part):
            parts.append(text)
        # That a part of the work begins need not be printed.
        if text:
            said.append(text)

    return await create.create(engine, settings, deployment(settings, KEY), world, say, reached)


def everything(docker: FakeDocker) -> tuple[set[str], set[str], set[str]]:
    return (
        {one.name for one in docker.held.values()},
        {net.name for net in docker.nets.values()},
        set(docker.vols),
    )


async def test_a_new_lab_gets_a_network_volumes_and_nodes(docker: FakeDocker, said: list[str]) -> None:
    ready = await up(docker, said)
    assert {name: found.ssh_port for name, found in ready.items()} == {
        name: docker.named(name).port for name in ("pgha1", "pgha2")
    }
    assert everything(docker) == (
        {"pgha1", "pgha2"},
        {"pghanet"},
        {"pgha-keys", "pgha1-pgha", "pgha1-pgdata", "pgha2-pgha", "pgha2-pgdata"},
    )
    assert said[0] == "network pghanet 192.168.50.0/24\n"
    assert sorted(said[1:]) == [
        "pgha1 192.168.50.10 created and started\n",
        "pgha2 192.168.50.11 created and started\n",
    ]


async def test_addresses_that_the_engine_hands_out_lie_beside_those_of_the_nodes(
    docker: FakeDocker, said: list[str]
) -> None:
    await up(docker, said)
    (net,) = docker.nets.values()
    assert {key: value for key, value in net.pool.items() if value} == {
        "Subnet": "192.168.50.0/24",
        "Gateway": "192.168.50.1",
        "IPRange": "192.168.50.128/25",
    }
    assert net.labels == {"pghalab.lab": "pgha"}


async def test_a_volume_carries_the_lab_and_what_it_is_filled_under(docker: FakeDocker, said: list[str]) -> None:
    await up(docker, said)
    labels = docker.vols["pgha2-pgdata"]
    assert labels["pghalab.lab"] == "pgha"
    assert (labels["pghalab.subnet"], labels["pghalab.nodes"]) == ("192.168.50", "2")
    assert "secret" not in str(labels)


async def test_a_node_is_the_machine_that_the_course_speaks_of(docker: FakeDocker, said: list[str]) -> None:
    await up(docker, said)
    node = docker.named("pgha2")
    assert node.image == SETTINGS.image
    assert node.labels == {"pghalab.lab": "pgha", "pghalab.node": "2"}
    assert node.environment == {
        "NODELIST": "pgha1:192.168.50.10 pgha2:192.168.50.11",
        "PGHALAB_AUTHORIZED_KEY": KEY,
        "PGHALAB_PASSWORD": "secret",
        "PGHALAB_AUTH": "scram-sha-256",
        "PGHALAB_OPEN": "0",
    }
    assert node.networks == {"pghanet": "192.168.50.11"}
    assert node.aliases == {"pghanet": ["pgha2", "etcd2"]}
    assert sorted(node.host["Binds"]) == [
        "pgha-keys:/etc/pghalab/keys:rw",
        "pgha2-pgdata:/pgdata:rw",
        "pgha2-pgha:/pgha:rw",
    ]
    assert node.host["NetworkMode"] == "pghanet"
    assert node.host["CapAdd"] == ["NET_ADMIN"]
    assert node.host["RestartPolicy"] == {"Name": "no"}


async def test_a_node_listens_on_this_machine_only_and_cannot_eat_it(docker: FakeDocker, said: list[str]) -> None:
    await up(docker, said)
    host = docker.named("pgha1").host
    (bound,) = host["PortBindings"].values()
    assert bound == [{"HostIp": "127.0.0.1", "HostPort": ""}]
    assert host["PidsLimit"] == 1024
    assert host["Memory"] == host["MemorySwap"] == 1024**3


async def test_a_second_time_nothing_is_made(docker: FakeDocker, said: list[str]) -> None:
    await up(docker, said)
    before = (everything(docker), set(docker.held))
    said.clear()
    assert sorted(await up(docker, said)) == ["pgha1", "pgha2"]
    assert (everything(docker), set(docker.held)) == before
    assert said == []


async def test_what_is_missing_is_made_and_what_stopped_is_started(docker: FakeDocker, said: list[str]) -> None:
    await up(docker, said)
    docker.remove_container(docker.named("pgha2").id, force=True, v=True)
    docker.named("pgha1").state = "exited"
    docker.remove_volume("pgha2-pgdata")
    kept = docker.named("pgha1").id
    said.clear()
    await up(docker, said)
    assert docker.named("pgha1").id == kept and docker.named("pgha1").state == "running"
    assert docker.named("pgha2").state == "running" and "pgha2-pgdata" in docker.vols
    assert sorted(said) == ["pgha1 started\n", "pgha2 192.168.50.11 created and started\n"]


async def test_a_network_of_other_options_that_nobody_uses_is_made_anew(docker: FakeDocker, said: list[str]) -> None:
    docker.create_network("old", ipam={"Config": [{"Subnet": "10.1.1.0/24"}]}, labels={"pghalab.lab": "pgha"})
    await up(docker, said)
    assert [net.name for net in docker.nets.values()] == ["pghanet"]


async def test_nodes_are_connected_to_a_network_that_was_lost(docker: FakeDocker, said: list[str]) -> None:
    await up(docker, said)
    docker.nets.clear()
    kept = set(docker.held)
    said.clear()
    await up(docker, said)
    assert set(docker.held) == kept
    assert docker.named("pgha2").aliases == {"pghanet": ["pgha2", "etcd2"]}
    assert "pgha2 was not connected to pghanet; it has 192.168.50.11 again\n" in said


# Taking back


@pytest.mark.parametrize(
    ("call", "name", "doing"),
    [
        ("start", "pgha2", "Starting the container"),
        ("create_container", "pgha2", "Creating the container"),
        ("create_volume", "pgha2-pgdata", "Creating volume pgha2-pgdata"),
    ],
)
async def test_a_failure_takes_back_what_was_made(
    docker: FakeDocker, said: list[str], call: str, name: str, doing: str
) -> None:
    docker.fails[call, name] = refusal(500, "it does not want to")
    with pytest.raises(LabError) as told:
        await up(docker, said)
    assert told.value.what == f"{doing}: the engine refused: it does not want to"
    assert told.value.node == ("pgha2" if call != "create_volume" else None)
    assert everything(docker) == (set(), set(), set())
    (back,) = [line for line in said if line.startswith("taking back ")]
    assert "pghanet" in back and "pgha-keys" in back and ("pgha1," in back) is (call != "create_volume")


async def test_a_failure_takes_back_nothing_that_was_there(docker: FakeDocker, said: list[str]) -> None:
    await up(docker, said)
    docker.remove_container(docker.named("pgha2").id, force=True, v=True)
    before = everything(docker)
    docker.fails["start", "pgha2"] = refusal(500, "no")
    said.clear()
    with pytest.raises(LabError):
        await up(docker, said)
    assert everything(docker) == before
    assert docker.named("pgha1").state == "running"
    assert said == ["taking back pgha2\n"]


async def test_a_failure_before_anything_was_made_takes_nothing_back(docker: FakeDocker, said: list[str]) -> None:
    docker.fails["create_network", "pghanet"] = refusal(500, "no")
    with pytest.raises(LabError, match="Creating network pghanet: the engine refused: no"):
        await up(docker, said)
    assert said == ["network pghanet 192.168.50.0/24\n"]


async def test_a_volume_that_somebody_made_meanwhile_is_not_taken_back(docker: FakeDocker, said: list[str]) -> None:
    engine = docker.engine()
    world = await preflight.look(engine)
    docker.create_volume("pgha1-pgdata", labels={"of": "another"})
    docker.fails["start", "pgha1"] = refusal(500, "no")
    with pytest.raises(LabError):
        await create.create(engine, SETTINGS, deployment(SETTINGS, KEY), world, said.append, reached)
    assert docker.vols == {"pgha1-pgdata": {"of": "another"}}


async def test_what_cannot_be_taken_back_is_said_with_the_way_to_remove_it(docker: FakeDocker, said: list[str]) -> None:
    docker.fails["start", "pgha1"] = refusal(500, "first")
    docker.fails["remove_volume", "pgha-keys"] = refusal(409, "second")
    with pytest.raises(LabError) as told:
        await up(docker, said)
    error = told.value
    assert error.node == "pgha1" and error.kind == "engine-refused"
    assert error.what == (
        "Starting the container: the engine refused: first Also: Removing volume pgha-keys: the engine refused: second"
    )
    assert error.todo == "What is left behind goes with: pghalab down -f"
    assert error.kind == "engine-refused"
    assert everything(docker) == (set(), set(), {"pgha-keys"})


async def test_what_is_gone_when_it_is_taken_back_is_fine(docker: FakeDocker, said: list[str]) -> None:
    docker.fails["start", "pgha1"] = refusal(500, "first")
    docker.fails["remove_volume", "pgha-keys"] = refusal(404, "no such volume")
    with pytest.raises(LabError) as told:
        await up(docker, said)
    assert told.value.what == "Starting the container: the engine refused: first"


async def test_nodes_that_are_not_reached_are_taken_back_and_the_advice_is_not_to_read_their_logs(
    docker: FakeDocker, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "READY_SECONDS", 0.05)
    monkeypatch.setattr(lifecycle, "READY_PER_NODE", 0.0)

    async def never(name: str, found: FoundContainer) -> bool:
        return False

    with pytest.raises(LabError) as told:
        await up(docker, said, reached=never)
    assert told.value.kind == "timeout" and "pgha1, pgha2" in told.value.what
    assert told.value.todo.startswith("Build the image anew (pghalab build), then `pghalab up`")
    assert everything(docker) == (set(), set(), set())


async def test_a_node_that_was_there_and_is_not_reached_keeps_its_log_and_the_advice_to_read_it(
    docker: FakeDocker, said: list[str]
) -> None:
    docker.deploy(SETTINGS)

    async def refuses(name: str, found: FoundContainer) -> bool:
        raise LabError("It lets nobody in.", node=name, todo="See: docker logs", kind="refused")

    with pytest.raises(LabError) as told:
        await up(docker, said, reached=refuses)
    assert (told.value.kind, told.value.todo) == ("refused", "See: docker logs")
    assert everything(docker)[0] == {"pgha1", "pgha2"}


async def test_an_address_that_is_taken_meanwhile_is_told_with_its_holder(docker: FakeDocker, said: list[str]) -> None:
    docker.add("guest", network="pghanet", address="192.168.50.11")
    with pytest.raises(LabError) as told:
        await up(docker, said)
    assert (told.value.node, told.value.kind) == ("pgha2", "taken")
    assert "held by the container guest" in told.value.what
    assert everything(docker)[0] == {"guest"}


async def test_who_is_cancelled_takes_back_what_he_made(docker: FakeDocker, said: list[str]) -> None:
    waits = asyncio.Event()

    async def for_ever(name: str, found: FoundContainer) -> bool:
        waits.set()
        await asyncio.Event().wait()
        return True

    task = asyncio.create_task(up(docker, said, reached=for_ever))
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert everything(docker) == (set(), set(), set())


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        *((call, False) for call in ("create_network", "create_volume", "create_container", "start")),
        *((call, True) for call in ("remove_container", "remove_network", "remove_volume")),
    ],
)
async def test_however_often_he_is_cancelled_what_is_made_and_what_is_left_to_remove_is_taken_back(
    docker: FakeDocker, said: list[str], monkeypatch: pytest.MonkeyPatch, call: str, refused: bool
) -> None:
    """While the engine goes on making something, or, once a node was refused, while it removes it again."""
    began, go_on, really = threading.Event(), threading.Event(), getattr(docker, call)

    def slow(*args: Any, **kwargs: Any) -> object:
        began.set()
        assert go_on.wait(10)
        return really(*args, **kwargs)

    monkeypatch.setattr(docker, call, slow)
    if refused:
        docker.fails["start", "pgha2"] = refusal(500, "no")
    task = asyncio.create_task(up(docker, said))
    assert await asyncio.to_thread(began.wait, 10)
    await cancelled_again_and_again(task)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert everything(docker) == (set(), set(), set())


async def cancelled_again_and_again(task: asyncio.Task[Any]) -> None:
    for _ in range(4):
        task.cancel()
        # Each has come as far as it goes before the next one.
        for _ in range(10):
            await asyncio.sleep(0)
    assert not task.done()


async def test_nodes_are_made_at_the_same_time(
    docker: FakeDocker, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    start = docker.start

    def together(container: str) -> None:
        both.wait(10)
        start(container)

    monkeypatch.setattr(docker, "start", together)
    await up(docker, said)
    assert not both.broken


async def test_how_far_it_is_is_told_with_every_part(docker: FakeDocker, said: list[str]) -> None:
    for started in ("was started", "runs"):
        parts: list[Part] = []
        await up(docker, said, parts=parts)
        assert [(part.number, part.of) for part in parts] == [(1, 4), (2, 4), (3, 4), (4, 4)]
        assert parts[0].words == "the network and the volumes" and parts[-1].words == "logging in on every node"
        assert {part.words for part in parts[1:3]} == {f"pgha1 {started}", f"pgha2 {started}"}


async def test_a_network_that_somebody_made_meanwhile_is_not_made_a_second_time(
    docker: FakeDocker, said: list[str]
) -> None:
    engine = docker.engine()
    world = await preflight.look(engine)
    docker.create_network("pghanet", ipam={"Config": [{"Subnet": "10.1.1.0/24"}]}, labels={})
    with pytest.raises(LabError, match="network with name pghanet already exists"):
        await create.create(engine, SETTINGS, deployment(SETTINGS, KEY), world, said.append, reached)
    assert everything(docker) == (set(), {"pghanet"}, set())
    assert [net.labels for net in docker.nets.values()] == [{}]
