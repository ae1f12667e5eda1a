"""The word for each service of each node."""

import time

import pytest

from pghalab.cluster import services
from pghalab.cluster.model import Service
from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.cluster.services import Services
from pghalab.lab.types import LabError
from tests.fake_lab.node import FakeNode

SILENT, REFUSED, AWAY = NoAnswer("silent"), NotRunning("refused"), OutOfReach("away")


@pytest.fixture
def nodes() -> dict[str, FakeNode]:
    return {f"pgha{n}": FakeNode(f"pgha{n}") for n in range(1, 6)}


def test_stopped_is_said_of_a_refused_connection_only(nodes: dict[str, FakeNode]) -> None:
    one = Services(nodes)
    assert one.word("etcd", "pgha1") == "unknown"
    for error, word in ((REFUSED, "stopped"), (AWAY, "unknown"), (LabError("it refused"), "running")):
        assert one.missed("etcd", "pgha1", error)
        assert one.word("etcd", "pgha1") == word
    one.answered("etcd", "pgha1")
    assert not one.missed("etcd", "pgha1", SILENT)
    assert one.word("etcd", "pgha1") == "running"
    assert one.missed("etcd", "pgha1", SILENT)
    assert one.word("etcd", "pgha1") == "no answer"


def test_a_node_that_never_had_a_service_has_none(nodes: dict[str, FakeNode]) -> None:
    one = Services(nodes)
    for name in nodes:
        for service in ("etcd", "patroni", "postgres"):
            one.missed(service, name, REFUSED)
    assert [one.word("postgres", name) for name in nodes] == ["stopped"] * 3 + ["none"] * 2
    assert [one.word("etcd", name) for name in nodes] == ["stopped"] * 5
    for _ in range(3):
        one.missed("postgres", "pgha4", SILENT)
    assert one.word("postgres", "pgha4") == "none", "a tunnel takes every connection"
    one.answered("patroni", "pgha4")
    one.missed("patroni", "pgha4", REFUSED)
    assert [one.word("patroni", name) for name in ("pgha4", "pgha5")] == ["stopped", "none"]


def test_a_process_that_somebody_saw_is_starting_and_not_stopped(
    nodes: dict[str, FakeNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    one = Services(nodes)
    one.missed("etcd", "pgha1", REFUSED)
    assert one.process("etcd", "pgha1", runs=True)
    assert one.word("etcd", "pgha1") == "starting"
    one.missed("etcd", "pgha1", REFUSED)
    assert one.word("etcd", "pgha1") == "starting"
    now += services.PROCESS_KEPT + 0.1
    assert one.word("etcd", "pgha1") == "starting", "nobody has looked since"
    one.missed("etcd", "pgha1", REFUSED)
    assert one.word("etcd", "pgha1") == "stopped"
    one.answered("etcd", "pgha1")
    assert not one.process("etcd", "pgha1", runs=True), "that is no news"
    assert one.process("etcd", "pgha1", runs=False)
    assert one.word("etcd", "pgha1") == "stopped"
    assert not one.process("patroni", "pgha4", runs=False)
    assert one.word("patroni", "pgha4") == "none"


def test_only_what_answered_or_was_silent_twice_is_settled(nodes: dict[str, FakeNode]) -> None:
    one = Services(nodes)
    one.answered("etcd", "pgha1")
    one.missed("etcd", "pgha2", SILENT)
    one.missed("etcd", "pgha3", SILENT)
    one.missed("etcd", "pgha3", SILENT)
    one.answered("etcd", "pgha4")
    nodes["pgha4"].link = "down"
    one.missed("etcd", "pgha4", AWAY)
    assert one.settled("etcd", ()) == ["pgha1", "pgha3"]
    assert one.settled("etcd", ("pgha4",)) == ["pgha1", "pgha3", "pgha4"]


@pytest.mark.parametrize("word", ["running", "starting", "waiting", "no answer"])
def test_a_process_that_is_not_there_runs_no_service(nodes: dict[str, FakeNode], word: Service) -> None:
    one = Services(nodes)
    one.answered("etcd", "pgha1", word)
    assert one.word("etcd", "pgha1") == word
    assert one.process("etcd", "pgha1", runs=False)
    assert one.word("etcd", "pgha1") == "stopped"
    assert not one.process("etcd", "pgha1", runs=False)
    # What is not known is not made known by that.
    assert not one.process("etcd", "pgha2", runs=False)
    assert one.word("etcd", "pgha2") == "unknown"
