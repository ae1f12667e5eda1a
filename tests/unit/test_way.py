"""The way to a place in the course: what is on it, what is missing, and what nothing leads back to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from pghalab import cli
from pghalab.course.checks.output import CHECK
from pghalab.course.events import CheckResult, StepState
from pghalab.course.look import StepStatus
from pghalab.course.model import Step
from pghalab.course.report import Quiet, run_step
from pghalab.course.runner import Runner
from pghalab.course.way import go, look, makes, missing, replaced, way
from pghalab.lab.types import Ended, Output
from tests.fake_lab.backend import runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode
from tests.fake_lab.sources import FakeSources
from tests.shipped import shipped_course

COURSE = shipped_course()


def ids(place: str) -> list[str]:
    return [step.id for step in way(COURSE, place).steps]


def test_the_way_to_a_lesson_ends_before_its_first_step() -> None:
    found = way(COURSE, "etcd-start")
    assert found.to == COURSE.lesson_of("etcd-start-pgha1").steps[0]
    assert {COURSE.lesson_of(step.id).id for step in found.steps} == {"image", "deploy", "etcd-config"}
    assert way(COURSE, "welcome").steps == ()


def test_the_way_to_a_step_has_those_before_it_in_its_lesson() -> None:
    assert [each for each in ids("etcd-start-pgha3") if each not in ids("etcd-start")] == [
        "etcd-start-pgha1", "etcd-alone", "etcd-start-pgha2",
    ]  # fmt: skip


def test_the_way_is_in_order_and_has_nothing_optional_and_nothing_to_read() -> None:
    found = ids("looking-back")
    order = [step.id for step in COURSE.steps]
    assert found == sorted(found, key=order.index)
    steps = [COURSE.step(each) for each in found]
    assert all(step.kind.acts and not step.optional for step in steps)
    assert not any(COURSE.lesson_of(each).optional for each in found)


def test_what_only_prints_and_is_replaced_on_the_way_is_left_out() -> None:
    found = ids("pg-hba")
    assert not {"etcd-alone", "etcd-two-away", "etcd-three-away", "leader-log"} & set(found)
    assert {"etcd-five", "etcd-back", "patroni-empty", "leader-start", "replicas-streaming"} <= set(found)
    # Before its replacement is on the way, it is a step like the others.
    assert "etcd-two-away" in ids("etcd-three-away")


def test_a_step_of_the_way_needs_what_it_names_or_all_before_it() -> None:
    found = way(COURSE, "pg-hba")
    assert found.needs(COURSE.step("etcd-start-pgha4")) == {"etcd-yaml-rest"}
    elected = COURSE.step("leader-elected")
    assert found.needs(elected) == {step.id for step in found.steps[: found.steps.index(elected)]}
    # What is not on the way is not waited for.
    assert way(COURSE, "etcd-start-pgha3").needs(COURSE.step("etcd-yaml-rest")) == {"deploy-up"}


async def test_what_needs_nothing_of_each_other_is_run_at_the_same_time(lab: FakeLab, tmp_path: Path) -> None:
    both = "\nneeds: pgha1"
    course = write_course(
        tmp_path / "lessons", starts("pgha1"), starts("pgha2") + both, starts("pgha3") + both, starts("pgha4"), READ
    )
    runner = runner_on(lab, FakeSources(), tmp_path / "state", course)
    found = way(course, "a")
    meet, order = asyncio.Barrier(2), []

    async def run(step: Step, standing: StepStatus | None) -> bool:
        if step.id in ("pgha2", "pgha3"):
            await meet.wait()
        order.append(step.id)
        return True

    async with asyncio.timeout(10):
        assert await go(runner, found, await look(runner, found), run)
    assert (order[0], {*order[1:3]}, order[3]) == ("pgha1", {"pgha2", "pgha3"}, "pgha4")


UP = "id: up\nkind: action\naction: up\nchecks:\n  - containers: {}"


async def test_once_the_nodes_are_created_one_look_takes_the_place_of_one_at_each_step(
    lab: FakeLab, tmp_path: Path
) -> None:
    lab.put("absent")

    def starts_two(node: FakeNode, command: str) -> Sequence[Output | Ended]:
        lab.nodes["pgha4"].processes["etcd"] = "postgres"
        return starts_etcd(node, command)

    lab.nodes["pgha1"].script = starts_two
    named = [starts(f"pgha{number}") + "\nneeds: up" for number in (1, 2, 3)]
    course = write_course(tmp_path / "lessons", UP, *named, starts("pgha4"), READ)
    runner = runner_on(lab, FakeSources(), tmp_path / "state", course)
    found, totals = way(course, "a"), list[int]()

    async def run(step: Step, standing: StepStatus | None) -> bool:
        return (await run_step(runner, step, Quiet(), beside=True, seen=standing)).ok

    assert await go(runner, found, await look(runner, found), run, total=totals.append)
    whole = [step.id for step in found.steps]
    # What names no needs may have been made by the steps before it: it is looked at.
    assert runner.looked == [whole, ["up"], whole, ["pgha4"]]
    assert {ran.step for ran in runner.ran} == {"up", "pgha1", "pgha2", "pgha3"}
    assert (totals[0], totals[-1]) == (5, 4)


def waits(name: str, node: str) -> str:
    """A step that waits until etcd runs on a node."""
    return f"id: {name}\nkind: wait\nchecks:\n  - process: {{on: [{node}], name: etcd}}"


async def test_steps_that_make_nothing_are_looked_at_together(lab: FakeLab, tmp_path: Path) -> None:
    steps = (waits("one", "pgha1"), waits("two", "pgha1"), starts("pgha2"), waits("three", "pgha2"), READ)
    course = write_course(tmp_path / "lessons", starts("pgha1"), *steps)
    runner = runner_on(lab, FakeSources(), tmp_path / "state", course)
    found = way(course, "a")
    seen = await look(runner, found)
    runner.looked.clear()

    async def run(step: Step, standing: StepStatus | None) -> bool:
        return (await run_step(runner, step, Quiet(), beside=True, seen=standing)).ok

    assert await go(runner, found, seen, run)
    assert runner.looked == [["pgha1"], ["one", "two"], ["pgha2"], ["three"]]


async def test_a_guard_is_looked_at_whatever_was_seen_of_a_step(lab: FakeLab, tmp_path: Path) -> None:
    guard = "\nguard:\n  - process: {on: [pgha1], name: etcd, running: false}\nguard_reason: It runs."
    runner = runner_on(
        lab, FakeSources(), tmp_path / "state", write_course(tmp_path / "lessons", starts("pgha1") + guard)
    )
    seen = (await runner.evaluate(["pgha1"]))["pgha1"]
    lab.nodes["pgha1"].processes["etcd"] = "postgres"
    report = await run_step(runner, runner.course.step("pgha1"), Quiet(), seen=seen)
    assert report.ended.code == "guard" and "start etcd" not in lab.nodes["pgha1"].ran


def test_a_place_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        way(COURSE, "nowhere")


@pytest.mark.parametrize(
    ("state", "printed", "made", "wanted"),
    [
        ("todo", False, True, False),
        ("todo", False, False, True),
        ("broken", True, False, True),
        ("done", True, True, False),
        ("past", False, False, False),
    ],
)
def test_a_step_that_printed_nothing_here_but_made_all_there_is_is_not_missing(
    state: StepState, printed: bool, made: bool, wanted: bool
) -> None:
    step = COURSE.step("etcd-back")
    results = (CheckResult(CHECK, printed, "", ""), CheckResult("the key", made, "", ""))
    assert missing(step, StepStatus(state, results)) is wanted


def test_a_step_that_makes_something_is_missing_until_it_is_done() -> None:
    step = COURSE.step("leader-start")
    assert missing(step, StepStatus("todo", (CheckResult("patroni runs", True, "", ""),)))
    assert not missing(step, StepStatus("done"))


@pytest.mark.parametrize(
    ("step", "counted"),
    [("leader-start", True), ("etcd-back", True), ("etcd-five", False), ("leader-list", False)],
)
def test_what_only_prints_or_waits_is_not_counted_as_left_to_do(step: str, counted: bool) -> None:
    wrong = StepStatus("todo", (CheckResult("the cluster", False, "", ""),))
    assert missing(COURSE.step(step), wrong)
    assert makes(COURSE.step(step), wrong) is counted
    assert not makes(COURSE.step(step), StepStatus("done"))


# Going


READ = "id: a\nkind: read"


def starts(name: str) -> str:
    """A step that starts etcd on a node."""
    return f"""id: {name}
