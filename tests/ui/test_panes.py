"""The live panes: three states, ages, columns that give way."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Static

from pghalab.cluster.cells import printed
from pghalab.cluster.headline import headline
from pghalab.cluster.model import ClusterEvent, EtcdEndpoint, EtcdView, NodeHealth, PatroniMember, PatroniView, Snapshot
from pghalab.widgets import glyphs
from pghalab.widgets.etcd_pane import EtcdPane
from pghalab.widgets.events_pane import EventsPane
from pghalab.widgets.nodes_pane import NodesPane
from pghalab.widgets.pane import LivePane
from pghalab.widgets.patroni_pane import PatroniPane
from pghalab.widgets.table import Table
from tests.ui import views
from tests.ui.stage import stage, until
from tests.ui.test_console import at_step
from tests.unit.seen import moment


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class PaneApp(App[None]):
    """One pane."""

    def __init__(self, pane: LivePane[Any]) -> None:
        super().__init__()
        self.pane = pane

    def compose(self) -> ComposeResult:
        yield self.pane


def text(pane: LivePane[Any]) -> str:
    """Everything the pane shows."""
    parts = [str(part.content) for part in pane.query(".pane-title, .pane-summary").results(Static) if part.display]
    return "\n".join([*parts, str(pane.query_one(Table).content)])


def headed(*seen: Any, **more: Any) -> Content:
    """The line above every screen, as it is drawn."""
    return glyphs.line(headline(*seen, **more))


def titles(table: Table) -> str:
    """The titles of the columns that are shown."""
    return " ".join(str(table.content).splitlines()[0].split())


async def test_before_there_is_data_the_pane_says_what_brings_it() -> None:
    pane = EtcdPane()
    async with PaneApp(pane).run_test():
        assert pane.state == "none"
        assert "no data" in text(pane)
        assert "starts the first member" in text(pane)


async def test_a_failure_without_any_data_shows_its_reason_unparsed() -> None:
    clock = Clock()
    pane = EtcdPane(clock=clock)
    async with PaneApp(pane).run_test():
        pane.show(Snapshot(None, "no answer from [all] \x1b[31mnodes", clock.now - 3))
        assert pane.state == "failed"
        assert "✗ FAILED 3 s ago" in text(pane)
        assert "no answer from [all] nodes" in text(pane)


async def test_data_grows_old_and_says_so() -> None:
    clock = Clock()
    pane = NodesPane(clock=clock)
    async with PaneApp(pane).run_test():
        _, snapshot = views.nodes()
        pane.show(Snapshot(snapshot.value, None, clock.now))
        assert "● live, < 6 s" in text(pane)
        clock.now += 10.5
        pane.tick()
        assert pane.state == "stale"
        assert "! STALE 10 s" in text(pane)


async def test_a_lab_without_nodes_says_what_makes_them() -> None:
    pane = NodesPane()
    async with PaneApp(pane).run_test():
        absent = tuple(
            NodeHealth(name, "absent", "192.168.50.10", "down", "unknown", "unknown", "unknown") for name in "ab"
        )
        pane.show(Snapshot(absent, None, 0.0))
        assert "No nodes:" in text(pane)
        assert "down" not in text(pane)
        pane.show(views.nodes(containers=2)[1])
        assert "No nodes:" not in text(pane)


async def test_an_empty_pane_says_of_stopped_services_that_none_runs(folder: Path) -> None:
    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "second-start")
        kind, nodes = views.nodes(etcd=0, patroni=0)
        nothing: Snapshot[Any] = Snapshot(None, None, time.monotonic())
        rows = tuple(replace(row, member=True, managed=row.patroni != "none") for row in nodes.value or ())
        built.feed(("etcd", nothing), ("patroni", nothing), (kind, replace(nodes, value=rows)))
        etcd, patroni = screen.query_one(EtcdPane), screen.query_one(PatroniPane)
        await until(pilot, lambda: "No etcd runs; its data lie on every node" in text(etcd))
        await until(pilot, lambda: "No Patroni runs; its data lie on pgha1" in text(patroni))
        assert etcd.text.startswith("No etcd runs;"), "what is copied says the same"


async def test_an_error_keeps_the_last_data_on_the_screen() -> None:
    pane = NodesPane()
    async with PaneApp(pane).run_test():
        _, snapshot = views.nodes()
        pane.show(Snapshot(snapshot.value, "the engine does not answer", snapshot.taken_at))
        assert "! the engine does not answer" in text(pane)
        assert "● running" in text(pane)


async def test_the_pane_in_front_is_copied_whole_however_narrow() -> None:
    pane = EtcdPane()
    app = PaneApp(pane)
    async with app.run_test(size=(40, 24)) as pilot:
        await pilot.press("y")
        assert app.clipboard == ""
        pane.show(views.etcd(alive=3)[1])
        pane.focus()
        await pilot.press("y")
        assert "members 5, majority 3, alive 3" in app.clipboard and "RAFT APPLIED INDEX" in app.clipboard


async def test_events_are_copied_newest_first() -> None:
    pane = EventsPane()
    app = PaneApp(pane)
    async with app.run_test() as pilot:
        events = tuple(ClusterEvent(float(at), "leader", f"{at} leads", True) for at in (1, 2))
        pane.show(Snapshot(events, None, 0.0))
        pane.focus()
        await pilot.press("y")
        assert [line.split()[-2:] for line in app.clipboard.splitlines()] == [["2", "leads"], ["1", "leads"]]


@pytest.mark.parametrize(
    ("alive", "verdict"),
    [
        (5, "members 5, majority 3, alive 5, can still lose 2"),
        (3, "members 5, majority 3, alive 3, can still lose 0"),
        (2, "members 5, majority 3, alive 2, ✗ NO QUORUM, 1 more needed"),
    ],
)
async def test_the_arithmetic_of_the_quorum(alive: int, verdict: str) -> None:
    pane = EtcdPane()
    async with PaneApp(pane).run_test(size=(160, 24)):
        pane.show(views.etcd(alive=alive)[1])
        shown = text(pane)
        assert verdict in shown
        assert shown.count("○ stopped") == 5 - alive
        for title in ("ENDPOINT", "ID", "VERSION", "DB SIZE", "IS LEADER", "IS LEARNER", "RAFT TERM", "RAFT INDEX",
                      "RAFT APPLIED INDEX"):  # fmt: skip
            assert title in shown
        assert ("ERRORS" in shown) == (alive < 5)


async def test_members_that_are_silent_may_have_a_quorum_that_nobody_hears() -> None:
    pane = EtcdPane()
    async with PaneApp(pane).run_test(size=(160, 24)):
        pane.show(views.etcd(alive=2, silent=True)[1])
        assert text(pane).count("✗ no answer") == 3
        assert "quorum unknown" in text(pane) and "NO QUORUM" not in text(pane)


async def test_a_narrow_pane_drops_the_least_useful_columns_and_takes_them_back() -> None:
    pane = EtcdPane()
    async with PaneApp(pane).run_test(size=(160, 24)) as pilot:
        pane.show(views.etcd()[1])
        await pilot.resize_terminal(52, 24)
        await pilot.pause()
        table = pane.query_one(Table)
        assert titles(table) == "ENDPOINT IS LEADER RAFT TERM RAFT INDEX"
        assert max(len(line) for line in str(table.content).splitlines()) <= 50
        await pilot.resize_terminal(160, 24)
        await pilot.pause()
        assert titles(table).endswith("RAFT TERM RAFT INDEX RAFT APPLIED INDEX")


async def test_roles_have_a_word_and_a_glyph() -> None:
    pane = PatroniPane()
    async with PaneApp(pane).run_test(size=(130, 24)):
        pane.show(views.patroni()[1])
        shown = text(pane)
        assert "★ Leader" in shown
        assert shown.count("○ Replica") == 2
        assert "0/6000060" in shown
        assert "pgha_patroni_cluster (7573485601442316865)" in shown


async def test_what_is_out_of_the_ordinary_is_said() -> None:
    pane = PatroniPane()
    member = PatroniMember("pgha2", "pgha2", "Replica", "running", 1, pending_restart=True, answers=False)
    async with PaneApp(pane).run_test(size=(130, 24)):
        pane.show(Snapshot(PatroniView("scope", "75", None, (member,), paused=True), None, 0.0))
        shown = text(pane)
        for words in ("NO LEADER", "maintenance mode", "pending restart, does not answer"):
            assert words in shown


async def test_what_did_not_change_is_not_painted_again() -> None:
    pane = EtcdPane()
    async with PaneApp(pane).run_test(size=(130, 24)):
        table = pane.query_one(Table)
        pane.show(views.etcd()[1])
        before = table.content
        pane.show(views.etcd()[1])
        assert table.content is before


def test_the_condition_of_the_lab_in_one_line() -> None:
    none: Any = None
    assert headed("pgha", none, none, none).plain == "lab pgha · looking…"
    assert "✗ No engine answers." in headed("pgha", none, none, none, "No engine answers.\nInstall it.").plain
    full = headed("pgha", views.nodes()[1], views.etcd()[1], views.patroni()[1])
    assert full.plain == ("lab pgha · ● 5 of 5 nodes up · etcd 5 of 5, quorum · ★ pgha1 leads, timeline 1, 2 streaming")
    lost = EtcdView((EtcdEndpoint("pgha1", "pgha1:2379"),), 5, 2)
    line = headed("pgha", views.nodes(containers=2)[1], Snapshot(lost, None, 0.0), none)
    assert "! 2 of 5 nodes up" in line.plain
    assert "etcd 2 of 5, NO QUORUM" in line.plain


def test_the_condition_claims_nothing_that_is_not_seen_any_more() -> None:
    etcd, patroni = views.etcd()[1], views.patroni()[1]
    lost = headed(
        "pgha",
        views.nodes()[1],
        Snapshot(etcd.value, "no node is in reach", 0.0),
        Snapshot(patroni.value, "etcd runs on no node", 0.0),
        paused=True,
    )
    assert lost.plain == (
        "lab pgha · ‖ as it was when you paused · ● 5 of 5 nodes up · ? etcd not seen · ? leader not known"
    )


async def test_the_events_have_an_age_too() -> None:
    clock = Clock()
    pane = EventsPane(clock=clock)
    app = PaneApp(pane)
    async with app.run_test():
        title = pane.query_one(".pane-title", Static)
        pane.show(Snapshot((), None, clock.now))
        assert "● live, < 6 s" in str(title.content)
        assert "Nothing has happened yet" in str(pane.query_one(".pane-summary", Static).content)
        pane.show(Snapshot((ClusterEvent(0.0, "member", "pgha2 [left]", False),), None, clock.now))
        assert " Events  1, the newest first" in str(title.content)
        assert "✗ member   pgha2 [left]" in str(pane.query_one(".events", Static).content)
        clock.now += 11
        pane.tick()
        assert "! STALE 11 s" in str(title.content)
        pane.pause(True)
        assert "‖ PAUSED 11 s" in str(title.content)


@pytest.mark.parametrize("width", [14, 20, 30])
async def test_names_that_differ_at_their_ends_stay_apart_in_a_narrow_table(width: int) -> None:
    pane = NodesPane()
    async with PaneApp(pane).run_test(size=(width, 24)) as pilot:
        rows = tuple(
            NodeHealth(f"a-lab-with-a-long-name{n}", "running", "192.168.50.10", "up", "running", "running", "running")
            for n in (1, 2, 10)
        )
        pane.show(Snapshot(rows, None, 0.0))
        await pilot.pause()
        lines = [line.rstrip() for line in str(pane.query_one(Table).content).splitlines()]
        assert lines[0].startswith("Node")
        assert len({line.split()[0] for line in lines[1:]}) == 3
        assert max(map(len, lines)) <= width - 2


@pytest.mark.parametrize("name", ["two-writers", "read-only", "silent-leader", "frozen-leader"])
async def test_the_panes_draw_what_status_prints(name: str) -> None:
    seen = moment(name)
    panes: list[tuple[LivePane[Any], Any]] = [
        (NodesPane(), seen.nodes), (EtcdPane(), seen.etcd), (PatroniPane(), seen.patroni),
    ]  # fmt: skip
    for pane, snapshot in panes:
        async with PaneApp(pane).run_test(size=(200, 40)):
            pane.show(snapshot)
            drawn = [line.rstrip() for line in text(pane).splitlines()[1:] if line.strip()]
            assert drawn == printed(pane.sheet(snapshot))


def test_the_line_of_the_lab_says_the_gravest_first() -> None:
    seen = moment("two-writers")
    line = headed("pgha", seen.nodes, seen.etcd, seen.patroni)
    assert line.plain.startswith("lab pgha · ✗ 2 SERVERS TAKE WRITES: pgha2, pgha3 · ")
