"""The real session with the real runner over the fake lab: what is done in it, and what it tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pghalab.course.model import Course
from pghalab.course.progress import Progress
from pghalab.lab.types import Ended, LabError, Output
from pghalab.registry import named, start
from pghalab.session import rechecks
from pghalab.session import session as session_module
from pghalab.session.backend import Backend, Connect
from pghalab.session.events import (
    CourseRead,
    LabOpened,
    Noticed,
    RunFinished,
    RunProgressed,
    SessionEvent,
    StatesChanged,
    TroubleChanged,
    VerbFinished,
    from_json,
    to_json,
)
from pghalab.session.session import Session
from tests.fake_lab.backend import Bench
from tests.fake_lab.control import SYSTEM, at
from tests.fake_lab.course import starts_patroni, write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode, Piece
from tests.fake_lab.sources import FakeSources, cluster_of_three

START = """id: start
kind: command
node: pgha1
command: start etcd
checks:
  - process: {on: [pgha1], name: etcd, user: postgres}
    within: 0.2"""
GUARDED = """id: wipe
kind: command
node: pgha1
command: rm -rf /pgdata/17/data
guard:
  - process: {on: [pgha1], name: postgres, running: false}
    otherwise: End it first.
guard_reason: It would take the data of a server that runs.
no_check: it empties a directory"""
READ = "id: read\nkind: read"


class Told:
    """What a session tells."""

    def __init__(self, session: Session) -> None:
        self.events: list[SessionEvent] = []
        session.bus.listen(self.events.append)

    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Noticed)]

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for something to be so."""
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def opened(bench: Bench, *steps: str, connect: Connect | None = None) -> AsyncIterator[tuple[Session, Told]]:
    """A session on a course of these steps, until the first look at the checks is over."""
    lessons = bench.folder.parent / "lessons"
    write_course(lessons, *steps)
    session = Session("pgha", connect=connect or bench.connect, lessons=lessons)
    told = Told(session)
    await session.open()
    try:
        await told.until(lambda: bench.opened and not session.rechecks._under_way)
        yield session, told
    finally:
        await session.close()


