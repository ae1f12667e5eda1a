"""The one JSON form of what happens: in a run, and in a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from pghalab import codec
from pghalab.course import events as run
from pghalab.course.events import CheckResult
from pghalab.lab.types import Ended, Output
from pghalab.session import events as session
from pghalab.session.demo.standing import Asked, Command, Held, Standing

RESULTS = (CheckResult("etcd runs", False, "stopped", "running", "pgha1"),)
RUN = [
    run.StepStarted("start", "Start etcd"),
    run.CommandStarted("start", "pgha1", "postgres", "etcd", Path("/logs/1.log"), typed=True),
    run.Printed("start", Output("stderr", "line\n")),
    run.CommandEnded("start", Ended("timeout", None, 1.5)),
    run.ConfirmNeeded("start", "-a\n+b"),
    run.ChecksSeen("start", RESULTS, True),
    run.StepEnded("start", "failed", 2.0, "nothing runs"),
]
STANDING = Standing(
    "etcd-start", 8, "Starting etcd", "etcd-start-pgha1", "The first member", 3, 19, "typing", "All of it at once",
    Command("etcd-start-pgha1", "postgres@pgha1", "etcd &"), "etcd-log", "The log", None, 12.5, 900.0, 700.0,
    "● 5 of 5 nodes up", (Held("etcd runs", False, True, "stopped", "pgha1"),), ("pgha3 leads",), "Wait for a vote.",
    (Command("", "", "pghalab up"),), Asked("How many?", ("1", "2"), 1, ("No.", "Yes."), False, (3, 4)), "etcd-log",
    True, False, True, True, 1.5,
)  # fmt: skip
SESSION = [
    session.CourseRead(),
    session.LabOpened(),
    session.TroubleChanged(),
    session.StatesChanged(),
    session.NoticesChanged(("one", "two")),
    session.ClusterSeen("etcd"),
    session.RunProgressed(),
    session.RunFinished("start", "done"),
    session.ConfirmationAsked("-a\n+b"),
    session.VerbProgressed(),
    session.VerbFinished(),
    session.ShellOpened(1, "pgha1", "postgres", True),
    session.ShellLost(1, "pgha1", "postgres", "it is frozen", 12),
    session.ShellClosed(1, "pgha1", "postgres", 0),
    session.ShellMarked(1, False, "sh sets no marks"),
    session.CommandTyped("start", "pgha1", "postgres", "etcd &", 0, 12.5),
    session.QuestionShown("quorum", "How many may fail?", ("1", "2")),
    session.QuestionHidden("quorum"),
    session.VotesCounted("quorum", (3, 40)),
    session.ShowMoved(STANDING),
    session.Noticed("a word", "warning"),
]


def there_and_back(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("event", RUN, ids=lambda event: type(event).__name__)
def test_what_happens_in_a_run_goes_to_json_and_back(event: run.RunEvent) -> None:
    assert run.from_json(there_and_back(run.to_json(event))) == event


@pytest.mark.parametrize("event", SESSION, ids=lambda event: type(event).__name__)
def test_what_a_session_tells_goes_to_json_and_back(event: session.SessionEvent) -> None:
    assert session.from_json(there_and_back(session.to_json(event))) == event


def test_no_kind_is_left_out() -> None:
    assert {type(event) for event in RUN} == set(get_args(run.RunEvent))
    assert {type(event) for event in SESSION} == set(get_args(session.SessionEvent))


@dataclass(frozen=True)
class Inner:
    at: float


@dataclass(frozen=True)
class Outer:
    word: Literal["a", "b"]
    pairs: tuple[tuple[str, int], ...] = ()
    names: Mapping[str, Inner] | None = None
    either: Inner | int = 0


@pytest.mark.parametrize(
    "value", [Outer("a"), Outer("b", (("x", 1), ("y", 2)), {"n": Inner(1.5)}, Inner(0.0)), Outer("a", either=3)]
)
def test_values_within_values(value: Outer) -> None:
    assert codec.from_json(Outer, there_and_back(codec.to_json(value))) == value


@pytest.mark.parametrize(
    "data",
    [
        {"word": "c"},
        {},
        [],
        {"word": "a", "pairs": [["x"]]},
        {"word": "a", "pairs": [["x", True]]},
        {"word": "a", "names": {"n": {"at": "late"}}},
        {"word": "a", "either": "x"},
        {"word": "a", "names": {"n": {"at": 10**400}}},
        {"word": "a", "names": {"n": {"at": float("nan")}}},
    ],
)
def test_data_of_another_shape_is_refused(data: object) -> None:
    with pytest.raises(ValueError):
        codec.from_json(Outer, data)


def test_what_a_newer_version_added_is_passed_over() -> None:
    assert codec.from_json(Outer, {"word": "a", "new": 1}) == Outer("a")


def test_an_unknown_kind_and_what_is_not_plain_are_refused() -> None:
    with pytest.raises(ValueError, match="no kind"):
        session.from_json({"event": "Exploded"})
    with pytest.raises(TypeError):
        codec.to_json(object())
