"""The way back to a snapshot: the nodes are made anew over volumes that were filled from it, and what ran is started.

Never is one node of before together with one of after: nothing runs while the volumes change, and until everything is
back a volume says what it was to become, so that the next change of the lab finishes it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from pghalab.lab.deploy import create, kept, lifecycle, preflight
from pghalab.lab.deploy.reach import listed
from pghalab.lab.deploy.spec import VolumeSpec, deployment
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.ending import to_the_end
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.engine.labels import LAB_LABEL
from pghalab.lab.settings import LabSettings
from pghalab.lab.snapshots import helper, scripts, store
from pghalab.lab.snapshots.model import FORMAT, RESTORE_LABEL, About, megabytes, restore_volume
from pghalab.lab.snapshots.take import RESERVE, no_room
from pghalab.lab.types import LabError, Parts

log = logging.getLogger(__name__)
Say = Callable[[str], None]

ETCD_SECONDS = 20.0
"""How long etcd may take until a majority answers."""
LEADS_SECONDS = 40.0
"""How long the member that led may take until it leads again; a key that another run of it held lives 30 s."""
POLL_SECONDS = 0.2


async def restore(
    engine: Engine,
    settings: LabSettings,
    name: str,
    say: Say,
    *,
    versions: Mapping[str, str] | None,
    up: Callable[[Say], Awaitable[None]],
    begun: Callable[[About], object],
) -> About:
    """Bring the lab back to a snapshot, to the newest when it has no name; raises LabError.

    `up` creates what is missing and starts the nodes. Everything that can be refused is refused before anything is
    touched; from then on the lab is on its way to the snapshot, which `begun` is told, and the next change of it
    finishes what is stopped.
    """
    volumes = await engine.volumes()
    about = store.find(volumes, settings.name, name)
    _require_fits(settings, about, versions or {})
    # The lab's own volumes are about to be replaced; whatever they hold is in nobody's way.
    _, world = await preflight.check(engine, settings, auto=False)
    plan = deployment(settings, "")
    have = {volume.name for volume in world.volumes}
    made: list[str] = []
    await lifecycle.together(
        create.make_volume(engine, volume, made) for volume in plan.volumes if volume.name not in have
    )
    began = time.monotonic()
    parts = Parts(say, 5)
    parts.next("looking for room", f"back to the snapshot {about.name}: {about.services}\n")
    intended = False
    try:
        async with helper.helper(
            engine, settings, about.name, [volume.name for volume in plan.volumes], back=True
        ) as copier:
            await _require_room(engine, copier, about)
            intended = True
            # Killed between the two, the lab is as it was, and the checks see what was forgotten too early.
            begun(about)
            await _intend(engine, settings, about.name)
            parts.next(f"removing the nodes, copying {megabytes(about.size)} back")
            # What they were about to write is thrown away in any case.
            await lifecycle.stop(engine, settings, lambda _: None, seconds=0)
            # Other containers: of what was changed in these, only what the snapshot has is to be there afterwards.
            await lifecycle.together(
                [lifecycle.remove(engine, settings, lambda _: None, besides=copier), _copied_back(engine, copier)]
            )
    finally:
        if not intended:
            await to_the_end(lifecycle.together(store.remove_volume(engine, volume) for volume in made))
    say(f"{megabytes(about.size)} copied back after {time.monotonic() - began:.1f} s\n")
    parts.next("making the nodes anew")
    await up(lambda _: None)
    nodes = await lifecycle.nodes(engine, settings)
    running = {node: found for node, found in nodes.items() if node in about.running}
    if running:
        say(f"{listed(running)} made anew and started\n")
    await _on(engine, running, scripts.FILES)
    try:
        await _services(engine, settings, about, running, say, parts)
        await _on(engine, nodes, scripts.FORGET)
        await lifecycle.together(_stop(engine, node, found) for node, found in nodes.items() if node not in running)
    finally:
        # The data is back: what failed after that was told. What was stopped is finished another time.
        task = asyncio.current_task()
        if task is None or not task.cancelling():
            await store.remove_volume(engine, restore_volume(settings.name))
    return about


async def _require_room(engine: Engine, copier: str, about: About) -> None:
    taken, free = (int(line) for line in (await helper.run(engine, copier, scripts.MEASURE)).split())
    if about.size + RESERVE > taken + free:
        raise no_room(about.size + RESERVE - taken, free, f"the snapshot {about.name}")


async def _copied_back(engine: Engine, copier: str) -> None:
    await helper.run(engine, copier, scripts.COPY_BACK)


def _require_fits(settings: LabSettings, about: About, versions: Mapping[str, str]) -> None:
    if about.format > FORMAT:
        raise LabError(f"The snapshot {about.name} was made by a newer pghalab.", todo="Use that one.", kind="differs")
    differs, again = kept.differences(settings, kept.read(about.settings))
    if differs:
        raise LabError(
            f"The snapshot {about.name} holds the data of other settings: {', '.join(differs)}.",
            todo=f"Take the lab down and make it with those: pghalab down -f removes the snapshots too, "
            f"pghalab down keeps them; then {again}",
            kind="differs",
        )
    for program, parts in (("postgresql", 1), ("etcd", 2)):
        was, now = about.versions.get(program, ""), versions.get(program, "")
        if was and now and was.split(".")[:parts] != now.split(".")[:parts]:
            raise LabError(
                f"The snapshot {about.name} holds data of {program} {was}, and the image {settings.image} has {now}.",
                todo=f"Restore it with the image that it was made with ({about.image}).",
                kind="differs",
            )


async def _intend(engine: Engine, settings: LabSettings, name: str) -> None:
    """Write down what is to be finished."""
    volume = restore_volume(settings.name)
    # One that an earlier restore left names another snapshot.
    await store.remove_volume(engine, volume)
    made: list[str] = []
    await create.make_volume(engine, VolumeSpec(volume, ((LAB_LABEL, settings.name), (RESTORE_LABEL, name))), made)
    if not made:
        raise LabError(f"There is a volume {volume} that pghalab did not make; it stays untouched.", kind="taken")


async def _services(
    engine: Engine, settings: LabSettings, about: About, running: Mapping[str, FoundContainer], say: Say, parts: Parts
) -> None:
    """Start what ran: etcd, then the Patroni of the member that led, then the others."""

    def of(names: tuple[str, ...]) -> dict[str, FoundContainer]:
        return {name: running[name] for name in names if name in running}

    etcd, patroni = of(about.etcd), of(about.patroni)
    parts.next("starting etcd" if etcd else "etcd did not run")
    await _on(engine, etcd, scripts.START, "etcd")
    # Without a majority etcd answered nobody before, and does not now.
    if 2 * len(etcd) > settings.nodes:
        silent = await _wait(engine, etcd, scripts.ETCD_ANSWERS, ETCD_SECONDS)
        if answer := [name for name in etcd if name not in silent]:
            say(f"etcd answers on {listed(answer)}\n")
        if silent:
            say(f"etcd does not answer yet on {listed(silent)}\n")
    parts.next("starting Patroni" if patroni else "Patroni did not run")
    leader = {name: found for name, found in patroni.items() if name == about.leader}
    await _on(engine, leader, scripts.START, "patroni")
    if await _wait(engine, leader, scripts.LEADS, LEADS_SECONDS):
        raise LabError(
            f"Patroni was started and does not lead after {LEADS_SECONDS:g} s, as it did in the snapshot; "
            "that of the other nodes was not started.",
            node=about.leader,
            todo="Its log says what it waits for: /var/log/patroni/patroni.log",
            kind="no-answer",
        )
    if leader:
        say(f"{about.leader} leads again\n")
    others = {name: found for name, found in patroni.items() if name not in leader}
    await _on(engine, others, scripts.START, "patroni")
    if others:
        say(f"Patroni was started on {listed(others)}\n")


async def _on(engine: Engine, nodes: Mapping[str, FoundContainer], script: str, *words: str) -> None:
    """Run a script on some nodes at the same time; raises LabError that names the node."""

    async def one(name: str, found: FoundContainer) -> None:
        try:
            await helper.run(engine, found.id, script, *words)
        except LabError as error:
            raise LabError(error.what, node=name, todo=error.todo, kind=error.kind) from error

    await lifecycle.together(one(name, found) for name, found in nodes.items())


async def _wait(engine: Engine, nodes: Mapping[str, FoundContainer], script: str, limit: float) -> list[str]:
    """Wait until a script succeeds on each of some nodes; those on which it did not in time."""
    until = time.monotonic() + limit

    async def one(found: FoundContainer) -> bool:
        while True:
            try:
                await helper.run(engine, found.id, script)
                return True
            except LabError as error:
                if error.kind != "engine-refused":
                    raise
            if time.monotonic() > until:
                return False
            await asyncio.sleep(POLL_SECONDS)

    answers = await asyncio.gather(*map(one, nodes.values()))
    return [name for name, answered in zip(nodes, answers, strict=True) if not answered]


async def _stop(engine: Engine, name: str, found: FoundContainer) -> None:
    await engine.call(f"Stopping {name}", engine.api.stop, found.id, timeout=lifecycle.STOP_SECONDS)
