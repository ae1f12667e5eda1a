"""The settings of an existing lab, read back from what the engine still knows about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from pghalab.lab.deploy import kept
from pghalab.lab.deploy.preflight import World, look
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundNetwork
from pghalab.lab.settings import AuthMethod, LabSettings, checked
from pghalab.lab.types import LabError


async def from_engine(engine: Engine, defaults: LabSettings) -> LabSettings | None:
    """The settings with which the lab `defaults.name` was created, None when the engine has nothing of it.

    Containers tell everything; a network and volumes alone do not tell the password. Raises LabError.
    """
    world = await look(engine)
    nodes = world.nodes(defaults.name)
    if nodes:
        first = next(iter(nodes.values()))
        environment = await engine.environment(first.id)
        network = next((name for name, _ in first.addresses), defaults.network)
        return from_environment(defaults, environment, network=network, image=first.image)
    return from_leftovers(defaults, world)


def from_environment(
    defaults: LabSettings, environment: Mapping[str, str], *, network: str, image: str
) -> LabSettings | None:
    """The settings that a node's environment tells; None when it is not one that pghalab gives its nodes."""
    entries = [entry.partition(":") for entry in environment.get("NODELIST", "").split()]
    if not entries or not all(re.fullmatch(r"\d+\.\d+\.\d+\.\d+", address) for _, _, address in entries):
        return None
    name, _, address = entries[0]
    try:
        found = checked(
            replace(
                defaults,
                prefix=name.removesuffix("1"),
                network=network,
                subnet=address.rpartition(".")[0],
                # An image that was built again has lost its tag to the newer one.
                image=image if ":" in image and not image.startswith("sha256:") else defaults.image,
                nodes=len(entries),
                password=environment.get("PGHALAB_PASSWORD", ""),
                auth_method=cast(AuthMethod, environment.get("PGHALAB_AUTH", "")),
                open_network=environment.get("PGHALAB_OPEN") == "1",
                origin="engine",
                notices=(*defaults.notices, f"The settings of the lab {defaults.name} were read back from its nodes."),
            )
        )
    except LabError:
        return None
    return found if found.nodelist == environment["NODELIST"] else None


def from_leftovers(defaults: LabSettings, world: World) -> LabSettings | None:
    """The settings that the lab's network and volumes tell; the password is the new one of `defaults`."""
    network = world.network(defaults.name)
    data = kept.remembered(world.volumes, defaults.name)
    if network is None and data is None:
        return None
    data = data or kept.Remembered()
    told = f"What is left of the lab {defaults.name} gave its names back; its password is a new one."
    if data.password is not None:
        told = f"What is left of the lab {defaults.name} gave its names back, but not its password."
    try:
        return checked(
            replace(
                defaults,
                prefix=data.prefix or defaults.prefix,
                network=network.name if network else defaults.network,
                subnet=_octets(network) or data.subnet or defaults.subnet,
                nodes=data.nodes or defaults.nodes,
                auth_method=cast(AuthMethod, data.auth_method or defaults.auth_method),
                origin="engine",
                notices=(*defaults.notices, told),
            )
        )
    except LabError:
        return None


def _octets(network: FoundNetwork | None) -> str:
    if network is None or not network.subnets:
        return ""
    match = re.fullmatch(r"(\d+\.\d+\.\d+)\.0/24", network.subnets[0])
    return match[1] if match else ""
