"""A mirror follows the console at the door, pauses while there is none, and takes nothing that no console says."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pghalab.lab.host import door
from pghalab.serve import follow
from pghalab.serve.ballot import MOST, Ballot
from pghalab.serve.follow import Follower
from pghalab.serve.hidden import Hidden
from pghalab.serve.picture import Picture
from pghalab.serve.scene import CLOSED, NOT_YET, TOO_SMALL, Position, Scene
from pghalab.session.events import QuestionShown
from pghalab.session.room import MOST_COMMANDS, Command

QUESTION = {"step": "quorum", "text": "How many?", "options": ["1", "2"]}


class Console:
    """What stands at the door in place of a console, and what a mirror said to it."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.mirrors: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.mirrors.append(writer)
        while line := await reader.readline():
            self.heard.append(json.loads(line))

    def say(self, *lines: object) -> None:
        for line in lines:
            self.mirrors[-1].write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")

    def draw(self, text: str) -> None:
        self.say({"show": base64.b64encode(text.encode()).decode()})

    def leave(self) -> None:
        self.mirrors[-1].close()


class Follows:
    """A follower at work, with somebody who looks."""

    def __init__(self, folder: Path) -> None:
        hidden = Hidden(["Tr0ub4dor&3"], {})
        self.scene = Scene(Picture(hidden), hidden)
        self.follower = Follower(folder, self.scene)

    @property
    def text(self) -> str:
        rows = json.loads(self.scene.picture.since(0))["rows"]
        return "\n".join("".join(run[0] for run in row) for row in rows.values()).rstrip()

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)


@pytest.fixture
async def follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Follows]:
    monkeypatch.setattr(follow, "AGAIN", 0.01)
    monkeypatch.setattr(follow, "COUNT", 0.01)
    made = Follows(tmp_path)
    task = asyncio.ensure_future(made.follower.run())
    with made.scene.viewer():
        yield made
    assert not task.done(), "it goes on whatever it hears"
    task.cancel()
    await asyncio.wait([task])
    made.scene.picture.close()


@asynccontextmanager
async def console(follows: Follows, tmp_path: Path) -> AsyncIterator[Console]:
    made = Console()
    async with door.opened(tmp_path, made.serve):
        await follows.until(lambda: made.heard)
        assert made.heard.pop(0) == {"iam": "viewers"}
        yield made
        for mirror in made.mirrors:
            mirror.close()


async def test_it_draws_what_it_is_told_and_pauses_while_there_is_no_console(follows: Follows, tmp_path: Path) -> None:
    scene = follows.scene
    assert scene.paused == NOT_YET
    for turn in range(2):
        async with console(follows, tmp_path) as one:
            one.say({"size": [60, 10]}, {"commands": []}, {"question": None})
            one.draw(f"turn {turn}")
            await follows.until(lambda turn=turn: follows.text == f"turn {turn}")  # type: ignore[misc]
            assert scene.paused == "" and scene.picture.size == (60, 10)
        await follows.until(lambda: scene.paused == CLOSED)
        assert follows.text == f"turn {turn}", "what was there last stays to be seen"


async def test_what_the_console_wants_hidden_is_covered_also_where_it_stands_already(
    follows: Follows, tmp_path: Path
) -> None:
    async with console(follows, tmp_path) as one:
        one.say({"size": [60, 10]})
        one.draw("it is another-one")
        await follows.until(lambda: follows.text == "it is another-one")
        one.say({"hide": ["another-one"]})
        await follows.until(lambda: follows.text == "it is •••••••••••")
        one.say({"commands": [{"where": "", "text": "echo another-one", "at": 1.0}]})
        await follows.until(lambda: b"commands" in follows.scene.news(Position())[1])
        assert _commands(follows.scene.news(Position())[1])[0]["text"] == "echo (removed)"


async def test_a_console_that_lets_no_mirror_in_is_none(follows: Follows, tmp_path: Path) -> None:
    async with console(follows, tmp_path) as one:
        for _ in range(3):
            before = len(one.mirrors)
            one.leave()
            await follows.until(lambda before=before: len(one.mirrors) > before)  # type: ignore[misc]
        assert follows.scene.paused == NOT_YET


async def test_a_window_that_is_too_small_is_said(follows: Follows, tmp_path: Path) -> None:
    async with console(follows, tmp_path) as one:
        one.say({"size": [10, 3]})
        one.draw("x")
        await follows.until(lambda: follows.scene.paused == TOO_SMALL)
        one.say({"size": [80, 24]})
        await follows.until(lambda: follows.scene.paused == "")
        one.say({"size": [10, 3]})
        await follows.until(lambda: follows.scene.paused == TOO_SMALL)
    await follows.until(lambda: follows.scene.paused == CLOSED)


