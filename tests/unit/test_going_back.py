"""The way back in the console and by verb: where the course is afterwards, and how a lesson starts over."""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab.course.progress import Progress
from pghalab.lab.snapshots.model import About, Place
from pghalab.lab.types import Ended, LabError, Result
from pghalab.session import rechecks
from pghalab.session.backend import Stream
from pghalab.session.going_back import restore_of, snapshot_of, start_over
from pghalab.session.session import Session
from pghalab.verbs import lab as lab_verbs
from pghalab.verbs import reset as reset_verb
from pghalab.verbs import snapshots as snapshots_verb
from tests.fake_lab.backend import Bench
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources
from tests.shipped import shipped_course
from tests.unit.test_session import READ, finished, opened
from tests.unit.test_way import starts, starts_etcd

STEPS = (READ, starts("pgha1"), starts("pgha2"))
COURSE = shipped_course()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    monkeypatch.setenv("PGHALAB_NO_SNAPSHOTS", "1")
    lab = FakeLab()
    for node in lab.nodes.values():
        node.script = starts_etcd
    return Bench(tmp_path / "state", lab, FakeSources())


def etcd_is_gone(bench: Bench, *nodes: str) -> None:
    """What restoring does to the lab in memory."""
    for name in nodes:
        bench.lab.nodes[name].processes.pop("etcd", None)


async def restored(session: Session, name: str) -> list[str]:
    assert session.back.restore(name)
    await session.work.wait()
    await session.rechecks.wait()
    return session.work.verb_output.lines


async def test_the_course_goes_back_with_the_lab_and_what_was_read_stays(bench: Bench) -> None:
    async with opened(bench, *STEPS) as (session, told):
        await finished(session, told, "pgha1")
        session.learner.visit("pgha1")
        assert session.back.keep("mine")
        await session.work.wait()
        assert bench.lab.kept[-1].place == Place("", "pgha1", ("pgha1",))
        await finished(session, told, "pgha2")
        session.learner.mark_read("read")
        etcd_is_gone(bench, "pgha2")
        lines = await restored(session, "mine")
        assert lines[-1] == (
            "1 step is open again, unless the lab shows that it was done; what was read and answered stays"
        )
        assert session.state.steps == {"read": "done", "pgha1": "done", "pgha2": "todo"}
        # Neither broken, nor is there an output of a run that never was.
        assert session.state.broken() == [] and set(session.work.runs) == {"pgha1"}
        assert Progress.load(bench.folder / "progress.json").record("pgha2").done is False


