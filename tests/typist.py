"""A learner in a terminal: reads the console's screen and types into its shells, and never presses Run."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable

from pghalab.course.kinds import Question, Read
from pghalab.course.localise import Names
from pghalab.course.model import Step
from pghalab.terminal.terminal import Terminal as Engine
from tests.terminal import Terminal

LEAVE = "\x1d"
_PROMPT = re.compile(r"^\s*(\w+)@(\w+):[^\n]*[#$] ?$", re.MULTILINE)
"""A prompt with nothing behind it."""


class Typist:
    """The console of one lab on a terminal of this size."""

    def __init__(self, lab: str, names: Names, columns: int, rows: int, env: dict[str, str]) -> None:
        self._names = names
        self._at = (columns, rows)
        argv = [sys.executable, "-m", "pghalab", "--lab", lab]
        self._terminal = Terminal(argv, columns=columns, rows=rows, env={"TEXTUAL_ANIMATIONS": "none", **env})
        self._engine = Engine(columns, rows, lambda reply: self._terminal.press(reply.decode()))
        self.seconds: dict[str, float] = {}
        """How long it took to be told of each step after its command had ended, or was put there."""

    def close(self) -> None:
        """Quit the console."""
        self._terminal.__exit__(None, None, None)
        self._engine.close()

    @property
    def screen(self) -> str:
        """What is on the screen now."""
        while data := self._terminal.read(0):
            self._engine.screen.feed(data)
        self._engine.screen.update()
        return self._engine.screen.text

    def until(self, holds: Callable[[str], object], what: str, limit: float = 30.0) -> str:
        """Wait until the screen is so."""
        end = time.monotonic() + limit
        while not holds(screen := self.screen):
            if time.monotonic() > end:
                raise TimeoutError(f"{what} was not seen; the screen:\n{screen}")
            if data := self._terminal.read(0.05):
                self._engine.screen.feed(data)
        return screen

    def press(self, keys: str) -> None:
        """Type."""
        self._terminal.press(keys)

    def open(self) -> None:
        """Go on where the lab is."""
        self.until(lambda screen: "Continue" in screen and "looking" not in screen, "the start screen")
        self.press("c")
        self.until(lambda screen: "step " in screen, "a lesson")

    # A step

    def begin(self, step: Step) -> None:
        """The step is on the screen, and its state is known."""
        title = self._names.text(step.title)
        self.until(lambda screen: _title(screen, title), f"the step “{title}”")

    def do(self, step: Step, who: str, *, then: str = "") -> None:
        """Do the step on the screen by hand, as `who` (`postgres@pgha1`), until the console says that it is done.

        `then` is a command that is typed behind that.
        """
        self.begin(step)
        if isinstance(step.kind, Question):
            self.press("abcdefg"[step.kind.right])
            self._is_done(step)
        elif step.kind.card is not None and step.kind.card.copyable:
            self._command(step, who, then)
        elif not isinstance(step.kind, Read):
            self._is_done(step)
        self.press("\r")

    def _command(self, step: Step, who: str, then: str) -> None:
        """Put the step's command at a prompt and enter it; the shell's pane says that it is done."""
        self.press("i")
        end = "".join(self._names.text(step.kind.where.command).split())[-12:]
        self.until(lambda screen: not _leads(screen) and _typed(screen).endswith(end), "the command at a prompt")
        self.press("\r")
        self.until(lambda screen: _prompt(screen) == who or self._leaves_pager(screen), f"a prompt of {who}", 120)
        began = time.monotonic()
        self.until(lambda screen: "✓ this step is done" in screen, f"“{step.id}” done", 60)
        self.seconds[step.id] = time.monotonic() - began
        if then:
            self.press(f"{then}\r")
            self.until(lambda screen: _prompt(screen) == who, f"a prompt of {who} after {then}")
        self.press(LEAVE)
        self.until(_leads, "the keys of the lesson")

    def _leaves_pager(self, screen: str) -> bool:
        if (lines := _lines(screen)) and lines[-1].strip() in (":", "(END)"):
            self.press("q")
            self.until(lambda screen: _lines(screen)[-1].strip() not in (":", "(END)"), "the end of the pager")
        return False

    def _is_done(self, step: Step) -> None:
        title = self._names.text(step.title)
        self.until(lambda screen: "✓ done" in _title(screen, title), f"“{step.id}” done", 60)


def _title(screen: str, title: str) -> str:
    """The line with a step's title and how it stands; empty when another step is shown."""
    lines = screen.partition("· step ")[2].splitlines()
    return next((line for line in lines[1:2] if line.strip().startswith(title[:40])), "")


def _leads(screen: str) -> bool:
    """The keys are the lesson's."""
    return "⏎" in screen.rpartition("\n")[2]


def _shell(screen: str) -> str:
    return screen.rpartition("────────────────────")[2]


def _lines(screen: str) -> list[str]:
    """What the shell shows."""
    return [line for line in _shell(screen).splitlines() if line.strip() and "leads out" not in line]


def _typed(screen: str) -> str:
    """What the shell shows, without blanks: a long line is folded anywhere."""
    return "".join("".join(_lines(screen)).split())


def _prompt(screen: str) -> str:
    """Whose prompt waits, and where; empty when a command runs, or something is typed."""
    found = _PROMPT.match(lines[-1]) if (lines := _lines(screen)) else None
    return f"{found[1]}@{found[2]}" if found else ""
