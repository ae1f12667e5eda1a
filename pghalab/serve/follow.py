"""The mirror at the door of the console that drives the lab: it draws what it is told, and comes again by itself."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from pathlib import Path
from typing import Any

from pghalab.codec import from_json, to_json
from pghalab.lab.host import door
from pghalab.serve.ballot import Ballot
from pghalab.serve.scene import CLOSED, Scene
from pghalab.session.events import QuestionShown
from pghalab.session.room import LONGEST_COMMAND, NAME, Command, Vote

AGAIN = 0.5
"""Seconds between two tries to find a console."""
FRAME = 0.05
"""Seconds between two pictures: nobody sees more than twenty a second of text."""
COUNT = 0.2
"""Seconds between two counts of the votes."""
MOST_CELLS = 1000
"""Columns or rows of a terminal that are believed."""
_log = logging.getLogger(__name__)


class Follower:
    """Follows the console of the lab in a folder."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        self._folder, self._scene = folder, scene
        self.ballot = Ballot(lambda: self._uncounted.set())
        self._uncounted = asyncio.Event()
        self._drawn = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._heard = False
        """The console that was found has told something."""

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            tasks.create_task(self._count())
            tasks.create_task(self._follow())

    async def _look(self) -> None:
        while True:
            # The first change after a rest is seen at once.
            await self._drawn.wait()
            await self._scene.watched.wait()
            self._drawn.clear()
            self._scene.look()
            await asyncio.sleep(FRAME)

    async def _count(self) -> None:
        while True:
            await self._uncounted.wait()
            self._uncounted.clear()
            if (question := self.ballot.question) is not None and self._writer is not None:
                vote = to_json(Vote(question.step, self.ballot.counts))
                self._writer.write(json.dumps({"vote": vote}).encode() + b"\n")
            await asyncio.sleep(COUNT)

    async def _follow(self) -> None:
        while True:
            if (found := await door.knock(self._folder)) is not None:
                try:
                    await self._hear(*found)
                except (OSError, ValueError, RecursionError) as error:
                    _log.info("the console is no longer heard: %r", error)
                finally:
                    self._writer = None
                    found[1].close()
                if self._heard:
                    self._scene.pause(CLOSED)
                    self._ask(None)
            await asyncio.sleep(AGAIN)

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps({"iam": NAME}).encode() + b"\n")
        self._writer, self._heard = writer, False
        while line := await reader.readline():
            if not self._heard:
                self._heard = True
                self._scene.picture.clear()
            self._take(json.loads(line))

    def _take(self, told: Any) -> None:
        """Take in a line; raises ValueError for one that no console says."""
        match told:
            case {"size": [int(columns), int(rows)]} if 0 < columns <= MOST_CELLS and 0 < rows <= MOST_CELLS:
                self._scene.resize(columns, rows)
                self._drawn.set()
            case {"show": str(shown)}:
                self._scene.picture.feed(base64.b64decode(shown, validate=True))
                self._scene.pause("")
                self._drawn.set()
            case {"hide": list(secrets)} if all(isinstance(secret, str) for secret in secrets):
                self._scene.picture.hide(secrets)
                self._drawn.set()
            case {"commands": list(commands)}:
                self._scene.add(from_json(tuple[Command, ...], commands, LONGEST_COMMAND))
            case {"question": None}:
                self._ask(None)
            case {"question": dict(question)}:
                self._ask(from_json(QuestionShown, question, LONGEST_COMMAND))
            case _:
                raise ValueError("it does not speak as a console does")

    def _ask(self, question: QuestionShown | None) -> None:
        self.ballot.ask(question)
        self._scene.ask(question)
