"""Kills of a run at random moments, and a lab that is interfered with while the runner works on it.

`make soak` runs all of it, the ordinary tests a short form. Both print their seed; PGHALAB_SOAK_SEED repeats one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from pghalab.course.events import Printed, StepEnded
from pghalab.course.journal import Journal
from pghalab.course.load import load_course
from pghalab.course.runner import Runner
from pghalab.lab.deploy import lifecycle
from pghalab.lab.engine.client import Engine
from pghalab.lab.host.paths import state_dir
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import LabSettings
from pghalab.lab.ssh.keys import KEY_NAME
from pghalab.lab.types import LabError
from tests.live.conftest import MakeSettings, told, until
from tests.live.driven import PGHALAB, ROOT, STATUS, Course, driven

SERVICES = {"tini", "node-start", "sshd", "sshd-session", "etcd", "patroni", "postgres", "pgbackrest", "ps"}
"""The programs that may run on a node when no console works on it."""


@pytest.fixture
def chance() -> random.Random:
    """A source of chance whose seed is printed."""
    seed = int(os.environ.get("PGHALAB_SOAK_SEED", "0")) or secrets.randbelow(1_000_000) + 1
    print(f"PGHALAB_SOAK_SEED={seed}")
    return random.Random(seed)


class Shell:
    """Commands in the containers of a lab by the engine itself, which no console has a part in."""

    def __init__(self, engine: Engine, settings: LabSettings) -> None:
        self._api = engine.api
        self._settings = settings

    def run(self, node: str, *command: str, user: str = "postgres") -> tuple[int, str]:
        """The exit status and the output of a command on a node; 255 when it does not run."""
        found = self._api.containers(filters={"label": f"pghalab.lab={self._settings.name}", "name": f"^/{node}$"})
        if not found or "Paused" in found[0]["Status"]:
            return 255, ""
        made = self._api.exec_create(found[0]["Id"], list(command), user=user)["Id"]
        printed = self._api.exec_start(made).decode(errors="replace")
        return int(self._api.exec_inspect(made)["ExitCode"]), printed

    def sql(self, node: str, words: str) -> str | None:
        """What psql on a node answers, None when it does not."""
        status, printed = self.run(node, "psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", words)
        return printed.strip() if status == 0 else None


# Kills


@pytest.mark.parametrize(
    ("kills", "words"),
    [
        pytest.param(3, ("--to", "names-hosts"), id="short"),
        pytest.param(12, ("--all",), id="whole", marks=pytest.mark.soak),
    ],
)
async def test_a_run_that_is_killed_is_continued_by_the_next(
    make_settings: MakeSettings, engine: Engine, chance: random.Random, kills: int, words: tuple[str, ...]
) -> None:
    with driven(await make_settings(5), engine) as course:
        _sweep(course, chance, kills, words)


def _sweep(course: Course, chance: random.Random, kills: int, words: tuple[str, ...]) -> None:
    shell = Shell(course.engine, course.settings)
    order = [each.id for lesson in load_course().lessons for each in lesson.steps]
    total = order.index(words[1]) + 1 if words[0] == "--to" else len(order)
    signals = [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP] * kills
    written: list[int] = []
    for kill in range(kills):
        # Somewhere in the next steps that this run does; the last ones are left for the run that nobody kills.
        steps, seconds = chance.randrange(2 * max(1, total // (kills + 1))), 2 * chance.random()
        at = min(len(_done(course)) + steps, total - 1)
        with subprocess.Popen(
            [*PGHALAB, "--lab", course.name, "run", *words], cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        ) as run:  # fmt: skip
            while run.poll() is None and len(_done(course)) < at:
                time.sleep(0.1)
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(seconds)
            run.send_signal(signals[kill])
            printed, _ = run.communicate(timeout=60)
        print(f"kill {kill + 1}: {signals[kill].name} after {len(_done(course))} of {total} steps, in {_last(course)}")
        # Before its first line and after its last one the program is ended by the signal itself.
        assert run.returncode in (0, STATUS[signals[kill]], -signals[kill]), printed[-3000:]
        assert "Traceback" not in printed, printed[-3000:]
        course.readable()
        if (leader := _leader(course, shell)) and shell.sql(
            leader, f"create table if not exists soak (n int); insert into soak values ({kill})"
        ) is not None:
            written.append(kill)
    course.verb("run", *words)
    assert " 0 failed" in course.verb("run", *words)
    if words == ("--all",):
        assert written
    _kept(course, shell, written)
    _nothing_left(course, shell)


def _done(course: Course) -> set[str]:
    """The steps that some run did."""
    entries = Journal(state_dir(course.name) / "journal").entries()
    return {str(one["step"]) for one in entries if one["event"] == "StepEnded" and one["outcome"] == "done"}


def _last(course: Course) -> str:
    entries = list(Journal(state_dir(course.name) / "journal").entries())
    return str(entries[-1].get("step")) if entries else "nothing"


def _leader(course: Course, shell: Shell) -> str | None:
    """The member that holds the leader key and says so itself."""
    asks = ("curl", "-fsS", "-m", "5", "http://localhost:8008/primary")
    return next((name for name in course.settings.node_names[:3] if shell.run(name, *asks)[0] == 0), None)


def _kept(course: Course, shell: Shell, written: list[int]) -> None:
    """Every row that was acknowledged is on every data node."""
    for name in course.settings.node_names[:3] if written else ():
        limit = time.monotonic() + 60
        while (rows := shell.sql(name, "select n from soak order by n")) != "\n".join(map(str, written)):
            assert time.monotonic() < limit, f"{name} has {rows!r} of {written}"
            time.sleep(0.2)


def _nothing_left(course: Course, shell: Shell) -> None:
    folder = state_dir(course.name)
    # What a killed write left is taken away by the next start, once nobody can be writing it any more.
    for left in folder.rglob(".*"):
        os.utime(left, (0, 0))
    course.verb("run", "--to", load_course().lessons[0].steps[0].id)
    assert [str(left) for left in folder.rglob(".*") if left.is_file()] == []
    ours = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"--lab\0{course.name}\0".encode() in line.read_bytes():
                ours.append(line)
    assert ours == []
    for name in course.settings.node_names:
        running = set(shell.run(name, "ps", "-e", "-o", "comm=", user="root")[1].split())
        assert running - SERVICES == set(), name


# Interference

LESSON = """---
id: soak
title: Soak
minutes: 1
credit: made for this test
needs: []
optional: false
---
Rows are written while the lab is interfered with.

