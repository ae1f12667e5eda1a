"""What a room of viewers is shown of this console: what it draws, the commands so far and a question; votes come back.

A mirror, `pghalab serve`, comes in at the door as `viewers` and is told lines of JSON: `{"hide": […]}` for secrets that
no viewer may see (the door is the person's own), `{"size": [columns, rows]}`,
`{"show": …}` for bytes that the terminal gets (base64), `{"commands": […]}` for what was run since the last such line,
and `{"question": …}`, null once it is over. It may say one thing: `{"vote": {"step": …, "counts": […]}}`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pghalab.codec import from_json, to_json
from pghalab.session.events import (
    CommandTyped,
    QuestionHidden,
    QuestionShown,
    RunFinished,
    RunProgressed,
    SessionEvent,
    VotesCounted,
)
from pghalab.session.state import State
from pghalab.session.step_run import StepRun
from pghalab.session.visitors import UNSENT
from pghalab.session.work import Work
from pghalab.values import dataclass

NAME = "viewers"
MOST_MIRRORS = 4
MOST_COMMANDS = 300
LONGEST_COMMAND = 8000
"""Characters."""
LONGEST_PIECE = 96 * 1024
"""Bytes of what is drawn in one line; a line of the door takes more than their base64."""
KEPT = 64 * 1024
"""Bytes that are kept of what a shell printed that fills the terminal: it paints nothing anew for who comes late."""
MOST_VOTES = 100_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was run or typed: where, in words (empty: on the presenter's own machine), and when it was."""

    where: str
    text: str
    at: float
    """As `time.time`."""


@dataclass(frozen=True, slots=True)
class Vote:
    """How many chose each option of the question of a step."""

    step: str
    counts: tuple[int, ...]


class Room:
    """Tells every mirror what happens here; whoever draws hands over what it draws while somebody watches."""

    def __init__(self, state: State, work: Work) -> None:
        self.watched: Callable[[bool], object] = lambda _: None
        """Called with true when a mirror has come, and with false when the last one has gone."""
        self.paint: Callable[[], object] = lambda: None
        """Called to have everything drawn anew, for a mirror that has come."""
        self._state, self._bus, self._work = state, state.bus, work
        self._mirrors: set[asyncio.StreamWriter] = set()
        self._size = (80, 24)
        self._pieces: list[bytes] = []
        self._kept: bytearray | None = None
        self._commands: deque[Command] = deque(maxlen=MOST_COMMANDS)
        self._noted: tuple[StepRun, str] | None = None
        self._question: QuestionShown | None = None
        self._hidden: list[str] = []
        self._bus.listen(self._hear)

    # What the console draws

    def resized(self, columns: int, rows: int) -> None:
        """The terminal has this size."""
        if (columns, rows) != self._size:
            self._send()
            self._size = (columns, rows)
            self._tell({"size": self._size})

    def show(self, data: bytes) -> None:
        """The terminal gets these bytes; what comes in one turn of the loop goes out together."""
        if self._kept is not None:
            self._kept += data
            del self._kept[:-KEPT]
        if self._mirrors:
            if not self._pieces:
                asyncio.get_running_loop().call_soon(self._send)
            self._pieces.append(data)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """A shell has the whole terminal meanwhile."""
        self._kept = bytearray()
        try:
            yield
        finally:
            self._kept = None

    def _send(self) -> None:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._show(data)

    def _show(self, data: bytes, to: asyncio.StreamWriter | None = None) -> None:
        for start in range(0, len(data), LONGEST_PIECE):
            self._tell({"show": base64.b64encode(data[start : start + LONGEST_PIECE]).decode()}, to)

    # Mirrors

    async def host(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Tell a mirror everything until it goes; raises ValueError when it says what no mirror says."""
        if len(self._mirrors) >= MOST_MIRRORS:
            raise ValueError(f"{MOST_MIRRORS} mirrors are here already")
        self._send()
        self._mirrors.add(writer)
        try:
            self._hidden = self._secrets()
            self._tell({"hide": self._hidden}, writer)
            self._tell({"size": self._size}, writer)
            self._tell({"commands": to_json(tuple(self._commands))}, writer)
            self._tell({"question": to_json(self._question)}, writer)
            self.watched(True)
            if self._kept is not None:
                self._show(bytes(self._kept), writer)
            else:
                self.paint()
            while line := await reader.readline():
                self._take(json.loads(line))
        finally:
            self._mirrors.discard(writer)
            if not self._mirrors:
                self.watched(False)

    def _tell(self, what: dict[str, Any], to: asyncio.StreamWriter | None = None) -> None:
        if not self._mirrors:
            return
        line = json.dumps(what).encode() + b"\n"
        for writer in (to,) if to is not None else tuple(self._mirrors):
            if writer.transport.get_write_buffer_size() + len(line) > UNSENT:
                _log.warning("a mirror does not take what it is told, and is let go")
                self._mirrors.discard(writer)
                writer.transport.abort()
            elif not writer.is_closing():
                writer.write(line)

    def _take(self, said: Any) -> None:
        match said:
            case {"vote": dict(given)}:
                vote: Vote = from_json(Vote, given, MOST_VOTES)
            case _:
                raise ValueError("it does not speak as a mirror does")
        if any(not 0 <= count <= MOST_VOTES for count in vote.counts):
            raise ValueError("nobody counts so many votes")
        asked = self._question
        # What was counted for an earlier question comes too late.
        if asked is not None and asked.step == vote.step and len(asked.options) == len(vote.counts):
            self._bus.publish(VotesCounted(vote.step, vote.counts))

    # What the session tells

    def _secrets(self) -> list[str]:
        """What no viewer may see; another lab under the same name has another password."""
        return [] if self._state.backend is None else [self._state.backend.lab.password]

    def _hear(self, event: SessionEvent) -> None:
        if self._mirrors and (secrets := self._secrets()) != self._hidden:
            self._hidden = secrets
            self._tell({"hide": secrets})
        match event:
            case QuestionShown() | QuestionHidden():
                self._question = event if isinstance(event, QuestionShown) else None
                self._tell({"question": to_json(self._question)})
            case CommandTyped(node=node, user=user, text=text, at=at) if text:
                self._add(Command(f"{user}@{node}", text[:LONGEST_COMMAND], at))
            case RunProgressed():
                self._note(self._work.active)
            case RunFinished(step=step):
                self._note(self._work.runs.get(step))
            case _:
                pass

    def _note(self, run: StepRun | None) -> None:
        """Take the command that a step runs, once."""
        if run is None or not run.command or run.typed is not None:
            return
        if self._noted is None or self._noted[0] is not run or self._noted[1] != run.command:
            self._noted = (run, run.command)
            self._add(Command(run.where, run.command[:LONGEST_COMMAND], time.time()))

    def _add(self, command: Command) -> None:
        self._commands.append(command)
        self._tell({"commands": to_json((command,))})
