"""The expected outputs of lessons beside what a lab printed: where they no longer fit, and writing them anew."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pghalab.cluster.identity import member_id
from pghalab.course.expected.compare import compare as compared
from pghalab.course.expected.compare import misfits
from pghalab.course.expected.idle import suggestions
from pghalab.course.expected.model import Comparison
from pghalab.course.journal import Journal
from pghalab.course.lint import NODES
from pghalab.course.localise import Names
from pghalab.course.model import Course, Problem, Step
from pghalab.course.recorded import command_of
from pghalab.lab.types import LabError
from pghalab.redact import MARK
from pghalab.values import dataclass

_TOKEN = "pgha-token"
"""The token of the course's etcd cluster, as etcdSetup.sh writes it."""
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")
_LISTED = re.compile(r"^([0-9a-f]{8,16}), (?:un)?started, ")
_SYSTEM = re.compile(r"\b\d{19}\b")
_KEY = re.compile(r"^[a-z_]+:")
_AFTER = ("match:", "guard:", "checks:", "no_check:", "hints:")
_LARGEST = 262_144
"""Bytes of an output that is compared."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a step printed when it was last done, in the lessons' own names."""

    step: Step
    path: Path
    text: str

    @property
    def comparison(self) -> Comparison:
        """It beside what the lesson expects."""
        return compared(self.step.expect, self.text, self.step.match, Names())


def recordings(course: Course, journal: Journal, names: Names, secret: str) -> list[Recording]:
    """What the lab's last runs of the course printed, for each step that runs a command, as lessons are written."""
    texts = printed(course, journal, names, secret)
    return [
        Recording(step, lesson.path, as_written(texts[step.id], names))
        for lesson in course.lessons
        for step in lesson.steps
        if step.id in texts
    ]


def printed(course: Course, journal: Journal, names: Names, secret: str) -> dict[str, str]:
    """What the lab's last runs of the course printed, by step.

    A run with another command than the step's own, or one whose output held a secret, counts for nothing.
    """
    found: dict[str, str] = {}
    for step, log in _logs(course, journal, names).items():
        try:
            text = log.read_bytes()[: _LARGEST + 1].decode("utf-8", "replace")
        except OSError:
            continue
        if len(text) <= _LARGEST and MARK not in text and (not secret or secret not in text):
            found[step] = text
    return found


def _logs(course: Course, journal: Journal, names: Names) -> dict[str, Path]:
    """The log of the last run of each step that ended as it should."""
    commands = {step.id: command_of(step, names) for step in course.steps if step.kind.where.command}
    started: dict[str, Path] = {}
    done: dict[str, Path] = {}
    for entry in journal.entries():
        step = str(entry.get("step"))
        if entry.get("typed"):
            continue
        if entry.get("event") == "CommandStarted" and step in commands:
            started.pop(step, None)
            if commands[step].fullmatch(str(entry.get("command"))):
                started[step] = Path(str(entry.get("log")))
        elif entry.get("event") == "StepEnded" and step in started:
            log = started.pop(step)
            if entry.get("outcome") == "done":
                done[step] = log
    return done


def as_written(text: str, names: Names) -> str:
    """An output as it would be with the names and addresses that lessons are written with."""
    return _in_order(renamed(clean(text), names))


def renamed(text: str, names: Names) -> str:
    """A text with the names and addresses that lessons are written with in the place of a lab's own."""
    ours = Names()
    if names.prefix != ours.prefix:
        text = re.sub(rf"(?<![\w-]){re.escape(names.prefix)}(?=[1-9]\d*(?![\w]))", ours.prefix, text)
    if names.subnet != ours.subnet:
        text = re.sub(rf"(?<![\d.]){re.escape(names.subnet)}(?=\.\d{{1,3}}(?!\d))", ours.subnet, text)
        for number in range(len(NODES)):
            # etcd's ids follow from the addresses.
            theirs, our = (member_id(f"http://{subnet}.{10 + number}:2380", _TOKEN)
                           for subnet in (names.subnet, ours.subnet))  # fmt: skip
            text = text.replace(theirs, f"\0{our}")
        text = text.replace("\0", "")
    return text


