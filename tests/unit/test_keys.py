"""Patroni's keys and each node's own Patroni: how old they are, and how long a silent leader's key lives on."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from pghalab.cluster import etcd, keys, patroni
from pghalab.cluster.dcs import PREFIX
from pghalab.cluster.keys import Keys
from pghalab.cluster.rest import NoAnswer, NotRunning
from pghalab.cluster.roles import Roles
from pghalab.cluster.services import Services
from pghalab.lab.types import LabError, Node
from tests.fake_lab.lab import FakeLab

KEYS = {PREFIX + "leader": "pgha1", PREFIX + "members/pgha1": "{}", PREFIX + "initialize": "7"}
TRUTH = {"state": "running", "role": "primary", "timeline": 4, "xlog": {"location": 9}}


class Asked:
    """Keys whose sources answer what a test says, at a time that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lab = FakeLab(3)
        self.now = 100.0
        self.services = Services(lab.nodes)
        self.keys = Keys(lab.nodes, self.services, Roles(lab, self.services))
        self.truths: dict[str, LabError | dict[str, Any]] = {}
        self.leases: dict[str, LabError | int | None] = {}
        self.asked: list[str] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(patroni, "status", self._status)
        monkeypatch.setattr(etcd, "lease_left", self._lease)

    async def _status(self, node: Node) -> dict[str, Any]:
        found = self.truths.get(node.name, NotRunning(f"Patroni does not run on {node.name}"))
        if isinstance(found, LabError):
            raise found
        return found

    async def _lease(self, node: Node, key: str) -> int | None:
        assert key == PREFIX + "leader"
        self.asked.append(node.name)
        found = self.leases.get(node.name)
        if isinstance(found, LabError):
            raise found
        return found

    def left(self) -> int | None:
        value = self.keys.snapshot("").value
        assert value is not None
        return value.lease_left


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A cluster whose leader is silent, and etcd on every node."""
    made = Asked(monkeypatch)
    made.keys.seen(KEYS)
    for name in ("pgha1", "pgha2", "pgha3"):
        made.services.answered("etcd", name)
    return made


async def test_the_lease_is_asked_of_the_first_member_that_answers(asked: Asked) -> None:
    asked.services.missed("etcd", "pgha1", NotRunning("x"))
    asked.leases = {"pgha2": NoAnswer("x"), "pgha3": 17}
    assert await asked.keys.ask_lease()
    assert asked.asked == ["pgha2", "pgha3"]
    assert asked.left() == 17
    asked.now += 4.5
    assert asked.left() == math.ceil(12.5)
    asked.now += 100
    assert asked.left() == 0


async def test_the_lease_is_not_asked_for_again_and_again(asked: Asked) -> None:
    asked.leases = {"pgha1": 20}
    assert await asked.keys.ask_lease()
    asked.now += keys.LEASE_EVERY - 0.1
    assert not await asked.keys.ask_lease()
    asked.now += 0.1
    asked.leases = {"pgha1": None}
    assert await asked.keys.ask_lease()
    assert asked.asked == ["pgha1", "pgha1"]
    assert asked.left() is None, "the key has no lease"


async def test_nobody_says_how_long_a_key_lives_on_when_nobody_knows(asked: Asked) -> None:
    asked.leases = dict.fromkeys(("pgha1", "pgha2", "pgha3"), NoAnswer("x"))
    assert not await asked.keys.ask_lease()
    assert asked.asked == ["pgha1", "pgha2", "pgha3"]
    assert asked.left() is None


async def test_a_leader_that_answers_again_has_no_lease_to_be_told_of(asked: Asked) -> None:
    asked.leases = {"pgha1": 20}
    assert await asked.keys.ask_lease()
    asked.truths = {"pgha1": dict(TRUTH)}
    assert await asked.keys.look("pgha1")
    assert not asked.keys.silent_leader() and asked.left() is None
    assert not await asked.keys.ask_lease()
    # Silent once more, it is asked at once.
    asked.keys.forget("pgha1")
    assert asked.keys.silent_leader() and asked.left() is None
    assert await asked.keys.ask_lease()
    assert asked.left() == 20


async def test_another_leaders_lease_is_another_one(asked: Asked) -> None:
    asked.leases = {"pgha1": 20}
    assert await asked.keys.ask_lease()
    asked.keys.seen(KEYS)
    assert asked.left() == 20
    asked.keys.seen(KEYS | {PREFIX + "leader": "pgha2"})
    assert asked.left() is None
    assert await asked.keys.ask_lease(), "and is asked for at once"


async def test_one_silence_keeps_what_a_node_said_and_a_refusal_does_not(asked: Asked) -> None:
    asked.truths = {"pgha1": dict(TRUTH)}
    assert await asked.keys.look("pgha1")
    asked.truths = {"pgha1": NoAnswer("x")}
    assert not await asked.keys.look("pgha1")
    assert not asked.keys.silent_leader()
    assert not await asked.keys.look("pgha1")
    assert asked.keys.silent_leader()
    asked.truths = {"pgha1": dict(TRUTH)}
    await asked.keys.look("pgha1")
    asked.truths = {}
    assert not await asked.keys.look("pgha1")
    assert asked.keys.silent_leader()


def test_keys_that_are_lost_are_as_old_as_the_loss(asked: Asked) -> None:
    assert asked.keys.snapshot("why").error is None
    asked.now = 110.0
    asked.keys.lost(LabError("gone"))
    asked.now = 130.0
    asked.keys.lost(LabError("gone still"))
    lost = asked.keys.snapshot("why")
    assert (lost.error, lost.taken_at) == ("why", 110.0)
    assert lost.value is not None and lost.value.leader == "pgha1"
    assert not asked.keys.silent_leader(), "who holds a key that nobody sees is not known"
    asked.keys.seen(KEYS)
    assert (asked.keys.snapshot("why").error, asked.keys.snapshot("").taken_at) == (None, 130.0)


def test_before_anything_was_seen_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Asked(monkeypatch)
    assert not made.keys.known and not made.keys.silent_leader()
    assert made.keys.snapshot("why").value is None
    assert str(made.keys.error) == "etcd was not reached yet"
    before, now = made.keys.seen(KEYS)
    assert before is None and now.leader == "pgha1" and made.keys.known
