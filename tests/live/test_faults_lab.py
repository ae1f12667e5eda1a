"""What may be in the way of a lab, or happen to it behind our back: told, and put right where that is possible."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pghalab.lab.deploy import lifecycle
from pghalab.lab.engine import inventory
from pghalab.lab.engine.client import Engine
from pghalab.lab.host.paths import state_dir
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import LabSettings, load_settings
from pghalab.lab.ssh.keys import KEY_NAME
from pghalab.lab.types import Container, LabError, LinkChanged
from tests.live.conftest import MakeSettings, ids, objects, told, until
from tests.live.gate import Gate


async def found(engine: Engine, settings: LabSettings, number: int) -> str:
    """The id of a node's container."""
    return (await lifecycle.nodes(engine, settings))[settings.node_names[number - 1]].id


@contextlib.contextmanager
def foreign_container(engine: Engine, image: str, **more: object) -> Iterator[str]:
    """A container that is no part of any lab."""
    made = engine.api.create_container(image, entrypoint=["sleep", "600"], **more)["Id"]
    try:
        yield made
    finally:
        engine.api.remove_container(made, force=True)


@contextlib.contextmanager
def foreign_network(engine: Engine, name: str, subnet: str) -> Iterator[str]:
    """A network that is no part of any lab."""
    from docker.types import IPAMConfig, IPAMPool

    pool = IPAMPool(subnet=f"{subnet}.0/24", iprange=f"{subnet}.128/25")
    made = engine.api.create_network(name, ipam=IPAMConfig(pool_configs=[pool]))["Id"]
    try:
        yield made
    finally:
        engine.api.remove_network(made)


@pytest.mark.nodes(3)
async def test_a_foreign_container_with_a_nodes_name_is_refused_and_untouched(
    lab: LocalLab, engine: Engine, image: str
) -> None:
    name = f"{lab.prefix}2"
    with foreign_container(engine, image, name=name) as foreign:
        assert [one.state for one in await lab.containers()] == ["absent", "foreign", "absent"]
        before = engine.api.inspect_container(foreign)
        with pytest.raises(LabError) as caught:
            await told(lab.up())
        assert name in caught.value.what and "untouched" in caught.value.what
        assert f"-c {lab.prefix}b" in caught.value.todo
        for events in (lab.stop(), lab.down(volumes=True)):
            await told(events)
        assert engine.api.inspect_container(foreign) == before
        assert await objects(engine, lab.name) == set()

        await told(lab.up(auto=True))
        assert list(lab.nodes) == [f"{lab.settings.name}b{number}" for number in (1, 2, 3)]
        assert {one.state for one in await lab.containers()} == {"running"}
        assert {node.link for node in lab.nodes.values()} == {"up"}
        assert load_settings(lab.name).prefix == lab.prefix


@pytest.mark.nodes(3)
@pytest.mark.parametrize("running", [True, False])
async def test_an_address_of_a_foreign_container_is_found_before_anything_is_created(
    lab: LocalLab, engine: Engine, image: str, running: bool
) -> None:
    # On a network of the same name, which is removed before: only the container still knows the address.
    with contextlib.ExitStack() as stack:
        network = f"{lab.name}foreign"
        settings = lab.settings
        keep = stack.enter_context(foreign_network(engine, network, lab.subnet)) if running else None
        if keep is None:
            with foreign_network(engine, network, lab.subnet):
                holder = _attached(engine, stack, image, network, f"{lab.subnet}.11")
        else:
            holder = _attached(engine, stack, image, network, f"{lab.subnet}.11")
            engine.api.start(holder)
        with pytest.raises(LabError) as caught:
            await told(lab.up())
        name = engine.api.inspect_container(holder)["Name"].removeprefix("/")
        assert (network if running else f"stopped container {name}") in caught.value.what
        free = caught.value.todo.split("-s ")[1].split()[0]
        assert free != settings.subnet
        assert await objects(engine, lab.name) == set()

        await told(lab.up(auto=True))
        assert lab.subnet == free
        assert [one.address for one in await lab.containers()] == [f"{free}.{host}" for host in (10, 11, 12)]


def _attached(engine: Engine, stack: contextlib.ExitStack, image: str, network: str, address: str) -> str:
    api = engine.api
    return stack.enter_context(
        foreign_container(
            engine,
            image,
            host_config=api.create_host_config(network_mode=network),
            networking_config=api.create_networking_config({network: api.create_endpoint_config(ipv4_address=address)}),
        )
    )


