"""How a show stands, as one plain value: what the presenter is told, and nothing of it has to reach the room."""

from __future__ import annotations

from typing import Literal

from pghalab.values import dataclass

Phase = Literal["say", "typing", "ready", "running", "seen", "stopped", "moving", "over"]
"""What the room sees of a step, one after the other.

- `say`: its title and words, or the question with its choices; `typing`: its command comes out, character by character;
  `ready`: the whole command stands there; `running`: it was entered; `seen`: what came of it, or the answer.
- `stopped`: it went otherwise than expected, and the presenter decides.
- `moving`: what is missing before the step is done first, or the lab goes back to a snapshot; `over`: all was shown.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the show."""

    step: str
    who: str
    """`postgres@pgha1`, `root on every node`; empty for what is done to the lab itself."""
    text: str


@dataclass(frozen=True, slots=True)
class Held:
    """What was seen of one check."""

    check: str
    ok: bool
    known: bool
    """False when nobody could look."""
    saw: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The question that the room sees."""

    text: str
    options: tuple[str, ...]
    right: int
    """Index into `options`."""
    explain: tuple[str, ...]
    """One explanation for each option."""
    revealed: bool
    votes: tuple[int, ...] = ()
    """For each option, once somebody counts them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a show stands at one moment."""

    lesson: str
    """The id of the lesson."""
    number: int
    lesson_title: str
    step: str
    """The id of the step."""
    title: str
    at: int
    """It is this step of the lesson, counted from 1."""
    of: int
    phase: Phase
    does: str
    """What the key for going on does now, in words."""
    command: Command | None = None
    """Of the step, with its placeholders answered as far as the answers are known."""
    next_step: str = ""
    """The id of the step that follows; empty behind the last one."""
    next_title: str = ""
    next_command: Command | None = None
    elapsed: float = 0.0
    """Seconds since the show began."""
    planned: float = 0.0
    """Seconds that are planned for the whole show."""
    remaining: float = 0.0
    """Seconds that are planned for what is left, the step at hand included."""
    headline: str = ""
    """The cluster in one line."""
    checks: tuple[Held, ...] = ()
    """The last look at those of the step."""
    warnings: tuple[str, ...] = ()
    """What the presenter has to know, the gravest first."""
    notes: str = ""
    """What the lesson says to the presenter."""
    commands: tuple[Command, ...] = ()
    """What was run so far, the oldest first; of a long show the last ones."""
    question: Asked | None = None
    looking: str = ""
    """The id of the earlier step that the room looks back at; empty when it sees the step at hand."""
    paused: bool = False
    black: bool = False
    """The room sees nothing."""
    own_shell: bool = False
    """The keys go to a shell of the presenter's."""
    auto: bool = False
    """It goes on by itself."""
    speed: float = 1.0
    """How many times as fast as usual it types and waits."""
    for_step: float = 0.0
    """Seconds that are planned for the step at hand, of those that remain."""