@pytest.mark.parametrize(
    "said",
    [b"rubbish", b"[" * 50_000, {"size": [0, 1]}, {"size": [10**6, 10]}, {"size": "x"}, {"show": "?"}, {"show": 1},
     {"hide": "x"}, {"hide": [1]},
     {"commands": [1]}, {"commands": [{"where": "x"}]}, {"question": 1}, {"question": {"step": 1}}, {"do": "next"}],
)  # fmt: skip
async def test_what_no_console_says_ends_the_visit_and_the_next_is_heard(
    follows: Follows, tmp_path: Path, said: object
) -> None:
    async with console(follows, tmp_path) as one:
        one.say({"size": [60, 10]})
        one.draw("well")
        await follows.until(lambda: follows.text == "well")
        one.say(said)
        await follows.until(lambda: len(one.mirrors) > 1)
        one.say({"size": [60, 10]})
        one.draw("better")
        await follows.until(lambda: follows.text == "better")


async def test_votes_go_to_the_console_and_again_to_one_that_asks_the_same(follows: Follows, tmp_path: Path) -> None:
    async with console(follows, tmp_path) as one:
        one.say({"question": QUESTION})
        await follows.until(lambda: {"vote": {"step": "quorum", "counts": [0, 0]}} in one.heard)
        for viewer, option in (("a", 0), ("b", 1), ("c", 1), ("a", 1)):
            assert follows.follower.ballot.vote(viewer, "quorum", option)
        await follows.until(lambda: one.heard[-1] == {"vote": {"step": "quorum", "counts": [0, 3]}})
        assert len(one.heard) < 5, "what comes together is counted together"
    await follows.until(lambda: follows.scene.paused == CLOSED)
    assert not follows.follower.ballot.vote("d", "quorum", 1)
    async with console(follows, tmp_path) as one:
        one.say({"question": QUESTION})
        await follows.until(lambda: one.heard == [{"vote": {"step": "quorum", "counts": [0, 3]}}])


def test_a_viewer_has_one_vote_for_a_question_that_is_asked() -> None:
    told: list[int] = []
    ballot = Ballot(lambda: told.append(1))
    assert not ballot.vote("a", "quorum", 0) and not ballot.counts
    ballot.ask(QuestionShown("quorum", "How many?", ("1", "2")))
    assert not any(ballot.vote("a", *wrong) for wrong in (("other", 0), ("quorum", 2), ("quorum", -1)))
    assert ballot.vote("a", "quorum", 0) and ballot.vote("b", "quorum", 0) and ballot.vote("a", "quorum", 1)
    assert list(ballot.counts) == [1, 1] and ballot.of("a") == 1 and ballot.of("c") is None
    before = len(told)
    assert ballot.vote("a", "quorum", 1) and len(told) == before, "nothing new is not told"
    for number in range(MOST):
        ballot.vote(f"viewer {number}", "quorum", 1)
    assert sum(ballot.counts) == MOST and ballot.vote("a", "quorum", 0)
    ballot.ask(None)
    assert not ballot.vote("a", "quorum", 0) and ballot.of("a") is None
    ballot.ask(QuestionShown("term", "Which?", ("1", "2", "3")))
    assert list(ballot.counts) == [0, 0, 0]


async def test_commands_are_told_once_each_without_secrets_and_only_so_many_are_kept() -> None:
    hidden = Hidden(["Tr0ub4dor&3"], {"/home/alice": "~"})
    scene = Scene(Picture(hidden), hidden)
    first = Command("postgres@pgha1", "psql Tr0ub4dor&3 < /home/alice/x", 1.0)
    scene.add((first,))
    seen, data = scene.news(Position())
    assert _commands(data) == [{"where": "postgres@pgha1", "text": "psql (removed) < ~/x", "at": 1.0}]
    scene.add((first, Command("", "pghalab build", 2.0)))
    seen, data = scene.news(seen)
    assert [command["text"] for command in _commands(data)] == ["pghalab build"]
    assert scene.news(seen) == (seen, b"")
    scene.add(tuple(Command("", f"date {number}", number) for number in range(3, 3 + MOST_COMMANDS)))
    assert len(_commands(scene.news(Position())[1])) == MOST_COMMANDS
    assert len(_commands(scene.news(seen)[1])) == MOST_COMMANDS
    scene.picture.close()


def _commands(data: bytes) -> Any:
    (line,) = [part.split(b"data: ")[1] for part in data.split(b"\n\n") if part.startswith(b"event: commands\n")]
    return json.loads(line)
