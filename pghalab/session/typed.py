"""What is typed in one terminal, by its marks: the commands, what each printed, and how it ended."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import field, replace

from pghalab.course.journal import Journal, LogFile
from pghalab.course.kinds import Where
from pghalab.course.tail import Tail
from pghalab.lab.ssh.marks import CommandBegan, CommandEnded, CommandPrinted, Mark, Marks, Prompted
from pghalab.text import clean, one_line, shortened
from pghalab.values import dataclass

LOG_LIMIT = 1_000_000
"""Bytes of one typed command's output that are kept on disk; programs that draw the screen print without end."""
_PASTED = re.compile(rb"\x1b\[200~.*?\x1b\[201~", re.DOTALL)
_ENTER = re.compile(rb"[\r\n]")
_NAMED = 40
"""Characters of a command in a sentence."""


@dataclass(slots=True)
class Typed:
    """A command that was typed."""

    node: str
    user: str
    text: str
    """As it was entered, cleaned; empty when the shell does not know it."""
    began: float
    """As `time.time`."""
    shell: str = ""
    """The id of the shell that it was typed in."""
    ended: float | None = None
    status: int | None = None
    alone: bool = True
    """What it printed stands for itself: nothing else was typed meanwhile, and no other shell was in between."""
    asked: Where | None = None
    """The open step's command as it was when this began: who leads then may lead no more when it has ended."""
    log: LogFile | None = None
    printed: Tail = field(default_factory=Tail)

    @property
    def who(self) -> str:
        """Whose shell it was typed in, and where: `postgres@pgha1`."""
        return f"{self.user}@{self.node}"

    @property
    def name(self) -> str:
        """It in a sentence."""
        return f"`{shortened(one_line(self.text), _NAMED)}`" if self.text else "a command"

    @property
    def output(self) -> str:
        """What it printed, cleaned; the middle of a long output is left out."""
        return clean(self.printed.text())

    @property
    def at(self) -> float:
        """When it ended; while it runs, now."""
        return time.time() if self.ended is None else self.ended


def together(typed: Sequence[Typed]) -> Typed:
    """Several commands of one shell as one: what they printed one after the other, and the status of the last."""
    first, last = typed[0], typed[-1]
    if first is last:
        return first
    text = "\n".join(one.text for one in typed)
    alone = all(one.alone for one in typed)
    whole = replace(last, text=text, began=first.began, asked=first.asked, alone=alone, printed=Tail())
    for one in typed:
        whole.printed.add(one.printed.text())
    return whole


class Typing:
    """Follows one terminal: `feed` it what the node prints and `enter` what is typed."""

    def __init__(
        self,
        *,
        began: Callable[[Typed], object],
        ended: Callable[[Typed], object],
        marked: Callable[[bool, str], object] = lambda marked, reason: None,
        journal: Callable[[], Journal | None] = lambda: None,
    ) -> None:
        """`marked` is told when the marks tell no longer what is typed, and why, when they do again, and where."""
        self._began, self._ended, self._marked, self._journal = began, ended, marked, journal
        self._marks = Marks()
        self._running: dict[str, Typed] = {}
        self._seen = False
        """The terminal has shown something: before that nobody can say whether there will be marks."""
        self._entered = False
        """Something was entered since the last prompt."""
        self._ahead = False
        """Something was typed behind it."""
        self.at: tuple[str, str] | None = None
        """The node and the user of the prompt that was shown last, also of a shell within the shell."""
        self.blind = ""
        """Why what is typed is not told; empty when it is, as far as is known."""

    def feed(self, data: bytes) -> None:
        """Take what the terminal shows next."""
        self._seen = True
        for mark in self._marks.feed(data):
            self._take(mark)

    def enter(self, data: bytes) -> None:
        """Take what is typed next."""
        lines = _ENTER.split(_PASTED.sub(b"", data))
        if self._seen and not self._marks.at_prompt:
            for running in self._running.values():
                running.alone = False
            if len(lines) > 1:
                self._blind(self._why_blind())
            return
        self._ahead = self._ahead or self._entered or any(lines[1:])
        self._entered = self._entered or len(lines) > 1

    @property
    def running(self) -> Typed | None:
        """The command that has the terminal now; None while a shell waits for one."""
        return None if self._marks.at_prompt or not self._running else next(reversed(self._running.values()))

    @property
    def prompts(self) -> int:
        """How many prompts were shown, each behind all that was entered before."""
        return self._marks.prompts

    @property
    def waits(self) -> bool:
        """A shell waits for a command, and nothing was entered that it has not come to."""
        return self._marks.at_prompt and not self._entered

    def close(self) -> None:
        """The terminal is gone."""
        for mark in self._marks.close():
            self._take(mark)
        self._marks = Marks()
        self.at = None
        self._seen = self._entered = self._ahead = False

    def _take(self, mark: Mark) -> None:
        match mark:
            case CommandPrinted(shell, text):
                if (typed := self._running.get(shell)) is not None:
                    self._print(typed, text)
            case CommandBegan(shell, user, node, text):
                typed = Typed(node, user, clean(text).strip(), time.time(), shell, alone=not self._ahead)
                self._running[shell] = typed
                self._blind("")
                self._began(typed)
            case CommandEnded(shell, status, whole):
                if (done := self._running.pop(shell, None)) is not None:
                    done.ended, done.status = time.time(), status
                    done.alone = done.alone and whole
                    if done.log is not None:
                        done.log.close()
                    self._ended(done)
            case Prompted(_, user, node):
                self._entered = self._ahead = False
                before, self.at = self.at, (node, user)
                self._blind("", anew=self.at != before)

    def _print(self, typed: Typed, text: str) -> None:
        text = text.replace("\r\n", "\n")
        typed.printed.add(text)
        if typed.log is None and (journal := self._journal()) is not None:
            typed.log = journal.log("typed", LOG_LIMIT)
        if typed.log is not None:
            typed.log.write(text)

    def _why_blind(self) -> str:
        if not self._marks.who:
            return "this shell sets no marks"
        return f"{self.running.name if self.running is not None else 'a command'} takes what is typed now"

    def _blind(self, reason: str, *, anew: bool = False) -> None:
        if anew or reason != self.blind:
            self.blind = reason
            self._marked(not reason, reason)
