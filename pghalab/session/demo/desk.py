"""The presenter's desk: whoever reads the notes elsewhere is told how the show stands, and may drive it.

A reader comes in at the door as `notes` and is told lines of JSON: `{"standing": …}` whenever the show stands
otherwise, null while there is none. It may say what a key of the presenter does: `{"do": "next"}`, one of `ORDERS`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

from pghalab.codec import from_json, to_json
from pghalab.lab.host import door
from pghalab.session.demo.standing import Standing
from pghalab.session.events import Bus, SessionEvent, ShowMoved
from pghalab.values import dataclass

NAME = "notes"
MOST_READERS = 4
AGAIN = 1.0
"""Seconds between two tries to find a console."""
LONGEST_TEXT = 20_000
"""Characters of a text that a reader takes, and entries of a list."""
_FITS = ((8, 40, 8_000), (1, 8, 1_000), (0, 0, 100))
"""How many commands, checks and warnings, and characters of a text, are told, until a line of the door holds them."""
_log = logging.getLogger(__name__)


class Stage(Protocol):
    """A show, as far as it is driven from elsewhere."""

    def next(self) -> None:
        """Go on."""

    def back(self) -> None:
        """Look back."""

    def pause(self) -> None:
        """Stand still, or go on."""

    def skip(self) -> None:
        """Leave the step as it is."""

    def again(self) -> None:
        """Run the step again."""

    def faster(self) -> None:
        """Type and wait faster."""

    def slower(self) -> None:
        """Type and wait longer."""

    def darken(self) -> None:
        """Show nothing, or show it again."""

    def panes(self) -> None:
        """Show the live panes, or the step again."""

    def mend(self) -> None:
        """Do what the step did not."""


ORDERS = ("next", "back", "pause", "skip", "again", "faster", "slower", "darken", "panes", "mend", "recorded")
"""What may be ordered, each a method of the stage."""


class Desk:
    """Tells every reader of the notes how the show stands, the newest only, and hands on what they order."""

    def __init__(self, bus: Bus) -> None:
        self._stage: Stage | None = None
        self._standing: Standing | None = None
        self._news: set[asyncio.Event] = set()
        """One for each reader: something is to be told to it."""
        bus.listen(self._hear)

    def take(self, stage: Stage | None) -> None:
        """A show has begun, or there is none any more."""
        self._stage = stage
        if stage is None:
            self._tell(None)

    def _hear(self, event: SessionEvent) -> None:
        if isinstance(event, ShowMoved) and self._stage is not None:
            self._tell(event.standing)

    def _tell(self, standing: Standing | None) -> None:
        self._standing = standing
        for news in self._news:
            news.set()

    async def host(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Tell a reader of the notes until it goes; raises ValueError when it says what none says."""
        if len(self._news) >= MOST_READERS:
            raise ValueError(f"{MOST_READERS} readers of the notes are here already")
        news = asyncio.Event()
        news.set()
        self._news.add(news)
        telling = asyncio.ensure_future(self._keep_telling(news, writer))
        try:
            while line := await reader.readline():
                self._order(json.loads(line))
        finally:
            self._news.discard(news)
            telling.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await telling

    async def _keep_telling(self, news: asyncio.Event, writer: asyncio.StreamWriter) -> None:
        while True:
            await news.wait()
            news.clear()
            writer.write(_told(self._standing))
            # Who reads slowly is told nothing in between, and then the newest.
            await writer.drain()

    def _order(self, said: Any) -> None:
        match said:
            case {"do": str(what)} if what in ORDERS:
                if self._stage is not None:
                    getattr(self._stage, what)()
            case _:
                raise ValueError(f"it does not speak as a reader of the notes does: {said!r:.80}")


def _told(standing: Standing | None) -> bytes:
    """The line that tells how a show stands, as much of it as fits."""
    line = b""
    for few, more, longest in _FITS:
        if standing is not None:
            standing = replace(
                standing, commands=standing.commands[len(standing.commands) - few :] if few else (),
                checks=standing.checks[:more], warnings=standing.warnings[:more],
            )  # fmt: skip
        said = json.dumps({"standing": _cut(to_json(standing), longest)}, ensure_ascii=False)
        line = said.encode(errors="backslashreplace") + b"\n"
        if len(line) < door.LONGEST_LINE:
            break
    return line


def _cut(value: Any, longest: int) -> Any:
    """A JSON value whose texts are not longer."""
    if isinstance(value, str):
        return value[:longest]
    if isinstance(value, dict):
        return {key: _cut(each, longest) for key, each in value.items()}
    return [_cut(each, longest) for each in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Heard:
    """What a reader of the notes knows of the console that drives the lab."""

    console: Literal["away", "idle", "shows", "strange"]
    """It does not answer; it shows nothing to a room; it does; what it says is not understood."""
    standing: Standing | None = None
    """The last that was told of a show, also by a console that is away by now."""


class Reader:
    """Reads the notes of whatever console drives a lab: it may go and come back."""

    def __init__(self, folder: Path, tell: Callable[[Heard], object]) -> None:
        """`folder` is the lab's; `tell` is called with whatever is heard, first that there is no console yet."""
        self._folder, self._tell = folder, tell
        self._writer: asyncio.StreamWriter | None = None
        self._last: Standing | None = None

    async def follow(self) -> None:
        """Read until cancelled."""
        while True:
            if found := await door.knock(self._folder):
                await self._listen(*found)
            self._tell(Heard("away", self._last))
            # A console that comes later is heard of by trying.
            await asyncio.sleep(AGAIN)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        try:
            self._say({"iam": NAME})
            while line := await reader.readline():
                self._take(line)
        except (OSError, ValueError) as error:
            # A line without an end is no line of a console.
            _log.info("the console is not read any more: %r", error)
        finally:
            self._writer = None
            writer.close()

    def _take(self, line: bytes) -> None:
        try:
            match json.loads(line):
                case {"standing": None}:
                    self._last = None
                    self._tell(Heard("idle"))
                case {"standing": dict(told)}:
                    self._last = from_json(Standing, told, LONGEST_TEXT)
                    self._tell(Heard("shows", self._last))
                case _:
                    raise ValueError("it does not tell how a show stands")
        except (ValueError, RecursionError) as error:
            _log.info("what the console says is not understood: %r", error)
            self._tell(Heard("strange", self._last))

    def order(self, what: str) -> bool:
        """Have the show do this, one of `ORDERS`; False when no console is there."""
        return self._say({"do": what})

    def _say(self, what: dict[str, str]) -> bool:
        if (writer := self._writer) is None or writer.is_closing():
            return False
        writer.write(json.dumps(what).encode() + b"\n")
        return True
