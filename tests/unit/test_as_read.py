"""What is read of recorded clusters, value for value, and every change that is told, word for word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from typing import Any

from pghalab.cluster import events, patroni
from pghalab.cluster.dcs import parse
from pghalab.cluster.model import ClusterEvent
from tests.fake_lab.recording import RECORDINGS
from tests.unit.seen import Moment, recorded_endpoints
from tests.unit.test_shown import HEALTHY, moments
from tests.unit.written import as_written

CLUSTERS = ("streaming", "quorum-lost", "postgres-starting")
WORDS = {
    "leader": ("pgha1", "pgha2", ""),
    "member": ("absent", "leads", "streaming", "running", "in archive recovery", "starting", "stopped", "start failed"),
    "timeline": ("1", "2"),
    "etcd": ("up", "down", "waiting", "foreign"),
    "etcd leader": ("pgha1", "pgha2"),
    "quorum": ("held", "waiting", "lost"),
    "writes": ("writes", "read-only", "gone", "stopped", "no answer"),
    "writers": ("pgha1 and pgha2", ""),
    "node": ("up", "down", "ended"),
    "how": ("gone", "paused"),
}
"""Every word that something can have, by what it tells of."""


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDINGS / f"cluster-{name}.json").read_text())
    return found


async def test_the_values_of_recorded_clusters() -> None:
    lines = []
    for name in CLUSTERS:
        kept = recorded(name)
        truths: Mapping[str, Any] = {node: told for node, told in kept["patroni"].items() if "error" not in told}
        dcs = parse(kept["dcs"])
        lines += [f"# {name}", *map(repr, dcs.members), repr((dcs.optime, dcs.history, dcs.sync, dcs.failover))]
        views = {
            "keys and nodes": patroni.view(dcs, truths),
            "the keys alone": patroni.view(dcs, {}),
            "the nodes alone": patroni.view(None, truths),
            "a server that was asked": patroni.view(dcs, truths, dict.fromkeys(truths, False), 17),
        }
        for how, view in views.items():
            about = (view.scope, view.system_id, view.leader, view.paused, view.lease_left)
            lines += [f"## {how}: {about}", *map(repr, view.members)]
        lines += ["## etcd", *map(repr, await recorded_endpoints(kept))]
    as_written("read", lines)


def heard(judge: events.Judge, at: Moment) -> None:
    """Let the judge hear of everything that is seen at a moment."""
    rows, members, view = at.nodes.value, at.etcd.value, at.patroni.value
    if rows is not None and not at.nodes.error:
        judge.hear("nodes", events.node_words(rows))
        judge.hear("writes", events.writes_words(rows))
    if members is not None and not at.etcd.error:
        judge.hear("etcd", events.etcd_words(members, [row.node for row in members.endpoints]))
    if view is not None and not at.patroni.error:
        judge.hear("leader", events.leader_words(view.leader))
        judge.hear("patroni", events.patroni_words(view, {row.name: row.postgres for row in rows or ()}))


def test_what_is_told_when_it_comes_to_each_moment_and_back() -> None:
    lines = []
    for name, at in moments():
        told: list[str] = []
        judge = events.Judge(lambda event: told.append(f"{'+' if event.good else '-'} {event.kind}: {event.text}"))  # noqa: B023
        for one in (HEALTHY, HEALTHY, at):
            heard(judge, one)
        once = sorted(told)
        heard(judge, at)
        twice = sorted(told[len(once) :])
        before = len(told)
        heard(judge, HEALTHY)
        lines += [f"# {name}", *once, "## and a second look", *twice, "## and everything runs again"]
        lines += sorted(told[before:])
    as_written("came", lines)


def test_every_change_that_is_told() -> None:
    lines = []
    for kind, words in WORDS.items():
        who = "" if kind in ("leader", "timeline", "etcd leader", "quorum", "writers") else "pgha3"
        for before, now in product(words, words):
            old = {(kind, who): before, ("last leader", ""): before or "pgha2"}
            new = {(kind, who): now, ("how", "pgha3"): "paused", ("alive", ""): "3 of 5 members alive, 3 needed"}
            for event in events.changes(old, new, 7.0):
                good = "+" if event.good else "-"
                lines.append(f"{good} {event.kind}: {event.text} ({kind}: {before or 'none'} -> {now or 'none'})")
                assert event.at == 7.0
    as_written("told", lines)


def test_a_quorum_that_was_there_before_is_back() -> None:
    counted = {("alive", ""): "3 of 5"}
    (event,) = events.changes(
        {("quorum", ""): "lost", ("had quorum", ""): "yes"}, {("quorum", ""): "held", **counted}, 7.0
    )
    assert (event.text, event.good) == ("etcd has its quorum back: 3 of 5", True)


def test_of_many_settings_that_changed_four_are_named() -> None:
    old = {name: 1 for name in "abcdef"} | {"postgresql": {"x": 1, "y": 1}}
    for changed, words in (
        ({"a": 2}, "a"),
        ({"postgresql": {"x": 2, "y": 1}}, "postgresql.x"),
        (dict.fromkeys("abcd", 2), "a, b, c, d"),
        (dict.fromkeys("abcde", 2), "a, b, c, d and 1 more"),
        (dict.fromkeys("abcdef", 2), "a, b, c, d and 2 more"),
    ):
        (event,) = events.config_changes(old, old | changed, 7.0)
        assert event == ClusterEvent(7.0, "config", f"configuration changed: {words}", True)
    assert events.config_changes(old, dict(old), 7.0) == ()
    assert events.config_changes({}, old, 7.0) == events.config_changes(old, {}, 7.0) == ()
