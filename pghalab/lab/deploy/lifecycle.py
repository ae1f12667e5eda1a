"""Starting, stopping and removing the containers, networks and volumes that carry the lab's label, and no others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any

from pghalab.lab.deploy.preflight import by_number
from pghalab.lab.deploy.spec import NodeSpec
from pghalab.lab.engine import lease
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.engine.labels import SNAPSHOT_LABEL
from pghalab.lab.settings import LabSettings
from pghalab.lab.types import ErrorKind, LabError, Parts

log = logging.getLogger(__name__)
Say = Callable[[str], None]

STOP_SECONDS = 10
"""How long a node may take to stop before it is killed."""
READY_SECONDS, READY_PER_NODE = 60.0, 5.0
"""How long the first node may take until its sshd answers, and how much longer for each that starts beside it."""
POLL_SECONDS = 0.2
GONE: tuple[ErrorKind, ...] = ("gone", "no-network")
"""The kinds of error that say that what was to be removed is not there (any more)."""
Reached = Callable[[str, FoundContainer], Awaitable[bool]]
"""Whether the console is logged in on a node's container now; raises LabError when the node lets nobody in.

A connection that does not log in tells less,
and sshd may hold it against its address (PerSourcePenalties, sshd_config(5)).
"""


async def nodes(engine: Engine, settings: LabSettings) -> dict[str, FoundContainer]:
    """The lab's existing containers by the node name the settings give them; raises LabError."""
    return named(await engine.lab_containers(settings.name), settings)


def named(containers: Iterable[FoundContainer], settings: LabSettings) -> dict[str, FoundContainer]:
    """The lab's containers among these by the node name the settings give them, whatever they are called now."""
    names = settings.node_names
    found = by_number(containers, settings.name)
    return {names[number - 1] if number <= len(names) else one.name: one for number, one in found.items()}


async def start(engine: Engine, settings: LabSettings, say: Say, reached: Reached) -> None:
    """Start every existing node, wake the paused ones, and wait until each is reached; raises LabError."""
    existing = await nodes(engine, settings)
    if not existing:
        raise LabError(f"The lab {settings.name} has no nodes.", todo="Create them: pghalab up", kind="no-lab")
    for name in settings.node_names:
        if name not in existing:
            say(f"{name} has no container: `pghalab up` creates it\n")
    addresses = settings.addresses
    parts = Parts(say, len(existing) + 2)
    parts.next("starting the nodes")

    async def one(name: str, found: FoundContainer) -> None:
        await wake(engine, found, name, say, addresses.get(name, ""))
        parts.next(f"{name} runs")

    await together(one(name, found) for name, found in existing.items())
    parts.next("logging in on every node")
    await wait_ready(engine, settings, tuple(existing), reached)


async def stop(engine: Engine, settings: LabSettings, say: Say, *, seconds: int = STOP_SECONDS) -> None:
    """Stop every running node at the same time, and kill what did not end in `seconds`; raises LabError."""
    existing = await nodes(engine, settings)
    parts = Parts(say, len(existing) + 1)
    parts.next("stopping the nodes")

    async def one(name: str, found: FoundContainer) -> None:
        if found.state not in ("running", "paused"):
            parts.next(f"{name} is not running", f"{name} is not running\n")
            return
        await _unpause(engine, found, name)
        await _call(engine, name, "Stopping", engine.api.stop, found.id, timeout=seconds)
        parts.next(f"{name} stopped", f"{name} stopped\n")

    await together(one(name, found) for name, found in existing.items())


async def restart(engine: Engine, settings: LabSettings, say: Say, reached: Reached) -> None:
    """Stop and start every node at the same time, then wait until each is reached; raises LabError."""
    existing = await nodes(engine, settings)
    if not existing:
        raise LabError(f"The lab {settings.name} has no nodes.", todo="Create them: pghalab up", kind="no-lab")
    parts = Parts(say, len(existing) + 2)
    parts.next("restarting the nodes")

    async def one(name: str, found: FoundContainer) -> None:
        await _unpause(engine, found, name)
        await _call(engine, name, "Restarting", engine.api.restart, found.id, timeout=STOP_SECONDS)
        parts.next(f"{name} restarted", f"{name} restarted\n")

    await together(one(name, found) for name, found in existing.items())
    parts.next("logging in on every node")
    await wait_ready(engine, settings, tuple(existing), reached)


