"""What a real lab answered at one moment, as `tests.fake_lab.record` wrote it down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.course.checks.facts import _processes
from pghalab.course.events import StepState
from pghalab.course.model import Course
from pghalab.lab.types import Result

RECORDINGS = Path(__file__).parents[1] / "recordings"
PASSWORD = "secret"
"""What the lab's password was replaced by."""
SERVICES = ("etcd", "patroni", "postgres")
_OF_THE_LOOK = ("sshd-session", "ps")
"""Programs that are there because somebody looks."""


@dataclass(frozen=True)
class Line:
    """A line of ps, without its pid and its age."""

    program: str
    user: str
    args: str


@dataclass(frozen=True)
class Login:
    """A try to log in from one node to another."""

    via: str
    to: str
    user: str
    database: str
    right: bool
    """With the lab's password."""


def fingerprint(course: Course, step_id: str) -> str:
    """What the state of a step hangs on: its checks, and those that make it past, its own and of later steps."""
    step = course.step(step_id)
    later = [fingerprint(course, each) for each in (*step.until, *step.undone_by)]
    own = [[[spec.name, spec.params] for spec in specs] for specs in (step.checks, step.needless_if) if specs]
    asked = json.dumps([own, later], sort_keys=True, default=str)
    return sha256(asked.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Recording:
    """Everything that the checks of the course were answered; nodes are called pgha1 to pgha5."""

    versions: Mapping[str, str]
    steps: Mapping[str, StepState]
    """What the look said of each step of the course as it was then, without any memory of what was done."""
    asked: Mapping[str, str]
    """The fingerprint of each of them."""
    commands: Mapping[str, Mapping[str, Result]]
    """By node and command."""
    lines: Mapping[str, tuple[Line, ...]]
    """What ran on each node."""
    endpoints: Mapping[str, EtcdEndpoint]
    members: Mapping[str, tuple[EtcdMember, ...]]
    dcs: Mapping[str, str]
    """Patroni's keys without their prefix."""
    patroni: Mapping[str, Mapping[str, Any]]
    rows: Mapping[tuple[str, str, str], Sequence[tuple[Any, ...]]]
    """By node, database and query."""
    logins: Mapping[Login, tuple[bool, str]]

    def lines_of(self, program: str) -> tuple[Line, ...]:
        """What a program looked like on the first node that ran it; empty when none did."""
        found = ([line for line in lines if line.program == program] for lines in self.lines.values())
        return next((tuple(lines) for lines in found if lines), ())

    def processes(self, node: str) -> dict[str, str]:
        """The services that ran on a node, each with its user."""
        return {line.program: line.user for line in self.lines[node] if line.program in SERVICES}


@cache
def recording(name: str) -> Recording:
    """The moment `tests/recordings/lab-NAME.json`."""
    kept = json.loads((RECORDINGS / f"lab-{name}.json").read_text())
    commands = {
        node: {command: Result(status, out, err, 0.0) for command, (status, out, err) in answers.items()}
        for node, answers in kept["commands"].items()
    }
    return Recording(
        versions=kept["versions"],
        steps=kept["steps"],
        asked=kept["asked"],
        commands=commands,
        lines={node: _lines(answers) for node, answers in commands.items()},
        endpoints={node: EtcdEndpoint(**one) for node, one in kept["endpoints"].items()},
        members={node: tuple(map(_member, found)) for node, found in kept["members"].items()},
        dcs=kept["dcs"],
        patroni=kept["patroni"],
        rows={(node, database, sql): list(map(tuple, rows)) for node, database, sql, rows in kept["rows"]},
        logins={Login(*given): (accepted, said) for *given, accepted, said in kept["logins"]},
    )


def _member(kept: dict[str, Any]) -> EtcdMember:
    return EtcdMember(
        kept["member_id"], kept["name"], tuple(kept["peer_urls"]), tuple(kept["client_urls"]), kept["is_learner"]
    )


def _lines(answers: Mapping[str, Result]) -> tuple[Line, ...]:
    (listing,) = [result.stdout for command, result in answers.items() if command.startswith("ps ")]
    found = []
    for line in listing.splitlines()[1:]:
        _, _, user, args = line.split(None, 3)
        for process in _processes(f"\n{line}"):
            if process.name not in _OF_THE_LOOK:
                found.append(Line(process.name, user, args))
    return tuple(found)
