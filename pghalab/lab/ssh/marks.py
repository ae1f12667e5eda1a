"""Reads from what a terminal shows the marks that the lab's shells set, see `marks.bash` in the image.

The stream itself is for the terminal and stays as it is. Marks are a claim of whatever runs in the terminal: a command
that ended by them is a reason to look, and no proof of anything.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from functools import cache

from pghalab.values import dataclass

_INTRODUCER = b"\x1b]7717;"
LONGEST = 8192
"""Bytes of one mark; what goes on longer is none."""
LONGEST_TEXT = 4096
"""Bytes of a command's text that a mark holds."""
DEEPEST = 32
"""Shells within shells that are told apart; of deeper ones the last count."""
_END = re.compile(rb"\x07|\x1b\\|[\x00-\x1f\x7f-\xff]")
_SHELL = r"(?P<shell>[0-9a-f]{16})"
_WHO = rf"{_SHELL};(?P<user>[A-Za-z0-9_.-]{{1,32}});(?P<node>[A-Za-z0-9_.-]{{1,64}})"


@cache
def _mark() -> re.Pattern[str]:
    # Compiled when the first shell sets one: nothing needs it before the first screen.
    return re.compile(
        rf"A;{_WHO}|B;{_SHELL.replace('shell', 'shown')}"
        rf"|C;{_WHO.replace('shell', 'of').replace('user', 'whose').replace('node', 'where')}"
        r";(?P<size>\d{1,7});(?P<text>[A-Za-z0-9+/]*={0,2})"
        rf"|D;{_SHELL.replace('shell', 'ended')};(?P<status>\d{{1,3}})"
    )


@dataclass(frozen=True, slots=True)
class Prompted:
    """A shell waits for a command."""

    shell: str
    """16 hex digits that no other shell has."""
    user: str
    node: str


@dataclass(frozen=True, slots=True)
class CommandBegan:
    """A command was entered in a shell and begins."""

    shell: str
    user: str
    node: str
    text: str
    """As it was entered; empty when the shell does not know it."""
    cut: bool = False
    """It was longer than that."""


@dataclass(frozen=True, slots=True)
class CommandPrinted:
    """The command of a shell printed something; decoded with errors replaced, control characters kept."""

    shell: str
    text: str


@dataclass(frozen=True, slots=True)
class CommandEnded:
    """The command of a shell has ended; `status` is None when the marks do not tell it."""

    shell: str
    status: int | None
    whole: bool
    """What it printed was told from its begin to its end, and no other shell was in between."""


Mark = Prompted | CommandBegan | CommandPrinted | CommandEnded


@dataclass(slots=True)
class _Shell:
    id: str
    user: str
    node: str
    runs: bool = False
    whole: bool = True


class Marks:
    """Takes the stream of one terminal in any pieces and tells what its marks say; holds at most `LONGEST` bytes."""

    def __init__(self) -> None:
        self._held = b""
        self._shells: list[_Shell] = []
        """The innermost is the last."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.prompts = 0
        """How many prompts were shown. Between two lines that were entered together a shell shows none."""
        self._fresh = False
        """A prompt is about to be shown."""

    @property
    def at_prompt(self) -> bool:
        """A shell that sets marks waits for a command: what is entered now will be told."""
        return bool(self._shells) and not self._shells[-1].runs

    @property
    def who(self) -> str:
        """Whose shell it is that the terminal is in, and where: `postgres@pgha2`; empty without any mark."""
        return f"{self._shells[-1].user}@{self._shells[-1].node}" if self._shells else ""

    def feed(self, data: bytes) -> list[Mark]:
        """What the marks in the next piece of the stream say."""
        found: list[Mark] = []
        data = self._held + data
        at = 0
        while (start := data.find(_INTRODUCER, at)) >= 0:
            end = _END.search(data, start + len(_INTRODUCER), start + LONGEST)
            if end is None and len(data) - start < LONGEST:
                break
            found += self._printed(data[at:start])
            at = start + len(_INTRODUCER)
            if end is None:
                continue
            if end[0] in (b"\x07", b"\x1b\\"):
                found += self._said(data[at : end.start()])
                at = end.end()
            elif end[0] == b"\x1b" and end.end() == len(data):
                at = start
                break
            else:
                at = end.start()
        keep = start if start >= 0 else _torn(data)
        found += self._printed(data[at:keep])
        self._held = data[keep:]
        return found

    def close(self) -> list[Mark]:
        """The stream ended."""
        found = list(self._printed(self._held))
        self._held = b""
        while self._shells:
            found += self._left()
        return found

    def _printed(self, data: bytes) -> Iterator[Mark]:
        if data and self._shells and self._shells[-1].runs and (text := self._decoder.decode(data)):
            yield CommandPrinted(self._shells[-1].id, text)

    def _said(self, mark: bytes) -> Iterator[Mark]:
        match = _mark().fullmatch(mark.decode("ascii"))
        if match is None:
            return
        said = match.groupdict()
        if said["shell"]:
            yield from self._enter(said["shell"], said["user"], said["node"])
            yield from self._end(None)
            self._fresh = True
            yield Prompted(said["shell"], said["user"], said["node"])
        elif said["shown"]:
            # One that is only drawn anew, after another size say, is none.
            self.prompts += self._fresh or not self.at_prompt
            self._fresh = False
            # The prompt came without its other marks: when the command ended, and how, is not known.
            if self._shells and self._shells[-1].id == said["shown"]:
                self._shells[-1].whole = False
                yield from self._end(None)
        elif said["of"]:
            yield from self._enter(said["of"], said["whose"], said["where"])
            yield from self._end(None)
            shell = self._shells[-1]
            shell.runs, shell.whole = True, True
            self._decoder.reset()
            size = int(said["size"])
            yield CommandBegan(
                shell.id, shell.user, shell.node, _text(said["text"]) if size else "", size > LONGEST_TEXT
            )
        elif said["ended"] in [shell.id for shell in self._shells]:
            yield from self._back_to(said["ended"])
            yield from self._end(int(said["status"]))

    def _enter(self, shell: str, user: str, node: str) -> Iterator[Mark]:
        """The terminal is in this shell."""
        if shell in [one.id for one in self._shells]:
            yield from self._back_to(shell)
            return
        if self._shells and not self._shells[-1].runs:
            # It became another one with `exec`, as far as can be told.
            yield from self._left()
        for outer in self._shells:
            outer.whole = False
        if len(self._shells) == DEEPEST:
            # The outermost is given up: its own end will be of no shell that is known.
            outermost = self._shells.pop(0)
            if outermost.runs:
                yield CommandEnded(outermost.id, None, False)
        self._shells.append(_Shell(shell, user, node))

    def _back_to(self, shell: str) -> Iterator[Mark]:
        while self._shells[-1].id != shell:
            yield from self._left()

    def _left(self) -> Iterator[Mark]:
        """The innermost shell is gone, with what ran in it."""
        self._shells[-1].whole = False
        yield from self._end(None)
        self._shells.pop()

    def _end(self, status: int | None) -> Iterator[Mark]:
        shell = self._shells[-1]
        if shell.runs:
            if rest := self._decoder.decode(b"", final=True):
                yield CommandPrinted(shell.id, rest)
            shell.runs = False
            yield CommandEnded(shell.id, status, shell.whole)


def _torn(data: bytes) -> int:
    """Where an introducer begins that is not complete yet; the end of the data when there is none."""
    start = data.rfind(b"\x1b", max(0, len(data) - len(_INTRODUCER) + 1))
    return start if start >= 0 and _INTRODUCER.startswith(data[start:]) else len(data)


def _text(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True)[:LONGEST_TEXT].decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""
