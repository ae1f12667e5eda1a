"""A shell of a recording: it shows what is typed, and answers the course's own commands with what they printed."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from collections.abc import AsyncGenerator, Iterable

from pghalab.course.kinds import AS_POSTGRES, EVERY_NODE
from pghalab.course.recorded import Played
from pghalab.session.replay.position import Position

LONGEST = 4.0
"""Seconds that playing a command takes at most."""
PIECES = 40
"""Pieces in which its output comes at most."""
_NOT_THERE = "[this is a recording: it answers the steps' own commands, on the node and as the user that they name]\n"
_KEY = re.compile(
    rb"\x1b\[200~(?P<pasted>.*?)\x1b\[201~|\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?"
    rb"|(?P<key>[\x00-\x1f\x7f])|(?P<text>[^\x00-\x1f\x7f]+)",
    re.DOTALL,
)


def pieces(output: str) -> list[str]:
    """An output in a few pieces of whole lines."""
    lines = [f"{line}\n" for line in output.split("\n")] if output else []
    size = max(1, -(-len(lines) // PIECES))
    return ["".join(lines[at : at + size]) for at in range(0, len(lines), size)]


class RecordedTerminal:
    """A shell of one user on one node, with the marks that the lab's shells set."""

    def __init__(self, position: Position, node: str, user: str) -> None:
        self._position = position
        self._shells = [(secrets.token_hex(8), user, node)]
        """The innermost is the last."""
        self._line = ""
        self._output: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._status: int | None = None
        self._running: asyncio.Task[None] | None = None
        self._prompt()

    @property
    def _who(self) -> tuple[str, str, str]:
        return self._shells[-1]

    # What the console calls

    def write(self, data: bytes) -> None:
        """Take what is typed; nothing while a command is played, but for Ctrl+C, which ends it."""
        for match in _KEY.finditer(data):
            if self._running is not None and not self._running.done():
                if match["key"] == b"\x03":
                    self._running.cancel()
                continue
            if (pasted := match["pasted"]) is not None:
                self._add(pasted.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n"))
            elif match["text"] is not None:
                self._add(match["text"].decode("utf-8", "replace"))
            elif match["key"] is not None:
                self._press(match["key"])

    def resize(self, columns: int, rows: int) -> None:
        """Nothing depends on it."""

    async def output(self) -> AsyncGenerator[bytes, None]:
        """What it shows, until it ends."""
        while (data := await self._output.get()) is not None:
            yield data

    async def wait(self) -> int | None:
        """Its exit status; None when it was closed."""
        return self._status

    async def close(self) -> None:
        """Hang up."""
        if self._running is not None:
            self._running.cancel()
        self._output.put_nowait(None)

    # What is typed

    def _add(self, text: str) -> None:
        self._line += text
        self._say(text.replace("\n", "\r\n"))

    def _press(self, key: bytes) -> None:
        match key:
            case b"\r" | b"\n":
                self._enter()
            case b"\x7f" | b"\x08" if self._line:
                self._line = self._line[:-1]
                self._say("\b \b")
            case b"\x15" | b"\x03":
                self._line = ""
                self._say("^C\r\n" if key == b"\x03" else "\r\x1b[K")
                self._prompt()
            case b"\x04" if not self._line:
                self._leave()
            case _:
                pass

    def _enter(self) -> None:
        self._say("\r\n")
        words = self._line.split()
        played = found(self._position, words, self._who[2], self._who[1])
        if not words:
            self._prompt()
        elif words == ["exit"]:
            self._leave()
        elif (inner := self._inner(words)) is not None:
            self._begin(self._line)
            self._shells.append((secrets.token_hex(8), *inner))
            self._prompt()
        elif played is None and self._is_begun(words):
            self._line += "\n"
            self._say("> ")
            return
        else:
            self._running = asyncio.ensure_future(self._run(self._line, played))
        self._line = ""

    def _inner(self, words: list[str]) -> tuple[str, str] | None:
        """The user and the node of a shell that these words open in this one; None when they open none."""
        _, user, node = self._who
        if words in (AS_POSTGRES.split(), ["su", "-", "postgres"]):
            return "postgres", node
        match words:
            case ["ssh", other] if other in {step.node for step in self._position.recorded.steps.values()}:
                return user, other
        return None

    def _is_begun(self, words: list[str]) -> bool:
        """More lines belong to it."""
        steps = self._position.recorded.steps.values()
        return any(_runs_at(step, self._who[2], self._who[1]) and _begins(step.command, words) for step in steps)

    async def _run(self, line: str, played: Played | None) -> None:
        self._begin(line)
        status = 127
        try:
            if played is None:
                self._say(_NOT_THERE.replace("\n", "\r\n"))
            else:
                status = played.status or 0
                await self._play(played)
        except asyncio.CancelledError:
            status = 130
            self._say("^C\r\n")
        finally:
            self._mark("D", self._who[0], status)
            self._prompt()

    def _begin(self, line: str) -> None:
        text = line.encode()
        self._mark("C", *self._who, len(text), base64.b64encode(text[:4096]).decode())

    def _leave(self) -> None:
        """Leave the innermost shell; the terminal ends with the outermost."""
        if len(self._shells) == 1:
            self._status = 0
            self._say("\r\n")
            self._output.put_nowait(None)
            return
        self._shells.pop()
        self._say("\r\n")
        self._mark("D", self._who[0], 0)
        self._prompt()

    async def _play(self, played: Played) -> None:
        parts, wait = pieces(played.output), min(played.seconds, LONGEST)
        for number, piece in enumerate(parts, 1):
            await asyncio.sleep(wait / (len(parts) + 1))
            self._position.move(played.began + played.seconds * number / (len(parts) + 1))
            self._say(piece.replace("\n", "\r\n"))
        await asyncio.sleep(wait / (len(parts) + 1))
        self._position.move(played.ended)

    # What it shows

    def _say(self, text: str) -> None:
        self._output.put_nowait(text.encode())

    def _mark(self, *parts: object) -> None:
        self._say(f"\x1b]7717;{';'.join(map(str, parts))}\x07")

    def _prompt(self) -> None:
        shell, user, node = self._who
        self._mark("A", *self._who)
        self._say(f"\x1b[?2004h{user}@{node}:~$ ")
        self._mark("B", shell)


def found(position: Position, words: Iterable[str], node: str, user: str) -> Played | None:
    """The step whose command these words are, there: the next one from the moment that is shown, else the last."""
    wanted = list(words)
    same = [
        step
        for step in position.recorded.steps.values()
        if step.command and step.command.split() == wanted and _runs_at(step, node, user)
    ]
    coming = [step for step in same if step.ended > position.at]
    return coming[0] if coming else same[-1] if same else None


def _runs_at(step: Played, node: str, user: str) -> bool:
    return step.user == user and step.node in (node, EVERY_NODE)


def _begins(command: str, words: list[str]) -> bool:
    """Whether the words are the first lines of a command, and not all of them."""
    lines = command.split("\n")
    return any(" ".join(lines[:count]).split() == words for count in range(1, len(lines)))
