"""What a mirror is told of a console at the door, and what it may say."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab.lab.host import door
from pghalab.session.events import QuestionHidden, QuestionShown, VotesCounted
from pghalab.session.room import KEPT, LONGEST_PIECE, MOST_MIRRORS
from tests.fake_lab.backend import Bench
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.unit.test_session import START, opened
from tests.unit.test_shells import PRINTS, Desk, desk

QUESTION = QuestionShown("quorum", "How many may fail?", ("1", "2", "3"))


@pytest.fixture
def bench(tmp_path: Path, lab: FakeLab, sources: FakeSources) -> Bench:
    return Bench(tmp_path / "state", lab, sources)


class Mirror:
    """Somebody at the door who is told what there is to see."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.told: list[dict[str, Any]] = []
        self.shown = b""

    def say(self, said: object) -> None:
        self.writer.write(json.dumps(said).encode() + b"\n")

    async def until(self, key: str) -> Any:
        """The next that is told under this key."""
        async with asyncio.timeout(5):
            while True:
                line = await self.reader.readline()
                assert line, "it was sent away"
                told = json.loads(line)
                self.told.append(told)
                self.shown += base64.b64decode(told.get("show", ""))
                if key in told:
                    return told[key]

    async def gone(self) -> bool:
        """It is sent away."""
        async with asyncio.timeout(5):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass
            return True


@asynccontextmanager
async def mirror(folder: Path) -> AsyncIterator[Mirror]:
    async with asyncio.timeout(5):
        while (found := await door.knock(folder)) is None:
            await asyncio.sleep(0.01)
    made = Mirror(*found)
    made.say({"iam": "viewers"})
    try:
        yield made
    finally:
        made.writer.close()


async def test_who_comes_is_told_the_size_the_commands_and_the_question_and_everything_is_painted(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at:
        room = at.session.room
        seen: list[bool | str] = []
        room.watched, room.paint = seen.append, lambda: seen.append("paint")
        _, terminal = await at.open()
        await at.type(terminal, "etcdctl member list", "pgha1 started")
        room.resized(100, 30)
        room.show(b"nobody sees this")
        at.session.bus.publish(QUESTION)
        async with mirror(bench.folder) as one:
            assert await one.until("hide") == [bench.lab.password]
            assert await one.until("size") == [100, 30]
            (command,) = await one.until("commands")
            assert (command["where"], command["text"]) == ("postgres@pgha2", "etcdctl member list")
            assert await one.until("question") == {
                "step": "quorum", "text": "How many may fail?", "options": ["1", "2", "3"],
            }  # fmt: skip
            room.show(b"pain")
            room.show(b"ted")
            assert await one.until("show") and one.shown == b"painted", "what comes in one turn goes out together"
            assert seen == [True, "paint"]
            await at.type(terminal, "date")
            assert [command["text"] for command in await one.until("commands")] == ["date"]
            room.resized(90, 20)
            room.resized(90, 20)
            assert await one.until("size") == [90, 20]
            at.session.bus.publish(QuestionHidden("quorum"))
            assert await one.until("question") is None
        await at.told.until(lambda: seen == [True, "paint", False])


async def test_another_password_of_the_lab_is_told_before_anything_that_may_show_it(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at, mirror(bench.folder) as one:
        assert await one.until("hide") == [bench.lab.password]
        await bench.lab.configure(replace(bench.lab.settings, password="another-one"))
        at.session.bus.notice("made anew")
        assert await one.until("hide") == ["another-one"]


async def test_a_step_that_is_run_is_a_command_once_with_where_it_ran(bench: Bench) -> None:
    async with opened(bench, START) as (session, told), mirror(bench.folder) as one:
        assert await one.until("commands") == []
        assert session.work.run_step("start")
        (command,) = await one.until("commands")
        assert (command["where"], command["text"]) == ("postgres@pgha1", "start etcd")
        await told.until(lambda: not session.work.busy)
        assert session.work.run_step("start", again=True)
        (again,) = await one.until("commands")
        assert again["text"] == "start etcd" and again["at"] > command["at"]


async def test_votes_are_counted_for_the_question_that_is_shown_and_no_other(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at, mirror(bench.folder) as one:
        await one.until("question")
        at.session.bus.publish(QUESTION)
        for step, counts in (("early", [1, 2, 3]), ("quorum", [1, 2]), ("quorum", [4, 5, 6])):
            one.say({"vote": {"step": step, "counts": counts}})
        await at.told.until(lambda: counted(at))
        assert counted(at) == [VotesCounted("quorum", (4, 5, 6))]


@pytest.mark.parametrize(
    "said",
    [{"do": "next"}, {"show": "eA=="}, {"vote": 1}, {"vote": {"step": "quorum", "counts": [-1, 2, 3]}},
     {"vote": {"step": "quorum", "counts": ["1"]}}, {"vote": {"step": "quorum", "counts": [10**9, 2, 3]}},
     {"vote": {"step": "x" * 200_000, "counts": []}}],
)  # fmt: skip
async def test_a_mirror_can_say_nothing_but_votes(bench: Bench, said: object) -> None:
    async with desk(bench, PRINTS) as at, mirror(bench.folder) as one:
        await one.until("question")
        at.session.bus.publish(QUESTION)
        before = len(at.told.events)
        one.say(said)
        assert await one.gone()
        assert len(at.told.events) == before
        async with mirror(bench.folder) as other:
            assert (await other.until("question"))["step"] == "quorum"


async def test_a_mirror_that_does_not_read_is_let_go_and_slows_nobody(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at, mirror(bench.folder) as stuck, mirror(bench.folder) as good:
        await stuck.until("question")
        await good.until("question")
        room, piece = at.session.room, b"x" * LONGEST_PIECE
        for _ in range(60):
            room.show(piece)
            await asyncio.sleep(0)
            while len(good.shown) < len(piece):
                await good.until("show")
            good.shown = good.shown[len(piece) :]
        assert len(room._mirrors) == 1
        assert await stuck.gone()


async def test_so_many_mirrors_and_no_more(bench: Bench) -> None:
    async with desk(bench, PRINTS):
        ones = []
        for _ in range(MOST_MIRRORS + 1):
            found = mirror(bench.folder)
            ones.append((found, await found.__aenter__()))
            if len(ones) <= MOST_MIRRORS:
                await ones[-1][1].until("question")
        assert await ones[-1][1].gone()
        for found, _ in ones:
            await found.__aexit__(None, None, None)


async def test_who_comes_while_a_shell_fills_the_terminal_is_shown_what_it_printed(bench: Bench) -> None:
    async with desk(bench, PRINTS) as at:
        room = at.session.room
        painted: list[str] = []
        room.paint = lambda: painted.append("paint")
        with room.lent():
            room.show(b"x" * KEPT)
            room.show(b"$ top\r\n")
            async with mirror(bench.folder) as one:
                while not one.shown.endswith(b"$ top\r\n"):
                    await one.until("show")
                assert len(one.shown) == KEPT and not painted
        async with mirror(bench.folder) as late:
            await late.until("question")
            await at.told.until(lambda: painted)
            assert not late.shown


def counted(at: Desk) -> list[VotesCounted]:
    return [event for event in at.told.events if isinstance(event, VotesCounted)]
