"""The real session over a recording: steps are played, the cluster is shown as it was, and nothing is of now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pghalab.course.kinds import Question
from pghalab.course.recorded import SHIPPED, Recorded, read_recorded
from pghalab.lab.types import LabError, User
from pghalab.registry import named, start, ways
from pghalab.session.demo.pace import Tempo
from pghalab.session.demo.program import Program
from pghalab.session.demo.show import Show
from pghalab.session.events import CommandTyped, Noticed, RunFinished
from pghalab.session.replay import runner as runner_module
from pghalab.session.replay import terminal as terminal_module
from pghalab.session.replay.connect import recorded_backend
from pghalab.session.replay.position import Position
from pghalab.session.replay.runner import RecordedRunner
from pghalab.session.session import Session
from pghalab.session.shells import Shell
from tests.fake_lab.board import FakeBoard
from tests.unit.test_session import Told

FAST = Tempo(instant=True)


class Seat:
    """A session over a recording, and what it told."""

    def __init__(self, session: Session, position: Position) -> None:
        self.session, self.position, self.told = session, position, Told(session)

    async def run(self, step: str) -> RunFinished:
        self.told.events.clear()
        assert self.session.work.run_step(step), "it was refused"
        await self.session.work.wait()
        (ended,) = [event for event in self.told.events if isinstance(event, RunFinished)]
        return ended

    @property
    def leader(self) -> str | None:
        patroni = self.session.state.patroni
        return patroni.value.leader if patroni is not None and patroni.value is not None else None


@asynccontextmanager
async def seated(recorded: Recorded) -> AsyncIterator[Seat]:
    position = Position(recorded)
    session = Session("replay", connect=recorded_backend(position))
    seat = Seat(session, position)
    await session.open()
    try:
        await seat.told.until(lambda: session.state.backend is not None and session.state.nodes is not None)
        yield seat
    finally:
        await session.close()


@pytest.fixture
def recorded() -> Recorded:
    return read_recorded(SHIPPED)


@pytest.fixture
async def seat(recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Seat]:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    for module in (runner_module, terminal_module):
        monkeypatch.setattr(module, "LONGEST", 0.0)
    async with seated(recorded) as made:
        yield made


async def test_a_step_is_played_and_the_cluster_is_shown_as_it_was(seat: Seat) -> None:
    session, steps = seat.session, seat.position.recorded.steps
    step = next(name for name in steps if name.startswith("failover") and "kill" in steps[name].command)
    session.learner.visit(step)
    await seat.told.until(lambda: seat.leader is not None)
    before = seat.leader
    assert session.state.steps.get(step) == "todo"
    await seat.told.until(lambda: session.state.steps.get("leader-start") == "done")
    assert (await seat.run(step)).outcome == "done"
    await seat.told.until(lambda: session.state.steps[step] == "done" and seat.leader != before)
    run, played = session.work.runs[step], steps[step]
    assert "\n".join(run.buffer.lines).strip() == played.output.strip()
    assert (run.command, run.results) == (played.command, played.results)
    assert any("leader" in event.text for event in session.state.events)
    assert session.state.events[-1].at <= seat.position.at


async def test_going_back_shows_what_was_then_and_takes_nothing_from_who_reads_and_answers(seat: Seat) -> None:
    session, late, early = seat.session, "failover-return", "etcd-start-pgha1"
    session.learner.visit(late)
    await seat.told.until(lambda: seat.leader is not None)
    assert session.state.course is not None
    question = next(step for step in session.state.course.steps if isinstance(step.kind, Question))
    assert isinstance(question.kind, Question)
    session.learner.answer(question.id, question.kind.right)
    session.learner.visit(early)
    await seat.told.until(lambda: seat.leader is None and session.state.steps["leader-start"] == "todo")
    assert session.state.steps[early] == "done" and session.state.steps[question.id] == "done"
    assert all(event.at <= seat.position.at for event in session.state.events)
    run = session.work.runs[early]
    assert run.outcome == "done" and run.command == seat.position.recorded.steps[early].command
    session.learner.visit(question.id)
    assert seat.position.at >= seat.position.recorded.steps[early].ended, "a question is no reason to go back"


async def test_the_output_of_a_step_that_is_done_is_there_to_be_read(seat: Seat) -> None:
    session = seat.session
    session.learner.visit("replicas-list-final")
    session.learner.visit("leader-list")
    run = session.work.runs["leader-list"]
    assert "Leader" in "\n".join(run.buffer.lines) and run.comparison is not None and run.comparison.fits
    assert (run.outcome, run.seconds) == ("done", seat.position.recorded.steps["leader-list"].seconds)


async def test_every_step_of_the_course_can_be_played_in_order(seat: Seat) -> None:
    session = seat.session
    assert session.state.course is not None
    for step in session.state.course.steps:
        session.learner.visit(step.id)
        if step.kind.acts:
            assert (await seat.run(step.id)).outcome in ("done", "already", "past"), step.id
            played = seat.position.recorded.steps[step.id]
            if played.command and step.expect:
                comparison = session.work.runs[step.id].comparison
                assert comparison is not None and comparison.fits, step.id
        elif isinstance(step.kind, Question):
            session.learner.answer(step.id, step.kind.right)
        else:
            session.learner.mark_read(step.id)
    await session.rechecks.wait()
    assert {step: state for step, state in session.state.steps.items() if state != "done"} == {}
    assert session.state.notices == [] and session.state.broken() == [] and not session.state.grave()


async def test_a_show_of_the_whole_course_goes_by_itself_to_its_end(seat: Seat) -> None:
    course = seat.session.state.course
    assert course is not None
    show = Show(seat.session, Program(course, course.lessons), FakeBoard(seat.session), tempo=FAST, auto=True)
    driving = asyncio.ensure_future(show.drive())
    stopped = ""
    async with asyncio.timeout(120):
        while show.phase != "over" and not stopped:
            await asyncio.sleep(0.01)
            stopped = f"{show.step.id}: {show.why}" if show.phase == "stopped" else ""
    driving.cancel()
    show.close()
    assert stopped == ""
    entered = [command.step for command in show.performing.commands]
    assert entered == [step.id for step in course.steps if step.id in entered], "each once, in order"
    shown = {step.id for step in course.steps if step.kind.acts and step.kind.where.command}
    assert shown <= set(entered), shown - set(entered)
    await seat.session.rechecks.wait()
    assert {step: state for step, state in seat.session.state.steps.items() if state != "done"} == {}


async def test_nothing_can_be_done_to_its_lab(seat: Seat, tmp_path: Path) -> None:
    session = seat.session
    assert session.state.backend is not None
    for verb, way in ways():
        if verb.runs is None or way.asks or verb.name == "export":
            continue
        seat.told.events.clear()
        assert start(session, verb, way)
        await session.work.wait()
        printed = "\n".join(session.work.verb_output.lines)
        assert session.work.verb_outcome()[1] and "This is a recording" in printed, verb.name
    assert named("up").runs is not None
    session.learner.visit("etcd-start-pgha1")
    assert session.work.run_step("etcd-start-pgha1", command="rm -rf /")
    await session.work.wait()
    run = session.work.runs["etcd-start-pgha1"]
    assert run.outcome == "refused" and "This is a recording" in run.reason
    with pytest.raises(LabError, match="This is a recording"):
        await session.state.backend.lab.nodes["pgha1"].run("ls")
    assert not list(tmp_path.rglob("journal*")), "nothing of it is kept"


async def test_it_says_that_it_is_recorded_of_when_and_of_what(seat: Seat) -> None:
    head = seat.position.recorded.head
    assert seat.session.state.recorded.startswith("RECORDED 20")
    for version in (head.versions.image["patroni"], head.versions.image["postgresql"], head.versions.pghalab):
        assert version in seat.session.state.recorded
    first = seat.session.state.recorded
    seat.session.learner.visit("failover-return")
    assert seat.session.state.recorded != first, "the moment that is shown is another one"


async def test_before_its_first_look_nobody_is_said_to_look(seat: Seat) -> None:
    await seat.told.until(lambda: seat.session.state.nodes is not None)
    assert [cell.text for cell in seat.session.state.headline("")][-1] == "nothing recorded yet"
    seat.session.learner.visit("failover-return")
    await seat.told.until(lambda: seat.leader is not None)
    assert "nothing recorded yet" not in [cell.text for cell in seat.session.state.headline("")]


async def test_a_step_that_an_older_recording_lacks_says_so(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    steps = {name: step for name, step in recorded.steps.items() if name != "leader-list"}
    older = replace(recorded.head, versions=replace(recorded.head.versions, course="000000000000"))
    async with seated(replace(recorded, steps=steps, head=older)) as seat:
        assert any("another version of the course: `leader-list`" in notice for notice in seat.session.state.notices)
        seat.session.learner.visit("leader-list")
        assert seat.session.state.at == "leader-list"
        assert (await seat.run("leader-list")).outcome == "refused"
        assert "is not in this recording" in seat.session.work.runs["leader-list"].reason
        assert seat.session.resolve(seat.session.state.course.step("leader-list")) is not None  # type: ignore[union-attr]
        runner = seat.session.state.backend.runner  # type: ignore[union-attr]
        assert isinstance(runner, RecordedRunner) and "not in this recording" in await runner.refusal("leader-list")


# Its shells


async def opened(seat: Seat, node: str = "pgha1", user: User = "postgres") -> tuple[Shell, list[bytes]]:
    drawn: list[bytes] = []
    shell = seat.session.shells.open(node, user, (100, 30), drawn.append)
    await until(lambda: b"$ " in b"".join(drawn))
    return shell, drawn


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def typed(seat: Seat) -> list[tuple[str, int | None]]:
    return [(event.text, event.status) for event in seat.told.events if isinstance(event, CommandTyped)]


async def test_a_step_typed_in_a_shell_is_played_and_noticed(seat: Seat) -> None:
    step = "etcd-start-pgha1"
    seat.session.learner.visit(step)
    shell, drawn = await opened(seat)
    command = seat.position.recorded.steps[step].command
    shell.write(command.encode() + b"x\x7f\r")
    await seat.told.until(lambda: typed(seat) == [(command, 0)])
    await seat.told.until(lambda: seat.session.state.steps.get(step) == "done")
    shown = b"".join(drawn).decode()
    assert "postgres@pgha1:~$ " in shown and command in shown


async def test_what_prints_prints_also_when_it_is_pasted_or_typed_line_by_line(seat: Seat) -> None:
    steps = seat.position.recorded.steps
    several = next(one for one in steps.values() if "\n" in one.command and one.output and one.node == "pgha1")
    seat.session.learner.visit(several.step)
    user: User = "root" if several.user == "root" else "postgres"
    shell, drawn = await opened(seat, several.node, user)
    shell.write(b"\x1b[200~" + several.command.encode() + b"\x1b[201~\r")
    await seat.told.until(lambda: len(typed(seat)) == 1)
    assert typed(seat) == [(several.command, several.status)]
    assert several.output.split("\n")[0] in b"".join(drawn).decode()
    drawn.clear()
    shell.write(several.command.replace("\n", "\r").encode() + b"\r")
    await seat.told.until(lambda: len(typed(seat)) == 2)
    assert b"> " in b"".join(drawn) and several.output.split("\n")[-1] in b"".join(drawn).decode()


async def test_anything_else_is_answered_with_a_word_on_what_this_is(seat: Seat) -> None:
    shell, drawn = await opened(seat)
    shell.write(b"nonsense\x15ls -l\r")
    await seat.told.until(lambda: typed(seat) == [("ls -l", 127)])
    assert b"this is a recording" in b"".join(drawn)
    shell.write(b"\x1b[A\x1bOP\x03\r\r")
    shell.write(b"exit\r")
    await until(lambda: shell.standing == "closed")
    assert shell.status == 0
    other, _ = await opened(seat, "pgha2", "root")
    other.write(b"\x04")
    await until(lambda: other.standing == "closed")


async def test_a_shell_within_the_shell_is_another_user_s_or_node_s(seat: Seat) -> None:
    shell, drawn = await opened(seat, "pgha1", "root")
    for line, prompt in (
        ("sudo -E -u postgres /bin/bash -l", b"postgres@pgha1:~$ "),
        ("ssh pgha2", b"postgres@pgha2:~$ "),
        ("exit", b"postgres@pgha1:~$ "),
    ):
        drawn.clear()
        shell.write(line.encode() + b"\r")
        await until(lambda prompt=prompt: prompt in b"".join(drawn))  # type: ignore[misc]
    step = "etcd-start-pgha1"
    seat.session.learner.visit(step)
    shell.write(seat.position.recorded.steps[step].command.encode() + b"\r")
    await seat.told.until(lambda: seat.session.state.steps.get(step) == "done")
    shell.write(b"\x04")
    await until(lambda: b"".join(drawn).endswith(b"\x07") and b"root@pgha1:~$ " in b"".join(drawn))


async def test_a_played_command_can_be_ended(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal_module, "LONGEST", 1000.0)
    slow = max(
        (one for one in seat.position.recorded.steps.values() if one.node == "pgha1" and one.user == "postgres"),
        key=lambda one: one.seconds,
    )
    shell, _ = await opened(seat)
    shell.write(slow.command.replace("\n", "\r").encode() + b"\r")
    await until(lambda: shell._typing.running is not None)
    shell.write(b"ignored\x03")
    await seat.told.until(lambda: bool(typed(seat)))
    assert typed(seat)[0][1] in (130, slow.status), "it may have been over by then"


async def test_notices_are_no_errors(seat: Seat) -> None:
    assert [event for event in seat.told.events if isinstance(event, Noticed)] == []