async def remove(engine: Engine, settings: LabSettings, say: Say, *, besides: str = "") -> None:
    """Remove every container of the lab, but the one with the id `besides`; the volumes stay; raises LabError."""
    labelled = [each for each in await engine.lab_containers(settings.name) if each.id != besides]
    await _remove(engine, labelled, Parts(say, len(labelled) + 1))


async def _remove(engine: Engine, containers: Sequence[FoundContainer], parts: Parts) -> None:
    parts.next("removing the nodes")

    async def one(name: str, found: FoundContainer) -> None:
        await _call(
            engine,
            name,
            "Removing",
            engine.remove_container,
            found.id,
            gone=True,
        )
        parts.next(f"{name} removed", f"{name} removed\n")

    await together(one(each.name, each) for each in containers)


async def remove_volumes(engine: Engine, settings: LabSettings, say: Say, *, snapshots: bool = False) -> None:
    """Remove the volumes of the lab, with or without its `snapshots`; raises LabError while containers use them."""
    holding = await engine.lab_containers(settings.name)
    if holding:
        names = ", ".join(sorted(one.name for one in holding))
        raise LabError(
            f"The volumes are in use by {names}.", todo="Remove the containers first: pghalab rm", kind="in-use"
        )
    for volume in await engine.volumes():
        if volume.lab == settings.name and (snapshots or SNAPSHOT_LABEL not in dict(volume.labels)):
            await _call(
                engine,
                volume.name,
                "Removing the volume",
                engine.api.remove_volume,
                volume.name,
                gone=True,
            )
            say(f"volume {volume.name} removed\n")


async def down(engine: Engine, settings: LabSettings, say: Say, *, volumes: bool) -> None:
    """Remove the lab's containers and network, and with `volumes` its data and snapshots; raises LabError.

    With the data goes what tells of consoles that were killed that they drove the lab; one that lives keeps its right.
    """
    containers = await engine.lab_containers(settings.name)
    parts = Parts(say, len(containers) + (3 if volumes else 2))
    await _remove(engine, containers, parts)
    parts.next("removing the network")
    for network in await engine.networks():
        if network.lab != settings.name:
            continue
        try:
            await _call(
                engine,
                network.name,
                "Removing the network",
                engine.api.remove_network,
                network.id,
                gone=True,
            )
        except LabError as error:
            guests = [
                one.name for one in await engine.containers() if any(name == network.name for name, _ in one.addresses)
            ]
            if not guests:
                raise
            raise LabError(
                f"The network {network.name} is in use by containers of somebody else: {', '.join(guests)}.",
                todo=f"Disconnect them (docker network disconnect {network.name} {guests[0]}), then `pghalab down`.",
                kind="in-use",
            ) from error
        say(f"network {network.name} removed\n")
    if volumes:
        parts.next("removing the volumes")
        await remove_volumes(engine, settings, say, snapshots=True)
        for name in await engine.call("Removing the rights of dead consoles", lease.clear, engine.api, settings.name):
            say(f"volume {name} removed\n")


async def wake(engine: Engine, found: FoundContainer, name: str, say: Say, address: str = "") -> None:
    """Bring an existing container back to running under its own name; raises LabError."""
    if found.name != name:
        try:
            await _call(engine, name, "Renaming", engine.api.rename, found.id, name)
        except LabError as error:
            raise LabError(
                f"Its container was renamed to {found.name}, and its name now belongs to another container.",
                node=name,
                todo=f"Rename or remove the other one, or: docker rm -f {found.name}, then pghalab up",
                kind="taken",
            ) from error
        say(f"{name} had been renamed to {found.name}; it has its name again\n")
    if found.state == "paused":
        await _unpause(engine, found, name)
        say(f"{name} was paused and runs again\n")
    elif found.state != "running":
        try:
            await engine.call("Starting the container", engine.api.start, found.id)
        except LabError as error:
            raise await explained(engine, error, name, address) from error
        say(f"{name} started\n")


