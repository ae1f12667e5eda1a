"""What is wrong is said at once, once it is sure, and nothing on the screen speaks against it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from textual.widgets import Static

from pghalab.cluster.eventlog import EventLog
from pghalab.cluster.model import NodeHealth, Snapshot
from pghalab.course.events import CheckResult, ChecksSeen, StepEnded
from pghalab.lab.doctor import Fact
from pghalab.screens.doctor import DoctorScreen
from pghalab.session.session import Session
from pghalab.widgets.step_card import StepCard
from tests.ui import fakes
from tests.ui.fakes import FakeStatus, opened, stage, until
from tests.ui.test_console import at_step, shown

BAD = (CheckResult("etcd runs", False, "stopped", "running", "pgha1"),)


def two_writers() -> Any:
    rows = tuple(
        NodeHealth(name, "running", "192.168.50.10", "up", "running", "running", "running", number < 2, "75")
        for number, name in enumerate(("pgha1", "pgha2", "pgha3"))
    )
    return "nodes", Snapshot(rows, None, time.monotonic())


async def test_two_writers_are_said_above_everything_else(log: Path) -> None:
    built = stage(log, seen={"second-start": FakeStatus("broken", BAD)})
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.feed(two_writers())
        notices = built.app.screen.query_one("#notices", Static)
        await until(pilot, lambda: "No longer true (B goes there)" in str(notices.content))
        first, second = str(notices.content).splitlines()[:2]
        assert first == "✗ two servers take writes: pgha1 and pgha2" and "etcd runs" in second
        screen = await at_step(built, pilot, "first-read")
        grave = screen.query_one("#grave", Static)
        await until(pilot, lambda: grave.display and "two servers take writes" in str(grave.content))
        built.feed(fakes.nodes())
        await until(pilot, lambda: not grave.display)


async def test_what_one_look_found_broken_is_looked_at_again_before_it_is_said(log: Path) -> None:
    built = stage(log, states={"second-start": "done"}, seen={"second-start": FakeStatus("done")})
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        session = built.app.session
        await until(pilot, lambda: not session.rechecks._under_way)
        said: list[str] = []
        session.bus.listen(lambda _: said.extend(one.step for one in session.state.broken()))
        looks = len(built.runner.looked)
        # Broken at one look and well at the next: nothing was ever to be said.
        built.runner.seen["second-start"] = FakeStatus("broken", BAD)
        session.rechecks.soon(["second-start"], 0)
        await until(pilot, lambda: len(built.runner.looked) == looks + 1)
        assert session.state.steps["second-start"] == "done"
        built.runner.seen["second-start"] = FakeStatus("done")
        await until(pilot, lambda: len(built.runner.looked) == looks + 2 and not session.rechecks._under_way)
        assert said == [] and session.state.steps["second-start"] == "done"
        built.runner.seen["second-start"] = FakeStatus("broken", BAD)
        session.rechecks.soon(["second-start"], 0)
        await until(pilot, lambda: session.state.steps["second-start"] == "broken")
        assert len(built.runner.looked) == looks + 4


async def test_the_doctor_is_not_well_under_a_lab_that_is_not(log: Path, monkeypatch: Any) -> None:
    async def examine(_: Session) -> list[Fact]:
        return [Fact("memory", True, "8 GiB")]

    monkeypatch.setattr(Session, "examine", examine)
    built = stage(log)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(built.app.screen, DoctorScreen) and "all is well" in shown(built))
        built.feed(two_writers())
        await until(pilot, lambda: "the lab needs attention: 1 below" in shown(built))
        assert "all is well" not in shown(built) and "two servers take writes" in shown(built)


async def test_events_survive_a_restart_of_the_console(log: Path, tmp_path: Path) -> None:
    kept = tmp_path / "events.jsonl"
    for text in ("pgha1 leads", "pgha2 leads"):
        built = stage(log, event_log=EventLog(kept))
        async with built.app.run_test(size=(120, 40)) as pilot:
            await opened(pilot, built)
            built.feed(fakes.event(text))
            events = built.app.session.state.events
            await until(pilot, lambda events=events, text=text: events[-1].text == text)  # type: ignore[misc]
            told = [event.text for event in events]
    assert told == ["pgha1 leads", "pgha2 leads"]
    built = stage(log, event_log=EventLog(kept), driver="Another drives.")
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.feed(fakes.event("seen by both"))
        await until(pilot, lambda: len(built.app.session.state.events) == 3)
    assert len(EventLog(kept).read()) == 2


async def test_the_panes_are_looked_at_when_a_check_has_just_seen_something(log: Path) -> None:
    built = stage(log)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        seen: list[int] = []

        async def one(runner: Any, step: str, command: str) -> Any:
            seen.append(built.monitor.refreshed)
            yield ChecksSeen(step, fakes.holds("etcd runs", "pgha1"), True)
            seen.append(built.monitor.refreshed)
            yield StepEnded(step, "done", 0.1)

        built.runner.scripts["second-start"] = one
        await pilot.press("r")
        await until(pilot, lambda: len(seen) == 2)
        assert seen[1] == seen[0] + 1


async def test_a_run_that_failed_does_not_stand_beside_done(log: Path) -> None:
    built = stage(log)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")

        async def fails(runner: Any, step: str, command: str) -> Any:
            yield ChecksSeen(step, BAD, True)
            yield StepEnded(step, "failed", 0.1, "etcd does not run")

        built.runner.scripts["second-start"] = fails
        await pilot.press("r")
        await until(pilot, lambda: "✗ failed" in shown(built))
        card = screen.query_one(StepCard)
        assert card.has_class("-failed")
        built.runner.seen["second-start"] = FakeStatus("done", fakes.holds("etcd runs", "pgha1"))
        built.app.session.rechecks.soon(["second-start"], 0)
        await until(pilot, lambda: "done after all: its checks hold now" in shown(built))
        assert card.has_class("-done") and not card.has_class("-failed") and "✗ failed" not in shown(built)
        assert "etcd does not run" not in shown(built)


async def test_what_nobody_could_look_at_is_no_failure(log: Path) -> None:
    lost = CheckResult("etcd runs", False, "pgha1 is out of reach", "running", "pgha1", known=False)
    built = stage(log, states={"second-start": "done"}, seen={"second-start": FakeStatus("done", (lost,))})
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "cannot be checked" in shown(built))
        assert "pgha1 is out of reach" in shown(built) and "✗ no" not in shown(built)
