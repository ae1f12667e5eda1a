"""The console on real nodes while the engine goes away under it, and with commands that will not end or print anything.

One lab for all of it, walked in the order in which a learner would meet it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events

from pghalab.app import PghalabApp
from pghalab.course.journal.logs import LOG_LIMIT
from pghalab.lab.deploy import lifecycle
from pghalab.lab.engine.client import Engine
from pghalab.lab.image.context import ca_bundle
from pghalab.lab.settings import LabSettings
from pghalab.screens.help import HelpScreen
from pghalab.screens.lesson import LessonScreen
from pghalab.session.output import SHOWN_LINES
from pghalab.session.step_run import StepRun
from pghalab.widgets.output import OutputView
from tests.live.conftest import MakeSettings
from tests.live.driven import own_image
from tests.live.gate import Gate

FLOODED = LOG_LIMIT - 1_000_000
"""Nearly as much as a log may hold."""
FLOOD = f"seq 1 99999999 | head -c {FLOODED}"
MARKUP = "host all [all] 0/0 [/foo] [bold red]x[/] [@click=app.quit]y[/]"

LESSON = f"""---
id: faults
title: Faults
minutes: 1
credit: made for this test
needs: []
optional: false
---
What goes wrong.

## Build

```yaml step
id: build
kind: action
action: build
checks:
  - image: {{}}
```

## Deploy

```yaml step
id: deploy
kind: action
action: up
checks:
  - containers: {{}}
    within: 60
```

## Endless

```yaml step
id: endless
kind: command
node: pgha1
command: |
  nohup setsid sleep 47201 > /dev/null &
  (trap '' TERM HUP INT; while true; do sleep 47202; done) &
  ssh pgha2 "sleep 47203; sleep 47203" &
  while true; do echo still here; sleep 0.2; done
timeout: 1800
no_check: it is stopped
```

## Flood

```yaml step
id: flood
kind: command
node: pgha1
command: |
  {FLOOD}
timeout: 900
no_check: it only prints
```

## Rubbish

```yaml step
id: rubbish
kind: command
node: pgha1
command: |
  head -c 3000000 /dev/urandom
  printf '\\n\\033]0;title\\007\\033[2J\\033[?1049l\\n'
  echo '{MARKUP}'
timeout: 300
no_check: it only prints
```
"""


@pytest.fixture
async def settings(make_settings: MakeSettings, engine: Engine) -> AsyncIterator[LabSettings]:
    """The stored settings of a lab of two nodes, with a tag of its own for the image."""
    with own_image(await make_settings(2), engine) as made:
        yield made
        await lifecycle.down(engine, made, print, volumes=True)


async def until(condition: Callable[[], object], limit: float = 60) -> None:
    """Wait until something holds; the pilot's own way to wait and press would not return before nothing streams."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.05)


async def press(app: PghalabApp, key: str, condition: Callable[[], object]) -> None:
    """Press a key and wait for what it brings about."""
    app.post_message(events.Key(key, None))
    await until(condition)


async def press_run(app: PghalabApp, step: str) -> StepRun:
    """Go to a step and run it."""
    session = app.session
    await until(lambda: not session.work.busy)
    app.open_step(step)
    await until(lambda: isinstance(app.screen, LessonScreen) and app.screen.step.id == step)
    before = session.work.runs.get(step)
    await press(app, "r", lambda: session.work.runs.get(step) is not before)
    return session.work.runs[step]


async def ended(app: PghalabApp, run: StepRun, outcome: str, limit: float = 120) -> None:
    await until(lambda: not run.active, limit)
    assert run.outcome == outcome, run.reason


