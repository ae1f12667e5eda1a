"""Before anything is created: who is in the way is named, what is free is offered, and a lab stays the lab it is."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from pghalab.lab.deploy import addresses, preflight
from pghalab.lab.settings import LabSettings, default_settings
from pghalab.lab.types import ErrorKind, LabError
from tests.fake_lab.engine import FakeDocker

SETTINGS = replace(default_settings("pgha"), nodes=3, password="secret", image="pghalab-pg17:latest")


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[IPv4Network, str]]:
    """The routes of a machine on which nothing else runs."""
    found: list[tuple[IPv4Network, str]] = []
    monkeypatch.setenv("PGHALAB_MIN_FREE_GB", "0")
    monkeypatch.setattr(addresses, "host_routes", lambda: tuple(found))
    return found


@pytest.fixture
def docker(routes: object) -> FakeDocker:
    """An engine that has the image and nothing else."""
    return FakeDocker(SETTINGS.image)


async def check(docker: FakeDocker, settings: LabSettings = SETTINGS, *, auto: bool = False) -> LabSettings:
    return (await preflight.check(docker.engine(), settings, auto=auto))[0]


async def refused(docker: FakeDocker, settings: LabSettings = SETTINGS, *, auto: bool = False) -> LabError:
    with pytest.raises(LabError) as told:
        await check(docker, settings, auto=auto)
    return told.value


async def test_on_an_empty_engine_nothing_is_in_the_way(docker: FakeDocker) -> None:
    settings, world = await preflight.check(docker.engine(), SETTINGS, auto=False)
    assert settings == SETTINGS
    assert (world.containers, world.networks, world.volumes) == ((), (), ())
    assert world.nodes("pgha") == {} and world.network("pgha") is None


async def test_what_is_there_is_told_apart_by_lab_and_in_the_order_of_the_nodes(docker: FakeDocker) -> None:
    docker.deploy(replace(SETTINGS, name="b", prefix="b", network="bnet", subnet="10.9.9"))
    docker.deploy(SETTINGS)
    docker.add("pgha-other")
    docker.held = dict(reversed(docker.held.items()))
    world = await preflight.look(docker.engine())
    assert [(number, one.name) for number, one in world.nodes("pgha").items()] == [
        (1, "pgha1"),
        (2, "pgha2"),
        (3, "pgha3"),
    ]
    network = world.network("b")
    assert network is not None and (network.name, network.subnets) == ("bnet", ("10.9.9.0/24",))


async def test_too_little_room_is_said_before_anything_is_asked(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHALAB_MIN_FREE_GB", "900000")
    docker.images.clear()
    assert (await refused(docker)).kind == "no-space"


@pytest.mark.parametrize(
    ("image", "command"), [("pghalab-pg17:latest", "pghalab build"), ("mine:2", "pghalab build -i mine:2")]
)
async def test_an_image_that_is_not_built_says_how_to_build_it(docker: FakeDocker, image: str, command: str) -> None:
    docker.images.clear()
    error = await refused(docker, replace(SETTINGS, image=image))
    assert (error.kind, error.what) == ("no-image", f"The image {image} is not built yet.")
    assert error.todo == f"Build it: {command}"


async def test_an_image_of_somebody_else_is_not_used(docker: FakeDocker) -> None:
    docker.images[SETTINGS.image] = {"Config": {"Labels": None}}
    error = await refused(docker)
    assert error.kind == "taken" and "did not build" in error.what


async def test_an_engine_that_refuses_to_tell_of_the_image_is_not_an_image_that_is_missing(docker: FakeDocker) -> None:
    docker.fails["inspect_image", SETTINGS.image] = OSError("broken pipe")
    assert (await refused(docker)).kind not in ("no-image", "gone")


async def test_a_taken_name_is_told_with_its_holder_and_what_is_free(docker: FakeDocker) -> None:
    docker.add("pgha2")
    error = await refused(docker)
    assert error.kind == "taken"
    assert error.what == (
        "The name pgha2 is taken by a container that pghalab did not make. "
        "It does not belong to the lab pgha and stays untouched."
    )
    assert error.todo == "Free is: -c pghab -w pghabnet (--auto takes it)."


async def test_a_taken_network_and_a_taken_volume_are_told_too(docker: FakeDocker) -> None:
    docker.create_volume("pgha3-pgdata", labels={"pghalab.lab": "b"})
    error = await refused(docker)
    assert error.what.startswith("The name pgha3-pgdata is taken by a volume of the lab b.")
    docker.create_network("pghanet", ipam={"Config": [{}]}, labels={})
    error = await refused(docker)
    assert error.what.startswith("The name pghanet is taken by a network that pghalab did not make.")


async def test_names_beside_those_of_the_lab_are_nobodys_business(docker: FakeDocker) -> None:
    docker.add("pgha4")
    docker.create_volume("pgha4-pgdata", labels={})
    docker.create_network("pghanet2", ipam={"Config": [{"Subnet": "10.1.1.0/24"}]}, labels={})
    assert await check(docker) == SETTINGS


async def test_free_names_are_taken_when_that_is_asked_for(docker: FakeDocker) -> None:
    docker.add("pgha1")
    docker.add("pghab3")
    docker.create_network("pghacnet", ipam={"Config": [{}]}, labels={})
    assert await check(docker, auto=True) == replace(SETTINGS, prefix="pghad", network="pghadnet")


async def test_a_lab_that_has_nodes_takes_no_other_names(docker: FakeDocker) -> None:
    docker.deploy(SETTINGS)
    docker.named("pgha2").labels = {}
    assert (await refused(docker, auto=True)).kind == "taken"


async def test_when_every_name_is_taken_none_is_offered(docker: FakeDocker) -> None:
    for letter in ("", *"bcdefghijklmnopqrstuvwxyz"):
        docker.add(f"pgha{letter}1")
    error = await refused(docker, auto=True)
    assert error.todo == "Choose others with -c and -w."


async def test_a_held_address_is_told_with_its_holder_and_the_next_free_subnet(
    docker: FakeDocker, routes: list[tuple[IPv4Network, str]]
) -> None:
    routes.append((IPv4Network("192.168.50.0/24"), "eth7"))
    error = await refused(docker)
    assert error.kind == "taken"
    assert error.what.startswith("The lab wants 192.168.50.10 to .12 in 192.168.50.0/24, but there is ")
    assert "eth7" in error.what
    assert error.todo == "The next free subnet is 192.168.51: -s 192.168.51 (--auto takes it)."
    assert await check(docker, auto=True) == replace(SETTINGS, subnet="192.168.51")


async def test_a_lab_that_has_nodes_moves_to_no_other_subnet(docker: FakeDocker) -> None:
    docker.deploy(SETTINGS)
    docker.add("web", network="pghanet", address="192.168.50.11")
    error = await refused(docker, auto=True)
    assert error.kind == "taken" and "web" in error.what


async def test_a_lab_is_completed_when_it_is_the_same(docker: FakeDocker) -> None:
    docker.deploy(SETTINGS)
    docker.named("pgha1").image = "sha256:77"
    docker.named("pgha2").image = "0f3c77"
    docker.remove_container(docker.named("pgha3").id, force=True, v=True)
    assert await check(docker) == SETTINGS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subnet": "192.168.60"}, "on the network pghanet with 192.168.50.0/24"),
        ({"network": "other"}, "on the network pghanet with 192.168.50.0/24"),
        ({"nodes": 2}, "with other nodes (pgha1:192.168.50.10 pgha2:192.168.50.11 pgha3:192.168.50.12)"),
        ({"password": "another"}, "with another password"),
        ({"auth_method": "md5"}, "with passwords stored as scram-sha-256"),
    ],
)
async def test_a_lab_is_not_mixed_with_another_deployment(
    docker: FakeDocker, change: dict[str, Any], words: str
) -> None:
    docker.deploy(SETTINGS)
    error = await refused(docker, replace(SETTINGS, **change))
    assert (error.kind, error.what) == ("differs", f"The lab pgha exists {words}.")
    assert error.todo.startswith("Take the lab down first (pghalab down keeps its data)")


async def test_nodes_of_another_image_are_not_mixed(docker: FakeDocker) -> None:
    docker.deploy(SETTINGS)
    docker.images["mine:2"] = docker.images[SETTINGS.image]
    docker.named("pgha1").image = "mine:2"
    error = await refused(docker, replace(SETTINGS, image="mine:2"))
    assert (error.kind, error.what) == ("differs", "pgha2 exists with the image pghalab-pg17:latest.")


async def test_data_of_other_settings_is_not_used(docker: FakeDocker) -> None:
    docker.deploy(SETTINGS)
    docker.held.clear()
    kind: ErrorKind = "differs"
    error = await refused(docker, replace(SETTINGS, password="another"))
    assert error.kind == kind and "hold the data of other settings" in error.what
