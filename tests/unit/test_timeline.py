"""Any moment that a journal tells of is put together as it was, and gone to from moment to moment."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pghalab.cluster.model import Etcd, EtcdView, Snapshot
from pghalab.course.journal.history import History
from pghalab.course.journal.states import Recorder
from pghalab.course.journal.story import Act, Changed
from pghalab.course.journal.timeline import Timeline, as_of_now
from pghalab.course.recorded import SHIPPED, read_recorded
from tests.unit.seen import moment


def etcd(alive: int) -> Etcd:
    view = moment("read-only").etcd.value
    assert view is not None
    return Snapshot(EtcdView(view.endpoints, 5, alive), None, 0.0)


def lines(entries: Iterable[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(entry).encode() + b"\n" for entry in entries]


def changing(count: int) -> list[bytes]:
    """etcd with another number of members alive each second, from 100 on."""
    recorder, kept = Recorder(), []
    for number in range(count):
        entry = recorder.take("etcd", etcd(number % 6), 100.0 + number)
        kept += [{"at": 100.0 + number, **entry}] if entry is not None else []
    return lines(kept)


def test_every_moment_is_as_it_was_in_whatever_order_it_is_asked_for() -> None:
    timeline = Timeline(changing(200))
    places = list(range(200))
    random.seed(1)
    random.shuffle(places)
    for place in places:
        frame = timeline.frame(100.5 + place)
        assert frame.etcd is not None and frame.etcd.value is not None
        assert frame.etcd.value.alive == place % 6 and frame.nodes is None
    assert timeline.frame(99.0).etcd is None
    assert timeline.moments == [100.0 + place for place in range(200)]


def test_what_is_lost_or_makes_no_sense_costs_no_more_than_itself() -> None:
    kept = changing(120)
    del kept[10]
    noise = [b"\n", b"{", b"[]", b"null", b'{"at": 3}', b'{"at": "x", "event": "Happened"}', b"\xff\xfe", b"[" * 5000]
    timeline = Timeline(
        [*noise, *kept, *lines([{"at": 5.0, "event": "Happened", "kind": "moon", "text": "x", "good": 1}])]
    )
    assert timeline.events == []
    before, behind, whole = (timeline.frame(100.0 + place).etcd for place in (9, 30, 60))
    assert before is not None and before.value is not None and before.value.alive == 9 % 6
    assert behind is not None and behind.at == 109.0, "nobody knows what came after the line that is lost"
    assert whole is not None and whole.value is not None and whole.value.alive == 60 % 6


def test_a_frame_is_shown_as_fresh() -> None:
    frame = as_of_now(Timeline(changing(3)).frame(102.0))
    assert frame.etcd is not None and frame.etcd.age < 60 and frame.etcd.at == 102.0


def test_moments_and_commands_are_gone_to_one_by_one() -> None:
    acts = [
        Act(101.5, "a", "pgha1", "postgres", "one", ended=103.2, outcome="done"),
        Act(101.6, "b", outcome="already"),
        Act(104.5, "c", "pgha1", "postgres", "two"),
    ]
    history = History(Timeline(changing(6)), [*acts, Changed(105.5, "Restart", True, 1.0)], lambda act: act.command)
    assert [getattr(one, "command", "Restart") for one in history.done] == ["one", "two", "Restart"]
    assert history.moments == [100.0, 101.0, 101.5, 102.0, 103.0, 103.2, 104.0, 104.5, 105.0, 105.5]
    assert [history.before(at) for at in (100.0, 101.5, 104.0, 110.0)] == [0, 1, 1, 3]
    assert [history.place(at) for at in (0.0, 100.0, 101.9, 200.0)] == [0, 0, 2, 9]

    def at(place: int) -> float:
        return history.moments[place]

    assert [at(history.command_beside(0, 1)), at(history.command_beside(2, 1)), at(history.command_beside(7, 1))] == [
        101.5, 104.5, 105.5,
    ]  # fmt: skip
    assert [at(history.command_beside(9, -1)), at(history.command_beside(6, -1))] == [104.5, 101.5]
    assert (history.command_beside(9, 1), history.command_beside(0, -1)) == (9, 0), "there is none further"


def test_nothing_kept_has_no_moments() -> None:
    history = History(Timeline([]), [], lambda act: "")
    assert history.moments == [] and history.before(1.0) == 0


def test_the_shipped_recording_can_be_gone_through_from_end_to_end() -> None:
    timeline = read_recorded(SHIPPED).timeline
    leaders = set()
    for at in timeline.moments:
        frame = timeline.frame(at)
        assert frame.nodes is None or frame.nodes.value is not None
        leaders.add(
            frame.patroni.value.leader if frame.patroni is not None and frame.patroni.value is not None else "-"
        )
    assert {"pgha1", "pgha2", "-"} <= leaders
    snapshot = timeline.frame(timeline.moments[-1]).nodes
    assert snapshot is not None and replace(snapshot, taken_at=0.0).at <= timeline.moments[-1]