async def test_engine_and_commands_that_fail_leave_the_console_alive(
    gate: Gate, settings: LabSettings, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    (lessons / "01-faults.md").write_text(LESSON)
    app = PghalabApp(settings.name, lessons=lessons)
    async with app.run_test(size=(120, 40)):
        await until(lambda: app.session.state.backend is not None and app.session.state.trouble is None, 60)
        assert app.session.state.course is not None and app.session.state.course.problems == ()
        await _engine_dies_while_building(app, gate, engine, tmp_path, monkeypatch)
        await _engine_dies_while_deploying(app, gate, engine, settings)
        await _engine_is_gone_while_a_command_runs(app, gate)
        await _flood(app)
        await _rubbish(app)


async def _engine_dies_while_building(
    app: PghalabApp, gate: Gate, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ca_bundle()
    bundle = folder / "bundle.pem"
    # Another certificate in the context: what comes after it is not in the cache.
    bundle.write_bytes((real.read_bytes() if real else b"") + f"\n# {folder}\n".encode())
    before = _building(engine)
    with monkeypatch.context() as patch:
        patch.setenv("PGHALAB_CA_BUNDLE", str(bundle))
        run = await press_run(app, "build")
        await until(lambda: _building(engine) - before, 120)
        await gate.shut()
        await ended(app, run, "failed")
    assert "container engine" in run.reason and "pghalab doctor" in run.reason
    assert "Traceback" not in run.reason
    await until(lambda: not _building(engine) - before, 60)
    # Without an engine the same step says so at once, and the console goes on.
    await ended(app, await press_run(app, "deploy"), "failed")
    assert "container engine" in app.session.work.runs["deploy"].reason
    await gate.open()
    await ended(app, await press_run(app, "build"), "done")


def _building(engine: Engine) -> set[str]:
    found = engine.api.containers(filters={"label": "pghalab.image=1"})
    return {one["Id"] for one in found if "pghalab.lab" not in one["Labels"]}


async def _engine_dies_while_deploying(app: PghalabApp, gate: Gate, engine: Engine, settings: LabSettings) -> None:
    def containers() -> list[Any]:
        found: list[Any] = engine.api.containers(all=True, filters={"label": f"pghalab.lab={settings.name}"})
        return found

    run = await press_run(app, "deploy")
    await until(containers, 60)
    await gate.shut()
    await ended(app, run, "failed")
    assert "container engine" in run.reason
    await gate.open()
    # The engine may have gone on with what it had been told: then there is nothing left to do.
    again = await press_run(app, "deploy")
    await until(lambda: not again.active, 120)
    assert again.outcome in ("done", "already"), again.reason
    assert {one["State"] for one in containers()} == {"running"}


async def _engine_is_gone_while_a_command_runs(app: PghalabApp, gate: Gate) -> None:
    """The command is not disturbed; it never ends by itself, and `x` ends everything that it started."""
    session = app.session
    assert session.state.backend is not None
    nodes = list(session.state.backend.lab.nodes.values())

    async def sleeping() -> list[str]:
        return [(await node.run("pgrep -xa sleep | grep -o 4720. || true")).stdout for node in nodes]

    run = await press_run(app, "endless")
    await until(lambda: run.buffer.total > 5, 60)
    await gate.shut()
    lines = run.buffer.total
    await until(lambda: run.buffer.total > lines + 10, 60)
    while sorted("".join(await sleeping()).split()) != ["47201", "47202", "47203"]:
        await asyncio.sleep(0.1)
    await press(app, "x", lambda: not run.active)
    await ended(app, run, "stopped")
    assert await sleeping() == ["", ""]
    assert not session.work.busy
    await gate.open()


async def _flood(app: PghalabApp) -> None:
    """Keys are answered while nearly 100 MB stream; the log holds every byte, the screen the last lines."""
    session = app.session
    run = await press_run(app, "flood")
    answered = 0
    while run.active:
        await press(app, "question_mark", lambda: isinstance(app.screen, HelpScreen))
        answered += run.active
        await press(app, "escape", lambda: isinstance(app.screen, LessonScreen))
    assert answered > 3
    await ended(app, run, "done")
    assert run.log is not None and session.state.backend is not None
    assert run.log.stat().st_size == FLOODED
    with run.log.open("rb") as file:
        here = hashlib.file_digest(file, "sha256").hexdigest()
    node = next(iter(session.state.backend.lab.nodes.values()))
    there = await node.run(f"{FLOOD} | sha256sum", timeout=300)
    assert there.stdout.split()[0] == here
    assert len(run.buffer.lines) == SHOWN_LINES + 1


async def _rubbish(app: PghalabApp) -> None:
    run = await press_run(app, "rubbish")
    await ended(app, run, "done")
    view = app.screen.query_one(OutputView)
    await until(lambda: MARKUP in view.text)
    assert view.text.splitlines()[-1] == MARKUP
    assert not [char for char in view.text if char != "\n" and (ord(char) < 32 or 0x7F <= ord(char) < 0xA0)]
    assert isinstance(app.screen, LessonScreen)
