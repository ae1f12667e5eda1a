"""A learner in a terminal: reads the console's screen and types into its shells, and never presses Run."""

from __future__ import annotations

import os
import re
import sys
import time
from functools import partial
from pathlib import Path

from pghalab.course.kinds import Question, Read
from pghalab.course.localise import Names
from pghalab.course.model import Step
from tests.drawn import Drawn

LEAVE = "\x1d"
BESIDE = "Expected and printed"
"""The page on which a comparison is shown; it comes first where something differs that may not."""
COMPARED = 60.0
"""Seconds within which what was typed is compared: a step of several lines may be done, and show a prompt, before the
last of them has ended, which a machine that does much else takes long for."""
TALL = 8
"""Lines of a command that may be more than a shell shows: readline then draws its last line over itself."""
_PROMPT = re.compile(r"^\s*(\w+)@(\w+):[^\n]*[#$] ?$", re.MULTILINE)
"""A prompt with nothing behind it."""


class Typist(Drawn):
    """The console of one lab on a terminal of this size."""

    def __init__(self, lab: str, names: Names, columns: int, rows: int, env: dict[str, str]) -> None:
        self._names = names
        self._at = (columns, rows)
        super().__init__([sys.executable, "-m", "pghalab", "--lab", lab], columns, rows, env)
        self.seconds: dict[str, float] = {}
        """How long it took to be told of each step after its command had ended, or was put there."""
        self.differs: dict[str, str] = {}
        """What is shown of each step whose output is not compared, or is not as expected."""
        self._kept = os.environ.get("PGHALAB_SCREENS")
        """A folder for what the screen showed before and after each step."""

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
        self._keep(step, "begun")
        if isinstance(step.kind, Question):
            self.press("abcdefg"[step.kind.right])
            # The lesson scrolls to what is said of the answer, and its title may leave the screen.
            self.until(lambda screen: "✓ Right" in screen, f"what is said of “{step.id}”")
        elif step.kind.card is not None and step.kind.card.copyable:
            self._command(step, who, then)
        elif not isinstance(step.kind, Read):
            self._is_done(step)
        self._keep(step, "done")
        if step.expect and step.id in self.seconds:
            self._look_beside(step)
        self.press("\r")

    def _keep(self, step: Step, when: str) -> None:
        if self._kept:
            Path(self._kept, f"{self._at[0]}-{len(self.seconds):02}-{step.id}-{when}.txt").write_text(self.screen)

    def _look_beside(self, step: Step) -> None:
        """The whole width has a page that compares what was printed with what is expected."""
        # A step may be done before the last of its lines has ended and been looked at: a line is missing until then.
        end = time.monotonic() + COMPARED
        while True:
            self.press("w")
            first = shown = self.until(_page, f"the pages of “{step.id}”")
            number, pages = _page(shown)
            while BESIDE not in shown and number < pages:
                number += 1
                self.press("\t")
                shown = self.until(partial(_is_page, number), f"page {number}")
            self._keep(step, "beside")
            self.press("w")
            self.until(_leads, "the lesson")
            if (BESIDE in shown and first is not shown) or time.monotonic() > end:
                break
        if first is shown or BESIDE not in shown:
            self.differs[step.id] = first

    def _command(self, step: Step, who: str, then: str) -> None:
        """Put the step's command at a prompt and enter it; the shell's pane says that it is done."""
        self.press("i")
        command = self._names.text(step.kind.typed(step.kind.where.command))
        # What only the cluster knows is asked when the command is put there.
        end = "".join(command.rpartition("}}")[2].split())[-12:]
        tall = command.count("\n") >= TALL

        def is_there(screen: str) -> bool:
            typed = _typed(screen)
            return not _leads(screen) and (typed.endswith(end) or (tall and end in typed))

        self.until(is_there, "the command at a prompt")
        self.press("\r")
        self.until(lambda screen: _is_prompt(screen, who) or self._leaves_pager(screen), f"a prompt of {who}", 120)
        began = time.monotonic()
        self.until(lambda screen: "✓ this step is done" in screen, f"“{step.id}” done", 180)
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


def _page(screen: str) -> tuple[int, ...]:
    """Which page of how many is shown on the whole width; empty where something else is."""
    found = re.match(r".*\S  (\d+) of (\d+)  ", screen.partition("\n")[0])
    return () if found is None else (int(found[1]), int(found[2]))


def _is_page(number: int, screen: str) -> bool:
    return _page(screen)[:1] == (number,)


def _title(screen: str, title: str) -> str:
    """The line with a step's title and how it stands; empty when another step is shown."""
    lines = screen.partition("· step ")[2].splitlines()
    return next((line for line in lines[1:2] if line.strip().startswith(title[:40])), "")


def _leads(screen: str) -> bool:
    """The keys are the lesson's, and it is painted: its line of keys comes before the rest."""
    return "⏎" in screen.rpartition("\n")[2] and not _page(screen)


def _shell(screen: str) -> str:
    return screen.rpartition("────────────────────")[2]


def _lines(screen: str) -> list[str]:
    """What the shell shows."""
    return [line for line in _shell(screen).splitlines() if line.strip() and "leads out" not in line]


def _typed(screen: str) -> str:
    """What the shell shows, without blanks: a long line is folded anywhere."""
    return "".join("".join(_lines(screen)).split())


def _is_prompt(screen: str, who: str) -> bool:
    """The prompt of `who` waits; of a node that only the cluster knows (`postgres@{{leader}}`) that of any."""
    return _prompt(screen) == who or ("{{" in who and bool(_prompt(screen)))


def _prompt(screen: str) -> str:
    """Whose prompt waits, and where; empty when a command runs, or something is typed."""
    found = _PROMPT.match(lines[-1]) if (lines := _lines(screen)) else None
    return f"{found[1]}@{found[2]}" if found else ""
