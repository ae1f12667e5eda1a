"""A show without a room: what is counted for a lesson, what ends it, and what the room needs."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pghalab import cli
from pghalab.cluster.units import clock
from pghalab.course import timing
from pghalab.course.load import load_course
from pghalab.course.report import Quiet, StepReport
from pghalab.course.runner import Runner
from pghalab.lab.types import Ended, Output
from pghalab.serve import address
from pghalab.serve.preflight import viewers
from pghalab.session.demo.pace import Tempo
from pghalab.session.demo.preflight import owned, second_terminal
from pghalab.session.demo.rehearsal import Rehearsed, reading, rehearse_all, typing
from pghalab.terminal.engine import NoEngineError
from pghalab.verbs.rehearse import summary
from tests.fake_lab.backend import runner_on
from tests.fake_lab.course import write_course
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode, Piece
from tests.fake_lab.sources import FakeSources

START = """id: start-{program}
kind: command
node: pgha1
command: start {program}
checks:
  - process: {{on: [pgha1], name: {program}}}
    within: 0.1"""
READ = "id: read-{}\nkind: read"
Script = Callable[[FakeNode, str], list[Piece]]


def starts(node: FakeNode, command: str) -> list[Piece]:
    node.processes[command.split()[-1]] = "postgres"
    return [Output("stdout", "starting\n"), Ended("exited", 0, 0.1)]


def fails(node: FakeNode, command: str) -> list[Piece]:
    return [Ended("exited", 1, 0.1)]


def runner(folder: Path, script: Script, *more: str) -> Runner:
    """Two lessons, the second of which needs the first (which has `more` steps), on a lab that obeys the script."""
    lessons = folder / "lessons"
    write_course(lessons, READ.format(1), START.format(program="etcd"), *more)
    write_course(lessons, READ.format(2), START.format(program="patroni"), lesson="two")
    second = lessons / "01-two.md"
    second.write_text(second.read_text().replace("minutes: 5", "minutes: 1\nneeds: [one]"), encoding="utf-8")
    lab = FakeLab()
    lab.nodes["pgha1"].script = script
    return runner_on(lab, FakeSources(), folder / "state", load_course(lessons, strict=False))


async def told(on: Runner, *lessons: str, tempo: Tempo | None = None) -> list[Rehearsed | list[StepReport]]:
    chosen = [lesson for lesson in on.course.lessons if lesson.id in lessons]
    return [one async for one in rehearse_all(on, chosen, Quiet(), tempo or Tempo())]


async def test_what_a_lesson_takes_is_its_commands_its_typing_and_its_reading(tmp_path: Path) -> None:
    on = runner(tmp_path, starts)
    (one,) = await told(on, "one")
    assert isinstance(one, Rehearsed) and one.failed is None and one.unmeasured == ()
    assert [report.ended.outcome for report in one.reports] == ["done", "done"]
    assert one.commands == sum(report.ended.seconds for report in one.reports) > 0
    assert one.typing == typing(on, on.course.step("start-etcd"), Tempo()) > 0
    assert one.reading == sum(timing.talk(step) + timing.pause(step) for step in one.steps)
    assert one.takes == one.commands + one.typing + one.reading
    assert one.planned == 300


async def test_speed_shortens_what_is_typed_and_read_and_not_what_runs(tmp_path: Path) -> None:
    on = runner(tmp_path, starts)
    step = on.course.step("start-etcd")
    fast, at_once = Tempo(speed=2.0), Tempo(instant=True)
    assert typing(on, step, fast) == pytest.approx(typing(on, step, Tempo()) / 2)
    assert reading(step, fast) == pytest.approx(reading(step, Tempo()) / 2)
    assert typing(on, step, at_once) == reading(step, at_once) == 0
    assert typing(on, on.course.step("read-1"), Tempo()) == 0
    (one,) = await told(on, "one", tempo=Tempo(instant=True))
    assert isinstance(one, Rehearsed) and one.takes == one.commands > 0


async def test_what_was_done_before_is_told_as_not_measured(tmp_path: Path) -> None:
    on = runner(tmp_path, starts)
    await told(on, "one")
    (again,) = await told(on, "one")
    assert isinstance(again, Rehearsed)
    assert (again.unmeasured, again.failed, again.commands) == (("start-etcd",), None, 0)


async def test_a_wait_that_is_over_when_it_comes_was_not_left_out(tmp_path: Path) -> None:
    wait = "id: waits\nkind: wait\nchecks:\n  - process: {on: [pgha1], name: etcd}\n    within: 0.1"
    on = runner(tmp_path, starts, wait)
    (one,) = await told(on, "one")
    assert isinstance(one, Rehearsed) and one.reports[-1].ended.outcome == "already" and one.unmeasured == ()


async def test_what_is_missing_before_a_lesson_is_done_first_and_not_counted(tmp_path: Path) -> None:
    before, two = await told(runner(tmp_path, starts), "two")
    assert isinstance(before, list) and [report.step.id for report in before] == ["start-etcd"]
    assert isinstance(two, Rehearsed) and two.lesson.id == "two"
    assert [report.step.id for report in two.reports] == ["read-2", "start-patroni"]


async def test_lessons_that_follow_each_other_have_nothing_between_them(tmp_path: Path) -> None:
    found = await told(runner(tmp_path, starts), "one", "two")
    assert [one.lesson.id for one in found if isinstance(one, Rehearsed)] == ["one", "two"]
    assert len(found) == 2


async def test_a_step_that_comes_to_nothing_ends_the_rehearsal(tmp_path: Path) -> None:
    (one,) = await told(runner(tmp_path, fails), "one", "two")
    assert isinstance(one, Rehearsed) and one.failed is not None and one.failed.step.id == "start-etcd"
    said = summary([one], 2)
    assert "STOPPED" in said[1] and "one: stopped at start-etcd" in said[2]
    assert said[-1] == "1 of 2 lessons were not reached"
    (before,) = await told(runner(tmp_path / "two", fails), "two")
    assert isinstance(before, list) and not before[0].ok


async def test_the_table_has_each_lesson_and_says_which_takes_longer_than_planned(tmp_path: Path) -> None:
    found = await told(runner(tmp_path, starts), "one", "two", tempo=Tempo(instant=True))
    first, second = (one for one in found if isinstance(one, Rehearsed))
    second = replace(second, reading=90.0)
    head, one, two = summary([first, second], 2)
    assert head.split() == ["lesson", "planned", "takes", "commands", "typing", "reading"]
    assert one.split()[:4] == ["1", "one", "5:00", clock(first.takes)] and "too long" not in one
    assert two.split()[:3] == ["1", "two", "1:00"]
    assert two.endswith(f"{clock(second.takes - 60)} too long")


def test_the_notes_want_a_terminal_beside_the_one_that_the_room_sees() -> None:
    only = second_terminal(1, "pgha", shown=True)
    assert not only.ok and only.command == "pghalab notes"
    assert second_terminal(2, "pgha", shown=True).ok
    for unknown in (second_terminal(None, "demo", shown=True), second_terminal(1, "demo", shown=False)):
        assert unknown.ok and "pghalab --lab demo notes" in unknown.found


def test_only_devices_of_this_person_are_terminals_of_theirs(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    devices = [Path("/dev/null").stat(), (tmp_path / "file").stat()]
    assert stat.S_ISCHR(devices[0].st_mode)
    assert owned(devices, devices[0].st_uid) == 1
    assert owned(devices, devices[0].st_uid + 1) == 0


def test_a_room_is_told_where_to_look_and_never_what_nobody_is_to_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "reached_at", lambda host: ["192.0.2.7"])
    secret = address.Address(8123, address.new_token())
    address.keep(tmp_path, secret)
    said = viewers(tmp_path)
    assert said.ok and "127.0.0.1:8123" in said.found and "--listen 192.0.2.7" in said.found
    assert secret.token not in str(said.as_dict())
    monkeypatch.setattr(address, "reached_at", lambda host: [address.LOOPBACK])
    assert "this machine only" in viewers(tmp_path / "new").found


def test_a_machine_that_cannot_show_its_screen_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise NoEngineError("it is not here")

    monkeypatch.setattr("pghalab.serve.preflight.load", missing)
    said = viewers(tmp_path)
    assert not said.ok and "it is not here" in said.found and said.todo


@pytest.fixture
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")


@pytest.mark.usefixtures("nothing_here")
def test_the_room_alone_runs_nothing_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rehearse", "--room"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("NO  engine")
    assert any(line.startswith("ok  second terminal") for line in lines)
    assert not (tmp_path / "state" / "labs").exists()


@pytest.mark.usefixtures("nothing_here")
def test_programs_read_a_line_for_the_room_and_one_for_each_lesson(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rehearse", "1", "quorum", "--json"]) == 1, "the room has no engine"
    room, *lessons = map(json.loads, capsys.readouterr().out.splitlines())
    assert room["ok"] is False and any(fact["check"] == "engine" for fact in room["room"])
    assert [(one["lesson"], one["failed"]) for one in lessons] == [("welcome", None), ("quorum", None)]
    assert all(one["takes"] >= one["reading"] > 0 and one["reached"] == one["steps"] for one in lessons)


@pytest.mark.usefixtures("nothing_here")
def test_people_read_the_room_the_steps_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["rehearse", "welcome"])
    text = capsys.readouterr().out
    order = [text.index(words) for words in ("engine", "welcome-credit", "planned")]
    assert order == sorted(order)
    assert "1 welcome" in text.splitlines()[-1]


@pytest.mark.usefixtures("nothing_here")
def test_a_lesson_that_is_none_is_said_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rehearse", "no-such"]) == 1
    said = capsys.readouterr().err
    assert "no-such" in said and "etcd-config" in said
