"""How a step stands, on its card, in its title and among its checks: past and unknown are told apart from done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from textual.widgets import Button

from pghalab.lab.types import Ended
from pghalab.screens.dialogs import Confirm
from pghalab.widgets.step_view import StepView
from tests.fake_lab.backend import Ran
from tests.fake_lab.control import SYSTEM, at
from tests.fake_lab.node import FakeNode, Piece
from tests.fake_lab.sources import cluster_of_three
from tests.ui.stage import COURSE, opened, stage, until
from tests.ui.test_console import at_step, shown

LESSON = """\
---
id: third
title: Patroni again
minutes: 2
credit: Follows "Postgres High Availability with Patroni Training" by Jorge Torralba, postgressolutions.com
---
## Let pgha2 lead

```yaml step
id: third-switch
kind: command
node: pgha1
command: patronictl switchover
needless_if:
  - patroni: {on: [pgha2], role: leader}
checks:
  - dcs_key: {key: failover}
    within: 0.5
```

## Start Patroni on pgha1

```yaml step
id: third-start
kind: command
node: pgha1
command: nohup patroni /pgha/config/patroni.yaml &
starts: {patroni: pgha1}
checks:
  - process: {on: [pgha1], name: patroni}
    within: 0.5
```
"""
GUARD = """guard:
  - process: {on: [pgha1], name: postgres, running: false}
    otherwise: End it first.
guard_reason: It runs already.
"""


async def test_a_past_step_says_what_replaced_it_and_shows_no_tick(folder: Path, tmp_path: Path) -> None:
    lessons = tmp_path / "lessons"
    shutil.copytree(COURSE, lessons)
    second = lessons / "02-second.md"
    second.write_text(second.read_text().replace("expect: |", GUARD + "expect: |", 1))
    built = stage(folder, lessons=lessons, replaced={"second-start": "second-edit"})
    built.lab.nodes["pgha1"].processes["postgres"] = "postgres"
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "» past: “Change the configuration” replaced its effect" in shown(built))
        await until(pilot, lambda: "0 of 1 hold now, and need not" in shown(built))
        text = shown(built)
        assert "» past  etcd runs" in text
        assert "✓" not in text.split("Checks")[1].splitlines()[0]
        assert "No longer true" not in text and "✗ no" not in text
        await pilot.press("r")
        await until(pilot, lambda: isinstance(built.app.screen, Confirm))
        assert "Nothing is left to do in this step" in shown(built)
        # It can be run all the same, once that is confirmed.
        await pilot.press("y")
        await until(pilot, lambda: "» past by now · the run had ended: refused" in shown(built))
        assert "It runs already." in shown(built) and "✗" not in shown(built)


async def test_what_nobody_could_look_at_is_neither_broken_nor_holding(folder: Path) -> None:
    built = stage(folder, done=["second-start"])
    built.start_etcd("pgha1", "pgha2")
    built.lab.put("paused", "pgha3")
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        await at_step(built, pilot, "second-start")
        await until(pilot, lambda: "? cannot be checked  etcd runs" in shown(built))
        await until(pilot, lambda: "? was done; cannot be checked now" in shown(built))
        text = shown(built)
        assert "pgha3 is out of reach: its container is paused" in text
        assert "✗ no" not in text and "no longer holds" not in text and "wanted running" not in text


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    """The course of the tests, and a third lesson."""
    found = tmp_path / "lessons"
    shutil.copytree(COURSE, found)
    (found / "03-third.md").write_text(LESSON)
    return found


async def test_a_step_that_has_nothing_to_do_says_why_and_leads_on(folder: Path, lessons: Path) -> None:
    built = stage(folder, lessons=lessons)
    cluster_of_three(built.lab, built.sources)
    built.sources.dcs["leader"] = "pgha2"
    built.sources.patronis["pgha2"] = built.sources.patronis["pgha1"]
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "third-switch")
        await until(pilot, lambda: "» past: nothing is left to do: pgha2 is leader, running" in shown(built))
        # No other step has anything to do with it.
        await until(pilot, lambda: "0 of 1 hold now, and need not" in shown(built))
        assert "replaced" not in shown(built)
        await until(pilot, lambda: "Enter goes on" in str(built.app.screen.query_one(StepView).border_subtitle))


async def test_what_may_be_lost_is_asked_for_before_a_start_without_a_node(folder: Path, lessons: Path) -> None:
    built = stage(folder, lessons=lessons)
    built.start_etcd()
    built.sources.dcs["initialize"] = SYSTEM
    at(built.lab, "pgha1", "shut down", 0, "0/5000060")
    at(built.lab, "pgha2", "shut down in recovery", 2, "0/4000000")
    built.lab.put("exited", "pgha3")

    def starts(node: FakeNode, command: str) -> list[Piece]:
        node.processes["patroni"] = "postgres"
        return [Ended("exited", 0, 0.1)]

    built.lab.nodes["pgha1"].script = starts
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "third-start")
        await pilot.press("r")
        await until(pilot, lambda: "those rows are lost, also when pgha3 comes back" in shown(built))
        # Enter alone takes no risk.
        await pilot.press("enter")
        await until(pilot, lambda: "those rows are lost" not in shown(built))
        assert built.runner.ran == [Ran("third-start")] and not built.lab.nodes["pgha1"].processes.get("patroni")
        await pilot.press("r")
        await until(pilot, lambda: "those rows are lost" in shown(built))
        assert str(built.app.screen.query_one("#yes", Button).label) == "Start without pgha3  y"
        await pilot.press("y")
        await until(pilot, lambda: "✓ done" in shown(built))
        assert built.runner.ran[2:] == [Ran("third-start", without=("pgha3",))]
