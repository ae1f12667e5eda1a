"""Who may start first: every situation in which the wrong one would lose rows, and those in which nobody would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pghalab.course.checks.facts import Facts
from pghalab.course.events import StepEnded
from pghalab.course.kinds import Command
from pghalab.course.lint import lint
from pghalab.course.look import StepStatus
from pghalab.course.model import Step
from pghalab.course.positions import from_control, situation
from pghalab.course.report import Quiet, StepReport, TextReporter, choose, run_step, run_steps
from pghalab.course.resume import Decision, Member, Situation, decide, lsn, parsed
from pghalab.course.runner import Runner
from pghalab.course.way import go, look, way
from pghalab.lab.types import Ended
from tests.fake_lab.backend import runner_on
from tests.fake_lab.control import CONTROL, at, none
from tests.fake_lab.control import SYSTEM as ID
from tests.fake_lab.course import starts_patroni, write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode
from tests.fake_lab.sources import FakeSources


def primary(name: str, timeline: int, position: int, **more: Any) -> Member:
    return Member(name, "primary", timeline, position, **{"system": ID, **more})


def replica(name: str, timeline: int, position: int, **more: Any) -> Member:
    return Member(name, "replica", timeline, position, **{"system": ID, **more})


def empty(name: str, **more: Any) -> Member:
    return Member(name, "empty", **more)


def unknown(name: str, why: str = "") -> Member:
    return Member(name, "unknown", why=why or f"{name} is out of reach")


def ask(wanted: str, *members: Member, **more: Any) -> Decision:
    return decide(Situation(members, **{"initialize": ID, **more}), wanted)


LATER = primary("b", 2, 900, closed=True)
"""b was promoted after a."""
OLD = primary("a", 1, 500)


@pytest.mark.parametrize(
    ("wanted", "members", "more", "verdict", "first"),
    [
        # Somebody leads: whoever starts now follows.
        ("a", [OLD, LATER], {"leads": "b"}, "start", ""),
        ("a", [OLD, unknown("b")], {"leads": "c"}, "start", ""),
        # The last leader is known by its timeline.
        ("a", [OLD, LATER, replica("c", 2, 900)], {}, "first", "b"),
        ("b", [OLD, LATER, replica("c", 2, 900)], {}, "start", ""),
        # One that has everything may start as well, one that lacks something may not.
        ("c", [OLD, LATER, replica("c", 2, 900)], {}, "start", ""),
        ("c", [OLD, LATER, replica("c", 2, 899)], {}, "first", "b"),
        ("c", [OLD, LATER, replica("c", 1, 950)], {}, "first", "b"),
        # A leader that crashed wrote more than its control file says.
        ("c", [primary("b", 2, 100), replica("c", 2, 900)], {}, "first", "b"),
        # Equal timelines, all in order.
        ("c", [primary("a", 1, 500, closed=True), replica("b", 1, 500), replica("c", 1, 560)], {}, "start", ""),
        # Nobody led when it ended: the furthest one.
        ("a", [replica("a", 3, 500), replica("b", 3, 900)], {}, "first", "b"),
        ("a", [replica("a", 3, 900), replica("b", 3, 900)], {}, "start", ""),
        ("a", [replica("a", 4, 100), replica("b", 3, 900)], {}, "start", ""),
        # Its Patroni runs already and does not lead yet.
        ("a", [OLD, primary("b", 2, 900, patroni=True)], {}, "wait", "b"),
        # A server without Patroni still takes writes: nobody has everything.
        ("a", [replica("a", 2, 900), primary("b", 2, 900)], {}, "first", "b"),
        # Before the birth.
        ("a", [empty("a"), empty("b"), empty("c")], {"initialize": ""}, "start", ""),
        ("a", [empty("a"), unknown("b")], {"initialize": ""}, "start", ""),
        ("a", [empty("a"), empty("b")], {"initialize": "", "etcd": False}, "start", ""),
        ("a", [empty("a"), unknown("b")], {"initialize": "", "etcd": False}, "refuse", ""),
        # A replica without data waits for a leader, but must not become one.
        ("a", [empty("a"), LATER], {}, "first", "b"),
        ("a", [empty("a"), LATER], {"initialize": "", "etcd": False}, "first", "b"),
        ("b", [empty("a"), LATER], {}, "start", ""),
        # Two of three out of reach.
        ("a", [OLD, unknown("b"), unknown("c")], {}, "refuse", ""),
        ("a", [OLD, unknown("b"), unknown("c")], {"etcd": False, "initialize": ""}, "refuse", ""),
        ("a", [replica("a", 2, 900), unknown("b"), unknown("c")], {}, "refuse", ""),
        # etcd's history comes a loop after the rows of who was promoted, so it clears nobody.
        ("b", [unknown("a"), LATER, unknown("c")], {}, "refuse", ""),
        ("a", [OLD, LATER, unknown("c")], {}, "refuse", ""),
        # A node that is out of reach cannot be started anyway.
        ("a", [unknown("a"), LATER], {}, "refuse", ""),
        # Data of another cluster counts for nothing while etcd names the cluster, and is not weighed without it.
        ("b", [primary("a", 9, 999, system="2"), LATER], {}, "start", ""),
        ("b", [primary("a", 9, 999, system="2"), LATER], {"initialize": ""}, "refuse", ""),
        ("a", [primary("a", 2, 500), LATER], {}, "refuse", ""),
    ],
)
def test_every_situation(wanted: str, members: list[Member], more: dict[str, Any], verdict: str, first: str) -> None:
    decision = ask(wanted, *members, **more)
    assert (decision.verdict, decision.first) == (verdict, first), decision.reason
    assert bool(decision.reason) == (verdict != "start")


def test_a_refusal_names_who_led_last_and_what_is_out_of_reach() -> None:
    reason = ask("a", OLD, LATER).reason
    assert "b led last: its data is on timeline 2 at 0/384, the data on a is on timeline 1 at 0/1F4" in reason
    assert "rows would be lost" in reason
    reason = ask("a", OLD, unknown("c", "c is out of reach: its container is paused")).reason
    assert reason == "Who led last cannot be checked: c is out of reach: its container is paused."


@pytest.mark.parametrize(
    ("wanted", "members", "without", "verdict", "first"),
    [
        # What is out of reach and may be lost keeps nobody from starting; the others are weighed as ever.
        ("a", [OLD, unknown("c")], {"c"}, "start", ""),
        ("a", [OLD, LATER, unknown("c")], {"c"}, "first", "b"),
        ("b", [OLD, LATER, unknown("c")], {"c"}, "start", ""),
        ("a", [OLD, unknown("b"), unknown("c")], {"b", "c"}, "start", ""),
        # Every one that is out of reach has to be named.
        ("a", [OLD, unknown("b"), unknown("c")], {"c"}, "refuse", ""),
        # One that can be looked at counts, whatever was said of it.
        ("a", [OLD, LATER], {"b"}, "first", "b"),
        # It cannot be started while nobody can look at it, or without its own data.
        ("a", [unknown("a"), LATER], {"a"}, "refuse", ""),
        # Two servers that led on one timeline are still two.
        ("a", [primary("a", 2, 500), LATER, unknown("c")], {"c"}, "refuse", ""),
    ],
)
def test_what_is_out_of_reach_for_good_can_be_left_out(
    wanted: str, members: list[Member], without: set[str], verdict: str, first: str
) -> None:
    decision = decide(Situation(tuple(members), initialize=ID), wanted, without)
    assert (decision.verdict, decision.first) == (verdict, first), decision.reason


def test_positions_are_read_as_postgresql_writes_them() -> None:
    assert parsed("2/5000060") == (2 << 32) + 0x5000060 and lsn(parsed("2/5000060")) == "2/5000060"
    assert parsed("") == parsed("x/y") == 0


@pytest.mark.parametrize(
    ("state", "minimum", "timeline", "mark", "expected"),
    [
        ("in production", "0/0", 0, "", ("primary", 2, 0x5000060, False)),
        ("shut down", "0/0", 0, "", ("primary", 2, 0x5000060, True)),
        ("shut down in recovery", "0/6000000", 3, "follows: standby.signal\n", ("replica", 3, 0x6000000, False)),
        ("in archive recovery", "0/4000000", 2, "", ("replica", 2, 0x5000060, False)),
        # A copy that was never started, and a leader that was told to follow.
        ("in production", "0/0", 0, "follows: backup_label\n", ("replica", 2, 0x5000060, False)),
        ("shut down", "0/0", 0, "follows: standby.signal\n", ("replica", 2, 0x5000060, False)),
    ],
)
def test_a_control_file(state: str, minimum: str, timeline: int, mark: str, expected: tuple[Any, ...]) -> None:
    text = CONTROL.format(state=state, minimum=minimum, timeline=timeline) + mark
    member = from_control("a", text)
    assert (member.data, member.timeline, member.position, member.closed) == expected
    assert member.system == ID


# What is gathered, and who asks for it


@pytest.fixture
def stopped(lab: FakeLab, sources: FakeSources) -> FakeLab:
    """etcd runs; pgha2 was promoted after pgha1, and nothing else runs."""
    for node in lab.nodes.values():
        node.processes["etcd"] = "postgres"
    at(lab, "pgha1", "shut down", 0, "0/3000060")
    at(lab, "pgha2", "shut down", 3, "0/5000060")
    at(lab, "pgha3", "shut down in recovery", 3, "0/4000000")
    sources.dcs |= {"initialize": ID, "history": '[[2, 83886176, "no recovery target specified", "2026", "pgha2"]]'}
    return lab


async def test_what_is_known_is_gathered_from_the_nodes_and_etcd(stopped: FakeLab, sources: FakeSources) -> None:
    facts = Facts(stopped, sources)
    found = await situation(facts)
    await facts.close()
    assert [(one.name, one.data, one.timeline, one.position) for one in found.members] == [
        ("pgha1", "primary", 2, 0x3000060),
        ("pgha2", "primary", 3, 0x5000060),
        ("pgha3", "replica", 3, 0x4000000),
    ]
    assert (found.leads, found.etcd, found.initialize) == ("", True, ID)


async def test_the_directory_that_a_node_is_made_with_is_no_data_of_the_cluster(
    stopped: FakeLab, sources: FakeSources
) -> None:
    at(stopped, "pgha1", "shut down", 0, "0/3000060", mark="")
    for initialize, data in ((ID, "primary"), ("", "empty"), ("2", "empty")):
        sources.dcs["initialize"] = initialize
        facts = Facts(stopped, sources)
        assert (await situation(facts)).members[0].data == data, initialize
        await facts.close()


async def test_a_server_that_runs_is_asked(stopped: FakeLab, sources: FakeSources) -> None:
    stopped.nodes["pgha2"].processes |= {"postgres": "postgres", "patroni": "postgres"}
    sources.rows["pgha2", "pg_is_in_recovery"] = [(ID, False, 3, 0x7000000)]
    sources.dcs["leader"] = "pgha2"
    facts = Facts(stopped, sources)
    found = await situation(facts)
    await facts.close()
    assert found.leads == "pgha2"
    assert found.members[1] == Member("pgha2", "primary", 3, 0x7000000, ID, patroni=True)


async def test_a_leader_key_of_a_server_that_does_not_run_leads_nothing(stopped: FakeLab, sources: FakeSources) -> None:
    sources.dcs["leader"] = "pgha1"
    facts = Facts(stopped, sources)
    assert (await situation(facts)).leads == ""
    await facts.close()


def runner(tmp_path: Path, lab: FakeLab, sources: FakeSources) -> Runner:
    def script(node: FakeNode, command: str) -> list[Ended]:
        if "patroni" in command:
            node.processes |= {"patroni": "postgres", "postgres": "postgres"}
            leads = sources.dcs.setdefault("leader", node.name) == node.name
            sources.rows[node.name, "pg_is_in_recovery"] = [(ID, not leads, 3, 0x5000060)]
        return [Ended("exited", 0, 0.1)]

    for node in lab.nodes.values():
        node.script = script
    course = write_course(tmp_path / "lessons", *(starts_patroni(f"pgha{number}") for number in (1, 2, 3)))
    return runner_on(lab, sources, tmp_path / "state", course)


async def ended(made: Runner, step: str, **how: Any) -> StepEnded:
    """How a run of a step ends."""
    event = [event async for event in made.run(step, **how)][-1]
    assert isinstance(event, StepEnded)
    return event


async def test_the_wrong_one_is_refused_with_the_step_that_comes_first(
    tmp_path: Path, stopped: FakeLab, sources: FakeSources
) -> None:
    made = runner(tmp_path, stopped, sources)
    for command in (None, "patroni /pgha/config/patroni.yaml # mine"):
        end = await ended(made, "start-pgha1", command=command)
        assert (end.outcome, end.code, end.first) == ("refused", "order", "start-pgha2")
        assert "pgha2 led last" in end.reason and "Run “Step 2” (start-pgha2) first." in end.reason
    assert not any("patroni /pgha" in command for command in stopped.nodes["pgha1"].ran)


async def test_a_run_of_the_course_starts_the_right_one_first(
    tmp_path: Path, stopped: FakeLab, sources: FakeSources, capsys: pytest.CaptureFixture[str]
) -> None:
    made = runner(tmp_path, stopped, sources)
    reports: list[StepReport] = []
    with TextReporter(3) as reporter:
        await run_steps(made, choose(made.course), reporter, reports)
    assert [(report.step.id, report.ended.outcome) for report in reports] == [
        ("start-pgha2", "done"),
        ("start-pgha1", "done"),
        ("start-pgha2", "already"),
        ("start-pgha3", "done"),
    ]
    assert sources.dcs["leader"] == "pgha2"
    assert [line[:3] for line in capsys.readouterr().out.splitlines() if "/3" in line] == ["1/3", "2/3", "1/3", "3/3"]


async def test_the_way_to_a_place_starts_the_right_one_first_whatever_was_seen_of_the_other(
    tmp_path: Path, stopped: FakeLab, sources: FakeSources
) -> None:
    made = runner(tmp_path, stopped, sources)
    found, ran = way(made.course, "start-pgha3"), list[tuple[str, bool]]()
    seen = await look(made, found)
    assert (await ended(made, "start-pgha1", seen=seen["start-pgha1"])).first == "start-pgha2"

    async def run(step: Step, standing: StepStatus | None) -> bool:
        ran.append((step.id, standing is not None))
        return (await run_step(made, step, Quiet(), beside=True, seen=standing)).ok

    assert await go(made, found, seen, run)
    # What was seen before another step was run counts no more.
    assert ran == [("start-pgha2", False), ("start-pgha1", False)]
    assert sources.dcs["leader"] == "pgha2"


async def test_one_that_is_being_started_is_waited_for(
    tmp_path: Path, stopped: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pghalab.course.order.INTERVAL", 0.01)
    stopped.nodes["pgha2"].processes["patroni"] = "postgres"
    made = runner(tmp_path, stopped, sources)
    real, looks = sources.keys, 0

    async def keys(node: Any, prefix: str) -> Any:
        nonlocal looks
        looks += 1
        if looks == 3:
            stopped.nodes["pgha2"].processes["postgres"] = "postgres"
            sources.rows["pgha2", "pg_is_in_recovery"] = [(ID, False, 4, 0x5000100)]
            sources.dcs["leader"] = "pgha2"
        return await real(node, prefix)

    monkeypatch.setattr(sources, "keys", keys)
    end = await ended(made, "start-pgha1")
    assert end.outcome == "done" and looks >= 3
    monkeypatch.setattr("pghalab.course.order.LEADS", 0.0)
    sources.dcs.pop("leader")
    end = await ended(made, "start-pgha3")
    assert (end.code, end.first) == ("order", "") and "does not lead yet" in end.reason


async def test_out_of_reach_is_refused_with_a_way_out(tmp_path: Path, stopped: FakeLab, sources: FakeSources) -> None:
    for name in ("pgha2", "pgha3"):
        stopped.nodes[name].link, stopped.nodes[name].link_reason = "down", "it does not answer."
    end = await ended(runner(tmp_path, stopped, sources), "start-pgha1")
    assert (end.outcome, end.code) == ("refused", "unseen")
    assert "cannot be checked: pgha2 is out of reach" in end.reason and "pghalab start" in end.reason
    assert "`pghalab run --without pgha2 pgha3`: what only that data has is lost then" in end.reason
    assert end.without == ("pgha2", "pgha3")


async def test_it_starts_without_what_is_out_of_reach_only_when_told_to(
    tmp_path: Path, stopped: FakeLab, sources: FakeSources
) -> None:
    stopped.nodes["pgha3"].link, stopped.nodes["pgha3"].link_reason = "down", "it does not answer."
    made = runner(tmp_path, stopped, sources)
    for without in ((), ("pgha1",)):
        end = await ended(made, "start-pgha2", without=without)
        assert (end.outcome, end.without) == ("refused", ("pgha3",))
    # pgha2 has newer data than pgha1, whoever is left out.
    assert await made.comes_first("start-pgha1") == ""
    assert await made.comes_first("start-pgha1", ("pgha3",)) == "start-pgha2"
    reports: list[StepReport] = []
    with TextReporter(2) as reporter:
        await run_steps(made, choose(made.course)[:2], reporter, reports, ("pgha3",))
    assert [(report.step.id, report.ended.outcome) for report in reports] == [
        ("start-pgha2", "done"), ("start-pgha1", "done"), ("start-pgha2", "already"),
    ]  # fmt: skip
    assert sources.dcs["leader"] == "pgha2"


async def test_nothing_is_offered_for_a_node_that_is_itself_out_of_reach(
    tmp_path: Path, stopped: FakeLab, sources: FakeSources
) -> None:
    stopped.nodes["pgha3"].link, stopped.nodes["pgha3"].link_reason = "down", "it does not answer."
    end = await ended(runner(tmp_path, stopped, sources), "start-pgha3", without=("pgha3",))
    assert (end.outcome, end.code, end.without) == ("refused", "unseen", ())
    assert "--without" not in end.reason


async def test_the_first_start_of_all_is_free(tmp_path: Path, stopped: FakeLab, sources: FakeSources) -> None:
    none(stopped, "pgha1", "pgha2", "pgha3")
    sources.dcs.clear()
    end = await ended(runner(tmp_path, stopped, sources), "start-pgha1")
    assert end.outcome == "done"


def test_a_step_that_starts_patroni_says_where(tmp_path: Path) -> None:
    block = "id: a\nkind: command\nnode: pgha1\nno_check: x\nsilent: true\nnotes: 'Asked: Why?'\ncommand: {}"
    for command, wants in (
        ("nohup patroni /pgha/config/patroni.yaml &", True),
        ('ssh pgha2 "nohup patroni /pgha/config/patroni.yaml &"', True),
        ("/opt/patroni/bin/patroni /x.yml", True),
        ("patronictl -c /pgha/config/patroni.yaml list", False),
        ("cat /pgha/config/patroni.yaml", False),
        ("pkill -f 'patroni /pgha/config/patroni.yaml'", False),
    ):
        problems = lint(write_course(tmp_path, block.format(f"|\n  {command}")))
        assert any("starts: {patroni" in problem.message for problem in problems) == wants, command
        fine = lint(write_course(tmp_path, block.format(f"|\n  {command}") + "\nstarts: {patroni: [pgha1, pgha2]}"))
        assert fine == []
    course = write_course(tmp_path, block.format("x") + "\nstarts: {patroni: pgha9}")
    assert any("unknown node `pgha9`" in problem.message for problem in lint(course))
    assert isinstance(course.step("a").kind, Command) and course.step("a").kind.patroni == ("pgha9",)


async def test_a_node_that_is_slow_to_answer_is_asked_again(
    tmp_path: Path, stopped: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pghalab.course.order.INTERVAL", 0.01)
    node = stopped.nodes["pgha2"]
    node.slow = 3
    made = runner(tmp_path, stopped, sources)
    assert await made.comes_first("start-pgha1") == "start-pgha2"
    assert len(node.ran) > 3
