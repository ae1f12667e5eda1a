"""Shells in other terminals tell the console that drives the lab what is typed in them."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from pghalab.lab.host import door
from pghalab.session import session as session_module
from pghalab.session import visitors
from pghalab.session.events import CommandTyped, Noticed
from pghalab.session.visitors import Teller
from tests.fake_lab.backend import Bench
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.shell import FakeTerminal
from tests.fake_lab.sources import FakeSources
from tests.unit.test_shells import LISTED, PRINTS, Desk, desk


@pytest.fixture
def bench(tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(visitors, "AGAIN", 0.02)
    return Bench(tmp_path / "state", lab, sources)


@asynccontextmanager
async def shell_elsewhere(folder: Path) -> AsyncIterator[tuple[FakeTerminal, Teller]]:
    """A terminal on a node, and what tells of it."""
    teller = Teller(folder)
    try:
        yield FakeTerminal("postgres", "pgha2", (80, 24), 7), teller
    finally:
        await teller.close()


async def type_member(terminal: FakeTerminal, teller: Teller) -> None:
    """One command, with all that the node shows of it."""
    terminal.prompt()
    terminal.ran("member", LISTED)
    terminal.end(0)
    async for data in terminal.output():
        teller.feed(data)


async def heard(teller: Teller) -> None:
    """A console hears it."""
    async with asyncio.timeout(5):
        while not teller.is_heard:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("depth", [0, 120], ids=["near", "with a path that is too long for a socket"])
async def test_what_is_typed_elsewhere_counts_like_what_is_typed_here(bench: Bench, depth: int) -> None:
    bench.folder = bench.folder / ("x" * depth) if depth else bench.folder
    async with desk(bench, PRINTS) as at, shell_elsewhere(bench.folder) as (terminal, teller):
        at.session.learner.visit("prints")
        await heard(teller)
        await type_member(terminal, teller)
        await at.told.until(lambda: at.session.state.steps["prints"] == "done")
        assert at.session.state.done_by("prints").startswith("done by your command in postgres@pgha2")
        events = [event for event in at.told.events if isinstance(event, CommandTyped)]
        assert [(event.node, event.user, event.text, event.status) for event in events] == [
            ("pgha2", "postgres", "member", 0)
        ]
        kept = [entry["event"] for entry in bench.runner.journal.entries()]
        assert kept[:3] == ["CommandStarted", "CommandEnded", "StepSeen"]


async def test_a_console_that_comes_later_is_found_and_one_that_goes_is_not_missed(bench: Bench) -> None:
    async with shell_elsewhere(bench.folder) as (terminal, teller):
        await type_member(terminal, teller)
        assert not teller.is_heard
        for _ in range(2):
            async with desk(bench, PRINTS) as at:
                at.session.learner.visit("prints")
                await heard(teller)
                await type_member(FakeTerminal("postgres", "pgha2", (80, 24), 7), teller)
                await at.told.until(partial(_is_told, at))
            async with asyncio.timeout(5):
                while teller.is_heard:
                    teller.feed(b"$ ")
                    await asyncio.sleep(0.01)


async def test_a_console_that_only_looks_opens_no_door(bench: Bench) -> None:
    bench.driver = "another console"
    async with desk(bench, PRINTS) as at:
        assert at.session.state.read_only
        assert await door.knock(bench.folder) is None and not (bench.folder / "door").exists()


async def test_the_door_is_open_before_the_engine_answers_and_closed_when_another_console_drives(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RETRY", 0.01)
    answer: list[bool | None] = [None]

    def claim() -> bool | None:
        bench.driver = "another console" if answer[0] is False else ""
        return answer[0]

    bench.claim = claim
    async with desk(bench, PRINTS) as at:
        reader, writer = await _knocked(bench.folder)
        answer[0] = False
        await at.told.until(lambda: at.session.state.read_only)
        async with asyncio.timeout(5):
            assert await _until_sent_away(reader)
        writer.close()
        assert await door.knock(bench.folder) is None


@pytest.mark.parametrize(
    "said",
    [b"hello\n", b'{"iam": "nobody"}\n', b'{"iam": 1}\n', b"[]\n",
     b'{"show": 1}\n', b'{"show": "\xff"}\n', b'{"enter": "?"}\n', b"[" * 100_000 + b"\n",
     b"x" * (door.LONGEST_LINE + 10)],
)  # fmt: skip
async def test_who_speaks_otherwise_is_sent_away_and_the_next_one_heard(bench: Bench, said: bytes) -> None:
    async with desk(bench, PRINTS) as at:
        found = await _knocked(bench.folder)
        found[1].write(said)
        async with asyncio.timeout(5):
            assert await _until_sent_away(found[0])
        found[1].close()
        at.session.learner.visit("prints")
        async with shell_elsewhere(bench.folder) as (terminal, teller):
            await heard(teller)
            await type_member(terminal, teller)
            await at.told.until(lambda: at.session.state.steps["prints"] == "done")
        assert not any(isinstance(event, Noticed) and event.severity == "error" for event in at.told.events)


async def test_who_says_its_name_is_handed_to_who_is_there_for_it_until_the_console_is_left(bench: Bench) -> None:
    heard: list[bytes] = []
    left = asyncio.Event()

    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(b"welcome\n")
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    async with desk(bench, PRINTS) as at:
        at.session.visitors.welcome("notes", host)
        reader, writer = await _knocked(bench.folder)
        writer.write(b'{"iam": "notes"}\n{"do": "next"}\n')
        async with asyncio.timeout(5):
            assert await reader.readline() == b"welcome\n"
        assert heard == [b'{"do": "next"}\n'] and not left.is_set()
    async with asyncio.timeout(5):
        await left.wait()
        assert await _until_sent_away(reader)
    writer.close()


async def test_a_host_that_fails_sends_its_visitor_away_and_the_door_stays_open(bench: Bench) -> None:
    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise RuntimeError("a fault")

    async with desk(bench, PRINTS) as at:
        at.session.visitors.welcome("notes", host)
        for _ in range(2):
            reader, writer = await _knocked(bench.folder)
            writer.write(b'{"iam": "notes"}\n')
            async with asyncio.timeout(5):
                assert await _until_sent_away(reader)
            writer.close()


async def test_a_console_that_takes_nothing_holds_no_shell_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "AGAIN", 0.02)

    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with door.opened(tmp_path, stuck), shell_elsewhere(tmp_path) as (_, teller):
        await heard(teller)
        for _ in range(100):
            teller.feed(b"x" * 100_000)
        assert not teller.is_heard


async def test_only_its_owner_gets_to_the_socket_and_nothing_is_left(tmp_path: Path) -> None:
    far = tmp_path / ("y" * 120)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    for folder in (tmp_path, far):
        async with door.opened(folder, serve):
            found = await _knocked(folder)
            socket = Path(str(found[1].get_extra_info("peername")))
            for inside in (folder / "door", socket.parent):
                assert stat.S_IMODE(inside.stat().st_mode) == 0o700
            found[1].close()
        assert not list((folder / "door").iterdir()) and not socket.exists()
        assert folder in socket.parents or not socket.parent.exists()


async def test_what_a_killed_console_left_is_replaced(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    first = door.opened(tmp_path, serve)
    await first.__aenter__()
    async with door.opened(tmp_path, serve):
        # The first one is gone without having cleared up; what it would clear up is not its own any more.
        await first.__aexit__(None, None, None)
        assert await door.knock(tmp_path) is not None


def _is_told(at: Desk) -> bool:
    return any(isinstance(event, CommandTyped) for event in at.told.events)


async def _knocked(folder: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(5):
        while (found := await door.knock(folder)) is None:
            await asyncio.sleep(0.01)
    return found


async def _until_sent_away(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True