async def test_another_labs_subnet_is_refused(lab: LocalLab, make_settings: MakeSettings, engine: Engine) -> None:
    await told(lab.up())
    second = LocalLab(replace(await make_settings(2), subnet=lab.subnet))
    with pytest.raises(LabError) as caught:
        await told(second.up())
    assert f"of the lab {lab.name}" in caught.value.what
    assert await objects(engine, second.name) == set()
    await second.close()


async def test_a_guest_on_the_labs_network_keeps_it_and_is_named(lab: LocalLab, engine: Engine, image: str) -> None:
    await told(lab.up())
    guest = f"{lab.name}guest"
    with foreign_container(engine, image, name=guest, host_config=engine.api.create_host_config(network_mode=None)):
        engine.api.connect_container_to_network(guest, lab.settings.network)
        engine.api.start(guest)
        with pytest.raises(LabError) as caught:
            await told(lab.down())
        assert guest in caught.value.what
        assert lab.settings.network in await objects(engine, lab.name)


@pytest.mark.nodes(3)
async def test_changes_behind_our_back_are_seen_and_put_right(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    seen: list[LinkChanged | Container] = []
    lab.subscribe(seen.append)
    first, second, third = lab.settings.node_names

    def state(name: str) -> str:
        return next((one.state for one in reversed(seen) if isinstance(one, Container) and one.name == name), "")

    paused, stopped, removed = [await found(engine, lab.settings, number) for number in (1, 2, 3)]
    engine.freeze(paused)
    await until(lambda: state(first) == "paused")
    engine.api.rename(paused, f"{lab.name}renamed")
    engine.api.stop(stopped, timeout=5)
    await until(lambda: state(second) == "exited")
    engine.api.remove_container(removed, force=True)
    await until(lambda: state(third) == "absent")
    assert [one.state for one in await lab.containers()] == ["paused", "exited", "absent"]

    said = await told(lab.start())
    assert f"{third} has no container: `pghalab up` creates it" in said
    assert f"{first} had been renamed to {lab.name}renamed" in said
    assert f"{first} was paused" in said
    await until(lambda: (state(first), state(second)) == ("running", "running"))
    await told(lab.up())
    assert [one.name for one in await lab.containers() if one.state == "running"] == [first, second, third]
    assert await found(engine, lab.settings, 1) == paused
    assert (await lab.nodes[third].run("hostname")).stdout.strip() == third


async def test_what_the_engine_lists_is_as_new_as_what_it_told(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    first = await found(engine, lab.settings, 1)
    listed: list[tuple[str, str]] = []

    def look(action: str) -> None:
        state = next(one.state for one in inventory.containers(engine.client, lab.name) if one.id == first)
        listed.append((action, state))

    stop = engine.watch(lab.name, look, lambda: None)
    try:
        for change, state in [
            (engine.freeze, ("pause", "paused")),
            (engine.api.unpause, ("unpause", "running")),
        ] * 5:
            listed.clear()
            change(first)
            await until(lambda: bool(listed))
            assert listed == [state]
    finally:
        stop()


async def test_a_renamed_node_whose_name_is_taken_is_told(lab: LocalLab, engine: Engine, image: str) -> None:
    await told(lab.up())
    name = lab.settings.node_names[0]
    engine.api.rename(await found(engine, lab.settings, 1), f"{lab.name}renamed")
    with foreign_container(engine, image, name=name) as foreign:
        with pytest.raises(LabError) as caught:
            await told(lab.start())
        assert caught.value.node == name
        assert f"{lab.name}renamed" in caught.value.what
        assert engine.api.inspect_container(foreign)["State"]["Status"] == "created"


@pytest.mark.nodes(2)
async def test_an_address_taken_while_the_node_was_stopped_is_told_and_a_port_does_no_harm(
    lab: LocalLab, engine: Engine, image: str
) -> None:
    await told(lab.up())
    ports = [one.ssh_port for one in await lab.containers()]
    await told(lab.stop())
    with contextlib.ExitStack() as stack:
        thief = _attached(engine, stack, image, lab.settings.network, f"{lab.subnet}.11")
        engine.api.start(thief)
        with pytest.raises(LabError) as caught:
            await told(lab.start())
        assert caught.value.node == lab.settings.node_names[1]
        assert engine.api.inspect_container(thief)["Name"].removeprefix("/") in caught.value.what
        assert f"{lab.subnet}.11" in caught.value.what
    await told(lab.stop())
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(socket.create_server(("127.0.0.1", port or 0)))
        await told(lab.start())
        assert {node.link for node in lab.nodes.values()} == {"up"}


async def test_a_network_that_was_removed_is_told_and_the_data_can_be_kept(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    await lab.nodes[lab.settings.node_names[0]].run("echo kept > /pgha/config/marker")
    await told(lab.stop())
    engine.api.remove_network(lab.settings.network)
    with pytest.raises(LabError) as caught:
        await told(lab.start())
    assert caught.value.kind == "no-network" and "pghalab up" in caught.value.todo
    before = await ids(engine, lab.settings)
    await told(lab.up())
    assert await ids(engine, lab.settings) == before
    assert (await lab.nodes[lab.settings.node_names[0]].run("cat /pgha/config/marker")).stdout == "kept\n"


@pytest.mark.nodes(2)
async def test_a_node_that_ends_at_once_says_its_last_words_and_goes(
    lab: LocalLab, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The node's script refuses to start without the key that the console is to log in with.
    monkeypatch.setattr(lab._adopter, "ensure_key", _no_key)
    with pytest.raises(LabError) as caught:
        await told(lab.up())
    assert "PGHALAB_AUTHORIZED_KEY" in caught.value.what
    assert "pghalab build" in caught.value.todo
    assert await objects(engine, lab.name) == set()


@pytest.mark.nodes(2)
async def test_a_public_key_that_was_removed_is_made_again_from_the_private_one(lab: LocalLab) -> None:
    await told(lab.up())
    first, second, *_ = lab.nodes
    await lab.nodes[first].run("rm /etc/pghalab/keys/id_ed25519.pub")
    await told(lab.restart())
    for here, there in ((first, second), (second, first)):
        reached = await lab.nodes[here].run(f"ssh {there} hostname", user="postgres")
        assert reached.stdout == f"{there}\n", reached.stderr


async def _no_key() -> str:
    return ""


async def test_a_missing_image_says_how_to_build_it(lab: LocalLab, engine: Engine) -> None:
    await lab.configure(replace(lab.settings, image="pghalab-none:latest", origin="file"))
    with pytest.raises(LabError) as caught:
        await told(lab.up())
    assert "pghalab build" in caught.value.todo
    assert await objects(engine, lab.name) == set()


async def test_a_disk_that_is_nearly_full_is_refused_before_anything_is_created(
    lab: LocalLab, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHALAB_MIN_FREE_GB", "900000")
    for events in (lab.up(), lab.build()):
        with pytest.raises(LabError, match="are free"):
            await told(events)
    assert await objects(engine, lab.name) == set()


@pytest.mark.nodes(2)
async def test_a_lost_key_is_replaced_on_the_nodes(lab: LocalLab) -> None:
    await told(lab.up())
    await lab.close()
    (state_dir(lab.name) / KEY_NAME).unlink()
    again = LocalLab(load_settings(lab.name))
    await again.open()
    await until(lambda: {node.link for node in again.nodes.values()} == {"up"})
    await told(again.restart())
    assert {node.link for node in again.nodes.values()} == {"up"}
    await again.close()


async def test_without_an_engine_everything_says_so(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await make_settings()
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    lab = LocalLab(settings)
    await lab.open()
    assert list(lab.nodes) == list(settings.node_names)
    for attempt in (lab.containers(), lab.image_versions(), told(lab.up()), told(lab.build()), told(lab.down())):
        with pytest.raises(LabError) as caught:
            await attempt
        assert "engine" in caught.value.what and "pghalab doctor" in caught.value.todo
    await lab.close()


async def test_an_engine_that_goes_away_is_told_and_found_again(
    gate: Gate, make_settings: MakeSettings, engine: Engine
) -> None:
    lab = LocalLab(await make_settings(2))
    await lab.open()
    await told(lab.up())
    seen: list[LinkChanged | Container] = []
    lab.subscribe(seen.append)
    await gate.shut()
    with pytest.raises(LabError, match="engine"):
        await lab.containers()
    # The nodes live on, and so do the connections to them.
    assert (await lab.nodes[lab.settings.node_names[0]].run("hostname")).exit_status == 0
    engine.api.stop(await found(engine, lab.settings, 2), timeout=5)
    await gate.open()
    name = lab.settings.node_names[1]
    await until(lambda: any(isinstance(one, Container) and (one.name, one.state) == (name, "exited") for one in seen))
    await lab.close()


async def test_an_engine_that_goes_away_during_up_is_told_and_the_next_up_continues(
    gate: Gate, make_settings: MakeSettings
) -> None:
    lab = LocalLab(await make_settings(2))
    await lab.open()
    events = lab.up()
    await anext(events)
    await gate.shut()
    with pytest.raises(LabError) as caught:
        async for _ in events:
            pass
    assert "engine" in caught.value.what
    await gate.open()
    await told(lab.up())
    assert {one.state for one in await lab.containers()} == {"running"}
    await lab.close()
