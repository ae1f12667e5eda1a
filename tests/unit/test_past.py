"""Past: a step whose effect a later one replaced is neither done nor broken, and proves nothing."""

from __future__ import annotations

from pathlib import Path

from pghalab.course.events import StepEnded, StepState
from pghalab.course.runner import Runner
from pghalab.lab.types import Container, Ended, Result
from tests.fake_lab.backend import runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode
from tests.fake_lab.sources import FakeSources


def step(name: str, service: str, until: str = "") -> str:
    """A step that starts a service, and may be replaced by later ones."""
    block = f"id: {name}\nkind: command\nnode: pgha1\ncommand: start {service}\n"
    block += f"checks:\n  - process: {{on: [pgha1], name: {service}}}\n    within: 0.2"
    return f"{block}\nuntil: {until}" if until else block


def opened(tmp_path: Path, lab: FakeLab, *steps: str) -> Runner:
    return runner_on(lab, FakeSources(), tmp_path / "state", write_course(tmp_path / "lessons", *steps))


async def state(made: Runner, name: str) -> StepState:
    return (await made.evaluate([name]))[name].state


async def ended(made: Runner, name: str, *, again: bool = False) -> StepEnded:
    events = [event async for event in made.run(name, again=again)]
    assert isinstance(events[-1], StepEnded)
    return events[-1]


def run(lab: FakeLab, *services: str) -> None:
    lab.nodes["pgha1"].processes = dict.fromkeys(services, "postgres")


async def test_a_step_is_past_once_a_later_one_that_replaces_it_is_done(tmp_path: Path, lab: FakeLab) -> None:
    made = opened(tmp_path, lab, step("early", "etcd", "[other, later]"), step("later", "patroni"), step("other", "x"))
    assert await state(made, "early") == "todo"
    run(lab, "patroni")
    status = (await made.evaluate(["early"]))["early"]
    assert (status.state, status.replaced_by, status.results[0].ok) == ("past", "later", False)
    assert made.states["early"] == "past" and made.replaced_by("early") == "later"
    assert not made.progress.record("early").done, "nobody has seen its checks hold"


async def test_a_step_whose_checks_hold_is_done_also_when_it_was_replaced(tmp_path: Path, lab: FakeLab) -> None:
    made = opened(tmp_path, lab, step("early", "etcd", "later"), step("later", "patroni"))
    run(lab, "etcd", "patroni")
    assert await state(made, "early") == "done"
    run(lab, "patroni")
    assert await state(made, "early") == "past"


async def test_a_past_step_proves_nothing_for_another(tmp_path: Path, lab: FakeLab) -> None:
    made = opened(
        tmp_path, lab, step("early", "etcd", "middle"), step("middle", "patroni", "last"), step("last", "postgres")
    )
    run(lab, "postgres")
    states = {name: status.state for name, status in (await made.evaluate()).items()}
    assert states == {"early": "todo", "middle": "past", "last": "done"}


async def test_a_past_step_is_not_broken_when_the_one_that_replaced_it_breaks(tmp_path: Path, lab: FakeLab) -> None:
    made = opened(tmp_path, lab, step("early", "etcd", "later"), step("later", "patroni"))
    run(lab, "etcd")
    assert await state(made, "early") == "done"
    run(lab, "patroni")
    assert await state(made, "early") == "past"
    run(lab)
    assert {name: found.state for name, found in (await made.evaluate()).items()} == {
        "early": "past",
        "later": "broken",
    }
    again = opened(tmp_path, lab, step("early", "etcd", "later"), step("later", "patroni"))
    assert again.states["early"] == "past" and await state(again, "early") == "past"


async def test_what_was_never_replaced_is_broken(tmp_path: Path, lab: FakeLab) -> None:
    made = opened(tmp_path, lab, step("early", "etcd", "later"), step("later", "patroni"))
    run(lab, "etcd")
    await made.evaluate()
    run(lab)
    assert await state(made, "early") == "broken"


async def test_on_nodes_that_were_created_anew_nothing_is_past(tmp_path: Path, lab: FakeLab) -> None:
    def containers(mark: str) -> None:
        lab.states = {
            name: Container(name, "running", node.address, 2200, f"{mark}{name}") for name, node in lab.nodes.items()
        }

    containers("a")
    made = opened(tmp_path, lab, step("early", "etcd", "later"), step("later", "patroni"))
    run(lab, "patroni")
    assert await state(made, "early") == "past"
    run(lab)
    containers("b")
    assert await state(made, "early") == "todo"
    lab.engine_error = "no container engine answers"
    run(lab, "patroni")
    assert await state(made, "early") == "past"
    run(lab)
    assert await state(made, "early") == "past", "without the engine's word the nodes count as the same"