def _in_order(text: str) -> str:
    """etcdctl lists members by their ids."""
    lines = text.splitlines()
    listed = [index for index, line in enumerate(lines) if _LISTED.match(line)]
    for index, line in zip(listed, sorted((lines[index] for index in listed), key=_listed_id), strict=True):
        lines[index] = line
    return "\n".join(lines)


def _listed_id(line: str) -> int:
    return int(line.partition(",")[0], 16)


def clean(text: str) -> str:
    """What a reader sees of an output: no control characters, no blanks at line ends, no two empty lines in a row."""
    lines = [line.rstrip() for line in _CONTROL.sub("", text).splitlines()]
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept).rstrip("\n")


def compare(found: Iterable[Recording]) -> list[Problem]:
    """Where an expected output no longer fits what was printed."""
    return [
        Problem(one.path, one.step.line, f"the expected output of `{one.step.id}` does not fit what it prints: {words}")
        for one in found
        for words in misfits(one.comparison)
    ]


def rewrite(found: Iterable[Recording]) -> list[Recording]:
    """Write anew the expected outputs that no longer fit, or that an older version printed; gives those that were.

    Values that may differ are no reason: the lessons' prose speaks of some. Steps that are said to print nothing are
    left alone.
    """
    changed = [_of_one_cluster(one) for one in found if not one.step.silent and _drifted(one)]
    for path in dict.fromkeys(one.path for one in changed):
        text = path.read_text(encoding="utf-8")
        for one in changed:
            if one.path == path:
                text = _with(text, one)
        path.write_text(text, encoding="utf-8")
    return changed


def _drifted(one: Recording) -> bool:
    """It no longer fits, or another version of a program printed it."""
    comparison = one.comparison
    versions = any(difference.type == "version" for row in comparison.rows for difference in row.differences)
    return versions or not comparison.fits


def drift(one: Recording) -> list[str]:
    """In words, what of a recording the lesson did not expect, and rules by which it would have fitted."""
    comparison = one.comparison
    found = misfits(comparison)
    values = comparison.values
    found += [f"{values} values differ as they may"] if values and not found else []
    return found + [f"perhaps: - {rule}" for rule in suggestions(comparison)]


def _of_one_cluster(one: Recording) -> Recording:
    """With the system identifier that the lessons print: they tell of one cluster, whatever was recorded when."""
    known = _SYSTEM.search(one.step.expect)
    return replace(one, text=_SYSTEM.sub(known[0], one.text)) if known else one


def _with(text: str, one: Recording) -> str:
    """The lesson's text with another expected output in the block of one step."""
    lines = text.split("\n")
    start = next((n for n, line in enumerate(lines) if line == f"id: {one.step.id}"), len(lines))
    close = next((n for n in range(start, len(lines)) if lines[n].startswith("```")), None)
    if close is None:
        raise LabError(f"{one.path}: the step `{one.step.id}` has no block with an `id:` line of its own.")
    key = next((n for n in range(start, close) if lines[n].startswith("expect:")), None)
    if key is None:
        # Where authors look for it: behind what is run, before what is checked.
        key = end = next((n for n in range(start, close) if lines[n].startswith(_AFTER)), close)
    else:
        end = next((n for n in range(key + 1, close) if _KEY.match(lines[n])), close)
        while not lines[end - 1].strip():
            end -= 1
    written = ["expect: |2", *(f"  {line}".rstrip() for line in one.text.split("\n"))]
    return "\n".join([*lines[:key], *written, *lines[end:]])


def require_width(names: Names) -> None:
    """Raise LabError unless the lab's names are as long as the lessons': tables would lose their columns."""
    ours = Names()
    if len(names.prefix) != len(ours.prefix) or len(names.subnet) != len(ours.subnet):
        raise LabError(
            f"The names of this lab ({names.prefix}1, {names.subnet}.10) are not as long as those of the lessons "
            f"({ours.prefix}1, {ours.subnet}.10): recorded tables would lose their columns.",
            todo="Record from a lab such as: pghalab --lab record up -c pghr -s 192.168.60",
        )
