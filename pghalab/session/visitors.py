"""Programs of the same person that speak to the console: a `pghalab shell` elsewhere tells what happens in it.

What they say are lines of JSON. A shell sends `{"show": …}` for what the node printed and `{"enter": …}` for what was
typed, both in base64. Another program says first what it is, `{"iam": NAME}`, and is handed to who is there for that
name. Whatever a visitor says, it is a claim, as are the marks in a terminal.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from pghalab.lab.host import door
from pghalab.session.typed import Typing

UNSENT = 1_000_000
"""Bytes that wait for a console that does not take them; then the shell goes on without it."""
AGAIN = 2.0
"""Seconds between two tries to find a console that hears."""
_log = logging.getLogger(__name__)


class Visitors:
    """Who comes in at the door of a lab, and who is there for them."""

    def __init__(self, listen: Callable[[], Typing]) -> None:
        self._listen = listen
        self._hosts: dict[str, door.Serve] = {}

    def welcome(self, name: str, host: door.Serve) -> None:
        """Hand visitors of this name to this host, which sees what they say after their name.

        A host that raises OSError or ValueError sends its visitor away. It is cancelled when the console is left.
        """
        self._hosts[name] = host

    async def receive(self, folder: Path) -> None:
        """Open the door of the lab in this folder until cancelled, and then send everybody away; raises OSError."""
        visits: set[asyncio.Task[None]] = set()

        async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Not the task that asyncio made: it would report a visit that was cancelled as a fault.
            visits.add(task := asyncio.ensure_future(self._visited(reader, writer)))
            task.add_done_callback(visits.discard)

        async with door.opened(folder, visit):
            try:
                await asyncio.Event().wait()
            finally:
                for task in visits:
                    task.cancel()

    async def _visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not (line := await reader.readline()):
                return
            match said := json.loads(line):
                case {"iam": str(name)} if name in self._hosts:
                    await self._hosts[name](reader, writer)
                case {"iam": str(name)}:
                    raise ValueError(f"nobody is here for {name!r:.80}")
                case _:
                    await self._hear_shell(said, reader)
        except (OSError, ValueError, RecursionError) as error:
            _log.info("a visitor was sent away: %r", error)
        except Exception:
            _log.exception("a visit ended")
        finally:
            writer.close()

    async def _hear_shell(self, said: Any, reader: asyncio.StreamReader) -> None:
        with closing(self._listen()) as typing:
            _take(said, typing)
            while line := await reader.readline():
                _take(json.loads(line), typing)


def _take(said: Any, typing: Typing) -> None:
    """Hand on what a shell says; raises ValueError for anything else."""
    match said:
        case {"show": str(shown)}:
            typing.feed(base64.b64decode(shown, validate=True))
        case {"enter": str(entered)}:
            typing.enter(base64.b64decode(entered, validate=True))
        case _:
            raise ValueError("it does not speak as a shell does")


class Teller:
    """Tells the console that drives the lab what happens in a terminal; where there is none it says so to nobody."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: asyncio.StreamWriter | None = None
        self._task = asyncio.ensure_future(self._keep_trying())

    async def _keep_trying(self) -> None:
        while True:
            # A console that comes later is heard of by trying.
            if not self.is_heard and (found := await door.knock(self._folder)):
                self._writer = found[1]
            await asyncio.sleep(AGAIN)

    @property
    def is_heard(self) -> bool:
        """A console takes what is told."""
        return self._writer is not None and not self._writer.is_closing()

    def feed(self, data: bytes) -> None:
        """Tell what the terminal shows next."""
        self._tell("show", data)

    def enter(self, data: bytes) -> None:
        """Tell what is typed next."""
        self._tell("enter", data)

    def _tell(self, what: str, data: bytes) -> None:
        if (writer := self._writer) is None or not self.is_heard:
            return
        if writer.transport.get_write_buffer_size() > UNSENT:
            writer.transport.abort()
            return
        writer.write(json.dumps({what: base64.b64encode(data).decode()}).encode() + b"\n")

    async def close(self) -> None:
        """The terminal is gone; returns once what was said has gone out, or cannot."""
        self._task.cancel()
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(AGAIN):
                    await self._writer.wait_closed()
