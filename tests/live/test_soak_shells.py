"""Shells of the console under load for as long as PGHALAB_SOAK_MINUTES says: floods, resizes, nodes that go and return.

The ordinary tests do a round of each. Nothing may fail and nothing may be left behind; over many rounds memory stays
flat.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from pghalab.app import PghalabApp
from pghalab.lab.engine.client import Engine
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import LabSettings, save_settings
from pghalab.screens.lesson_shell import ShellArea
from pghalab.session.events import CommandTyped, Noticed, SessionEvent
from pghalab.session.shells import Shell
from tests.bench.cluster import START_PATRONI, bring_up
from tests.live.conftest import MakeSettings, ids, told, until

MINUTES = float(os.environ.get("PGHALAB_SOAK_MINUTES", "60"))
FILLED = 200
"""Rounds in which what is kept within bounds fills: the lines above five screens, and Textual's caches of styles, which
opening and closing a shell fills in some eighty rounds."""
FEWEST = 20
"""So many rounds tell how much memory is held: the least of them, since it goes up and down by tens of megabytes with
what the shells' screens keep above them."""
GROWTH = 25e6
"""Bytes that may be held more in the last third than in the first one."""
FLOODS = (
    "seq 1 100000",
    "head -c 300000 /dev/urandom",
    r"for i in $(seq 2000); do printf '\e]0;title\a\e]52;c;aGk=\a\e[%d;%dH\e[?1049h\e[2J\e[?1049l' $i $i; done",
    "head -c 200000 /dev/zero | tr '\\0' x",
    "cat /etc/services",
)
SIZES = ((80, 24), (120, 40), (200, 50), (60, 15), (160, 30))


class Desk:
    """The console with shells on each node of a lab."""

    def __init__(self, app: PghalabApp, pilot: Pilot[int], settings: LabSettings, engine: Engine) -> None:
        self.app, self.pilot, self.settings, self.engine = app, pilot, settings, engine
        self.events: list[CommandTyped | Noticed] = []
        app.session.bus.listen(self._hear)

    def _hear(self, event: SessionEvent) -> None:
        # Not the others: snapshots of the cluster come every second, and the memory of the console is measured.
        if isinstance(event, CommandTyped | Noticed):
            self.events.append(event)

    @property
    def area(self) -> ShellArea:
        return self.app.screen.query_one(ShellArea)

    @property
    def lab(self) -> LocalLab:
        backend = self.app.session.state.backend
        assert backend is not None and isinstance(backend.lab, LocalLab)
        return backend.lab

    async def enter(self, shell: Shell, line: str, limit: float = 60.0) -> None:
        """Type a command and wait until its end is told."""
        view = self.area._views[shell.number]
        await until(lambda: shell.standing == "open" and shell._typing._marks.at_prompt and not view.backlog, limit)
        before = len(self.events)
        # As in any terminal, what a binary asks the terminal is answered at the prompt: a search that such an answer
        # has begun is left (Ctrl+G), which would take the Enter, and what it has typed is taken away (Ctrl+U).
        shell.write(f"\x07\x15{line}\r".encode())

        def typed() -> list[CommandTyped]:
            return [one for one in self.events[before:] if isinstance(one, CommandTyped) and one.node == shell.node]

        try:
            await until(lambda: any(one.text == line for one in typed()), limit)
        except TimeoutError as error:
            terminal = view.terminal
            shown = "" if terminal is None else terminal.screen.text
            raise AssertionError(
                f"the end of {line!r} on {shell.node} was not told but {[one.text for one in typed()]};"
                f" {view.backlog} bytes wait, {shell.standing}, {shell.blind or 'marked'}; it shows:\n{shown}"
            ) from error

    async def flood(self, chance: random.Random) -> None:
        """Each shell prints a lot at the same time, one of them in front, while the size changes."""
        shells = self.app.session.shells.all
        work = [asyncio.ensure_future(self.enter(shell, chance.choice(FLOODS))) for shell in shells]
        while not all(one.done() for one in work):
            self.area.turn(1)
            await self.pilot.resize_terminal(*chance.choice(SIZES))
            await asyncio.wait(work, timeout=0.5)
        await asyncio.gather(*work)
        # A program may leave anything behind.
        for shell in shells:
            await self.enter(shell, "reset -I; stty sane")

    async def restart(self, chance: random.Random) -> None:
        """A node is restarted under its shell, which comes back."""
        shell = chance.choice(self.app.session.shells.all)
        container = (await ids(self.engine, self.settings))[shell.node]
        await asyncio.to_thread(self.engine.api.restart, container, timeout=5)
        await until(lambda: shell.standing == "open" and shell._typing._marks.at_prompt, 60)

    async def reopen(self, chance: random.Random) -> None:
        """A shell is left with a program in it, and another one opened."""
        shell = chance.choice(self.app.session.shells.all)
        shell.write(b"vi\r")
        await shell.close()
        again = await self.area.open(shell.node, shell.user)
        await until(lambda: again.standing == "open" and again._typing._marks.at_prompt)

    async def failover(self, chance: random.Random) -> None:
        """The leader is killed and started anew, while a shell is typed into."""
        patroni = self.app.session.state.patroni
        leader = patroni.value.leader if patroni is not None and patroni.value is not None else None
        if leader is None:
            return
        node = self.lab.nodes[leader]
        await node.run("pkill -9 -x patroni; pkill -9 -x postgres", user="root")
        await self.flood(chance)
        await node.run(START_PATRONI, user="postgres")


