"""Each server's own word on whether it takes writes: asked of PostgreSQL itself, beside what its Patroni says."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Final

from pghalab.cluster import postgres
from pghalab.cluster.rest import NoAnswer, OutOfReach
from pghalab.cluster.services import Services
from pghalab.cluster.truth import takes_writes
from pghalab.lab.types import Lab, LabError
from pghalab.values import dataclass

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 15.0
"""Seconds without a further login after one was refused: each one is a line in the server's log."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a server said of itself; times are `time.monotonic`."""

    writes: bool
    since: float
    """When it said so for the first time in a row."""
    asked: float
    """When the newest question was put."""


class Words:
    """The servers' words, and whether they may be believed together."""

    def __init__(self) -> None:
        self._words: dict[str, Word] = {}

    def heard(self, node: str, writes: bool, asked: float, answered: float) -> None:
        """A server said whether it takes writes."""
        old = self._words.get(node)
        if old is not None and asked < old.asked:
            return
        since = old.since if old is not None and old.writes == writes else answered
        self._words[node] = Word(writes, since, asked)

    def unheard(self, node: str) -> None:
        """Nothing is known of this server any more."""
        self._words.pop(node, None)

    def outdated(self) -> list[str]:
        """Servers that said they take writes before another one began to: to be asked again before both are believed.

        In a switchover the old leader's last answer is older than the new leader's first one.
        """
        writing = {node: word for node, word in self._words.items() if word.writes}
        return [
            node
            for node, word in writing.items()
            if any(other.since > word.asked for name, other in writing.items() if name != node)
        ]

    def writes(self, node: str) -> bool | None:
        """Whether the server takes writes; None while that is not known."""
        word = self._words.get(node)
        if word is None or (word.writes and node in self.outdated()):
            return None
        return word.writes


class Roles:
    """Asks the servers, without filling their logs."""

    def __init__(self, lab: Lab, services: Services) -> None:
        self._lab = lab
        self._services = services
        self._held_until: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self.words = Words()
        self.system_ids: dict[str, str] = {}
        """The database system identifier of each server that was ever asked."""

    async def look(self, name: str) -> bool:
        """Ask one server; True when it is to be asked again soon."""
        node = self._lab.nodes[name]
        asked = time.monotonic()
        try:
            if self._services.word("postgres", name) != "running" or asked < self._held_until.get(name, 0.0):
                await postgres.probe(node)  # cheaper than a login, and nothing in the server's log
            if asked < self._held_until.get(name, 0.0):
                self._services.answered("postgres", name)
                return True
            role = await postgres.role(self._lab, name)
        except postgres.LoginRefused as error:
            self._hold(name, error)
            return True
        except LabError as error:
            self._missed(name, error)
            return self._services.is_data_node(name) and not isinstance(error, (NoAnswer, OutOfReach))
        self._pauses.pop(name, None)
        self._services.answered("postgres", name)
        self.system_ids[name] = role.system_id
        self.words.heard(name, role.writes, asked, time.monotonic())
        return True

    def told(self, name: str, truth: Mapping[str, Any], asked: float) -> None:
        """What a node's Patroni has just heard from its PostgreSQL."""
        writes = takes_writes(truth)
        if writes is not None:
            self._services.answered("postgres", name)
            self.words.heard(name, writes, asked, time.monotonic())
            self.system_ids[name] = str(truth.get("database_system_identifier", ""))

    def forget(self, name: str) -> None:
        """The node does not run any more."""
        self.words.unheard(name)

    def _hold(self, name: str, error: LabError) -> None:
        """It runs and lets nobody in: it is starting, or its pg_hba.conf or the password is wrong."""
        pause = self._pauses[name] = min(LONGEST_PAUSE, 2 * self._pauses.get(name, FIRST_PAUSE / 2))
        log.debug("%s: %s; the next login in %g s", name, error.what, pause)
        self._held_until[name] = time.monotonic() + pause
        self._services.answered("postgres", name)
        self.words.unheard(name)

    def _missed(self, name: str, error: LabError) -> None:
        self._held_until.pop(name, None)
        self._pauses.pop(name, None)
        if self._services.missed("postgres", name, error):
            self.words.unheard(name)
