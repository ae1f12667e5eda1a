"""The snapshots that the engine holds of a lab: listed, removed, and those that are too many or were never finished."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundVolume
from pghalab.lab.engine.labels import SNAPSHOT_LABEL
from pghalab.lab.snapshots.model import (
    ABOUT_LABEL,
    FORMAT,
    RESTORE_LABEL,
    About,
    about_volume,
    data_volume,
)
from pghalab.lab.types import LabError

log = logging.getLogger(__name__)

AUTOMATIC = 5
"""How many snapshots without a name of their own are kept."""
ROOMY = 5 * 1024**3
"""With so many bytes free on the disk the beginnings of all lessons are kept: each has some 150 MB."""


def whole(volumes: Iterable[FoundVolume], lab: str) -> dict[str, About]:
    """The finished snapshots of a lab by name, oldest first."""
    own = {volume.name: dict(volume.labels) for volume in volumes if volume.lab == lab}
    found = []
    for labels in own.values():
        name = labels.get(SNAPSHOT_LABEL, "")
        about = About.told(labels.get(ABOUT_LABEL, "")) if ABOUT_LABEL in labels else None
        if about is not None and (about.name, about.lab) == (name, lab) and data_volume(lab, name) in own:
            found.append(about)
    return {about.name: about for about in sorted(found, key=lambda each: each.made)}


def unfinished(volumes: Iterable[FoundVolume], lab: str) -> dict[str, Mapping[str, str]]:
    """The volumes of a lab's snapshots that were not finished, or half removed, by name, with their labels."""
    known = tuple(volumes)
    kept = {name for about in whole(known, lab) for name in (data_volume(lab, about), about_volume(lab, about))}
    return {
        volume.name: labels
        for volume in known
        if volume.lab == lab
        and SNAPSHOT_LABEL in (labels := dict(volume.labels))
        and volume.name not in kept
        # What a newer pghalab made is whole, whatever it looks like from here.
        and not _newer(labels)
    }


def restoring(volumes: Iterable[FoundVolume], lab: str) -> str:
    """The snapshot that the lab was being brought back to, when that was not finished; else empty."""
    own = (dict(volume.labels) for volume in volumes if volume.lab == lab)
    return next((labels[RESTORE_LABEL] for labels in own if RESTORE_LABEL in labels), "")


def find(volumes: Iterable[FoundVolume], lab: str, name: str) -> About:
    """The snapshot of this name, or the newest when it is empty; raises LabError that says what there is instead."""
    known = tuple(volumes)
    have = whole(known, lab)
    if not name and have:
        return next(reversed(have.values()))
    if name in have:
        return have[name]
    for other in sorted({volume.lab for volume in known if volume.lab not in (None, lab)} - {None}):
        assert other is not None
        if name in whole(known, other):
            raise LabError(
                f"The snapshot {name} is of the lab {other}, not of {lab}.",
                todo=f"Restore it there: pghalab --lab {other} restore {name}",
                kind="differs",
            )
    if not have:
        raise LabError(f"The lab {lab} has no snapshots.", todo="Make one: pghalab snapshot", kind="gone")
    raise LabError(
        f"The lab {lab} has no snapshot {name}.", todo=f"It has {', '.join(have)}: pghalab snapshots", kind="gone"
    )


async def remove(engine: Engine, lab: str, name: str) -> None:
    """Remove a snapshot; from the first moment it is not a whole one any more; raises LabError."""
    for volume in (about_volume(lab, name), data_volume(lab, name)):
        await remove_volume(engine, volume)


async def remove_volume(engine: Engine, name: str) -> None:
    """Remove a volume; one that is gone already is fine; raises LabError."""
    try:
        await engine.call(f"Removing volume {name}", engine.api.remove_volume, name)
    except LabError as error:
        if error.kind != "gone":
            raise


async def prune(engine: Engine, lab: str, *, free: int) -> list[str]:
    """Remove the snapshots without a name of their own that are too many; their names; raises LabError.

    The last `AUTOMATIC` stay, and while the disk has `ROOMY` bytes free the last beginning of each lesson.
    """
    automatic = [about for about in whole(await engine.volumes(), lab).values() if about.automatic]
    kept = {about.name for about in automatic[-AUTOMATIC:]}
    if free >= ROOMY:
        beginnings = {about.before: about.name for about in automatic if about.before}
        others = [about.name for about in automatic if not about.before]
        kept = {*beginnings.values(), *others[-AUTOMATIC:]}
    gone = [about.name for about in automatic if about.name not in kept]
    for name in gone:
        await remove(engine, lab, name)
    return gone


def _newer(labels: Mapping[str, str]) -> bool:
    about = About.told(labels.get(ABOUT_LABEL, ""))
    return about is not None and about.format > FORMAT
