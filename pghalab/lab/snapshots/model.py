"""What a snapshot is, and the volumes of the engine that hold it.

The data of a snapshot is one volume. A second, empty one is made when the first is whole: its label tells of the
snapshot. So one that was never finished is known by what it lacks, and listing needs no look into a volume.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict

from pghalab.codec import from_json
from pghalab.lab.deploy.reach import listed
from pghalab.lab.engine.labels import LAB_LABEL, SNAPSHOT_LABEL
from pghalab.lab.types import LabError
from pghalab.values import dataclass

ABOUT_LABEL = "pghalab.snapshot.about"
"""What tells of a snapshot that is whole, as JSON."""
FROZEN_LABEL = "pghalab.snapshot.freezes"
"""The ids of the containers that are paused while a snapshot is made, to be woken when it is not finished."""
RESTORE_LABEL = "pghalab.restore"
"""The name of the snapshot that a lab is being brought back to: what has to be finished if it was not."""

FORMAT = 1
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is in the course; the lab keeps it without knowing what its words mean."""

    before: str = ""
    """The lesson that begins here, by its id; empty when none does."""
    last: str = ""
    """The step that was on the screen, by its id."""
    done: tuple[str, ...] | None = None
    """The steps that were done, by their ids; None when nobody said."""


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a snapshot without a look into it."""

    name: str
    lab: str
    format: int
    automatic: bool
    """Nobody gave it a name; of these only the newest are kept."""
    made: float
    """When the nodes were frozen, seconds of `time.time`."""
    frozen: float
    """For how many seconds they were."""
    size: int
    """Bytes on the disk."""
    image: str
    versions: dict[str, str]
    """Of what is in the image: `{"postgresql": "17.6", …}`."""
    network: str
    settings: dict[str, str]
    """The settings that the data holds, as the labels of the lab's volumes tell them."""
    running: tuple[str, ...]
    """The nodes that ran."""
    etcd: tuple[str, ...]
    """Those on which etcd ran."""
    patroni: tuple[str, ...]
    """Those on which Patroni ran."""
    leader: str
    """The one that led, empty when nobody did."""
    place: Place = NOWHERE
    """Where the learner was in the course."""

    @property
    def before(self) -> str:
        """The lesson at whose beginning it was made by itself, by its id; empty for one that was asked for."""
        return self.place.before

    def tell(self) -> str:
        """It as JSON, for a label."""
        return json.dumps(asdict(self))

    @classmethod
    def told(cls, text: str) -> About | None:
        """The snapshot that `tell` told of; None when that cannot be understood."""
        try:
            about: About = from_json(cls, json.loads(text))
        except (ValueError, RecursionError):
            return None
        return about

    @property
    def services(self) -> str:
        """What ran, in words: `etcd on pgha1 and pgha2; Patroni on pgha1, which led`."""
        words = [f"etcd on {listed(self.etcd)}"] if self.etcd else []
        led = f"; {self.leader} led" if self.leader else ""
        words += [f"Patroni on {listed(self.patroni)}{led}"] if self.patroni else []
        return "; ".join(words) or "no services"


def data_volume(lab: str, name: str) -> str:
    """The volume with the data of a snapshot."""
    return f"pghalab.{lab}.snapshot.{name}"


def about_volume(lab: str, name: str) -> str:
    """The empty volume that says that a snapshot is whole."""
    return f"pghalab.{lab}.snapshot.{name}.about"


def restore_volume(lab: str) -> str:
    """The empty volume that says that a lab is being brought back to a snapshot."""
    return f"pghalab.{lab}.restore"


def labels(lab: str, name: str, **more: str) -> dict[str, str]:
    """The labels of what belongs to a snapshot."""
    return {LAB_LABEL: lab, SNAPSHOT_LABEL: name, **more}


def require_name(name: str) -> str:
    """The name, when a snapshot can have it; raises LabError."""
    if not _NAME.fullmatch(name):
        raise LabError(
            f"{name!r} is not a snapshot's name.",
            todo="Use at most 41 small letters, digits, '-' and '_': pghalab snapshot before-lunch",
            kind="bad-value",
        )
    return name


def automatic_name(now: float, taken: Mapping[str, object], before: str = "") -> str:
    """A name made of the time, or of the lesson that begins, which nobody has: `1125-174059`, `before-leader-2`."""
    first = name = f"before-{before}" if before else time.strftime("%m%d-%H%M%S", time.localtime(now))
    number = 1
    while name in taken:
        number += 1
        name = f"{first}-{number}"
    return name


def megabytes(size: int) -> str:
    """A size as people read it: `312 MB`."""
    return f"{size / 1e6:.0f} MB" if size < 9_950_000_000 else f"{size / 1e9:.1f} GB"
