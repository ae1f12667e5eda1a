"""The real session with the real runner and the real monitor over the fake lab: what happens to the cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pghalab.cluster import monitor, sweep
from pghalab.cluster.eventlog import EventLog
from pghalab.course.journal.states import States
from pghalab.session import rechecks
from pghalab.session.events import ClusterSeen, CourseRead
from pghalab.session.session import Session
from tests.fake_lab.backend import Bench
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.fake_lab.wired import Wired
from tests.unit.test_session import Told

LEADS = """id: leads
kind: wait
checks:
  - dcs_key: {key: leader, equals: pgha1}"""
SHOWN = """id: shown
kind: command
node: pgha5
command: start etcd
checks:
  - process: {on: [pgha5], name: etcd}"""


class Watched:
    """A session that watches a cluster of three."""

    def __init__(self, bench: Bench, wired: Wired, session: Session, told: Told) -> None:
        self.bench, self.wired, self.session, self.told = bench, wired, session, told

    def events(self) -> list[str]:
        return [event.text for event in self.session.state.events]


@pytest.fixture
async def watched(
    tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Watched]:
    for name in ("ETCD_EVERY", "PATRONI_EVERY", "POSTGRES_EVERY", "CONTAINERS_EVERY"):
        monkeypatch.setattr(monitor, name, 0.05)
    monkeypatch.setattr(sweep, "AGAIN_SOON", 0.02)
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    cluster_of_three(lab, sources)
    wired = Wired(lab, sources, monkeypatch)
    bench = Bench(tmp_path / "state", lab, sources, event_log=EventLog(tmp_path / "events.jsonl"), watches=True)
    write_course(tmp_path / "lessons", LEADS, SHOWN)
    session = Session("pgha", connect=bench.connect, lessons=tmp_path / "lessons")
    told = Told(session)
    await session.open()
    state = session.state
    await told.until(lambda: state.patroni and state.patroni.value and len(state.patroni.value.members) == 3)
    await told.until(lambda: state.etcd and state.etcd.value and state.etcd.value.alive == 5)
    await told.until(lambda: state.steps.get("leads") == "done")
    yield Watched(bench, wired, session, told)
    await session.close()


async def test_the_cluster_is_seen_as_it_was_on_the_real_lab(watched: Watched) -> None:
    state = watched.session.state
    assert state.nodes is not None and state.patroni is not None and state.patroni.value is not None
    await watched.told.until(
        lambda: state.nodes and state.nodes.value and [row.postgres for row in state.nodes.value].count("running") == 3
    )
    assert state.patroni.value.leader == "pgha1" and state.patroni.value.system_id
    roles = {row.name: (row.role, row.state) for row in state.patroni.value.members}
    assert roles == {"pgha1": ("Leader", "running"), **dict.fromkeys(("pgha2", "pgha3"), ("Replica", "streaming"))}
    assert state.grave() == [] and watched.events() == []
    assert type(watched.told.events[0]) is CourseRead


async def test_a_change_of_leader_is_an_event_and_the_checks_are_looked_at_again(watched: Watched) -> None:
    state = watched.session.state
    watched.wired.put("leader", "pgha2")
    await watched.told.until(lambda: "leader changed: pgha1 -> pgha2" in watched.events())
    assert ClusterSeen("event") in watched.told.events
    assert state.patroni is not None and state.patroni.value is not None and state.patroni.value.leader == "pgha2"
    # Nobody asked: what happened is why the checks are looked at.
    await watched.told.until(lambda: state.steps["leads"] == "broken")
    assert watched.bench.event_log is not None
    kept = [event.text for event in watched.bench.event_log.read()]
    assert "leader changed: pgha1 -> pgha2" in kept
    journal, states = watched.bench.runner.journal, States()
    told = [entry for entry in journal.stood.entries() if not states.take(entry, entry["at"])]
    assert "leader changed: pgha1 -> pgha2" in [entry["text"] for entry in told if entry["event"] == "Happened"]
    assert states.patroni is not None and states.patroni.value == state.patroni.value
    assert {entry["step"]: entry["state"] for entry in journal.entries()}["leads"] == "broken"


async def test_a_member_that_ends_is_told_and_one_that_a_check_sees_is_not_stopped(watched: Watched) -> None:
    state, node = watched.session.state, watched.bench.lab.nodes["pgha5"]

    def word() -> str:
        return next(row.etcd for row in (state.nodes and state.nodes.value) or () if row.name == "pgha5")

    del node.processes["etcd"]
    await watched.told.until(lambda: any("etcd on pgha5" in text for text in watched.events()) and word() == "stopped")
    watched.session.learner.visit("shown")
    await watched.told.until(lambda: state.steps["shown"] == "broken")
    # The process is there, and does not answer yet: the check's word reaches the pane before any answer.
    watched.bench.sources.silent.add("pgha5")
    node.processes["etcd"] = "postgres"
    watched.session.rechecks.soon(["shown"], 0)
    await watched.told.until(lambda: state.steps["shown"] == "done")
    assert word() != "stopped"


async def test_a_lab_that_is_stopped_takes_its_cluster_with_it(watched: Watched) -> None:
    lab, state = watched.bench.lab, watched.session.state
    lab.put("exited")
    await watched.told.until(lambda: {f"{name} is down (exited)" for name in lab.nodes} <= set(watched.events()))
    assert state.nodes is not None and state.nodes.value is not None
    assert {row.container for row in state.nodes.value} == {"exited"}
    await watched.told.until(lambda: state.steps["leads"] == "broken")
