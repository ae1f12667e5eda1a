"""The settings of an existing lab, read back from what the engine still knows about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from pghalab.lab.deploy.preflight import World, look
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundNetwork, FoundVolume
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
    prefix, nodes = _of_volumes([volume for volume in world.volumes if volume.lab == defaults.name])
    if network is None and not nodes:
        return None
    told = f"What is left of the lab {defaults.name} gave its names back; its password is a new one."
    try:
        return checked(
            replace(
                defaults,
                prefix=prefix or defaults.prefix,
                network=network.name if network else defaults.network,
                subnet=_octets(network) or defaults.subnet,
                nodes=nodes or defaults.nodes,
                origin="engine",
                notices=(*defaults.notices, told),
            )
        )
    except LabError:
        return None


def _of_volumes(volumes: list[FoundVolume]) -> tuple[str, int]:
    numbered = [re.fullmatch(r"(.*?)(\d+)-pgdata", volume.name) for volume in volumes]
    found = [match for match in numbered if match]
    return (found[0][1], max(int(match[2]) for match in found)) if found else ("", 0)


def _octets(network: FoundNetwork | None) -> str:
    if network is None or not network.subnets:
        return ""
    match = re.fullmatch(r"(\d+\.\d+\.\d+)\.0/24", network.subnets[0])
    return match[1] if match else ""