## Rows

```yaml step
id: rows
kind: command
node: pgha1
command: |
  rm -f /pgha/config/finished
  if ! pgrep -x postgres > /dev/null; then
    rm -f $PGDATA/postmaster.pid
    pg_ctl -w -D $PGDATA -l /tmp/server.log start > /dev/null
  fi
  psql -qX -c "create table if not exists rows (n bigint)"
  set -e
  for n in $(seq 20); do
    psql -qAtX -c "insert into rows values (extract(epoch from clock_timestamp()) * 1000000) returning 'row ' || n"
    sleep 0.1
  done
  touch /pgha/config/finished
timeout: 90
checks:
  - path: {on: [pgha1], path: /pgha/config/finished, type: file}
```
"""


class Interfered:
    """One lab of two nodes on whose first the runner works, and what is done to it behind the console's back."""

    def __init__(self, lab: LocalLab, engine: Engine, folder: Path) -> None:
        lessons = folder / "lessons"
        lessons.mkdir()
        (lessons / "01-soak.md").write_text(LESSON)
        course = load_course(lessons)
        assert course.problems == ()
        self.lab = lab
        self.engine = engine
        self.runner = Runner.open(lab, folder / "course", course=course)
        self.node = lab.settings.node_names[0]
        self.shell = Shell(engine, lab.settings)
        self.acknowledged: set[str] = set()

    async def id(self) -> str:
        return (await lifecycle.nodes(self.engine, self.lab.settings))[self.node].id

    async def rows(self, interfere: Callable[[], Awaitable[None]] | None = None, after: int = 0) -> StepEnded:
        """Run the step; when so many rows are acknowledged, interfere."""
        ended, seen, interfering = None, 0, None
        async with contextlib.aclosing(self.runner.run("rows", again=True)) as events:
            if interfere is not None and after == 0:
                await interfere()
            async for event in events:
                if isinstance(event, Printed):
                    rows = [line for line in event.output.text.splitlines() if line.startswith("row ")]
                    self.acknowledged.update(row.removeprefix("row ") for row in rows)
                    seen += len(rows)
                    if interfere is not None and after and seen >= after and interfering is None:
                        interfering = asyncio.ensure_future(interfere())
                elif isinstance(event, StepEnded):
                    ended = event
        if interfering is not None:
            await interfering
        assert ended is not None
        return ended

    async def mend(self) -> str:
        """Do what the console says, the mildest first, until the step is done; what was needed."""
        said = []
        for name, verb in (("up", self.lab.up), ("restart", self.lab.restart), ("rm", self.lab.rm)):
            try:
                await told(verb())
                if name == "rm":
                    await told(self.lab.up())
                await until(lambda: self.lab.nodes[self.node].link == "up", 30)
                ended = await self.rows()
                if ended.outcome == "done":
                    return name
                said.append(f"{name}: {ended.reason}")
            except (LabError, TimeoutError) as error:
                said.append(f"{name}: {error!r} {self.lab.nodes[self.node].link_reason}")
        raise AssertionError(said)

    async def pause(self) -> None:
        self.engine.freeze(await self.id())

    async def stop(self) -> None:
        await asyncio.to_thread(self.engine.api.stop, await self.id(), timeout=10)

    async def kill(self) -> None:
        self.engine.api.kill(await self.id())

    async def remove(self) -> None:
        self.engine.api.remove_container(await self.id(), force=True)

    async def rename(self) -> None:
        self.engine.api.rename(await self.id(), f"{self.lab.name}renamed")

    async def disconnect(self) -> None:
        self.engine.api.disconnect_container_from_network(await self.id(), self.lab.settings.network)

    async def host_keys(self) -> None:
        self.shell.run(self.node, "sh", "-c", "rm /etc/ssh/ssh_host_*", user="root")
        await asyncio.to_thread(self.engine.api.restart, await self.id(), timeout=10)

    async def key_file(self) -> None:
        (state_dir(self.lab.name) / KEY_NAME).unlink()
        await asyncio.to_thread(self.engine.api.restart, await self.id(), timeout=10)


