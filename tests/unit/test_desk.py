"""The presenter's desk: readers of the notes follow a show over the door and drive it, whoever of them restarts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab.codec import from_json
from pghalab.lab.host import door
from pghalab.session.demo import desk as module
from pghalab.session.demo.desk import LONGEST_TEXT, MOST_READERS, NAME, ORDERS, Heard, Reader
from pghalab.session.demo.show import Show
from pghalab.session.demo.standing import Asked, Command, Held, Standing
from pghalab.session.demo.switches import Switches
from pghalab.session.events import ShowMoved
from pghalab.session.session import Session
from tests.fake_lab.backend import Bench
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.unit.test_session import READ, opened
from tests.unit.test_show import hall

STANDING = Standing(
    "leader", 10, "The first leader", "leader-start", "Start Patroni on pgha1", 2, 9, "ready", "Enter",
    command=Command("leader-start", "postgres@pgha1", "nohup patroni &"), elapsed=61.0, planned=600.0, remaining=540.0,
    headline="lab pgha", checks=(Held("patroni runs", False, True, "it does not run", "pgha1"),), notes="Say: a word.",
)  # fmt: skip


class Stage(Switches):
    """A show that remembers what it was told to do."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def _moved(self) -> None: ...

    def __getattribute__(self, name: str) -> Any:
        if name not in ORDERS:
            return super().__getattribute__(name)
        return lambda: self.done.append(name)