@pytest.fixture
def bench(tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    return Bench(tmp_path / "state", lab, sources)


def starts_etcd(node: FakeNode, command: str) -> list[Piece]:
    node.processes["etcd"] = "postgres"
    return [Output("stdout", "starting\n"), Ended("exited", 0, 0.1)]


async def finished(session: Session, told: Told, step: str) -> RunFinished:
    """Run a step and wait for its end."""
    said = len(told.events)
    assert session.work.run_step(step)
    await session.work.wait()
    (end,) = [event for event in told.events[said:] if isinstance(event, RunFinished)]
    return end


async def test_it_opens_and_tells_so(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
    async with opened(bench, START, READ) as (session, told):
        kinds = [type(event) for event in told.events]
        assert kinds[:2] == [CourseRead, LabOpened]
        # The checks of the whole course were looked at: what the lab shows to be done counts as done.
        assert session.state.steps == {"start": "done", "read": "todo"}
        assert StatesChanged in kinds[2:] and session.state.trouble is None
    assert bench.lab.closed and bench.released == 1


async def test_a_step_is_run_and_its_checks_turn_done(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].script = starts_etcd
    async with opened(bench, READ, START) as (session, told):
        assert session.state.steps["start"] == "todo"
        assert session.state.results["start"][0].saw == "etcd is not running on pgha1"
        assert await finished(session, told, "start") == RunFinished("start", "done")
        run = session.work.runs["start"]
        assert (run.outcome, run.buffer.lines, run.command) == ("done", ["starting"], "start etcd")
        assert run.ended is not None and run.ended.exit_status == 0
        assert session.state.results["start"][0].ok and bench.runner.states == session.state.steps == {
            "read": "todo", "start": "done",
        }  # fmt: skip
        assert told.events.index(RunProgressed()) < told.events.index(RunFinished("start", "done"))
        # Again it is left alone, and the console has nothing more to run.
        assert await finished(session, told, "start") == RunFinished("start", "already")
        assert bench.lab.nodes["pgha1"].ran.count("start etcd") == 1
        session.learner.mark_read("read")
        assert session.state.next_step() is None
    assert [entry["event"] for entry in bench.runner.journal.entries()][:2] == ["StepStarted", "CommandStarted"]
    # Another console finds it done before it has looked.
    assert Progress.load(bench.folder / "progress.json").record("start").done


async def test_a_step_that_fails_says_why_and_stays_to_do(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].script = lambda node, command: [
        Output("stderr", "permission denied\n"),
        Ended("exited", 1, 0.1),
    ]
    async with opened(bench, START) as (session, told):
        assert await finished(session, told, "start") == RunFinished("start", "failed")
        run = session.work.runs["start"]
        assert "etcd is not running on pgha1" in run.reason and "status 1" in run.reason
        assert run.buffer.lines == ["permission denied"] and "exit status 1" in run.status
        assert session.state.steps["start"] == "todo" and session.state.broken() == []
        # It is no end: the same step is run again, and holds.
        bench.lab.nodes["pgha1"].script = starts_etcd
        assert (await finished(session, told, "start")).outcome == "done"


async def test_a_node_that_is_lost_ends_the_step_and_not_the_session(bench: Bench) -> None:
    def lost(node: FakeNode, command: str) -> list[Piece]:
        raise LabError("the connection was lost.", node="pgha1", todo="Start the node.")

    def faulty(node: FakeNode, command: str) -> list[Piece]:
        raise ValueError("a fault of ours")

    async with opened(bench, START) as (session, told):
        for script, reason in ((lost, "pgha1: the connection was lost.\nStart the node."), (faulty, "ValueError")):
            bench.lab.nodes["pgha1"].script = script
            assert (await finished(session, told, "start")).outcome == "failed"
            assert reason in session.work.runs["start"].reason
        assert not session.work.busy and bench.runner.closed == ["start", "start"]


async def test_a_step_is_stopped_with_its_command(bench: Bench) -> None:
    async def endless(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        while True:
            yield Output("stdout", "line\n")
            await asyncio.sleep(0)

    bench.lab.nodes["pgha1"].script = endless
    async with opened(bench, START) as (session, told):
        assert session.work.run_step("start")
        await told.until(lambda: session.work.runs["start"].buffer.total > 100)
        # One thing at a time.
        assert not session.work.run_step("start")
        assert told.notices()[-1].endswith("is running already; stop it first.")
        session.work.stop()
        session.work.stop()
        assert told.notices()[-1].startswith("It is being stopped already")
        await session.work.wait()
        assert told.events[-1] == RunFinished("start", "stopped")
        assert bench.lab.nodes["pgha1"].closed == 1 and session.work.running == ""
        assert session.state.steps["start"] == "todo"
        last = [entry for entry in bench.runner.journal.entries() if entry["event"] == "StepEnded"][-1]
        assert (last["outcome"], last["code"]) == ("stopped", "stopped")


async def test_a_guard_keeps_a_command_from_doing_harm(bench: Bench) -> None:
    node = bench.lab.nodes["pgha1"]
    node.processes["postgres"] = "postgres"
    async with opened(bench, GUARDED) as (session, told):
        assert await finished(session, told, "wipe") == RunFinished("wipe", "refused")
        reason = session.work.runs["wipe"].reason
        assert reason.startswith("It would take the data of a server that runs. Seen: PostgreSQL runs on pgha1")
        assert "rm -rf /pgdata/17/data" not in node.ran
        node.processes.clear()
        assert (await finished(session, told, "wipe")).outcome == "done"
        assert "rm -rf /pgdata/17/data" in node.ran


async def test_the_member_that_led_last_is_started_first(bench: Bench) -> None:
    """The whole cluster was stopped: who may begin is decided from the data, and the console is told who."""
    lab, sources = bench.lab, bench.sources
    cluster_of_three(lab, sources)
    for name in ("pgha1", "pgha2", "pgha3"):
        for process in ("patroni", "postgres"):
            del lab.nodes[name].processes[process]
        state, location = ("shut down", "0/5000060") if name == "pgha2" else ("shut down in recovery", "0/4000000")
        at(lab, name, state, 1, location)
    sources.dcs["initialize"] = SYSTEM
    del sources.dcs["leader"]

    def leads(node: FakeNode, command: str) -> list[Piece]:
        node.processes |= {"patroni": "postgres", "postgres": "postgres"}
        sources.dcs.setdefault("leader", node.name)
        sources.rows[node.name, "pg_is_in_recovery"] = [
            (sources.dcs["initialize"], sources.dcs["leader"] != node.name, 3, 0x5000060)
        ]
        return [Ended("exited", 0, 0.1)]

    for node in lab.nodes.values():
        node.script = leads
    async with opened(bench, starts_patroni("pgha1"), starts_patroni("pgha2")) as (session, told):
        assert await finished(session, told, "start-pgha1") == RunFinished("start-pgha1", "refused")
        reason = session.work.runs["start-pgha1"].reason
        assert "pgha2 led last" in reason and "Run “Step 2” (start-pgha2) first." in reason
        assert "patroni" not in lab.nodes["pgha1"].processes
        assert (await finished(session, told, "start-pgha2")).outcome == "done"
        assert (await finished(session, told, "start-pgha1")).outcome == "done"
        assert sources.dcs["leader"] == "pgha2"


async def test_what_breaks_is_said_once_it_is_sure_and_taken_back_when_it_mends(bench: Bench) -> None:
    node = bench.lab.nodes["pgha1"]
    node.processes["etcd"] = "postgres"
    async with opened(bench, START) as (session, told):
        del node.processes["etcd"]
        looks, said = len(bench.runner.looked), len(told.events)
        session.rechecks.soon(["start"], 0)
        await told.until(lambda: session.state.steps["start"] == "broken")
        assert len(bench.runner.looked) == looks + 2, "one look may have come while things were changing"
        assert told.events[said:].count(StatesChanged()) == 2
        (broken,) = session.state.broken()
        assert broken.step == "start" and "etcd is not running on pgha1" in broken.text
        node.processes["etcd"] = "postgres"
        session.rechecks.soon(["start"], 0)
        await told.until(lambda: session.state.steps["start"] == "done")
        assert session.state.broken() == []


async def test_what_is_done_in_another_terminal_counts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "SHOWN_EVERY", 0.01)
    async with opened(bench, START) as (session, told):
        session.learner.visit("start")
        await told.until(lambda: bench.runner.looked[-1] == ["start"])
        assert session.state.steps["start"] == "todo"
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        await told.until(lambda: session.state.steps["start"] == "done")
        assert bench.runner.ran == []
    assert Progress.load(bench.folder / "progress.json").last == "start"


async def test_a_console_that_only_looks_runs_nothing_and_writes_nothing(bench: Bench) -> None:
    bench.driver = "The lab is driven by process 4711."
    bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
    async with opened(bench, START, READ) as (session, told):
        assert session.state.steps["start"] == "done"
        assert not session.work.run_step("start")
        assert told.notices()[-1] == "This console only looks. The lab is driven by process 4711."
        session.learner.mark_read("read")
        assert session.state.steps["read"] == "todo" and bench.runner.ran == []
    assert not (bench.folder / "progress.json").exists() and not bench.lab.acted


async def test_a_console_takes_over_from_one_that_was_just_closing_and_from_none_that_lives(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "DRIVER_EVERY", 0.01)
    bench.driver = "The lab is driven by process 4711."
    asked: list[str] = []

    def driven() -> bool:
        asked.append(bench.driver)
        return bool(bench.driver)

    async def connect(lab_name: str, course: Course) -> Backend:
        backend = await bench.connect(lab_name, course)
        backend.driven = driven
        return backend

    async with opened(bench, START, connect=connect) as (session, told):
        await told.until(lambda: len(asked) >= 3)
        assert session.state.read_only and bench.released == 0
        bench.driver = ""
        await told.until(lambda: session.state.backend is not None and not session.state.read_only)
        assert bench.released == 1
        await told.until(lambda: told.notices()[-1:] == ["This console drives the lab now."])
        assert session.work.run_step("start")
        await session.work.wait()


async def test_who_comes_too_late_to_take_over_goes_on_looking(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "DRIVER_EVERY", 0.01)
    bench.driver = "The lab is driven by process 4711."
    async with opened(bench, START) as (session, told):
        # The one before has gone, and a third one was quicker than this one.
        assert session.state.backend is not None
        session.state.backend.driven = lambda: False
        await told.until(lambda: bench.released == 1 and session.state.backend is not None)
        await told.until(lambda: told.notices()[-1:] == ["Still read-only. The lab is driven by process 4711."])
        assert session.state.read_only


async def test_a_verb_of_the_registry_is_run_on_the_lab(bench: Bench) -> None:
    bench.lab.put("absent")
    up = named("up")
    async with opened(bench, "id: up\nkind: action\naction: up\nchecks: [{containers: {}}]") as (session, told):
        assert session.state.steps["up"] == "todo"
        assert start(session, up, up.ways[0])
        await session.work.wait()
        assert told.events[-1] == VerbFinished() and bench.lab.acted == ["up"]
        assert session.work.verb_outcome() == (f"{up.ways[0].title}: done in 0.1 s", False)
        session.rechecks.soon(None, 0)
        await told.until(lambda: session.state.steps["up"] == "done")


async def test_trouble_with_the_lab_is_told_and_goes_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "RETRY", 0.01)
    bench.lab.trouble = LabError("The state folder cannot be used.", todo="Mend it.", kind="state-folder")
    write_course(bench.folder.parent / "lessons", START)
    session = Session("pgha", connect=bench.connect, lessons=bench.folder.parent / "lessons")
    told = Told(session)
    await session.open()
    await told.until(lambda: session.state.trouble is not None)
    bench.lab.trouble = None
    await told.until(lambda: session.state.trouble is None)
    await session.close()
    assert told.events.count(TroubleChanged()) == 2


async def test_a_console_that_was_there_before_the_engine_looks_only_when_another_drives(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RETRY", 0.01)
    answers: list[bool | None] = [None, None, False]

    def claim() -> bool | None:
        answer = answers.pop(0)
        if answer is False:
            bench.driver = "The lab is driven by another console."
        return answer

    bench.claim = claim
    async with opened(bench, START) as (session, told):
        await told.until(lambda: session.state.read_only)
        assert answers == [] and session.state.driver == "The lab is driven by another console."
        assert bench.released == 1 and told.events.count(LabOpened()) == 2


async def test_whatever_it_tells_has_one_json_form(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].script = starts_etcd
    async with opened(bench, START, READ) as (session, told):
        await finished(session, told, "start")
        session.learner.mark_read("read")
    assert len({type(event) for event in told.events}) >= 5
    assert [from_json(json.loads(json.dumps(to_json(event)))) for event in told.events] == told.events
