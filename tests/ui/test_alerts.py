"""What is wrong is said at once, once it is sure, and nothing on the screen speaks against it."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from textual.widgets import Static

from pghalab.cluster.eventlog import EventLog
from pghalab.cluster.model import NodeHealth, Snapshot
from pghalab.lab.doctor import Fact
from pghalab.lab.types import Ended
from pghalab.screens.doctor import DoctorScreen
from pghalab.session.session import Session
from pghalab.widgets.step_card import StepCard
from tests.ui import views
from tests.ui.stage import Stage, opened, stage, until
from tests.ui.test_console import at_step, shown


def two_writers() -> Any:
    rows = tuple(
        NodeHealth(name, "running", "192.168.50.10", "up", "running", "running", "running", number < 2, "75")
        for number, name in enumerate(("pgha1", "pgha2", "pgha3"))
    )
    return "nodes", Snapshot(rows, None, time.monotonic())


async def test_two_writers_are_said_above_everything_else(folder: Path) -> None:
    built = stage(folder, done=["second-start"])
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
        built.feed(views.nodes())
        await until(pilot, lambda: not grave.display)


async def test_what_one_look_found_broken_is_looked_at_again_before_it_is_said(folder: Path) -> None:
    built = stage(folder)
    built.start_etcd()
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        session = built.app.session
        await until(pilot, lambda: not session.rechecks._under_way)
        said: list[str] = []
        session.bus.listen(lambda _: said.extend(one.step for one in session.state.broken()))
        looks = len(built.runner.looked)
        # Broken at one look and well at the next: nothing was ever to be said.
        built.end_etcd("pgha2")
        session.rechecks.soon(["second-start"], 0)
        await until(pilot, lambda: len(built.runner.looked) == looks + 1)
        assert session.state.steps["second-start"] == "done"
        built.start_etcd("pgha2")
        await until(pilot, lambda: len(built.runner.looked) == looks + 2 and not session.rechecks._under_way)
        assert said == [] and session.state.steps["second-start"] == "done"
        built.end_etcd("pgha2")
        session.rechecks.soon(["second-start"], 0)
        await until(pilot, lambda: session.state.steps["second-start"] == "broken")
        assert len(built.runner.looked) == looks + 4


async def test_the_doctor_is_not_well_under_a_lab_that_is_not(folder: Path, monkeypatch: Any) -> None:
    async def examine(_: Session) -> list[Fact]:
        return [Fact("memory", True, "8 GiB")]

    monkeypatch.setattr(Session, "examine", examine)
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(built.app.screen, DoctorScreen) and "all is well" in shown(built))
        built.feed(two_writers())
        await until(pilot, lambda: "the lab needs attention: 1 below" in shown(built))
        assert "all is well" not in shown(built) and "two servers take writes" in shown(built)


def told_last(built: Stage, text: str) -> bool:
    """The last event is this one."""
    return built.app.session.state.events[-1].text == text


async def test_events_survive_a_restart_of_the_console(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "events.jsonl"
    for text in ("pgha1 leads", "pgha2 leads"):
        built = stage(folder, event_log=EventLog(kept))
        async with built.app.run_test(size=(120, 40)) as pilot:
            await opened(pilot, built)
            built.feed(views.event(text))
            await until(pilot, partial(told_last, built, text))
            told = [event.text for event in built.app.session.state.events]
    assert told == ["pgha1 leads", "pgha2 leads"]
    built = stage(folder, event_log=EventLog(kept), driver="Another drives.")
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        built.feed(views.event("seen by both"))
        await until(pilot, lambda: len(built.app.session.state.events) == 3)
    assert len(EventLog(kept).read()) == 2


async def test_the_panes_are_looked_at_when_a_check_has_just_seen_something(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        before = built.still.refreshed
        await pilot.press("r")
        await until(pilot, lambda: not built.app.session.work.busy and "✓ done" in shown(built))
        # When the command had ended, at each look at the checks (one sufficed), and at the end.
        assert built.still.refreshed == before + 3


async def test_a_run_that_failed_does_not_stand_beside_done(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = lambda node, command: [Ended("exited", 1, 0.1)]
        await pilot.press("r")
        await until(pilot, lambda: "✗ failed" in shown(built))
        card = screen.query_one(StepCard)
        assert card.has_class("-failed")
        built.start_etcd()
        built.app.session.rechecks.soon(["second-start"], 0)
        await until(pilot, lambda: "done after all: its checks hold now" in shown(built))
        assert card.has_class("-done") and not card.has_class("-failed") and "✗ failed" not in shown(built)
        assert "etcd is not running" not in shown(built)


async def test_what_nobody_could_look_at_is_no_failure(folder: Path) -> None:
    built = stage(folder, done=["second-start"])
    built.lab.nodes["pgha1"].link, built.lab.nodes["pgha1"].link_reason = "down", "it does not answer."
    built.start_etcd()
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "cannot be checked" in shown(built))
        assert "pgha1 is out of reach" in shown(built) and "✗ no" not in shown(built)