async def attach(engine: Engine, found: FoundContainer, node: NodeSpec, say: Say, *, anew: bool) -> None:
    """Connect an existing container to the lab's network with its own address, unless it is; what runs in it runs on.

    `anew` says that the network was made a moment ago, so that whatever the container remembers is another's.
    """
    held = found.address_on(node.network, node.address)
    if held == node.address and not anew:
        return
    try:
        await engine.call("Disconnecting", engine.api.disconnect_container_from_network, found.id, node.network, True)
    except LabError as error:
        log.info("%s: %s", node.name, error)  # it was not connected
    await _call(
        engine,
        node.name,
        "Connecting",
        engine.api.connect_container_to_network,
        found.id,
        node.network,
        ipv4_address=node.address,
        aliases=list(node.aliases),
    )
    was = f"had the address {held}" if held and not anew else f"was not connected to {node.network}"
    say(f"{node.name} {was}; it has {node.address} again\n")


async def explained(engine: Engine, error: LabError, name: str, address: str) -> LabError:
    """The same failure of one node, with the holder of its address when that is the reason."""
    if address and error.kind == "taken":
        for one in await engine.containers():
            if any(held == address for _, held in one.addresses) and one.name != name:
                return LabError(
                    f"Its address {address} is held by the container {one.name} ({one.state}).",
                    node=name,
                    todo=f"Remove it (docker rm -f {one.name}), or move the lab: pghalab down, then pghalab up --auto",
                    kind="taken",
                )
    lost = error.kind == "no-network"
    todo = "Its network was removed. Make it again and connect the nodes to it: pghalab up"
    return LabError(error.what, node=name, todo=todo if lost else error.todo, kind=error.kind)


async def wait_ready(
    engine: Engine, settings: LabSettings, names: tuple[str, ...], reached: Reached
) -> dict[str, FoundContainer]:
    """Wait until each node is reached; raises LabError, at once when one cannot be, else with its last words."""
    limit = READY_SECONDS + READY_PER_NODE * (len(names) - 1)
    waiting = set(names)
    ready: dict[str, FoundContainer] = {}
    try:
        async with asyncio.timeout(limit):
            while waiting:
                found = await nodes(engine, settings)
                for name in waiting:
                    await _require_alive(engine, settings, name, found.get(name))
                answers = await asyncio.gather(*(reached(name, found[name]) for name in waiting))
                for name, answered in zip(tuple(waiting), answers, strict=True):
                    if answered:
                        ready[name] = found[name]
                waiting -= ready.keys()
                if waiting:
                    await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        late, first = ", ".join(sorted(waiting)), min(waiting)
        silent = (await nodes(engine, settings)).get(first)
        last = await engine.last_log(silent.id) if silent else ""
        raise LabError(
            f"The console could not log in on {late} within {limit:.0f} s. {first} last said: {last or 'nothing'}",
            todo=f"See: docker logs {first}",
            kind="timeout",
        ) from error
    return ready


def require_connected(settings: LabSettings, name: str, found: FoundContainer) -> None:
    """Raise LabError when the container of this node is not on the lab's network: nothing reaches it then."""
    if not found.address_on(settings.network, settings.addresses.get(name, "")):
        raise LabError(
            f"It is not connected to the lab's network {settings.network}.",
            node=name,
            todo="Connect it again, with its address: pghalab up",
            kind="no-network",
        )


async def _require_alive(engine: Engine, settings: LabSettings, name: str, found: FoundContainer | None) -> None:
    if found is None:
        raise LabError(
            "Its container was removed while it started.", node=name, todo="Create it again: pghalab up", kind="gone"
        )
    if found.state == "exited":
        last = await engine.last_log(found.id)
        raise LabError(
            f"Its container ended right after it started: {last or 'it printed nothing'}",
            node=name,
            todo=f"See: docker logs {found.name}",
            kind="not-running",
        )
    if found.state == "running":
        require_connected(settings, name, found)


async def _unpause(engine: Engine, found: FoundContainer, name: str) -> None:
    if found.state == "paused":
        await _call(engine, name, "Waking", engine.api.unpause, found.id)


async def _call(
    engine: Engine,
    name: str,
    doing: str,
    function: Callable[..., object],
    *args: Any,
    gone: bool = False,
    **kwargs: Any,
) -> None:
    """Call the engine; with `gone`, an object that does not exist (any more) is as good."""
    try:
        await engine.call(f"{doing} {name}", function, *args, **kwargs)
    except LabError as error:
        if not (gone and error.kind in GONE):
            raise


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run everything at the same time to its end, then raise the first failure."""
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
