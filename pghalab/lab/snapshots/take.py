"""Making a snapshot: all nodes are frozen together, as by a power cut, while what changed of late is copied.

The rest was copied before. etcd and PostgreSQL recover from a power cut. The freeze is short beside the 30 s for which
Patroni's leader key lives, and nobody's clock of elections ticks meanwhile, so nobody fails over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from pghalab.lab.deploy import create, kept, lifecycle
from pghalab.lab.deploy.reach import listed
from pghalab.lab.deploy.spec import VolumeSpec
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.ending import to_the_end
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.engine.labels import SNAPSHOT_LABEL
from pghalab.lab.host import space
from pghalab.lab.settings import LabSettings
from pghalab.lab.snapshots import helper, scripts, store
from pghalab.lab.snapshots.model import (
    ABOUT_LABEL,
    FORMAT,
    FROZEN_LABEL,
    About,
    Place,
    about_volume,
    automatic_name,
    data_volume,
    labels,
    megabytes,
    require_name,
)
from pghalab.lab.types import LabError, Parts
from pghalab.values import dataclass

log = logging.getLogger(__name__)
Say = Callable[[str], None]

FREEZE_LIMIT = 8.0
"""Seconds after which a copy is given up: Patroni renews its leader key at least 20 s before it ends."""
RESERVE = 512 * 1024 * 1024
"""Bytes that stay free on the disk: the lab itself goes on writing."""


@dataclass(frozen=True, slots=True)
class _Running:
    """What ran on the nodes, by node name."""

    etcd: tuple[str, ...]
    patroni: tuple[str, ...]
    leader: str


async def take(
    engine: Engine,
    settings: LabSettings,
    name: str,
    say: Say,
    *,
    versions: Mapping[str, str] | None,
    place: Place,
) -> About:
    """Make a snapshot of the lab as it is now, of the time when it has no name; raises LabError.

    When that fails, or the caller is cancelled, the nodes run on and nothing is left of it.
    """
    volumes = await engine.volumes()
    have = store.whole(volumes, settings.name)
    if name and require_name(name) in have:
        raise LabError(
            f"There is a snapshot {name} already.",
            todo=f"Take another name, or remove that one: pghalab snapshot --remove {name}",
            kind="taken",
        )
    named, name = name, name or automatic_name(time.time(), have, place.before)
    nodes = await lifecycle.nodes(engine, settings)
    own = tuple(volume.name for volume in volumes if volume.lab == settings.name and not _is_snapshots(volume.labels))
    _require_frozen_by_nobody(settings, nodes, own)
    running = {node: found for node, found in nodes.items() if found.state == "running"}
    parts = Parts(say, 4)
    parts.next("measuring the volumes")
    try:
        await _make_volume(
            engine, settings, name, data_volume(settings.name, name),
            **{FROZEN_LABEL: " ".join(found.id for found in running.values())},
        )  # fmt: skip
        async with helper.helper(engine, settings, name, own, back=False) as copier:
            free = await _require_room(engine, copier, say)
            parts.next("copying the volumes, and what runs")
            services = await _saved(engine, running)
            say(f"{_services(services)}\n")
            await helper.run(engine, copier, scripts.COPY_FIRST)
            parts.next("copying what changed meanwhile, while the nodes stand still")
            made, frozen = await _copied(engine, copier, running)
            say(f"the nodes stood still for {frozen:.1f} s\n" if running else "no node runs\n")
            parts.next("writing it to the disk")
            await _forget(engine, running)
            size = int(await helper.run(engine, copier, scripts.KEEP))
        about = About(
            name=name, lab=settings.name, format=FORMAT, automatic=not named, made=made, frozen=frozen, size=size,
            image=settings.image, versions=dict(versions or {}), network=settings.network,
            settings=dict(kept.labels(settings)), running=tuple(running), etcd=services.etcd,
            patroni=services.patroni, leader=services.leader, place=place,
        )  # fmt: skip
        await _make_volume(engine, settings, name, about_volume(settings.name, name), **{ABOUT_LABEL: about.tell()})
    except BaseException:
        await to_the_end(undo(engine, settings))
        raise
    say(f"snapshot {name}: {megabytes(size)}\n")
    for gone in await store.prune(engine, settings.name, free=free - size):
        say(f"snapshot {gone} removed: it has no name of its own, and newer ones take its place\n")
    return about


async def undo(engine: Engine, settings: LabSettings) -> list[str]:
    """Take back what unfinished snapshots of the lab began, whoever began them; a sentence for each; raises LabError.

    Nobody else may change the lab meanwhile.
    """
    told = []
    halves = store.unfinished(await engine.volumes(), settings.name)
    frozen = {id_ for each in halves.values() for id_ in each.get(FROZEN_LABEL, "").split()}
    existing = await engine.lab_containers(settings.name)
    paused = [one for one in existing if one.id in frozen and one.state == "paused"]
    await lifecycle.together(_thaw(engine, one) for one in paused)
    if paused:
        told.append(f"{listed(one.name for one in paused)} stood still for a snapshot that was not finished")
    for left in await helper.left(engine, settings.name):
        await helper.remove(engine, left.id)
    await _forget(
        engine, {one.name: one for one in existing if one.id in frozen and one.state in ("running", "paused")}
    )
    for volume in halves:
        await store.remove_volume(engine, volume)
    names = dict.fromkeys(each[SNAPSHOT_LABEL] for each in halves.values())
    return [*told, *(f"the snapshot {name}, which was not finished, was removed" for name in names)]


def _is_snapshots(pairs: tuple[tuple[str, str], ...]) -> bool:
    return any(key.startswith(("pghalab.snapshot", "pghalab.restore")) for key, _ in pairs)


def _require_frozen_by_nobody(
    settings: LabSettings, nodes: Mapping[str, FoundContainer], volumes: tuple[str, ...]
) -> None:
    if not volumes:
        raise LabError(f"The lab {settings.name} has no data.", todo="Create it: pghalab up", kind="no-lab")
    paused = [name for name, found in nodes.items() if found.state == "paused"]
    if paused:
        raise LabError(
            f"{listed(paused)} stands still, and what it is about to do is in no snapshot.",
            todo="Wake it first: pghalab start",
            kind="paused",
        )


async def _make_volume(engine: Engine, settings: LabSettings, name: str, volume: str, **more: str) -> None:
    made: list[str] = []
    await create.make_volume(engine, VolumeSpec(volume, tuple(labels(settings.name, name, **more).items())), made)
    if not made:
        raise LabError(
            f"There is a volume {volume}, which is no snapshot of this lab; it stays untouched.",
            todo="Take another name: pghalab snapshot NAME",
            kind="taken",
        )


async def _require_room(engine: Engine, copier: str, say: Say) -> int:
    """The bytes that are free, which are enough; raises LabError."""
    taken, free = (int(line) for line in (await helper.run(engine, copier, scripts.MEASURE)).split())
    if taken + RESERVE > free:
        raise no_room(taken + RESERVE, free, "a snapshot of this lab")
    say(f"the lab's volumes take {megabytes(taken)}\n")
    return free


def no_room(needed: int, free: int, what: str) -> LabError:
    """The engine's disk is too small for something."""
    return LabError(
        f"{what[0].upper()}{what[1:]} needs {needed / space.GIB:.1f} GiB, and the engine's disk has "
        f"{free / space.GIB:.1f} GiB left.",
        todo="Remove snapshots (pghalab snapshots lists them), or free some space (docker system df).",
        kind="no-space",
    )