FAULTS = (
    Interfered.pause, Interfered.stop, Interfered.kill, Interfered.remove, Interfered.rename, Interfered.disconnect,
    Interfered.host_keys, Interfered.key_file,
)  # fmt: skip


@pytest.fixture
async def interfered(make_settings: MakeSettings, engine: Engine, tmp_path: Path) -> AsyncIterator[Interfered]:
    """A lab of two nodes that run, with the runner on it."""
    lab = LocalLab(await make_settings(2))
    await lab.open()
    await told(lab.up())
    yield Interfered(lab, engine, tmp_path)
    await lab.close()


@pytest.mark.parametrize(
    ("faults", "before_too"),
    [
        pytest.param((Interfered.pause, Interfered.remove), False, id="short"),
        pytest.param(FAULTS, True, id="whole", marks=pytest.mark.soak),
    ],
)
async def test_whatever_is_done_to_a_node_is_told_or_recovered_from(
    interfered: Interfered,
    chance: random.Random,
    faults: tuple[Callable[[Interfered], Awaitable[None]], ...],
    before_too: bool,
) -> None:
    assert (await interfered.rows()).outcome == "done"
    for fault in chance.sample(faults, len(faults)):
        for after in (chance.randrange(1, 18), *((0,) if before_too else ())):
            ended = await interfered.rows(partial(fault, interfered), after)
            status, _ = interfered.shell.run(interfered.node, "test", "-e", "/pgha/config/finished")
            print(f"{fault.__name__} after {after} rows: {ended.outcome} in {ended.seconds:.1f} s: {ended.reason}")
            if ended.outcome == "done":
                # Only what the node itself still says.
                assert status in (0, 255)
            else:
                assert ended.outcome == "failed" and ended.code in ("lab", "unseen", "command", "checks", "guard")
                assert interfered.node in ended.reason and "Traceback" not in ended.reason
            print(f"mended by {await interfered.mend()}")
            rows = interfered.shell.sql(interfered.node, "select n from rows")
            assert rows is not None
            assert interfered.acknowledged - set(rows.split()) == set()
    assert len(interfered.acknowledged) >= 20 * (1 + len(faults))
