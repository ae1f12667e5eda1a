"""How the cluster stood is kept in few bytes, and comes back as it was, whatever is lost on the way."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab.cluster.model import ClusterEvent, Etcd, EtcdView, Snapshot
from pghalab.course.journal import Journal, lines
from pghalab.course.journal.states import (
    FIGURES_EVERY,
    SIGN_EVERY,
    WHOLE_EVERY,
    Recorder,
    States,
    applied,
    difference,
)
from tests.unit.seen import moment

MOMENTS = ("waiting", "silent-leader", "frozen-leader", "read-only", "two-writers")


def etcd(index: int = 0, alive: int = 5) -> Etcd:
    """What etcd said, with its figures at some place."""
    view = moment("read-only").etcd.value
    assert view is not None
    rows = tuple(replace(row, raft_index=index, db_size=index * 10) for row in view.endpoints)
    return Snapshot(EtcdView(rows, 5, alive), None, 0.0)


def follow(entries: Sequence[dict[str, Any]]) -> States:
    states = States()
    for entry in entries:
        states.take(entry, entry["at"])
    return states


def test_every_moment_comes_back_as_it_was() -> None:
    recorder, states = Recorder(), States()
    for at, name in enumerate(MOMENTS * 3):
        seen = moment(name)
        for source, snapshot in (("nodes", seen.nodes), ("etcd", seen.etcd), ("patroni", seen.patroni)):
            entry = recorder.take(source, snapshot, at * 100.0)  # type: ignore[arg-type]
            if entry is not None:
                assert states.take(json.loads(json.dumps(entry)), at * 100.0)
        assert states.nodes is not None and states.etcd is not None and states.patroni is not None
        assert (states.nodes.value, states.nodes.error) == (seen.nodes.value, seen.nodes.error)
        assert (states.etcd.value, states.etcd.error) == (seen.etcd.value, seen.etcd.error)
        assert (states.patroni.value, states.patroni.error) == (seen.patroni.value, seen.patroni.error)


def test_what_changed_is_told_and_nothing_else() -> None:
    old = {"a": [1, 2, {"b": "x", "c": None}], "d": "same", "e": [1], "f": {"k": 1}}
    new = {"a": [1, 3, {"b": "x", "c": [1]}], "d": "same", "e": [1, 2], "f": {"other": 1}}
    change = difference(old, new)
    assert change == {"a": {"1": [3], "2": {"c": [[1]]}}, "e": [[1, 2]], "f": [{"other": 1}]}
    assert applied(old, change) == new and old["e"] == [1]
    assert difference(old, old) == {}


@pytest.mark.parametrize("change", [{"a": {"9": [1]}}, {"nothing": {"b": [1]}}, "x", [1, 2], {"d": {"x": [1]}}, None])
def test_a_change_that_does_not_fit_is_an_error_and_nothing_worse(change: object) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        applied({"a": [1], "d": "text"}, change)


def test_figures_alone_are_kept_now_and_then_and_what_matters_at_once() -> None:
    recorder, kept = Recorder(), []
    for second in range(600):
        entry = recorder.take("etcd", etcd(second), float(second))
        kept += [second] if entry else []
    assert kept == list(range(0, 600, int(FIGURES_EVERY)))
    entry = recorder.take("etcd", etcd(599, alive=4), 600.0)
    assert entry is not None and entry["event"] == "ClusterMoved"
    assert entry["change"]["value"]["alive"] == [4] and len(json.dumps(entry)) < 700
    assert recorder.take("etcd", etcd(599, alive=4), 601.0) is None
    assert recorder.take("etcd", etcd(599, alive=4), 600.0 + SIGN_EVERY) is not None, "somebody still watches"


def test_a_line_that_was_lost_costs_no_more_than_what_follows_up_to_a_whole_one() -> None:
    recorder = Recorder()
    whole: list[tuple[dict[str, Any], Etcd]] = []
    for number in range(4 * WHOLE_EVERY):
        seen = etcd(number, alive=number % 6)
        entry = recorder.take("etcd", seen, number * 100.0)
        assert entry is not None
        whole.append(({"at": number * 100.0, **json.loads(json.dumps(entry))}, seen))
    for seed in range(20):
        random.seed(seed)
        lost = random.sample(range(len(whole)), 5)
        states = States()
        for place, (entry, seen) in enumerate(whole):
            if place not in lost and states.take(entry, entry["at"]):
                assert states.etcd is not None and states.etcd.value == seen.value, (seed, place)
        assert states.etcd is not None
        told = int(states.etcd.at / 100)
        behind = [place for place in lost if place > told - WHOLE_EVERY]
        assert told == len(whole) - 1 or behind, "only a lost line is a reason to know nothing newer"


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"event": "ClusterStood", "source": "moon", "number": 0, "seen": {}},
        {"event": "ClusterStood", "source": "etcd", "number": 0, "seen": "x"},
        {"event": "ClusterStood", "source": "etcd", "number": 0, "seen": {"value": {"endpoints": 1}}},
        {"event": "ClusterStood", "source": ["etcd"], "number": 0, "seen": {"value": None}},
        {"event": "ClusterMoved", "source": "etcd", "number": 1, "change": {}},
        {"event": "ClusterMoved", "source": "etcd", "number": True, "change": {}},
    ],
)
def test_what_makes_no_sense_tells_nothing(entry: dict[str, Any]) -> None:
    states = States()
    states.take(entry, 1.0)
    assert (states.nodes, states.etcd, states.patroni) == (None, None, None)


def test_each_file_makes_sense_without_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LIMIT", 8_000)
    journal = Journal(tmp_path)
    for number in range(40):
        journal.saw(("etcd", etcd(0, alive=number % 6)))
        journal.saw(("event", ClusterEvent(1000.0 + number, "etcd", f"change {number}", True)))
    assert journal.stood.before.exists()
    journal.stood.before.unlink()
    states = follow(list(journal.stood.entries()))
    assert states.etcd is not None and states.etcd.value is not None and states.etcd.value.alive == 39 % 6
    assert sum(path.stat().st_size for path in tmp_path.glob("lab*.jsonl")) < 2 * 8_000


def test_a_console_that_only_looks_keeps_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", read_only=True)
    journal.saw(("etcd", etcd()))
    journal.saw(("event", ClusterEvent(1.0, "etcd", "x", True)))
    assert not (tmp_path / "journal").exists()