async def _saved(engine: Engine, running: Mapping[str, FoundContainer]) -> _Running:
    """Have each node put what lies outside its volumes into one of them, and tell what runs on it."""
    words: dict[str, list[str]] = {}

    async def one(name: str, found: FoundContainer) -> None:
        try:
            words[name] = (await helper.run(engine, found.id, scripts.SAVE)).split()
        except LabError as error:
            raise LabError(error.what, node=name, todo=error.todo, kind=error.kind) from error

    await lifecycle.together(one(name, found) for name, found in running.items())
    where = {word: tuple(name for name in running if word in words[name]) for word in ("etcd", "patroni", "leader")}
    # Two may say so for a moment, while the key changes hands: then nobody is the last one.
    leader = where["leader"][0] if len(where["leader"]) == 1 else ""
    return _Running(where["etcd"], where["patroni"], leader)


async def _copied(engine: Engine, copier: str, running: Mapping[str, FoundContainer]) -> tuple[float, float]:
    """Copy what changed while nothing writes to it: when that began (`time.time`), and how many seconds it took."""
    began: float | None = None
    made = time.time()
    try:
        began = time.monotonic()
        await lifecycle.together(
            engine.call(f"Freezing {name}", engine.freeze, found.id) for name, found in running.items()
        )
        made = time.time()
        log.info("frozen in %.2f s", time.monotonic() - began)
        await helper.run(engine, copier, scripts.COPY, f"{FREEZE_LIMIT:g}")
        log.info("copied after %.2f s", time.monotonic() - began)
    except LabError as error:
        if f"ended with {scripts.SLOW} " in error.what:
            raise LabError(
                f"Copying the volumes took longer than {FREEZE_LIMIT:g} s, for which the nodes must not stand still.",
                todo="Try again when the machine has less to do, or: pghalab stop, then pghalab snapshot",
                kind="timeout",
            ) from error
        raise
    finally:
        # Also those that were frozen although something failed; one that was not is no trouble.
        await to_the_end(_thaw_all(engine, running))
    return made, time.monotonic() - began


async def _thaw_all(engine: Engine, running: Mapping[str, FoundContainer]) -> None:
    await lifecycle.together(_thaw(engine, found) for found in running.values())


async def _thaw(engine: Engine, found: FoundContainer) -> None:
    try:
        await engine.call(f"Waking {found.name}", engine.api.unpause, found.id)
    except LabError as error:
        if "not paused" not in error.what and error.kind != "gone":
            raise


async def _forget(engine: Engine, running: Mapping[str, FoundContainer]) -> None:
    """Have each node remove what it put into its volume."""

    async def one(found: FoundContainer) -> None:
        try:
            await helper.run(engine, found.id, scripts.FORGET)
        except LabError as error:
            # It ended meanwhile; its next snapshot, and being restored, removes it too.
            log.warning("%s: %s", found.name, error)

    await lifecycle.together(one(found) for found in running.values())


def _services(services: _Running) -> str:
    words = [f"etcd runs on {listed(services.etcd)}"] if services.etcd else []
    words += [f"Patroni on {listed(services.patroni)}"] if services.patroni else []
    words += [f"{services.leader} leads"] if services.leader else []
    return ", ".join(words) or "neither etcd nor Patroni runs"