async def test_a_look_from_before_counts_no_step_as_done(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(bench, *STEPS) as (session, told):
        await finished(session, told, "pgha1")
        await session.rechecks.wait()
        assert session.state.backend is not None
        runner, node = session.state.backend.runner, bench.lab.nodes["pgha1"]
        run, looking, go_on = node.run, asyncio.Event(), asyncio.Event()

        async def slow(command: str, **options: Any) -> Result:
            seen = await run(command, **options)
            looking.set()
            await go_on.wait()
            return seen

        monkeypatch.setattr(node, "run", slow)
        look = asyncio.create_task(runner.evaluate(["pgha1"]))
        await looking.wait()
        assert runner.back_to((), "") == ["pgha1"]
        etcd_is_gone(bench, "pgha1")
        go_on.set()
        assert (await look)["pgha1"].state == "todo" and runner.progress.done() == ()


async def test_a_lesson_that_begins_again_is_not_kept_twice_and_the_next_one_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGHALAB_NO_SNAPSHOTS", raising=False)
    async with opened(bench, *STEPS) as (session, told):
        await finished(session, told, "pgha1")
        assert [each.name for each in bench.lab.kept] == ["before-one"]
        etcd_is_gone(bench, "pgha1")
        plan = await session.back.start_over()
        assert plan.about is not None and plan.lesson.id == "one" and plan.others == ()
        await restored(session, plan.about.name)
        assert session.state.steps["pgha1"] == "todo"
        await finished(session, told, "pgha1")
        assert [each.name for each in bench.lab.kept] == ["before-one"]


async def test_a_lesson_without_a_snapshot_says_so_and_only_its_progress_goes(bench: Bench) -> None:
    async with opened(bench, *STEPS) as (session, told):
        await finished(session, told, "pgha1")
        plan = await session.back.start_over()
        assert plan.about is None and "what “A lesson” did in the lab stays" in plan.words(str)
        etcd_is_gone(bench, "pgha1")
        assert session.back.forget(plan.lesson)
        assert set(session.state.steps.values()) == {"todo"} and bench.lab.acted == []


async def test_while_a_command_runs_nothing_is_kept_or_brought_back(bench: Bench) -> None:
    until = asyncio.Event()

    async def runs() -> Stream:
        await until.wait()
        yield Ended("exited", 0, 0.1)

    async with opened(bench, *STEPS) as (session, told):
        assert session.work.run_verb("Something", runs)
        assert not session.back.keep("mine") and not session.back.restore("mine") and not session.back.remove("mine")
        assert len(told.notices()) == 3 and all("is running already; stop it first" in said for said in told.notices())
        with pytest.raises(LabError, match="is running already"):
            await session.back.start_over()
        until.set()
        await session.work.wait()
        assert bench.lab.acted == []


async def test_a_snapshot_that_is_refused_leaves_the_progress(bench: Bench) -> None:
    async with opened(bench, *STEPS) as (session, told):
        await finished(session, told, "pgha1")
        lines = await restored(session, "nothing")
        assert "The lab has no snapshot nothing." in lines[-1] and session.state.steps["pgha1"] == "done"


# By verb


async def drained(stream: Stream) -> str:
    return "".join([getattr(piece, "text", "") async for piece in stream])


@pytest.fixture
def progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the progress of the lab lies, with one step done."""
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    made = Progress(tmp_path / "labs" / "pgha" / "progress.json")
    made.mark_done("etcd-start-pgha1")
    made.save()
    return made.path


async def test_the_verbs_keep_the_progress_of_the_disk_and_bring_it_back(progress: Path) -> None:
    lab = FakeLab()
    await drained(snapshot_of(lab, name="mine"))
    since = Progress.load(progress)
    since.mark_done("etcd-alone")
    since.record("welcome").read = True
    since.mark_done("welcome")
    since.save()
    assert "1 step is open again" in await drained(restore_of(lab))
    assert set(Progress.load(progress).done()) == {"etcd-start-pgha1", "welcome"}
    await drained(snapshot_of(lab, name="mine", remove=True))
    assert lab.kept == []


async def test_a_progress_that_cannot_be_read_is_in_no_snapshot(progress: Path) -> None:
    progress.write_text("{")
    lab = FakeLab()
    await drained(snapshot_of(lab))
    assert lab.kept[-1].place.done is None
    since = Progress.load(progress)
    since.mark_done("etcd-alone")
    since.save()
    await drained(restore_of(lab))
    assert Progress.load(progress).done() == ("etcd-alone",)


def about(name: str, before: str, *done: str) -> About:
    made = {"a": 1e9, "b": 2e9}.get(name, 3e9)
    return About(name, "pgha", 1, True, made, 1.0, 1, "", {}, "", {}, (), (), (), "", Place(before, "", done))


def test_which_lessons_lose_something_is_said() -> None:
    kept = [about("a", "etcd-start"), about("b", "etcd-start", "deploy-up"), about("c", "leader")]
    done = ["deploy-up", "etcd-start-pgha1", "leader-start", "welcome"]
    lesson = COURSE.lesson_of("etcd-start-pgha1")
    plan = start_over(COURSE, lesson, done, kept)
    assert plan.about is not None and plan.about.name == "b"
    (other,) = plan.others
    assert other.id == COURSE.lesson_of("leader-start").id
    words = plan.words(str)
    assert f"also of “{other.title}”. What was read and answered stays." in words and "(snapshot b)" in words
    # Of a snapshot that nobody gave a place nothing is known but what was done.
    unknown = [replace(kept[0], place=Place("etcd-start"))]
    assert len(start_over(COURSE, lesson, done, unknown).others) == 2


class Asked:
    """The verb `reset` on a lab with these snapshots, before somebody who says this."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str | None, *kept: About) -> None:
        self.driven: list[str] = []

        async def snapshots(_: str) -> list[About]:
            return list(kept)

        def drive(arguments: argparse.Namespace) -> int:
            self.driven.append(f"{arguments.verb} {arguments.name}")
            return 0

        monkeypatch.setattr(snapshots_verb, "kept", snapshots)
        monkeypatch.setattr(lab_verbs, "drive", drive)
        stdin = io.StringIO(answer or "")
        monkeypatch.setattr(stdin, "isatty", lambda: answer is not None)
        monkeypatch.setattr(sys, "stdin", stdin)

    def reset(self, lesson: str, *, yes: bool = False) -> int:
        options = {"lesson": None, "all": False, "yes": yes, "lab": "pgha"}
        return reset_verb.reset(argparse.Namespace(start_over=lesson, **options))


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("\n", 1), ("no\n", 1), ("", 1)])
def test_a_lesson_starts_over_by_verb_when_that_is_agreed(
    progress: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    status: int,
) -> None:
    asked = Asked(monkeypatch, answer, about("b", "etcd-start"))
    assert asked.reset("etcd-start") == status
    assert asked.driven == (["restore b"] if status == 0 else [])
    assert "(snapshot b). What was done in the lab since then is lost." in capsys.readouterr().out
    assert Progress.load(progress).done() == ("etcd-start-pgha1",)


def test_without_anybody_to_ask_it_has_to_be_said(progress: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, None, about("b", "etcd-start"))
    with pytest.raises(LabError, match="nobody to ask"):
        asked.reset("etcd-start")
    assert asked.driven == []
    assert asked.reset("etcd-start", yes=True) == 0 and asked.driven == ["restore b"]
    with pytest.raises(LabError, match="no lesson `x`"):
        asked.reset("x", yes=True)


def test_a_lesson_without_a_snapshot_loses_its_progress_only(
    progress: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(monkeypatch, "n\n", about("c", "leader"))
    assert asked.reset("etcd-start") == 1 and Progress.load(progress).done()
    assert asked.reset("etcd-start", yes=True) == 0
    assert asked.driven == [] and Progress.load(progress).done() == ()
    assert "No snapshot of its beginning is there" in capsys.readouterr().out