async def test_a_run_leaves_a_past_step_alone_unless_it_is_told_to(tmp_path: Path, lab: FakeLab) -> None:
    ran: list[str] = []

    def script(node: FakeNode, command: str) -> list[Ended]:
        ran.append(command)
        return [Ended("exited", 0, 0.1)]

    lab.nodes["pgha1"].script = script
    made = opened(tmp_path, lab, step("early", "etcd", "later"), step("later", "patroni"))
    run(lab, "patroni")
    end = await ended(made, "early")
    assert (end.outcome, end.reason) == ("past", "its effect was replaced by “Step 2” (later)")
    assert ran == []
    assert [event async for event in made.run("early", again=True)] and ran == ["start etcd"]
    assert made.states["early"] == "past", "that it does not hold is no failure of the lab"


async def test_what_is_undone_for_a_while_is_past_only_as_long_as_that_holds(tmp_path: Path, lab: FakeLab) -> None:
    made = opened(tmp_path, lab, step("early", "etcd") + "\nundone_by: away", step("away", "patroni"))
    run(lab, "etcd")
    assert await state(made, "early") == "done"
    run(lab, "patroni")
    assert await state(made, "early") == "past" and made.replaced_by("early") == "away"
    run(lab)
    assert await state(made, "early") == "broken" and made.replaced_by("early") == ""


async def test_what_was_typed_by_hand_is_known_by_its_key_in_etcd(tmp_path: Path, lab: FakeLab) -> None:
    away = "id: away\nkind: command\nnode: pgha1\ncommand: kill it\nchecks:\n  - output: {contains: [OK]}\n"
    away += "  - process: {on: [pgha1], name: patroni, running: false}\n"
    key = "  - etcd_key: {key: /lesson/away, equals: gone}\n"

    def answers(value: str) -> None:
        lab.nodes["pgha1"].answers["--consistency=s /lesson/away"] = Result(0, value, "", 0.0)

    for folder, block, later in (("marked", away + key, "past"), ("unmarked", away, "broken")):
        made = opened(tmp_path / folder, lab, step("early", "patroni") + "\nundone_by: away", block)
        run(lab, "etcd", "patroni")
        answers("gone\n")
        assert await state(made, "early") == "done"
        run(lab, "etcd")
        answers("")
        assert await state(made, "early") == "broken", "it went by itself"
        answers("gone\n")
        assert await state(made, "early") == later
        assert await state(made, "away") == "todo", "nobody has seen what it printed"


async def test_a_run_leaves_what_came_about_by_itself_and_what_was_typed_by_hand(tmp_path: Path, lab: FakeLab) -> None:
    block = "id: switch\nkind: command\nnode: pgha1\ncommand: switch\n"
    block += "checks:\n  - output: {contains: [switched]}\n    within: 0.2\n"
    block += "needless_if:\n  - process: {on: [pgha1], name: patroni}\n"
    block += "guard:\n  - process: {on: [pgha1], name: etcd}\n    otherwise: Start it.\nguard_reason: It needs etcd."
    made = opened(tmp_path, lab, block)
    assert (await ended(made, "switch")).code == "guard"
    run(lab, "patroni")
    end = await ended(made, "switch")
    assert (end.outcome, end.reason) == ("past", "nothing is left to do: Patroni runs on pgha1")
    assert await state(made, "switch") == "past", "there is nothing that could be done"
    run(lab)
    assert await state(made, "switch") == "todo", "nobody has seen its checks hold"
    run(lab, "patroni")
    assert (await ended(made, "switch", again=True)).code == "guard"


async def test_what_may_have_replaced_a_step_is_waited_for_when_it_is_slow_to_answer(
    tmp_path: Path, lab: FakeLab
) -> None:
    elsewhere = step("later", "etcd").replace("pgha1", "pgha2")
    made = opened(tmp_path, lab, step("early", "patroni", "later"), elsewhere)
    lab.nodes["pgha2"].processes["etcd"] = "postgres"
    lab.nodes["pgha2"].slow = 2
    end = await ended(made, "early")
    assert (end.outcome, lab.nodes["pgha1"].ran.count("start patroni")) == ("past", 0)
