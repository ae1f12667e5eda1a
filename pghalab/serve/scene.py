"""All that a room sees at this moment, and what of it is new to each viewer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

from pghalab.codec import to_json
from pghalab.serve.hidden import Hidden
from pghalab.serve.picture import Picture
from pghalab.session.events import QuestionShown
from pghalab.session.room import MOST_COMMANDS, Command
from pghalab.values import dataclass

NOT_YET = "The presenter's console is not open yet. This page goes on by itself once it is."
CLOSED = "The presenter's console is closed. This page goes on by itself once it is open again."
TOO_SMALL = "The presenter's window is too small to show anything now."
LEAST = (20, 6)
"""Columns and rows below which nothing of a console can be read."""


@dataclass(frozen=True, slots=True)
class Position:
    """How much a viewer has seen: the numbers of the picture, of the state and of the commands."""

    picture: int = 0
    state: int = 0
    commands: int = 0


class Scene:
    """The screen, whether it is paused, the commands so far, and the question."""

    def __init__(self, picture: Picture, hidden: Hidden) -> None:
        self.picture = picture
        self.watched = asyncio.Event()
        """Set while there are viewers: what nobody looks at need not be drawn."""
        self._viewers = 0
        self._hidden = hidden
        self._paused = NOT_YET
        self._question: QuestionShown | None = None
        self._state = 1
        self._commands: list[Command] = []
        self._dropped = 0
        """Commands that are no longer told."""
        self._changed = asyncio.Event()
        self._news: dict[Position, tuple[Position, bytes]] = {}

    @property
    def paused(self) -> str:
        """Why nothing new is seen now, in words; empty while all is seen."""
        small = any(now < least for now, least in zip(self.picture.size, LEAST, strict=True))
        return self._paused or (TOO_SMALL if small else "")

    def pause(self, why: str) -> None:
        """Nothing new comes, for this reason; empty: it does again."""
        before, self._paused = self.paused, why
        self._restate(before)

    def resize(self, columns: int, rows: int) -> None:
        """The presenter's terminal has another size."""
        before = self.paused
        self.picture.resize(columns, rows)
        self._restate(before)

    def _restate(self, before: str) -> None:
        if self.paused != before:
            self._state += 1
            self.tell()

    def ask(self, question: QuestionShown | None) -> None:
        """This question is put to the room; None: none is."""
        if question != self._question:
            self._question = question
            self._state += 1
            self.tell()

    def add(self, commands: tuple[Command, ...]) -> None:
        """These were run; those that are known already are passed over."""
        known = set(self._commands)
        new = [command for command in commands if command not in known]
        if new:
            self._commands += new
            drop = max(0, len(self._commands) - MOST_COMMANDS)
            self._dropped += drop
            del self._commands[:drop]
            self.tell()

    def look(self) -> None:
        """Make the next picture."""
        if self.picture.take():
            self.tell()

    # Viewers

    @contextmanager
    def viewer(self) -> Iterator[None]:
        """There is one viewer more meanwhile."""
        self._viewers += 1
        self.watched.set()
        try:
            yield
        finally:
            self._viewers -= 1
            if not self._viewers:
                self.watched.clear()

    @property
    def viewers(self) -> int:
        """How many look now."""
        return self._viewers

    def tell(self) -> None:
        """Wake everybody who waits for something new."""
        self._news.clear()
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait for something new."""
        await self._changed.wait()

    def news(self, seen: Position) -> tuple[Position, bytes]:
        """What is new to a viewer who has seen so much, as server-sent events, and how much that is then."""
        if (found := self._news.get(seen)) is None:
            found = self._news[seen] = self._made(seen)
        return found

    def _made(self, seen: Position) -> tuple[Position, bytes]:
        now = Position(self.picture.number, self._state, self._dropped + len(self._commands))
        parts = []
        if now.state > seen.state:
            parts.append(_event("state", {"paused": self.paused, "question": self._shown_question()}))
        if now.picture > seen.picture:
            parts.append(b"event: screen\ndata: " + self.picture.since(seen.picture) + b"\n\n")
        if now.commands > seen.commands:
            new = self._commands[max(0, seen.commands - self._dropped) :]
            parts.append(_event("commands", [self._shown(command) for command in new]))
        return now, b"".join(parts)

    def _shown_question(self) -> object:
        question = self._question
        if question is None:
            return None
        hide = self._hidden.text
        return {**to_json(question), "text": hide(question.text), "options": [hide(each) for each in question.options]}

    def _shown(self, command: Command) -> object:
        return {**to_json(command), "text": self._hidden.text(command.text), "where": self._hidden.text(command.where)}


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
