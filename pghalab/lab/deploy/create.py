"""Creating what a deployment is missing, all nodes at the same time, and taking it back when that fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import field
from typing import Any

from pghalab.lab.deploy import lifecycle
from pghalab.lab.deploy.preflight import World
from pghalab.lab.deploy.spec import CAPABILITIES, MEMORY, PIDS, Deployment, NetworkSpec, NodeSpec, VolumeSpec
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.ending import to_the_end
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.engine.labels import SSH_PORT
from pghalab.lab.settings import LabSettings
from pghalab.lab.types import LabError, Parts
from pghalab.values import dataclass

log = logging.getLogger(__name__)
Say = Callable[[str], None]


@dataclass(slots=True)
class _Made:
    """What this run created, for taking back."""

    containers: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of id and name."""
    networks: list[tuple[str, str]] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)


async def create(
    engine: Engine, settings: LabSettings, plan: Deployment, world: World, say: Say, reached: lifecycle.Reached
) -> dict[str, FoundContainer]:
    """Create and start what `world` lacks of `plan` and wait until every node is reached; raises LabError.

    When that fails, or the caller is cancelled, what this call created is removed again, and only that.
    """
    made = _Made()
    existing = world.nodes(plan.lab)
    parts = Parts(say, len(plan.nodes) + 2)
    parts.next("the network and the volumes")
    try:
        anew = await _network(engine, plan, world, made, say)
        known = {volume.name for volume in world.volumes}
        await lifecycle.together(
            make_volume(engine, volume, made.volumes) for volume in plan.volumes if volume.name not in known
        )
        await lifecycle.together(
            [
                *(_node(engine, node, made, parts) for node in plan.nodes if node.number not in existing),
                *(
                    _existing(engine, existing[node.number], node, say, parts, anew=anew)
                    for node in plan.nodes
                    if node.number in existing
                ),
            ]
        )
        parts.next("logging in on every node")
        return await _ready(engine, settings, made, reached)
    except BaseException as error:
        try:
            await to_the_end(_undo(engine, made, say))
        except LabError as stuck:
            if isinstance(error, LabError):
                raise LabError(
                    f"{error.what} Also: {stuck.what}", node=error.node, todo=stuck.todo, kind=error.kind
                ) from error
            log.warning("taking back: %s", stuck)
        raise


async def _ready(
    engine: Engine, settings: LabSettings, made: _Made, reached: lifecycle.Reached
) -> dict[str, FoundContainer]:
    try:
        return await lifecycle.wait_ready(engine, settings, settings.node_names, reached)
    except LabError as error:
        if not made.containers:
            raise
        # The containers whose logs it names are about to be removed.
        todo = "Build the image anew (pghalab build), then `pghalab up`; `pghalab doctor` looks at this machine."
        raise LabError(error.what, node=error.node, todo=todo, kind=error.kind) from error


async def _existing(
    engine: Engine, found: FoundContainer, node: NodeSpec, say: Say, parts: Parts, *, anew: bool
) -> None:
    await lifecycle.attach(engine, found, node, say, anew=anew)
    await lifecycle.wake(engine, found, node.name, say, node.address)
    parts.next(f"{node.name} runs")


async def _network(engine: Engine, plan: Deployment, world: World, made: _Made, say: Say) -> bool:
    """Whether the network had to be created."""
    found = world.network(plan.lab)
    spec = plan.network
    if found is not None:
        if (found.name, found.subnets) == (spec.name, (spec.subnet,)):
            return False
        # Nobody uses it (the preflight refuses otherwise): left by a deployment with other options.
        await engine.call(f"Removing network {found.name}", engine.api.remove_network, found.id)

    def create_it() -> None:
        made.networks.append((make_network(engine, spec), spec.name))

    say(f"network {spec.name} {spec.subnet}\n")
    await engine.call(f"Creating network {spec.name}", create_it)
    return True


def make_network(engine: Engine, spec: NetworkSpec) -> str:
    """Create the network and return its id; raises what the SDK raises."""
    from docker.types import IPAMConfig, IPAMPool

    pool = IPAMPool(subnet=spec.subnet, gateway=spec.gateway, iprange=spec.ip_range)
    raw = engine.api.create_network(
        spec.name, driver="bridge", ipam=IPAMConfig(pool_configs=[pool]), labels=dict(spec.labels), check_duplicate=True
    )
    return str(raw["Id"])


async def make_volume(engine: Engine, spec: VolumeSpec, made: list[str]) -> None:
    """Create a volume unless there is one of that name, and add its name to `made` if so; raises LabError."""

    def create_it() -> None:
        from docker.errors import NotFound

        # Creating one that exists succeeds too, and that one is not ours to take back.
        try:
            engine.api.inspect_volume(spec.name)
        except NotFound:
            engine.api.create_volume(spec.name, labels=dict(spec.labels))
            made.append(spec.name)

    await engine.call(f"Creating volume {spec.name}", create_it)


async def _node(engine: Engine, spec: NodeSpec, made: _Made, parts: Parts) -> None:
    def create_it() -> str:
        made.containers.append((make_container(engine, spec), spec.name))
        return made.containers[-1][0]

    try:
        container = await engine.call("Creating the container", create_it)
        await engine.call("Starting the container", engine.api.start, container)
    except LabError as error:
        raise await lifecycle.explained(engine, error, spec.name, spec.address) from error
    parts.next(f"{spec.name} was started", f"{spec.name} {spec.address} created and started\n")


def make_container(engine: Engine, spec: NodeSpec) -> str:
    """Create a node's container, not started, and return its id; raises what the SDK raises."""
    api = engine.api
    raw = api.create_container(
        spec.image,
        name=spec.name,
        hostname=spec.name,
        environment=dict(spec.environment),
        labels=dict(spec.labels),
        ports=[SSH_PORT],
        host_config=api.create_host_config(
            binds={volume: {"bind": path, "mode": "rw"} for volume, path in spec.mounts},
            port_bindings={SSH_PORT: ("127.0.0.1", None)},
            cap_add=list(CAPABILITIES),
            pids_limit=PIDS,
            mem_limit=MEMORY,
            memswap_limit=MEMORY,
            restart_policy={"Name": "no"},
            # The same name as in the networking configuration, else the address is dropped in silence.
            network_mode=spec.network,
        ),
        networking_config=api.create_networking_config(
            {spec.network: api.create_endpoint_config(ipv4_address=spec.address, aliases=list(spec.aliases))}
        ),
    )
    return str(raw["Id"])


async def _undo(engine: Engine, made: _Made, say: Say) -> None:
    """Remove what was made, newest kind first; what is gone already is fine."""
    names = [name for _, name in [*made.containers, *made.networks]] + made.volumes
    if not names:
        return
    say(f"taking back {', '.join(names)}\n")
    api = engine.api
    failures: list[LabError] = []

    async def remove(name: str, function: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        try:
            await engine.call(f"Removing {name}", function, *args, **kwargs)
        except LabError as error:
            if error.kind not in lifecycle.GONE:
                failures.append(error)

    await asyncio.gather(*(remove(name, engine.remove_container, id_) for id_, name in made.containers))
    for id_, name in made.networks:
        await remove(f"network {name}", api.remove_network, id_)
    await asyncio.gather(*(remove(f"volume {name}", api.remove_volume, name) for name in made.volumes))
    if failures:
        raise LabError(failures[0].what, todo="What is left behind goes with: pghalab down -f", kind=failures[0].kind)
