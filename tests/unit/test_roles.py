"""Whose word counts on who takes writes, and how seldom a server that lets nobody in is bothered."""

import time

import pytest

from pghalab.cluster import postgres, roles
from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.cluster.roles import Roles, Words
from pghalab.cluster.services import Services
from pghalab.lab.types import Lab, Node
from tests.fake_lab.lab import FakeLab


def test_a_switchover_is_never_two_writers() -> None:
    words = Words()
    words.heard("pgha1", True, asked=10.0, answered=10.1)
    words.heard("pgha2", True, asked=10.8, answered=10.9)
    assert words.outdated() == ["pgha1"]
    assert (words.writes("pgha1"), words.writes("pgha2")) == (None, True)
    words.heard("pgha1", False, asked=10.95, answered=11.0)
    assert words.outdated() == []
    assert (words.writes("pgha1"), words.writes("pgha2")) == (False, True)


def test_two_writers_are_believed_when_both_say_so_after_the_second_one_began() -> None:
    words = Words()
    words.heard("pgha1", True, asked=10.0, answered=10.1)
    words.heard("pgha2", True, asked=10.8, answered=10.9)
    words.heard("pgha1", True, asked=10.85, answered=11.0)
    assert words.writes("pgha1") is None, "asked before pgha2 had said that it takes writes"
    words.heard("pgha1", True, asked=11.0, answered=11.1)
    assert (words.writes("pgha1"), words.writes("pgha2")) == (True, True)
    words.heard("pgha2", True, asked=12.0, answered=12.1)
    assert words.outdated() == []


def test_an_older_answer_does_not_replace_a_newer_one() -> None:
    words = Words()
    words.heard("pgha1", False, asked=11.0, answered=11.1)
    words.heard("pgha1", True, asked=10.0, answered=12.0)
    assert words.writes("pgha1") is False
    words.heard("pgha1", True, asked=11.0, answered=12.0)
    assert words.writes("pgha1") is True, "of two answers to questions of one moment the later one counts"
    words.unheard("pgha1")
    assert words.writes("pgha1") is None


class _Asked:
    """A lab whose servers answer what they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab = FakeLab(4)
        self.services = Services(self.lab.nodes)
        self.roles = Roles(self.lab, self.services)
        self.answer: Exception | postgres.Role = postgres.Role(True, "7")
        self.logins = self.probes = 0
        self.now = 100.0
        monkeypatch.setattr(postgres, "role", self._role)
        monkeypatch.setattr(postgres, "probe", self._probe)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    async def _role(self, lab: Lab, name: str) -> postgres.Role:
        assert lab is self.lab and name in lab.nodes
        self.logins += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def _probe(self, node: Node) -> None:
        self.probes += 1
        if isinstance(self.answer, (NotRunning, NoAnswer, OutOfReach)):
            raise self.answer


async def test_the_word_of_a_server_is_kept_until_it_is_not_heard_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _Asked(monkeypatch)
    assert await asked.roles.look("pgha1")
    assert (asked.roles.words.writes("pgha1"), asked.roles.system_ids["pgha1"]) == (True, "7")
    asked.answer = NoAnswer("PostgreSQL does not answer")
    assert not await asked.roles.look("pgha1")
    assert asked.roles.words.writes("pgha1") is True, "once is nothing"
    await asked.roles.look("pgha1")
    assert (asked.roles.words.writes("pgha1"), asked.services.word("postgres", "pgha1")) == (None, "no answer")
    for error, word in ((NotRunning("x"), "stopped"), (OutOfReach("x"), "unknown")):
        asked.answer = postgres.Role(False, "7")
        await asked.roles.look("pgha1")
        assert asked.roles.words.writes("pgha1") is False
        asked.answer = error
        await asked.roles.look("pgha1")
        assert (asked.roles.words.writes("pgha1"), asked.services.word("postgres", "pgha1")) == (None, word)


async def test_a_stopped_server_is_asked_again_soon_and_a_node_that_never_had_one_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = _Asked(monkeypatch)
    asked.answer = NotRunning("PostgreSQL does not run")
    assert await asked.roles.look("pgha1")
    assert not await asked.roles.look("pgha4")
    assert [asked.services.word("postgres", name) for name in ("pgha1", "pgha4")] == ["stopped", "none"]
    assert asked.logins == 0, "nobody logs in where nothing listens"


async def test_a_server_that_lets_nobody_in_gets_few_lines_in_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _Asked(monkeypatch)
    asked.answer = postgres.LoginRefused("FATAL:  no pg_hba.conf entry")
    for _ in range(120):
        assert await asked.roles.look("pgha2")
        asked.now += 1.0
    assert asked.logins <= 12
    assert asked.probes >= 120 - asked.logins
    assert asked.services.word("postgres", "pgha2") == "running"
    asked.answer = postgres.Role(False, "7")
    asked.now += roles.LONGEST_PAUSE
    await asked.roles.look("pgha2")
    assert asked.roles.words.writes("pgha2") is False


async def test_what_patroni_heard_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _Asked(monkeypatch)
    truth = {"role": "replica", "xlog": {}, "database_system_identifier": "7"}
    asked.roles.told("pgha2", truth, 1.0)
    assert asked.roles.words.writes("pgha2") is False
    asked.roles.told("pgha2", {"role": "primary", "state": "unknown"}, 2.0)
    assert asked.roles.words.writes("pgha2") is False, "Patroni itself does not know"
    asked.roles.told("pgha2", {**truth, "role": "primary"}, 3.0)
    assert (asked.roles.words.writes("pgha2"), asked.services.word("postgres", "pgha2")) == (True, "running")
