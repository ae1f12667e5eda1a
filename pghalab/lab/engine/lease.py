"""Rights in a lab that one process at a time has, kept by the engine that holds the lab.

A right is an empty volume, which the engine has from the start, before there is an image or a node, whatever folder a
console keeps its state in. Its labels name the process that holds it, so that a dead one holds nothing.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from typing import Any, Literal, get_args

from pghalab.lab.host.process import Driver, this_process

Right = Literal["driver", "change"]
"""`driver`: to have the lab open and do its course; `change`: to create, start, stop or remove parts of it now."""

RIGHTS: tuple[Right, ...] = get_args(Right)
RIGHT_LABEL = "pghalab.right"
"""`LAB/RIGHT`; not the lab's own label, so that removing a lab's volumes leaves it to its holder."""
HOLDER_LABEL = "pghalab.holder"
CLAIMS = 20
"""How often a claim is made again when others claim at the same moment."""

log = logging.getLogger(__name__)
_given_up: set[str] = set()
"""Claims of this process that were dropped while the engine did not answer: they hold nothing."""


class Lease:
    """One right in one lab; the calls block, and raise what the SDK raises."""

    def __init__(self, lab: str, right: Right) -> None:
        self._label = f"{RIGHT_LABEL}={lab}/{right}"
        self._prefix = f"pghalab.{lab}.{right}."
        self._name = ""
        self.held = False
        """This object holds it."""

    def take(self, api: Any, doing: str) -> Driver | None:
        """Take the right; the process that has it when that is another one, None when it is taken."""
        if self.held:
            return None
        key, _, value = self._label.partition("=")
        labels = {key: value, HOLDER_LABEL: this_process(doing).tell()}
        # A name of its own for each time: one that was given up may still be there.
        self._name = self._prefix + secrets.token_hex(6)
        for _ in range(CLAIMS):
            if other := self._other(api):
                return other
            # First the claim, then the look: of two who do so at the same time at least one sees the other.
            api.create_volume(self._name, labels=labels)
            other = self._other(api)
            if other is None:
                self.held = True
                self._clear(api)
                return None
            _remove(api, self._name)
            time.sleep(random.uniform(0.02, 0.2))
        return other

    def holder(self, api: Any) -> Driver | None:
        """Who has the right, this process included; None when nobody does."""
        return next((driver for name, driver in self._claims(api) if _holds(name, driver)), None)

    def drop(self, api: Any) -> None:
        """Let somebody else have it."""
        if not self.held:
            return
        self.held = False
        _given_up.add(self._name)
        drop_given_up(api)

    def _other(self, api: Any) -> Driver | None:
        claims = ((name, driver) for name, driver in self._claims(api) if name != self._name)
        return next((driver for name, driver in claims if _holds(name, driver)), None)

    def _clear(self, api: Any) -> list[str]:
        """Remove what dead processes left, and tell the names."""
        dead = [name for name, driver in self._claims(api) if name != self._name and not _holds(name, driver)]
        for name in dead:
            _remove(api, name)
        return dead

    def _claims(self, api: Any) -> list[tuple[str, Driver]]:
        found = api.volumes(filters={"label": self._label})["Volumes"] or []
        return [(str(raw["Name"]), _driver(raw.get("Labels") or {})) for raw in found]


def clear(api: Any, lab: str) -> list[str]:
    """Remove what dead processes left of their rights in a lab, and tell the names; raises what the SDK raises."""
    return [name for right in RIGHTS for name in Lease(lab, right)._clear(api)]


def drop_given_up(api: Any) -> None:
    """Remove the claims that this process could not drop before; raises what the SDK raises."""
    for name in list(_given_up):
        _remove(api, name)
        _given_up.discard(name)


def _holds(name: str, driver: Driver) -> bool:
    return name not in _given_up and driver.lives


def _remove(api: Any, name: str) -> None:
    import docker.errors

    try:
        api.remove_volume(name)
    except docker.errors.NotFound:
        log.info("the right %s was removed by somebody else", name)


def _driver(labels: dict[str, str]) -> Driver:
    told = Driver.told(labels.get(HOLDER_LABEL, ""))
    # Another version's, perhaps: whoever it is, nobody can say that it is gone.
    return told if told is not None and told.machine else Driver(0, "", 0.0, machine="unknown")
