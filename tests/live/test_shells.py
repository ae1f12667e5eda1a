"""The console's shells on real nodes: what their marks tell of all kinds of shells, and nodes that go and return."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pghalab.lab.engine.client import Engine
from pghalab.lab.settings import LabSettings, save_settings
from pghalab.lab.types import Output, User
from pghalab.session.backend import Backend
from pghalab.session.events import CommandTyped, SessionEvent, ShellClosed, ShellLost, ShellMarked, ShellOpened
from pghalab.session.session import Session
from pghalab.session.shells import Shell
from tests.fake_lab.course import write_course
from tests.live.conftest import MakeSettings, ids, told, until

SAYS = """id: says
kind: command
node: pgha1
command: cat /etc/hostname
checks:
  - output: {contains: [pgha1]}"""

PASTED = """cat <<'END'
the first
END
echo the second"""
BOTH = """id: both
kind: command
node: pgha1
command: |
  cat <<'END'
  the first
  END
  echo the second
checks:
  - output: {contains: [the first], matches: '^the second$', words: both}"""


class Desk:
    """A session on a real lab, and everything that it told."""

    def __init__(self, session: Session, settings: LabSettings, engine: Engine) -> None:
        self.session, self.settings, self.engine = session, settings, engine
        self.events: list[SessionEvent] = []
        session.bus.listen(self.events.append)
        self.drawn: dict[int, bytes] = {}

    @property
    def backend(self) -> Backend:
        assert self.session.state.backend is not None
        return self.session.state.backend

    def typed(self) -> list[tuple[str, str, int | None]]:
        """What was typed: whose shell and where, the text, the status."""
        found = [event for event in self.events if isinstance(event, CommandTyped)]
        return [(f"{one.user}@{one.node}", one.text, one.status) for one in found]

    async def open(self, node: str, user: User) -> Shell:
        """A shell at its first prompt."""

        def draw(data: bytes) -> None:
            self.drawn[shell.number] = self.drawn.get(shell.number, b"") + data

        shell = self.session.shells.open(node, user, (100, 30), draw)
        await until(lambda: shell.standing == "closed" or self.who(shell) != "")
        assert shell.standing == "open", shell.reason
        return shell

    def who(self, shell: Shell) -> str:
        """Whose shell, and where, waits for a command; empty when none does."""
        marks = shell._typing._marks
        return marks.who if marks.at_prompt else ""

    async def enter(self, shell: Shell, line: str) -> tuple[str, str, int | None]:
        """Type a command and wait for its end."""
        before = len(self.typed())
        shell.write(f"{line}\r".encode())
        await until(lambda: len(self.typed()) > before)
        await until(lambda: bool(self.who(shell)))
        return self.typed()[-1]

    async def go(self, shell: Shell, line: str, who: str) -> None:
        """Type what opens a shell in the shell, and wait for its prompt."""
        depth = len(shell._typing._marks._shells)
        shell.write(f"{line}\r".encode())
        await until(lambda: len(shell._typing._marks._shells) > depth and self.who(shell) == who)

    async def leave(self, shell: Shell) -> None:
        """Leave the innermost shell."""
        depth = len(shell._typing._marks._shells)
        shell.write(b"exit\r")
        await until(lambda: len(shell._typing._marks._shells) < depth and bool(self.who(shell)))


@pytest.fixture
async def desk(make_settings: MakeSettings, engine: Engine, tmp_path: Path) -> AsyncIterator[Desk]:
    settings = await make_settings(2)
    save_settings(settings)
    write_course(tmp_path / "lessons", SAYS, BOTH)
    session = Session(settings.name, lessons=tmp_path / "lessons")
    made = Desk(session, settings, engine)
    await session.open()
    try:
        from pghalab.lab.local import LocalLab

        lab = made.backend.lab
        assert isinstance(lab, LocalLab)
        await told(lab.up())
        yield made
    finally:
        await session.close()


async def test_what_is_typed_is_told_in_every_kind_of_shell(desk: Desk) -> None:
    one, two = desk.settings.node_names
    root, ours, far = f"root@{one}", f"postgres@{one}", f"postgres@{two}"
    shell = await desk.open(one, "root")
    assert desk.who(shell) == root
    for line, status in (("true", 0), ("false", 1), ("(exit 7)", 7), ("for i in a b; do echo $i; done", 0)):
        assert await desk.enter(shell, line) == (root, line, status)
    await desk.enter(shell, "PS1='mine> '")
    assert (await desk.enter(shell, "echo $((40+2)) still"))[2] == 0
    assert b"42 still" in desk.drawn[shell.number]
    for line in ("set -u", "PROMPT_COMMAND=true", "trap : DEBUG", "trap - DEBUG", "set -x", "set +x"):
        assert await desk.enter(shell, line) == (root, line, 0)
    assert b"__pghalab" not in desk.drawn[shell.number]
    assert await desk.enter(shell, "echo $unset") == (root, "echo $unset", 1)
    # Shells in the shell.
    await desk.go(shell, "su - postgres", ours)
    assert await desk.enter(shell, "id -un") == (ours, "id -un", 0)
    await desk.go(shell, f"ssh {two}", far)
    assert await desk.enter(shell, "false") == (far, "false", 1)
    await desk.leave(shell)
    assert await desk.enter(shell, "true") == (ours, "true", 0)
    await desk.leave(shell)
    assert desk.who(shell) == root
    for line in ("sudo -E -u postgres /bin/bash -l", "sudo -E -u postgres bash", "cd / && sudo -u postgres -i"):
        await desk.go(shell, line, ours)
        assert await desk.enter(shell, "true") == (ours, "true", 0)
        await desk.leave(shell)
    await desk.go(shell, "bash", root)
    await desk.enter(shell, "set -e")
    shell.write(b"false\r")
    await until(lambda: desk.who(shell) == root and desk.typed()[-1] == (root, "bash", 1))
    # What is no bash of this kind marks nothing, and nothing is guessed.
    shell.write(b"sh\r")
    await until(lambda: b"# " in desk.drawn[shell.number][-4:])
    before = desk.typed()
    shell.write(b"echo unseen\r")
    assert shell.blind == "`sh` takes what is typed now"
    shell.write(b"exit 3\r")
    await until(lambda: len(desk.typed()) > len(before))
    assert desk.typed()[len(before) :] == [(root, "sh", 3)] and shell.blind == ""
    shell.write(b"exec sh\r")
    await until(lambda: b"exec sh" in desk.drawn[shell.number] and not desk.who(shell))
    shell.write(b"exit\r")
    await until(lambda: shell.standing == "closed")
    assert desk.typed()[-1] == (root, "exec sh", None)
    assert [event.status for event in desk.events if isinstance(event, ShellClosed)] == [0]


async def test_a_step_is_noticed_in_two_shells_at_once_and_commands_print_no_marks(desk: Desk) -> None:
    one, two = desk.settings.node_names
    node = desk.backend.lab.nodes[one]
    for line in ("bash -lc 'echo plain'", "bash -ic 'echo plain'", f"sudo -u postgres ssh {two} echo plain"):
        async with contextlib.aclosing(node.stream(line)) as events:
            text = "".join([event.text async for event in events if isinstance(event, Output)])
        assert "plain" in text and "\x1b" not in text, line
    desk.session.learner.visit("says")
    ours, far = await desk.open(one, "postgres"), await desk.open(two, "postgres")
    far.write(b"sleep 1; hostname\r")
    await desk.enter(ours, "echo nothing")
    assert desk.session.state.steps["says"] == "todo"
    began = time.monotonic()
    await desk.enter(ours, "tr a-z a-z </etc/hostname")
    await until(lambda: desk.session.state.steps["says"] == "done")
    assert time.monotonic() - began < 2
    assert desk.session.state.done_by("says").startswith(f"done by your command in postgres@{one}, ")
    await until(lambda: (f"postgres@{two}", "sleep 1; hostname", 0) in desk.typed())
    # A step of several lines, pasted as its card has it.
    desk.session.learner.visit("both")
    ours.write(f"\x1b[200~{PASTED}\x1b[201~".encode())
    await until(lambda: b"second" in desk.drawn[ours.number][-200:])
    ours.write(b"\r")
    await until(lambda: bool(desk.session.state.done_by("both")))
    assert desk.session.work.runs["both"].command == PASTED
    # A long text, several lines, and what a terminal would obey.
    long = "x" * 5000
    await desk.enter(ours, f": {long}")
    assert desk.typed()[-1] == (f"postgres@{one}", f": {long}"[:4096], 0)
    ours.write(b"\x1b[200~echo 1\necho 'a\tb;\\'\nfalse\x1b[201~")
    await until(lambda: b"false" in desk.drawn[ours.number][-200:])
    ours.write(b"\r")
    await until(lambda: desk.typed()[-1][1:] == ("false", 1))
    assert [(text, status) for _, text, status in desk.typed()[-3:]] == [
        ("echo 1", None), ("echo 'a b;\\'", None), ("false", 1),
    ]  # fmt: skip
    await desk.enter(ours, "HISTCONTROL=ignorespace")
    assert (await desk.enter(ours, " echo secret"))[1] == ""
    ours.write(b"/usr/pgsql-17/bin/psql -h nowhere.invalid\r")
    await until(lambda: desk.typed()[-1][2] == 2)


async def test_what_was_begun_with_nohup_outlives_its_terminal_also_where_it_takes_the_signal(desk: Desk) -> None:
    one = desk.settings.node_names[0]
    node = desk.backend.lab.nodes[one]
    takes = "python3 -c 'import signal, time; signal.signal(signal.SIGHUP, signal.SIG_DFL); time.sleep({})'"
    shell = await desk.open(one, "postgres")
    for line in (f"nohup {takes.format(901)} >nohup.out 2>&1 &", f"{takes.format(902)} &", "true; sleep 903 & kept=$!"):
        await desk.enter(shell, line)
    assert (await desk.enter(shell, "[[ $kept == $! ]]"))[2] == 0, "what the shell knows of its last job is as it was"

    async def alive() -> set[str]:
        return set((await node.run("ps -eo args= | grep -o '[s]leep.90[123]'")).stdout.splitlines())

    assert await alive() == {"sleep(901", "sleep(902", "sleep 903"}
    await shell.close()
    async with asyncio.timeout(10):
        while len(await alive()) > 1:
            await asyncio.sleep(0.05)
    assert await alive() == {"sleep(901"}


async def test_a_node_that_freezes_or_stops_is_said_and_its_shell_returns(desk: Desk) -> None:
    one, two = desk.settings.node_names
    containers = await ids(desk.engine, desk.settings)
    frozen, stopped = await desk.open(one, "postgres"), await desk.open(two, "root")
    frozen.write(b"vi\r")
    await until(lambda: b"VIM" in desk.drawn[frozen.number])
    await asyncio.to_thread(desk.engine.freeze, containers[one])
    began = time.monotonic()
    frozen.write(b"ihello")
    try:
        await until(lambda: frozen.standing == "lost")
        noticed = time.monotonic() - began
    finally:
        await asyncio.to_thread(desk.engine.api.unpause, containers[one])
    print(f"a frozen node was said after {noticed:.1f} s")
    assert noticed < 6
    (lost,) = [event for event in desk.events if isinstance(event, ShellLost)]
    assert lost.number == frozen.number and "frozen" in lost.reason and lost.unsure == 6
    await until(lambda: frozen.standing == "open" and bool(desk.who(frozen)))
    assert await desk.enter(frozen, "true") == (f"postgres@{one}", "true", 0)
    await asyncio.to_thread(desk.engine.api.stop, containers[two], timeout=5)
    await until(lambda: stopped.standing == "lost")
    stopped.write(b"into nothing")
    assert any("not sent" in str(event) for event in desk.events)
    await asyncio.to_thread(desk.engine.api.start, containers[two])
    await until(lambda: stopped.standing == "open" and bool(desk.who(stopped)))
    assert await desk.enter(stopped, "true") == (f"root@{two}", "true", 0)
    again = [event for event in desk.events if isinstance(event, ShellOpened) and event.again]
    assert {event.number for event in again} == {frozen.number, stopped.number}
    assert not [event for event in desk.events if isinstance(event, ShellMarked) and "no marks" in event.reason]