@contextlib.asynccontextmanager
async def at_desk(settings: LabSettings, engine: Engine, *, cluster: bool) -> AsyncIterator[Desk]:
    """The console at a lesson, with a shell on each node."""
    save_settings(settings)
    lab = LocalLab(settings)
    await lab.open()
    await told(lab.up())
    if cluster:
        await until(lambda: all(node.link == "up" for node in lab.nodes.values()), 60)
        await bring_up(lab)
    await lab.close()
    app = PghalabApp(settings.name)
    async with app.run_test(size=(120, 40)) as pilot:
        desk = Desk(app, pilot, settings, engine)
        await until(lambda: app.session.state.backend is not None and bool(app.session.state.results), 60)
        app.open_step("etcd-nodelist")
        await until(lambda: bool(app.screen.query(ShellArea)))
        desk.app.screen.add_class("-shell")
        for name in settings.node_names:
            shell = await desk.area.open(name, "postgres")
            await until(lambda shell=shell: shell._typing._marks.at_prompt, 60)  # type: ignore[misc]
        yield desk


def resident() -> int:
    """Bytes that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def shell_tasks() -> list[str]:
    """What still goes on for shells."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("a shell on")]


@pytest.mark.parametrize(
    ("minutes", "cluster"),
    [pytest.param(0.0, False, id="short"), pytest.param(MINUTES, True, id="whole", marks=pytest.mark.soak)],
)
async def test_shells_bear_everything_for_long(
    make_settings: MakeSettings, engine: Engine, caplog: pytest.LogCaptureFixture, minutes: float, cluster: bool
) -> None:
    seed = int(os.environ.get("PGHALAB_SOAK_SEED", "0")) or secrets.randbelow(1_000_000) + 1
    print(f"PGHALAB_SOAK_SEED={seed}")
    chance = random.Random(seed)
    caplog.set_level(logging.ERROR)
    async with at_desk(await make_settings(3 if cluster else 2), engine, cluster=cluster) as desk:
        acts: list[Callable[[random.Random], Awaitable[None]]] = [desk.flood, desk.restart, desk.reopen]
        # A restarted node of a cluster has nothing running any more: the lesson's own services are not brought back.
        acts = [desk.flood, desk.failover, desk.reopen] if cluster else acts
        end, turn = time.monotonic() + 60 * minutes, 0
        held: list[int] = []
        while turn < len(acts) or time.monotonic() < end:
            act = acts[turn] if turn < len(acts) else chance.choice(acts)
            await act(chance)
            turn += 1
            held.append(resident())
            if turn % 10 == 0:
                print(f"{turn} rounds, {held[-1] / 1e6:.0f} MB", flush=True)
        for shell in desk.app.session.shells.all:
            await desk.enter(shell, "true")
            await shell.close()
        await until(lambda: not shell_tasks() and desk.app.session.shells.all == [])
        if minutes:
            filled = held[FILLED:]
            third = len(filled) // 3
            assert third >= FEWEST, f"{turn} rounds are too few to tell whether memory grows"
            more = min(filled[-third:]) - min(filled[:third])
            print(f"held least in each third: {[f'{min(filled[i * third :][:third]) / 1e6:.0f} MB' for i in range(3)]}")
            assert more < GROWTH, f"{more / 1e6:.0f} MB more after {turn} rounds"
        for node in desk.lab.nodes.values():
            left = (await node.run("ps -eo tty,args | grep -c '^pts/' || true", user="root")).stdout.strip()
            assert left == "0", f"{node.name} still has {left} programs on terminals"
        bad = [event.text for event in desk.events if isinstance(event, Noticed) and event.severity == "error"]
        assert bad == [] and caplog.records == []
