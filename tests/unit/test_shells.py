"""The console's shells over the fake lab: opened, lost and opened again, and what is typed in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pghalab.lab.types import LabError, LinkChanged, LinkState
from pghalab.session import rechecks
from pghalab.session.events import (
    CommandTyped,
    SessionEvent,
    ShellClosed,
    ShellLost,
    ShellMarked,
    ShellOpened,
)
from pghalab.session.session import Session
from pghalab.session.shells import Shell
from pghalab.terminal.terminal import Terminal
from tests.fake_lab.backend import Bench
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.shell import FakeTerminal
from tests.fake_lab.sources import FakeSources
from tests.unit.test_session import START, Told, opened, starts_etcd

PRINTS = """id: prints
kind: command
node: pgha2
command: etcdctl member list
checks:
  - output: {contains: [pgha1, started]}"""
SHELL = (ShellOpened, ShellLost, ShellClosed, ShellMarked)


@pytest.fixture
def bench(tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    return Bench(tmp_path / "state", lab, sources)


class Desk:
    """A session with a shell, and what is drawn of it."""

    def __init__(self, bench: Bench, session: Session, told: Told) -> None:
        self.bench, self.session, self.told = bench, session, told
        self.drawn = b""

    def draw(self, data: bytes) -> None:
        self.drawn += data

    async def open(self, node: str = "pgha2", user: str = "postgres") -> tuple[Shell, FakeTerminal]:
        """A shell at its first prompt."""
        assert user in ("root", "postgres")
        shells = self.bench.lab.nodes[node].shells
        before = len(shells)
        shell = self.session.shells.open(node, "root" if user == "root" else "postgres", (80, 24), self.draw)
        await self.told.until(lambda: shell.standing == "open")
        terminal = shells[before]
        terminal.prompt()
        await self.told.until(lambda: b"$ " in self.drawn)
        return shell, terminal

    def link(self, node: str, link: LinkState, reason: str = "") -> None:
        """The link to a node changes."""
        found = self.bench.lab.nodes[node]
        found.link, found.link_reason = link, reason
        self.bench.lab.tell(LinkChanged(node, link, reason))

    def heard(self) -> list[SessionEvent]:
        return [event for event in self.told.events if isinstance(event, SHELL)]

    async def looked(self) -> None:
        """Every look at what was typed is over."""
        await self.told.until(
            lambda: (
                not self.session.rechecks._under_way
                and not any(task.get_name() == "looking at what was typed" for task in asyncio.all_tasks())
            )
        )

    async def type(self, terminal: FakeTerminal, command: str, printed: str = "", status: int = 0) -> CommandTyped:
        """A whole command, until what came of it was looked at."""
        before = len(self.typed)
        terminal.ran(command, printed, status)
        await self.told.until(lambda: len(self.typed) > before)
        await self.looked()
        return self.typed[-1]

    @property
    def typed(self) -> list[CommandTyped]:
        return [event for event in self.told.events if isinstance(event, CommandTyped)]


@asynccontextmanager
async def desk(bench: Bench, *steps: str) -> AsyncIterator[Desk]:
    async with opened(bench, *steps) as (session, told):
        yield Desk(bench, session, told)


async def test_a_shell_is_drawn_and_typed_into(bench: Bench) -> None:
    async with desk(bench, START) as at:
        shell = at.session.shells.open("pgha2", "postgres", (80, 24), at.draw)
        shell.write(b"early\r")
        shell.resize(100, 30)
        await at.told.until(lambda: shell.standing == "open")
        (terminal,) = bench.lab.nodes["pgha2"].shells
        assert terminal.typed == b"early\r" and terminal.sizes[-1] == (100, 30)
        terminal.say(b"\x1b[1mhello")
        await at.told.until(lambda: at.drawn == b"\x1b[1mhello")
        shell.write(b"exit\r")
        terminal.end(3)
        await at.told.until(lambda: shell.standing == "closed")
        shell.write(b"late")
        assert terminal.typed == b"early\rexit\r" and terminal.closed
        assert [event for event in at.heard() if not isinstance(event, ShellMarked)] == [
            ShellOpened(1, "pgha2", "postgres"),
            ShellClosed(1, "pgha2", "postgres", 3),
        ]
        assert at.session.shells.all == []


async def test_who_draws_slowly_makes_the_node_wait(bench: Bench) -> None:
    async with desk(bench, START) as at:
        may, drawn = asyncio.Event(), []

        async def draw(data: bytes) -> None:
            drawn.append(data)
            await may.wait()

        at.session.shells.open("pgha1", "root", (80, 24), draw)
        await at.told.until(lambda: bench.lab.nodes["pgha1"].shells)
        (terminal,) = bench.lab.nodes["pgha1"].shells
        for piece in (b"one", b"two", b"three"):
            terminal.say(piece)
        await at.told.until(lambda: drawn)
        await asyncio.sleep(0.02)
        assert drawn == [b"one"]
        may.set()
        await at.told.until(lambda: len(drawn) == 3)


async def test_what_cannot_be_opened_is_told(bench: Bench) -> None:
    async with desk(bench, START) as at:
        with pytest.raises(LabError, match="no node pgha9"):
            at.session.shells.open("pgha9", "root", (80, 24), at.draw)
        at.link("pgha1", "down", "it does not answer.")
        shell = at.session.shells.open("pgha1", "root", (80, 24), at.draw)
        await at.told.until(lambda: shell.standing == "closed")
        assert at.heard() == [ShellClosed(1, "pgha1", "root", None, "pgha1: it does not answer.")]
    closed = Session("pgha", connect=bench.connect)
    with pytest.raises(LabError, match="not open yet"):
        closed.shells.open("pgha1", "root", (80, 24), at.draw)


async def test_a_node_that_goes_and_returns_gets_a_new_shell(bench: Bench) -> None:
    async with desk(bench, START) as at:
        shell, terminal = await at.open()
        shell.write(b"select 1")
        terminal.end(None)
        at.link("pgha2", "down", "it is frozen.")
        await at.told.until(lambda: shell.standing == "lost")
        assert at.heard()[-1] == ShellLost(1, "pgha2", "postgres", "it is frozen.", unsure=8)
        assert b"this shell is lost: it is frozen." in at.drawn and b"8 bytes typed" in at.drawn
        assert at.drawn.index(b"\x1b[?1049l") < at.drawn.index(b"this shell is lost")
        shell.write(b"more")
        shell.write(b" and more")
        assert [text for text in at.told.notices() if "not sent" in text] == [
            "postgres@pgha2: what you type is not sent: it is frozen."
        ]
        at.link("pgha2", "connecting")
        at.link("pgha2", "up")
        await at.told.until(lambda: shell.standing == "open")
        again = bench.lab.nodes["pgha2"].shells[-1]
        assert again is not terminal and again.typed == b"" and terminal.closed
        assert at.heard()[-1] == ShellOpened(1, "pgha2", "postgres", again=True)
        assert b"pgha2 is back: this is a new shell" in at.drawn
        shell.write(b"x")
        assert again.typed == b"x"


@pytest.mark.parametrize("program", [b"", b"\x1b[?1049h\x1b[2J\x1b[3;5Hvim"], ids=["a command", "a program's screen"])
async def test_that_a_shell_is_lost_is_said_below_what_it_showed(bench: Bench, program: bytes) -> None:
    pane = Terminal(60, 12, lambda reply: None)
    async with desk(bench, START) as at:
        shell, terminal = await at.open()
        terminal.say(b"first\r\nsecond\r\n$ sleep 60\r\n" + program)
        await at.told.until(lambda: at.drawn.endswith(program) and b"sleep" in at.drawn)
        at.link("pgha2", "down", "it is frozen.")
        terminal.end(None)
        await at.told.until(lambda: shell.standing == "lost")
        await at.told.until(lambda: b"lost" in at.drawn)
    pane.screen.feed(at.drawn)
    pane.screen.update()
    shown = [line for line in pane.screen.text.splitlines() if line]
    assert shown == ["$ first", "second", "$ sleep 60", "[pghalab: this shell is lost: it is frozen.]"]


async def test_a_link_that_is_back_at_once_was_lost_all_the_same(bench: Bench) -> None:
    async with desk(bench, START) as at:
        shell, terminal = await at.open()
        at.link("pgha2", "down", "it was lost.")
        at.link("pgha2", "up")
        terminal.end(None)
        await at.told.until(lambda: len(bench.lab.nodes["pgha2"].shells) == 2 and shell.standing == "open")
        kinds = [type(event) for event in at.heard() if not isinstance(event, ShellMarked)]
        assert kinds == [ShellOpened, ShellLost, ShellOpened]


async def test_a_shell_that_a_signal_ends_is_not_opened_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pghalab.session.shells.NOTICE", 0.05)
    async with desk(bench, START) as at:
        shell, terminal = await at.open()
        terminal.end(None)
        await at.told.until(lambda: shell.standing == "closed")
        assert at.heard()[-1] == ShellClosed(1, "pgha2", "postgres", None, "it was ended by a signal")
        assert len(bench.lab.nodes["pgha2"].shells) == 1


async def test_closing_hangs_up(bench: Bench) -> None:
    async with desk(bench, START) as at:
        one, terminal = await at.open()
        two, other = await at.open("pgha1", "root")
        assert [shell.number for shell in at.session.shells.all] == [1, 2]
        await one.close()
        await one.close()
        assert terminal.closed and not other.closed and at.session.shells.all == [two]
        never = at.session.shells.open("pgha3", "root", (80, 24), at.draw)
        await never.close()
        assert never.standing == "closed"
    assert other.closed and two.standing == "closed"


async def test_a_command_goes_to_the_journal_with_its_output(bench: Bench) -> None:
    async with desk(bench, START) as at:
        at.session.learner.visit("start")
        _, terminal = await at.open("pgha1", "root")
        typed = await at.type(terminal, "ls \x1b[31m/nowhere", "ls: no such\x07 file\n", 2)
        assert typed.step == "start" and typed.text == "ls /nowhere" and typed.status == 2
        started, ended = list(bench.runner.journal.entries())[-2:]
        assert (started["event"], started["typed"], started["node"], started["user"], started["command"]) == (
            "CommandStarted", True, "pgha1", "root", "ls /nowhere",
        )  # fmt: skip
        assert Path(started["log"]).read_text() == "ls: no such\x07 file\n"
        assert ended["event"] == "CommandEnded" and ended["ended"]["exit_status"] == 2
        assert "start" not in at.session.work.runs


async def test_a_step_is_noticed_at_once_and_says_by_what(bench: Bench) -> None:
    async with desk(bench, START) as at:
        at.session.learner.visit("start")
        _, terminal = await at.open("pgha1")
        await at.looked()
        terminal.begin("nohup etcd &")
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        terminal.finish()
        await at.told.until(lambda: at.session.state.steps["start"] == "done")
        await at.looked()
        words = at.session.state.done_by("start")
        assert words.startswith("done by your command in postgres@pgha1, ") and words.count(":") == 2
        run = at.session.work.runs["start"]
        assert run.outcome == "done" and run.command == "nohup etcd &"
        assert run.status.startswith("done · typed in postgres@pgha1 · exit status 0")
    again = Bench(bench.folder, bench.lab, bench.sources)
    async with desk(again, START) as later:
        assert later.session.state.done_by("start") == words


async def test_what_still_runs_may_have_done_it(bench: Bench) -> None:
    async with desk(bench, START) as at:
        at.session.learner.visit("start")
        _, terminal = await at.open("pgha1")
        terminal.begin("etcd")
        await asyncio.sleep(0.02)
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        at.session.rechecks.soon(None, 0)
        await at.told.until(lambda: at.session.state.done_by("start"))
        assert at.session.work.runs["start"].ended is None


async def test_what_others_did_is_not_said_to_be_typed(bench: Bench) -> None:
    async with desk(bench, START) as at:
        at.session.learner.visit("start")
        await at.open("pgha1")
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        at.session.rechecks.soon(None, 0)
        await at.told.until(lambda: at.session.state.steps["start"] == "done")
        assert at.session.state.done_by("start") == ""


LISTED = "8e9e, started, pgha1, http://192.168.50.10:2380\n"


@pytest.mark.parametrize(
    ("node", "user", "printed", "ahead", "done"),
    [
        ("pgha2", "postgres", LISTED, b"", True),
        ("pgha2", "postgres", "unhealthy\n", b"", False),
        ("pgha1", "postgres", LISTED, b"", False),
        ("pgha2", "root", LISTED, b"", False),
        ("pgha2", "postgres", LISTED, b"etcdctl --write-out=simple member list\rls", False),
    ],
)
async def test_a_step_that_only_prints_is_done_in_any_spelling(
    bench: Bench, node: str, user: str, printed: str, ahead: bytes, done: bool
) -> None:
    async with desk(bench, PRINTS) as at:
        at.session.learner.visit("prints")
        shell, terminal = await at.open(node, user)
        shell.write(ahead)
        await at.type(terminal, "etcdctl --write-out=simple member list", printed)
        assert (at.session.state.steps["prints"] == "done") is done
        assert (bench.runner.progress.record("prints").output is not None) is done
        assert ("prints" in at.session.work.runs) is done
        assert bool(at.session.state.done_by("prints")) is done
        await at.type(terminal, "ls", "nothing\n")
        assert (at.session.state.steps["prints"] == "done") is done


async def test_the_steps_own_command_is_its_last_run_also_when_it_fails(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at:
        at.session.learner.visit("prints")
        _, terminal = await at.open()
        await at.type(terminal, "etcdctl  member list", "connection refused\n", 1)
        run = at.session.work.runs["prints"]
        assert run.outcome == "failed" and run.buffer.lines == ["connection refused"] and run.reason
        assert bench.runner.progress.record("prints").output is None


async def test_what_is_typed_while_a_command_runs_spoils_its_output(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at:
        at.session.learner.visit("prints")
        shell, terminal = await at.open()
        terminal.begin("cat")
        await at.told.until(lambda: b"Y2F0" in at.drawn)
        shell.write(b"pgha1 started\r")
        terminal.say(LISTED.encode())
        terminal.finish()
        await at.told.until(lambda: at.typed)
        await at.looked()
        assert at.session.state.steps["prints"] == "todo"


async def test_a_paste_of_several_lines_is_judged_line_by_line(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at:
        at.session.learner.visit("prints")
        shell, terminal = await at.open()
        shell.write(b"\x1b[200~member\nls\x1b[201~")
        shell.write(b"\r")
        terminal.begin("member")
        terminal.say(LISTED.encode())
        terminal.begin("ls")
        terminal.finish()
        await at.told.until(lambda: len(at.typed) == 2)
        await at.looked()
        assert [(typed.text, typed.status) for typed in at.typed] == [("member", None), ("ls", 0)]
        assert at.session.state.steps["prints"] == "done"


async def test_two_commands_at_once_in_two_shells(bench: Bench) -> None:
    async with desk(bench, PRINTS, START) as at:
        at.session.learner.visit("prints")
        _, one = await at.open()
        _, two = await at.open("pgha1", "root")
        one.begin("member")
        two.begin("ls")
        one.say(LISTED[:20].encode())
        two.say(b"file\r\n")
        two.finish(1)
        one.say(LISTED[20:].encode())
        one.finish(0)
        await at.told.until(lambda: len(at.typed) == 2)
        await at.looked()
        assert {(typed.node, typed.text, typed.status) for typed in at.typed} == {
            ("pgha2", "member", 0), ("pgha1", "ls", 1)
        }  # fmt: skip
        assert at.session.state.steps["prints"] == "done"
        assert "postgres@pgha2" in at.session.state.done_by("prints")


async def test_a_step_of_several_lines_may_be_typed_line_by_line(bench: Bench) -> None:
    several = PRINTS.replace("command: etcdctl member list", "command: |\n  hostname\n  etcdctl endpoint status")
    async with desk(bench, several) as at:
        at.session.learner.visit("prints")
        _, terminal = await at.open()
        await at.type(terminal, "echo started", "started\n")
        await at.type(terminal, "ls", "nothing\n")
        await at.type(terminal, "hostname", "pgha1\n")
        # Two lines before: the step has no more than two.
        assert bench.runner.progress.record("prints").output is None
        await at.type(terminal, "echo started", "started\n", 1)
        assert at.session.state.steps["prints"] == "done"
        run = at.session.work.runs["prints"]
        assert run.command == "hostname\necho started" and run.buffer.lines == ["pgha1", "started"]
        assert bench.runner.progress.record("prints").output == "pgha1\nstarted\n"
        assert "exit status 1" in run.status and at.session.state.done_by("prints")


async def test_what_runs_in_another_shell_meanwhile_is_not_said_to_have_done_it(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at:
        at.session.learner.visit("prints")
        _, one = await at.open()
        _, two = await at.open("pgha1", "root")
        two.begin("sleep 1")
        await at.type(one, "member", LISTED)
        assert "postgres@pgha2" in at.session.state.done_by("prints")


async def test_without_marks_it_is_said_that_nothing_is_told(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at:
        shell = at.session.shells.open("pgha2", "postgres", (80, 24), at.draw)
        await at.told.until(lambda: shell.standing == "open")
        (terminal,) = bench.lab.nodes["pgha2"].shells
        terminal.say(b"$ ")
        await at.told.until(lambda: at.drawn)
        shell.write(b"l")
        assert shell.blind == ""
        shell.write(b"s\r")
        assert at.heard()[-1] == ShellMarked(1, False, "this shell sets no marks")
        terminal.prompt()
        await at.told.until(lambda: not shell.blind)
        assert at.heard()[-1] == ShellMarked(1, True)
        terminal.begin("exec sh")
        await at.told.until(lambda: b"ZXhlYyBzaA" in at.drawn)
        shell.write(b"etcdctl member list\r")
        assert shell.blind == "`exec sh` takes what is typed now"
        terminal.say(LISTED.encode())
        terminal.end(0)
        await at.told.until(lambda: at.typed)
        await at.looked()
        assert at.typed[0].status is None and at.session.state.steps["prints"] == "todo"


async def test_a_console_that_only_looks_writes_nothing(bench: Bench) -> None:
    bench.driver = "another console"
    async with desk(bench, PRINTS) as at:
        at.session.learner.visit("prints")
        _, terminal = await at.open()
        await at.type(terminal, "member", LISTED)
        assert at.session.state.read_only and at.session.state.steps["prints"] == "todo"
        assert list(bench.runner.journal.entries()) == [] and not (bench.folder / "journal").exists()


async def test_a_shell_that_somebody_else_opened_is_listened_to(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at:
        at.session.learner.visit("prints")
        terminal = FakeTerminal("postgres", "pgha2", (80, 24), 7)
        typing = at.session.shells.listen()
        terminal.prompt()
        terminal.ran("member", LISTED)
        terminal.end(0)
        async for data in terminal.output():
            typing.feed(data)
        typing.close()
        await at.told.until(lambda: at.session.state.steps["prints"] == "done")


async def test_a_run_is_not_said_to_be_typed(bench: Bench) -> None:
    async with desk(bench, START) as at:
        at.session.learner.visit("start")
        _, terminal = await at.open("pgha1")
        await at.type(terminal, "ls")

        bench.lab.nodes["pgha1"].script = starts_etcd
        assert at.session.work.run_step("start")
        await at.told.until(lambda: at.session.state.steps["start"] == "done" and not at.session.work.busy)
        await at.looked()
        assert at.session.state.done_by("start") == ""
        assert at.session.work.runs["start"].typed is None