kind: command
node: {name}
command: start etcd
silent: true
checks:
  - process: {{on: [{name}], name: etcd}}
    within: 0.1"""


def starts_etcd(node: FakeNode, command: str) -> Sequence[Output | Ended]:
    if command == "start etcd":
        node.processes["etcd"] = "postgres"
    return [Ended("exited", 0, 0.1)]


@pytest.fixture
def lab() -> FakeLab:
    made = FakeLab()
    for node in made.nodes.values():
        node.script = starts_etcd
    return made


@pytest.fixture
def runner(lab: FakeLab, tmp_path: Path) -> Runner:
    course = write_course(tmp_path / "lessons", READ, starts("pgha1"), starts("pgha2"), starts("pgha3"))
    return runner_on(lab, FakeSources(), tmp_path / "state", course)


async def gone(runner: Runner, place: str) -> tuple[bool, list[str]]:
    """Whether the place was reached, and the steps that were run for it."""
    ran: list[str] = []
    found = way(runner.course, place)

    async def run(step: Step, standing: StepStatus | None) -> bool:
        ran.append(step.id)
        return (await run_step(runner, step, Quiet(), beside=True, seen=standing)).ok

    return await go(runner, found, await look(runner, found), run), ran


async def test_only_what_is_missing_is_run_and_the_place_is_where_to_go_on(runner: Runner, lab: FakeLab) -> None:
    lab.nodes["pgha1"].processes["etcd"] = "postgres"
    assert await gone(runner, "pgha3") == (True, ["pgha2"])
    assert runner.last == "pgha3" and "etcd" not in lab.nodes["pgha3"].processes
    assert await gone(runner, "pgha3") == (True, [])


async def test_what_cannot_be_done_ends_the_way(runner: Runner, lab: FakeLab) -> None:
    lab.nodes["pgha1"].script = lambda node, command: [Ended("exited", 1, 0.1)]
    assert await gone(runner, "pgha3") == (False, ["pgha1"])
    assert runner.last != "pgha3"


async def test_what_a_later_step_replaced_is_told(lab: FakeLab, tmp_path: Path) -> None:
    course = write_course(
        tmp_path / "lessons",
        starts("pgha1") + "\nuntil: pgha3",
        starts("pgha2"),
        starts("pgha3"),
    )
    runner = runner_on(lab, FakeSources(), tmp_path / "state", course)
    found = way(course, "pgha2")
    assert replaced(course, found, await look(runner, found)) == []
    lab.nodes["pgha3"].processes["etcd"] = "postgres"
    pairs = replaced(course, found, await look(runner, found))
    assert [(one.id, by.id) for one, by in pairs] == [("pgha1", "pgha3")]


def test_the_verb_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["goto", "nowhere"]) == 1
    assert "The course has no lesson and no step `nowhere`." in capsys.readouterr().err


def test_the_verb_tells_what_is_missing_and_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    assert cli.main(["goto", "quorum"]) == 0
    assert "there in" in capsys.readouterr().out
    assert cli.main(["goto", "deploy"]) == 1
    said = capsys.readouterr().out
    assert "steps are missing before" in said and "stopped at image-build after" in said
