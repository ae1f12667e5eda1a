"""What a step says of the lab stays true: who leads, and what the nodes are called."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ui import views
from tests.ui.stage import COURSE, stage, until
from tests.ui.test_console import at_step, shown
from tests.ui.test_opening import notified

LESSON = """\
---
id: third
title: The leader
minutes: 2
credit: Follows "Postgres High Availability with Patroni Training" by Jorge Torralba, postgressolutions.com
---
## Ask the leader, not pgha9

It answers on 192.168.50.10.

```yaml step
id: third-ask
kind: command
node: "{{leader}}"
command: psql
no_check: it only shows a table
hints: [One]
```
"""


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    """The course of the tests, and a third lesson."""
    folder = tmp_path / "lessons"
    shutil.copytree(COURSE, folder)
    (folder / "03-third.md").write_text(LESSON)
    return folder


async def test_after_a_switchover_the_card_names_the_new_leader(folder: Path, lessons: Path) -> None:
    built = stage(folder, lessons=lessons)
    built.start_etcd()
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "third-ask")
        built.sources.dcs["leader"] = "pgha1"
        built.feed(views.patroni())
        await until(pilot, lambda: "postgres@pgha1 $ psql" in shown(built))
        built.sources.dcs["leader"] = "pgha2"
        built.feed(views.patroni(leader="pgha2"))
        await until(pilot, lambda: "postgres@pgha2 $ psql" in shown(built))
        # An answer that came with a look at the checks counts too.
        built.sources.dcs["leader"] = "pgha3"
        await built.runner.evaluate()
        built.app.session.state.take_steps()
        await until(pilot, lambda: "postgres@pgha3 $ psql" in shown(built))


async def test_a_lab_with_other_names_has_the_step_shown_anew(folder: Path, lessons: Path) -> None:
    built = stage(folder, lessons=lessons)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "third-ask")
        await pilot.press("h")
        await until(pilot, lambda: "Hint 1 of 1" in shown(built))
        built.app.session.state.take_steps()
        await pilot.pause()
        assert "not pgha9" in shown(built) and "Hint 1 of 1" in shown(built)
        await built.lab.configure(replace(built.lab.settings, prefix="cr"))
        built.app.session.state.take_steps()
        await until(pilot, lambda: "not cr9" in shown(built))


async def test_a_command_is_put_at_a_prompt_with_the_leader_of_this_moment_or_not_at_all(
    folder: Path, lessons: Path
) -> None:
    text = (lessons / "03-third.md").read_text().replace("command: psql", "command: psql -h {{leader}}")
    (lessons / "03-third.md").write_text(text)
    built = stage(folder, lessons=lessons)
    built.start_etcd()
    built.sources.dcs.pop("leader", None)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "third-ask")
        await pilot.press("i")
        await until(pilot, lambda: "not put there: nobody holds the leader key" in notified(built))
        assert [one for node in built.lab.nodes.values() for one in node.shells] == []
        built.sources.dcs["leader"] = "pgha2"
        await pilot.press("i")
        await until(pilot, lambda: built.lab.nodes["pgha2"].shells)


async def test_a_command_is_copied_with_the_leader_of_this_moment_or_not_at_all(folder: Path, lessons: Path) -> None:
    text = (lessons / "03-third.md").read_text().replace("command: psql", "command: psql -h {{leader}}")
    (lessons / "03-third.md").write_text(text)
    built = stage(folder, lessons=lessons)
    built.start_etcd()
    built.sources.dcs["leader"] = "pgha1"
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "third-ask")
        await until(pilot, lambda: "psql -h pgha1" in shown(built))
        # Nothing has told the console that another one leads.
        built.sources.dcs["leader"] = "pgha2"
        await pilot.press("y")
        await until(pilot, lambda: built.app.clipboard == "psql -h pgha2")
        built.sources.dcs.pop("leader")
        await pilot.press("y")
        await until(pilot, lambda: "not copied: nobody holds the leader key" in notified(built))
        assert built.app.clipboard == "psql -h pgha2"
