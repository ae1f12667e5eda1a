"""Snapshots and events as JSON and back, with what a real cluster said."""

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest

from pghalab.cluster import codec, patroni
from pghalab.cluster.dcs import parse
from pghalab.cluster.model import (
    ClusterEvent,
    Etcd,
    EtcdEndpoint,
    NodeHealth,
    Nodes,
    Patroni,
    Snapshot,
    Trouble,
    Update,
)
from pghalab.cluster.quorum import etcd_view
from tests.unit.seen import recorded_endpoints

RECORDINGS = sorted((Path(__file__).parents[1] / "recordings").glob("cluster-*.json"))


def _again(value: Any) -> Any:
    return json.loads(json.dumps(codec.plain(value)))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
async def test_a_recorded_cluster_comes_back_as_it_went(path: Path) -> None:
    recorded = json.loads(path.read_text())
    truths = {name: answer for name, answer in recorded["patroni"].items() if "error" not in answer}
    now = time.monotonic()
    etcd = Snapshot(etcd_view(await recorded_endpoints(recorded), 5), None, now)
    seen = Snapshot(patroni.view(parse(recorded["dcs"]), truths), "etcd has no quorum", now - 7, time.time() - 7)
    assert seen.value is not None and len(seen.value.members) == 3
    assert codec.read_etcd(_again(etcd)).value == etcd.value
    back = codec.read_patroni(_again(seen))
    assert (back.value, back.error) == (seen.value, seen.error)
    assert back.at == pytest.approx(seen.at, abs=0.002)
    assert back.age == pytest.approx(7, abs=1)


def test_the_other_values_come_back_too() -> None:
    row = NodeHealth("pgha1", "running", "192.168.50.10", "up", "waiting", "none", "no answer", True, "75")
    nodes = codec.read_nodes(_again(Snapshot((row,), None, time.monotonic())))
    assert nodes.value == (row,)
    event = ClusterEvent(1764.5, "writes", "pgha1 takes writes \x1b[31m", True)
    assert codec.read_event(_again(event)) == event
    trouble = Trouble("writers", "critical", "two servers take writes", ("pgha1", "pgha2"))
    assert codec.read_trouble(_again(trouble)) == trouble
    rows: Nodes = Snapshot((row,), "x", time.monotonic())
    members: Etcd = Snapshot(None, "etcd has no quorum", time.monotonic())
    patronis: Patroni = Snapshot(None, "no answer", time.monotonic())
    updates: tuple[Update, ...] = (("event", event), ("nodes", rows), ("etcd", members), ("patroni", patronis))
    for update in updates:
        kind, value = codec.read_update(json.loads(json.dumps(codec.update(update))))
        assert (kind, getattr(value, "value", value)) == (update[0], getattr(update[1], "value", update[1]))


def test_an_age_is_counted_by_the_clock_that_nobody_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = Snapshot((), None, time.monotonic() - 3)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 3 <= snapshot.age < 60


def test_what_follows_from_the_values_is_written_and_not_read() -> None:
    view = etcd_view((EtcdEndpoint("pgha1", "pgha1:2379", "1"),), 3)
    told = _again(Snapshot(view, None, time.monotonic()))
    assert (told["value"]["majority"], told["value"]["has_quorum"]) == (2, False)
    told["value"]["has_quorum"] = True
    told["value"]["of a later version"] = {}
    read = codec.read_etcd(told).value
    assert read is not None and not read.has_quorum


EVENT = {"at": 1.0, "kind": "node", "text": "x", "good": True}


@pytest.mark.parametrize(
    "damaged",
    [
        None, [], "x", 7, {}, {**EVENT, "kind": "unheard of"}, {**EVENT, "at": "1"}, {**EVENT, "at": True},
        {**EVENT, "at": math.nan}, {**EVENT, "at": math.inf}, {**EVENT, "text": 5}, {**EVENT, "text": "x" * 10_001},
        {**EVENT, "good": 1}, {"at": 1.0},
    ],
)  # fmt: skip
def test_a_damaged_event_is_an_error(damaged: object) -> None:
    assert codec.read_event(EVENT).text == "x"
    with pytest.raises(ValueError):
        codec.read_event(damaged)


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        {},
        {"at": 1, "value": [7]},
        {"at": 1, "value": {}},
        {"at": 1, "error": 5},
        {"at": 1, "error": "x" * 10_001},
    ],
)
def test_a_damaged_snapshot_is_an_error(damaged: object) -> None:
    with pytest.raises(ValueError):
        codec.read_nodes(damaged)
    with pytest.raises(ValueError):
        codec.read_update({"nodes": damaged})
