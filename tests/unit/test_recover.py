"""The settings of a lab whose file is lost are read back from what the engine holds of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pghalab.lab.deploy import addresses
from pghalab.lab.deploy.recover import from_engine, from_environment
from pghalab.lab.settings import default_settings
from tests.fake_lab.engine import FakeDocker

DEFAULTS = replace(default_settings("pgha"), password="new")
MADE = replace(
    DEFAULTS,
    prefix="db-",
    network="dbnet",
    subnet="10.7.7",
    image="mine:2",
    nodes=3,
    password="old",
    auth_method="md5",
    open_network=True,
)


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """An engine with another lab only."""
    monkeypatch.setattr(addresses, "host_routes", tuple)
    made = FakeDocker()
    made.deploy(replace(default_settings("b"), nodes=1, subnet="10.9.9"))
    return made


async def test_an_engine_without_the_lab_tells_nothing(docker: FakeDocker) -> None:
    assert await from_engine(docker.engine(), DEFAULTS) is None


async def test_its_nodes_tell_everything(docker: FakeDocker) -> None:
    docker.deploy(MADE)
    found = await from_engine(docker.engine(), DEFAULTS)
    assert found == MADE
    assert found is not None and found.origin == "engine"
    assert found.notices == ("The settings of the lab pgha were read back from its nodes.",)


@pytest.mark.parametrize("image", ["sha256:77aa", "77aa"])
async def test_an_image_that_was_built_again_has_lost_its_name(docker: FakeDocker, image: str) -> None:
    docker.deploy(MADE)
    docker.named("db-1").image = image
    assert await from_engine(docker.engine(), DEFAULTS) == replace(MADE, image=DEFAULTS.image)


async def test_a_node_without_a_network_leaves_the_networks_name_to_the_defaults(docker: FakeDocker) -> None:
    docker.deploy(MADE)
    docker.named("db-1").networks.clear()
    assert await from_engine(docker.engine(), DEFAULTS) == replace(MADE, network=DEFAULTS.network)


async def test_what_is_left_tells_all_but_the_password(docker: FakeDocker) -> None:
    docker.deploy(MADE)
    docker.held.clear()
    found = await from_engine(docker.engine(), DEFAULTS)
    assert found == replace(MADE, password="new", image=DEFAULTS.image, open_network=False)
    assert found is not None and "but not its password" in found.notices[-1]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NODELIST": ""},
        {"NODELIST": "pgha1:nowhere"},
        {"NODELIST": "pgha1:10.7.7.10 pgha2:nowhere"},
        {"NODELIST": "pgha1:10.7.7.10", "PGHALAB_PASSWORD": "x", "PGHALAB_AUTH": "plain"},
        {"NODELIST": "pgha1:10.7.7.99", "PGHALAB_PASSWORD": "x", "PGHALAB_AUTH": "md5"},
    ],
)
def test_an_environment_that_pghalab_did_not_give_tells_nothing(environment: dict[str, str]) -> None:
    assert from_environment(DEFAULTS, environment, network="net", image="mine:2") is None
