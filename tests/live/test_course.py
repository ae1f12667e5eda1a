"""The whole course on real containers: each check fails before its step and holds after it; and what follows."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shlex
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from pghalab.course import record
from pghalab.course.checks import evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts
from pghalab.course.events import CheckResult, StepEnded, explain
from pghalab.course.load import load_course
from pghalab.course.model import CheckSpec, Step
from pghalab.course.prove import prove, tap
from pghalab.course.report import JsonReporter, Quiet, StepReport, choose, run_steps
from pghalab.course.runner import Runner
from pghalab.lab.deploy import lifecycle
from pghalab.lab.engine.client import Engine
from pghalab.lab.local import LocalLab
from tests.live.conftest import MakeSettings, told

PATRONICTL = "patronictl -c /pgha/config/patroni.yaml"
SCOPE = "pgha_patroni_cluster"
STREAMS = (CheckSpec("cluster", {"streaming": 2}, 60, 1), CheckSpec("replication", {"streaming": 2}, 60, 1))
ARRIVES = CheckSpec("marker", {}, 60, 1)


@pytest.fixture
async def lab(make_settings: MakeSettings, engine: Engine) -> AsyncIterator[LocalLab]:
    """A lab of five nodes with a tag of its own for the image, so that its build is seen missing and then done."""
    settings = await make_settings(5)
    settings = replace(settings, image=f"pghalab-test-{settings.name}:latest")
    opened = LocalLab(settings)
    await opened.open()
    yield opened
    await opened.close()
    await lifecycle.down(engine, settings, print, volumes=True)
    with contextlib.suppress(ImageNotFound):
        engine.client.images.remove(settings.image)


async def run(runner: Runner, step: Step, *, again: bool = False) -> StepEnded:
    ended = None
    async with contextlib.aclosing(runner.run(step.id, again=again)) as events:
        async for event in events:
            if isinstance(event, StepEnded):
                ended = event
    assert ended is not None
    print(f"{ended.outcome:<8} {ended.seconds:6.1f} s  {step.id}  {ended.reason}")
    return ended


async def wrong(lab: LocalLab, runner: Runner, *specs: CheckSpec) -> list[CheckResult]:
    facts = Facts(lab)
    try:
        context = Context(facts, runner.names)
        groups = await asyncio.gather(*(evaluate(spec, context) for spec in specs))
    finally:
        await facts.close()
    return [result for group in groups for result in group if not result.ok]


async def streams_again(lab: LocalLab, runner: Runner) -> None:
    """Wait until one leader has two streaming replicas, then see a fresh row arrive on both."""
    until = time.monotonic() + 90
    while failed := await wrong(lab, runner, *STREAMS):
        assert time.monotonic() < until, [explain(result) for result in failed]
        await asyncio.sleep(0.5)
    assert await wrong(lab, runner, ARRIVES) == []


async def leader(lab: LocalLab) -> str:
    facts = Facts(lab)
    try:
        return (await facts.leader()).name
    finally:
        await facts.close()


async def patronictl(lab: LocalLab, node: str, words: str) -> None:
    result = await lab.nodes[node].run(f"{PATRONICTL} {words}", user="postgres", timeout=120)
    assert result.exit_status == 0, result.stdout + result.stderr


async def test_the_course_both_ways(lab: LocalLab, engine: Engine, tmp_path: Path) -> None:
    course = load_course()
    runner = Runner.open(lab, tmp_path / "course", course=course)
    proofs = 0
    async for proof in prove(runner, course.steps, Quiet()):
        proofs += 1
        print(tap(proofs, proof))
        assert proof.ok, proof.faults
    assert proofs == len(course.steps)
    recorded = record.recordings(course, runner.journal, runner.names, lab.password)
    assert len(recorded) == sum(bool(step.kind.where.command) for step in course.steps)
    misfits = [str(problem) for problem in record.compare(recorded)]
    print("\n".join(misfits))

    await nothing_left(runner)
    before = time.monotonic()
    for lesson in course.lessons:
        for step in lesson.steps:
            ended = await run(runner, step)
            allowed = ("already", "past") if step.until else ("already",)
            assert ended.outcome in allowed, f"the second time: {step.id}: {ended.outcome}: {ended.reason}"
    print(f"the second run took {time.monotonic() - before:.1f} s")
    # Run once more by hand: what can be repeated is done, what has nothing left to do is refused and stays done.
    for name, outcome in (("etcd-majority", "done"), ("hba-proof", "done"), ("switchover-pgha1", "refused")):
        ended = await run(runner, course.step(name), again=True)
        assert ended.outcome == outcome, f"{name}: {ended.outcome}: {ended.reason}"
        assert (await runner.evaluate([name]))[name].state == "done", name
    await streams_again(lab, runner)

    first = await leader(lab)
    data = list(lab.nodes)[:3]
    for name in data:
        if name != first:
            await patronictl(lab, first, f"restart {SCOPE} {name} --force")
            await streams_again(lab, runner)
    await nothing_left(runner)
    for name in [*(name for name in data if name != first), first]:
        now = await leader(lab)
        await patronictl(lab, now, f"switchover {SCOPE} --leader {now} --candidate {name} --force")
        await streams_again(lab, runner)
        assert await leader(lab) == name
        await nothing_left(runner)
    await back_without_a_loss(lab, runner, engine)
    assert misfits == []


async def nothing_left(runner: Runner) -> None:
    """Every step is done, or past where a later one replaces it: nothing is to do, and nothing is called broken."""
    until = time.monotonic() + 120
    left = await runner.evaluate()
    while True:
        left = {
            step: status
            for step, status in left.items()
            if status.state != "done" and not (status.state == "past" and runner.course.step(step).until)
        }
        bad = [result for status in left.values() for result in status.results if result.verdict == "fails"]
        if not left or bad or time.monotonic() > until:
            break
        # A node that was too busy to answer is asked again, about less at a time.
        left = await runner.evaluate(list(left)[:10]) | {step: left[step] for step in list(left)[10:]}
    assert not left, "\n".join(
        " | ".join((step, status.state, *map(explain, status.results))) for step, status in left.items()
    )


async def sql(lab: LocalLab, node: str, text: str) -> str:
    result = await lab.nodes[node].run(f"psql -XAtc {shlex.quote(text)}", user="postgres")
    assert result.exit_status == 0, result.stderr
    return result.stdout.strip()


async def back_without_a_loss(lab: LocalLab, runner: Runner, engine: Engine) -> None:
    """Another member leads and takes writes, everything is stopped and started: whoever led last leads again."""
    old = await leader(lab)
    await sql(lab, old, "create table kept (n int)")
    await streams_again(lab, runner)
    await asyncio.to_thread(engine.client.containers.get(old).stop, timeout=5)
    async with asyncio.timeout(90):
        while await wrong(lab, runner, CheckSpec("patroni", {"on": "leader", "role": "leader"}, 1, 1)) or (
            (new := await leader(lab)) == old
        ):
            await asyncio.sleep(0.5)
    await sql(lab, new, "insert into kept select generate_series(1, 1000)")
    await told(lab.stop())
    await told(lab.start())
    await lab.settle()

    course, chosen = runner.course, choose(runner.course)
    start = {node: runner._order.starter(node) for node in list(lab.nodes)[:3]}
    reports: list[StepReport] = []
    await run_steps(runner, choose(course, to="etcd-five"), JsonReporter(io.StringIO()), reports)
    assert [report.ended.reason for report in reports if not report.ok] == []
    # Who lacks the rows may not lead, and with the others out of reach nobody knows who has them.
    ended = await run(runner, course.step(start[old]))
    assert (ended.outcome, ended.code, ended.first) == ("refused", "order", start[new])
    assert f"{new} led last" in ended.reason
    others = [engine.client.containers.get(name) for name in start if name != old]
    for container in others:
        await asyncio.to_thread(engine.freeze, str(container.id))
    ended = await run(runner, course.step(start[old]))
    assert (ended.outcome, ended.code) == ("refused", "unseen")
    assert all(f"{container.name} is out of reach: its container is paused" in ended.reason for container in others)
    for container in others:
        await asyncio.to_thread(container.unpause)
    await lab.settle()

    reports.clear()
    await run_steps(runner, chosen, JsonReporter(io.StringIO()), reports)
    assert [(report.step.id, report.ended.reason) for report in reports if not report.ok] == []
    ran = [report.step.id for report in reports if report.ended.outcome == "done"]
    assert ran.index(start[new]) < ran.index(start[old])
    await streams_again(lab, runner)
    for name in start:
        assert await sql(lab, name, "select count(*) from kept") == "1000", name
    await nothing_left(runner)
