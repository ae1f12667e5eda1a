"""What is looked at before anything is created: names, addresses, and whether an existing lab is the same lab."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Network

from pghalab.lab.deploy import addresses, kept
from pghalab.lab.deploy.spec import deployment
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundContainer, FoundNetwork, FoundVolume
from pghalab.lab.host import space
from pghalab.lab.image.base import require_own
from pghalab.lab.settings import DEFAULT_IMAGE, FIRST_HOST, LabSettings
from pghalab.lab.types import LabError
from pghalab.values import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """Everything on the engine and the host that matters to a deployment, as it was at one moment."""

    containers: tuple[FoundContainer, ...]
    networks: tuple[FoundNetwork, ...]
    volumes: tuple[FoundVolume, ...]
    routes: tuple[tuple[IPv4Network, str], ...]

    def nodes(self, lab: str) -> dict[int, FoundContainer]:
        """The lab's containers by node number."""
        return by_number(self.containers, lab)

    def network(self, lab: str) -> FoundNetwork | None:
        """The lab's network."""
        return next((network for network in self.networks if network.lab == lab), None)


def by_number(containers: Iterable[FoundContainer], lab: str) -> dict[int, FoundContainer]:
    """The lab's containers by node number, in order."""
    found = {one.node: one for one in containers if one.lab == lab and one.node is not None}
    return dict(sorted(found.items()))


async def look(engine: Engine) -> World:
    """Ask the engine and the host for everything at the same time; raises LabError."""
    containers, networks, volumes, routes = await asyncio.gather(
        engine.containers(), engine.networks(), engine.volumes(), asyncio.to_thread(addresses.host_routes)
    )
    return World(containers, networks, volumes, routes)


async def check(engine: Engine, settings: LabSettings, *, auto: bool) -> tuple[LabSettings, World]:
    """Make sure that the lab can be created or completed; raises LabError, which names who is in the way.

    With `auto` the next free subnet and names are taken instead, and the settings that result are returned.
    """
    space.require(await engine.info())
    await _require_image(engine, settings)
    world = await look(engine)
    settings = _free_names(settings, world, auto=auto)
    settings = _free_addresses(settings, world, auto=auto)
    await _same_lab(engine, settings, world)
    kept.require_same(settings, world.volumes)
    return settings, world


async def _require_image(engine: Engine, settings: LabSettings) -> None:
    try:
        found = await engine.ask("Looking for the image", engine.api.inspect_image, settings.image)
    except LabError as error:
        if error.kind != "gone":
            raise
        named = "" if settings.image == DEFAULT_IMAGE else f" -i {settings.image}"
        raise LabError(
            f"The image {settings.image} is not built yet.", todo=f"Build it: pghalab build{named}", kind="no-image"
        ) from error
    require_own(settings.image, found)


def _free_names(settings: LabSettings, world: World, *, auto: bool) -> LabSettings:
    holder = _name_holder(settings, world)
    if holder is None:
        return settings
    free = _next_names(settings, world)
    if auto and free is not None and not world.nodes(settings.name):
        log.info("names: %s; taking prefix %s and network %s", holder, free.prefix, free.network)
        return free
    offer = (
        f"Free is: -c {free.prefix} -w {free.network} (--auto takes it)." if free else "Choose others with -c and -w."
    )
    raise LabError(
        f"{holder}. It does not belong to the lab {settings.name} and stays untouched.", todo=offer, kind="taken"
    )


def _name_holder(settings: LabSettings, world: World) -> str | None:
    plan = deployment(settings, "")
    nodes, volumes = {node.name for node in plan.nodes}, {volume.name for volume in plan.volumes}
    for container in world.containers:
        if container.name in nodes and container.lab != settings.name:
            return f"The name {container.name} is taken by {_foreign('container', container.lab)}"
    for network in world.networks:
        if network.name == settings.network and network.lab != settings.name:
            return f"The name {network.name} is taken by {_foreign('network', network.lab)}"
    for volume in world.volumes:
        if volume.name in volumes and volume.lab != settings.name:
            return f"The name {volume.name} is taken by {_foreign('volume', volume.lab)}"
    return None


def _foreign(kind: str, lab: str | None) -> str:
    return f"a {kind} of the lab {lab}" if lab else f"a {kind} that pghalab did not make"


def _next_names(settings: LabSettings, world: World) -> LabSettings | None:
    base = settings.prefix
    for letter in "bcdefghijklmnopqrstuvwxyz":
        candidate = replace(settings, prefix=f"{base}{letter}")
        if _name_holder(replace(candidate, network=f"{base}{letter}net"), world) is None:
            return replace(candidate, network=f"{base}{letter}net")
    return None


def _free_addresses(settings: LabSettings, world: World, *, auto: bool) -> LabSettings:
    holders = addresses.taken(settings.name, world.containers, world.networks, world.routes)
    holder = addresses.conflict(settings, holders)
    if holder is None:
        return settings
    free = addresses.next_free_subnet(settings, holders)
    if auto and free is not None and not world.nodes(settings.name):
        log.info("subnet: held by %s; taking %s", holder.who, free)
        return replace(settings, subnet=free)
    wanted = f"{settings.subnet}.{FIRST_HOST} to .{FIRST_HOST + settings.nodes - 1} in {settings.subnet}.0/24"
    offer = f"The next free subnet is {free}: -s {free} (--auto takes it)." if free else "Choose one with -s."
    raise LabError(f"The lab wants {wanted}, but there is {holder.who}.", todo=offer, kind="taken")


async def _same_lab(engine: Engine, settings: LabSettings, world: World) -> None:
    """Refuse to complete an existing lab with nodes that differ from the ones it has."""
    existing = world.nodes(settings.name)
    if not existing:
        return
    again = "Take the lab down first (pghalab down keeps its data), or run `up` with the options it was created with."
    network = world.network(settings.name)
    plan = deployment(settings, "")
    if network is not None and (network.name, network.subnets) != (plan.network.name, (plan.network.subnet,)):
        have = f"{network.name} with {', '.join(network.subnets)}"
        raise LabError(f"The lab {settings.name} exists on the network {have}.", todo=again, kind="differs")
    known = await engine.environment(next(iter(existing.values())).id)
    wanted = dict(plan.nodes[0].environment)
    for key, words in (
        ("NODELIST", "other nodes ({})"),
        ("PGHALAB_PASSWORD", "another password"),
        ("PGHALAB_AUTH", "passwords stored as {}"),
    ):
        if known.get(key) != wanted[key]:
            raise LabError(
                f"The lab {settings.name} exists with {words.format(known.get(key))}.", todo=again, kind="differs"
            )
    for number, container in existing.items():
        if container.image != settings.image and not container.image.startswith("sha256:"):
            # An image that was built again leaves its old id behind in place of the tag.
            name = settings.node_names[number - 1]
            if ":" in container.image:
                raise LabError(f"{name} exists with the image {container.image}.", todo=again, kind="differs")