@pytest.fixture
def bench(tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(module, "AGAIN", 0.02)
    return Bench(tmp_path / "state", lab, sources)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def reads(folder: Path) -> AsyncIterator[tuple[Reader, list[Heard]]]:
    """A reader of the notes, and what it heard."""
    heard: list[Heard] = []
    reader = Reader(folder, heard.append)
    task = asyncio.ensure_future(reader.follow())
    try:
        yield reader, heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def visits(folder: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Somebody who says that it reads the notes, and then whatever a test says."""
    async with asyncio.timeout(5):
        while (found := await door.knock(folder)) is None:
            await asyncio.sleep(0.01)
    found[1].write(json.dumps({"iam": NAME}).encode() + b"\n")
    try:
        yield found
    finally:
        found[1].close()


async def told(reader: asyncio.StreamReader) -> Any:
    async with asyncio.timeout(5):
        return json.loads(await reader.readline())["standing"]


async def gone(reader: asyncio.StreamReader) -> None:
    """It is sent away."""
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            while await reader.read(65536):
                pass


def shows(session: Session, standing: Standing = STANDING) -> Stage:
    """A show begins, or moves."""
    stage = Stage()
    session.show = stage  # type: ignore[assignment]
    session.bus.publish(ShowMoved(standing))
    return stage


async def test_a_reader_hears_that_nothing_is_shown_then_how_the_show_stands_and_that_it_is_over(bench: Bench) -> None:
    async with opened(bench, READ) as (session, _), reads(bench.folder) as (_, heard):
        await until(lambda: Heard("idle") in heard)
        shows(session)
        await until(lambda: heard[-1] == Heard("shows", STANDING))
        moved = replace(STANDING, phase="running", elapsed=62.0)
        session.bus.publish(ShowMoved(moved))
        await until(lambda: heard[-1] == Heard("shows", moved))
        session.show = None
        await until(lambda: heard[-1] == Heard("idle"))


async def test_who_comes_later_is_told_at_once_how_it_stands(bench: Bench) -> None:
    async with opened(bench, READ) as (session, _):
        shows(session)
        async with visits(bench.folder) as (reader, _):
            assert from_json(Standing, await told(reader)) == STANDING


async def test_every_order_reaches_the_show_and_none_where_there_is_no_show(bench: Bench) -> None:
    async with opened(bench, READ) as (session, _), reads(bench.folder) as (reader, heard):
        await until(lambda: Heard("idle") in heard)
        async with visits(bench.folder) as (early, writer):
            assert await told(early) is None
            writer.writelines([b'{"do": "next"}\n', b"bye\n"])
            await gone(early)
        stage = shows(session)
        await until(lambda: heard[-1].console == "shows")
        for order in ORDERS:
            assert reader.order(order)
        await until(lambda: stage.done[-1:] == [ORDERS[-1]])
        assert stage.done == list(ORDERS)


def test_what_may_be_ordered_is_what_a_show_does() -> None:
    assert all(callable(getattr(Show, order)) for order in ORDERS)


@pytest.mark.parametrize(
    "line",
    [
        b"next\n",
        b'{"do": "close"}\n',
        b'{"do": "_moved"}\n',
        b'{"do": ["next"]}\n',
        b'{"standing": null}\n',
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
        b"x" * (door.LONGEST_LINE + 10),
    ],
    ids=["no JSON", "no order", "something else", "a list", "no reader", "deep", "no text", "endless"],
)
async def test_who_speaks_otherwise_is_sent_away_and_nobody_else_notices(bench: Bench, line: bytes) -> None:
    async with opened(bench, READ) as (session, _), reads(bench.folder) as (_, heard):
        stage = shows(session)
        await until(lambda: heard and heard[-1].console == "shows")
        async with visits(bench.folder) as (reader, writer):
            await told(reader)
            writer.write(line)
            await gone(reader)
        assert stage.done == []
        moved = replace(STANDING, elapsed=99.0)
        session.bus.publish(ShowMoved(moved))
        await until(lambda: heard[-1] == Heard("shows", moved))


async def test_a_reader_that_does_not_read_holds_up_nobody_and_gets_the_newest(bench: Bench) -> None:
    async with opened(bench, READ) as (session, _):
        shows(session)
        async with visits(bench.folder) as (slow, _), visits(bench.folder) as (quick, _):
            await told(quick)
            for number in range(200):
                session.bus.publish(ShowMoved(replace(STANDING, notes="n" * 8_000, elapsed=100.0 + number)))
                await asyncio.sleep(0)
            while (await told(quick))["elapsed"] != 299:
                pass
            last: list[float] = []
            async with asyncio.timeout(5):
                while last[-1:] != [299]:
                    last.append((await told(slow))["elapsed"])
            assert last == sorted(last) and len(last) < 200


async def test_only_so_many_read(bench: Bench) -> None:
    async with opened(bench, READ) as (session, _):
        shows(session)
        async with visits(bench.folder) as one, visits(bench.folder) as two, visits(bench.folder) as three:
            async with visits(bench.folder) as four, visits(bench.folder) as five:
                for reader, _ in (one, two, three, four):
                    await told(reader)
                assert MOST_READERS == 4
                await gone(five[0])
            async with visits(bench.folder) as (again, _):
                assert await told(again), "who goes leaves a place"


async def test_a_reader_outlives_the_console_and_hears_the_next_one(bench: Bench) -> None:
    async with reads(bench.folder) as (reader, heard):
        await until(lambda: Heard("away") in heard)
        assert not reader.order("next")
        async with opened(bench, READ) as (session, _):
            shows(session)
            await until(lambda: heard[-1] == Heard("shows", STANDING))
        await until(lambda: heard[-1] == Heard("away", STANDING))
        assert not reader.order("next"), "an order that nobody hears is said to be lost"
        async with opened(bench, READ) as (session, _):
            await until(lambda: heard[-1] == Heard("idle"))
            stage = shows(session)
            await until(lambda: heard[-1] == Heard("shows", STANDING))
            reader.order("next")
            await until(lambda: stage.done == ["next"])


async def test_a_console_outlives_its_readers(bench: Bench) -> None:
    async with opened(bench, READ) as (session, _):
        stage = shows(session)
        for _ in range(MOST_READERS + 2):
            async with visits(bench.folder) as (reader, writer):
                assert await told(reader)
                writer.transport.abort()
            session.bus.publish(ShowMoved(replace(STANDING, elapsed=STANDING.elapsed + 1)))
        async with reads(bench.folder) as (reader_again, heard):
            await until(lambda: heard and heard[-1].console == "shows")
            reader_again.order("back")
            await until(lambda: stage.done == ["back"])


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b'{"standing": 7}\n',
        b'{"standing": {"lesson": "x"}}\n',
        b"[" * 100_000 + b"\n",
        json.dumps({"standing": {**{"lesson": 3}}}).encode() + b"\n",
        json.dumps({"show": "aGk="}).encode() + b"\n",
    ],
)
async def test_what_a_console_says_otherwise_is_said_not_to_be_understood(tmp_path: Path, line: bytes) -> None:
    lines = [line, b'{"standing": null}\n']

    async def strange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(lines)
        await reader.read()
        writer.close()

    async with door.opened(tmp_path, strange), reads(tmp_path) as (_, heard):
        await until(lambda: Heard("idle") in heard)
        assert [one.console for one in heard[:2]] == ["strange", "idle"], "the next line is understood"


async def test_a_line_without_an_end_is_no_console_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.02)
    came: list[int] = []

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(1)
        with suppress(OSError):
            writer.write(b"x" * (door.LONGEST_LINE * 2))
            await reader.read()
        writer.close()

    async with door.opened(tmp_path, endless), reads(tmp_path) as (_, heard):
        await until(lambda: len(came) >= 2)
        assert {one.console for one in heard} == {"away"}


HUGE = "\U0001f600" * 90_000


@pytest.mark.parametrize(
    "standing",
    [
        replace(STANDING, notes=HUGE),
        replace(STANDING, commands=tuple(Command("s", "postgres@pgha1", HUGE) for _ in range(100))),
        replace(STANDING, checks=tuple(Held(HUGE, True, True, HUGE) for _ in range(500))),
        replace(STANDING, warnings=(HUGE,) * 100, question=Asked(HUGE, (HUGE,) * 4, 0, (HUGE,) * 4, False)),
        replace(STANDING, notes="half a pair \ud83d, an escape \x1b[31m"),
    ],
    ids=["notes", "commands", "checks", "warnings", "half a pair"],
)
async def test_whatever_a_show_says_fits_into_a_line_and_is_understood(bench: Bench, standing: Standing) -> None:
    async with opened(bench, READ) as (session, _), reads(bench.folder) as (_, heard):
        shows(session, standing)
        await until(lambda: heard and heard[-1].console in ("shows", "strange"))
        (now,) = (one.standing for one in heard[-1:])
        assert now is not None and heard[-1].console == "shows"
        assert (now.lesson, now.phase, now.title) == (STANDING.lesson, STANDING.phase, STANDING.title)
        assert len(now.notes) <= LONGEST_TEXT and standing.notes.startswith(now.notes)


async def test_a_real_show_is_followed_and_driven_from_there(bench: Bench) -> None:
    async with hall(bench, READ, READ.replace("id: read", "id: more")) as at, reads(bench.folder) as (reader, heard):
        at.session.show = at.show
        await at.comes("say")
        await until(lambda: heard and heard[-1].console == "shows")
        first = heard[-1].standing
        assert first is not None and first.step == "read" and 0 < first.for_step < first.planned
        reader.order("next")
        await until(lambda: heard[-1].standing is not None and heard[-1].standing.step == "more")
        assert at.show.step.id == "more"
        reader.order("darken")
        await until(lambda: heard[-1].standing is not None and heard[-1].standing.black)
        at.session.show = None
        await until(lambda: heard[-1] == Heard("idle"))
