"""A recording of the course: what each step printed and how the cluster stood meanwhile, in one file.

The file is compressed lines of JSON: first what it is and of which versions, then a line for each step, then the lines
that the lab's journal has of the lab (`course/journal/states.py`). It is in the names that lessons are written with,
unless its head says otherwise, and holds no secret.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from pghalab.codec import from_json, tagged
from pghalab.course.digest import digest
from pghalab.course.events import CheckResult, Outcome
from pghalab.course.journal.kinds import Versions
from pghalab.course.journal.timeline import Timeline
from pghalab.course.localise import Names
from pghalab.course.model import Course, Step
from pghalab.course.placeholders import WORD
from pghalab.lab.host.files import Unfit, open_regular
from pghalab.lab.types import HowEnded, LabError
from pghalab.values import dataclass

FORMAT = "pghalab-recording"
VERSION = 1
SHIPPED = Path(__file__).parents[1] / "recordings" / "course.gz"
"""The recording of the whole course that comes with pghalab."""
SIZE = 300_000
"""Bytes of a shipped recording at most."""
LARGEST = 50_000_000
"""Bytes of a recording that is read, before and after it was unpacked."""
_PLAYED = b'{"event": "Played"'
_LONGEST = 200_000
"""Characters of a text and entries of a list in it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a recording is of."""

    made: float
    """When its first command was run, as `time.time`."""
    nodes: int
    versions: Versions
    prefix: str = "pgha"
    subnet: str = "192.168.50"
    network: str = "pghanet"
    auth_method: str = "scram-sha-256"


@dataclass(frozen=True, slots=True)
class Played:
    """One step, as it was done."""

    step: str
    began: float
    ended: float
    node: str
    user: str
    command: str
    output: str
    how: HowEnded
    status: int | None
    seconds: float
    """That its command took."""
    outcome: Outcome
    reason: str = ""
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """A whole recording."""

    head: Head
    steps: Mapping[str, Played]
    """By the step's id, in the order in which they were done."""
    timeline: Timeline

    @property
    def names(self) -> Names:
        """The names of the lab that was recorded."""
        auth: Any = self.head.auth_method
        return Names(self.head.prefix, self.head.subnet, auth, self.head.network)


def written(head: Head, lines: Iterable[bytes]) -> bytes:
    """A recording as its file has it, of the lines of its steps and those of the lab; the same for the same lines."""
    parts = [json.dumps({"format": FORMAT, "version": VERSION, **tagged(head)}).encode(), *lines]
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(b"\n".join(part.rstrip(b"\n") for part in parts) + b"\n") + packer.flush()


def read_recorded(path: Path) -> Recorded:
    """Read a recording; raises LabError for what is none, or of a form that this pghalab does not know."""
    try:
        with open_regular(path) as file:
            packed = file.read(LARGEST + 1)
        unpacker = zlib.decompressobj(31)
        data = unpacker.decompress(packed, LARGEST)
        if len(packed) > LARGEST or unpacker.unconsumed_tail or not unpacker.eof:
            raise ValueError("it is cut off, or too large")
        lines = data.split(b"\n")
        first = json.loads(lines[0])
        if not isinstance(first, dict) or first.get("format") != FORMAT:
            raise ValueError("it is no recording of pghalab's")
        if first.get("version") != VERSION:
            raise ValueError(f"it is of form {first.get('version')!r:.20}, and this pghalab reads {VERSION}")
        head: Head = from_json(Head, first, _LONGEST)
        steps = {step.step: step for step in _steps(lines[1:])}
    except FileNotFoundError:
        raise LabError(f"There is no recording {path}.", kind="bad-value") from None
    except (OSError, Unfit, ValueError, zlib.error, RecursionError) as error:
        raise LabError(
            f"The recording {path} cannot be read: {error}.",
            todo="Make it anew: pghalab journal export --format recording FILE",
            kind="bad-value",
        ) from error
    return Recorded(head, steps, Timeline(lines[1 + len(steps) :]))


def _steps(lines: Iterable[bytes]) -> Iterator[Played]:
    for line in takewhile(lambda line: line.startswith(_PLAYED), lines):
        yield from_json(Played, json.loads(line), _LONGEST)


def misfits(course: Course, recorded: Recorded) -> list[str]:
    """Where a recording no longer fits the lessons, in words: what it lacks, and what is run otherwise now."""
    found = []
    for step in course.steps:
        if not step.kind.acts:
            continue
        played = recorded.steps.get(step.id)
        if played is None:
            found.append(f"`{step.id}` is not in it")
        elif step.kind.where.command and not command_of(step, recorded.names).fullmatch(played.command):
            found.append(f"`{step.id}` runs another command now")
    return found


def is_of(course: Course, recorded: Recorded) -> bool:
    """Whether it was made of this very version of the course, as far as what is run goes."""
    return recorded.head.versions.course == digest(course)


def command_of(step: Step, names: Names) -> re.Pattern[str]:
    """The step's own command as it is run, whatever the cluster answered for its placeholders."""
    command = names.command(step.kind.typed(step.kind.where.command))
    parts = [re.escape(part) for part in WORD.sub("\0", command).split("\0")]
    return re.compile(r"[\w-]+".join(parts))
