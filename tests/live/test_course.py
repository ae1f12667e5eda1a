"""The whole course on real containers: each check fails before its step and holds after it; and what follows."""

from __future__ import annotations

import asyncio
import contextlib
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
from pghalab.course.events import CheckResult, StepEnded
from pghalab.course.kinds import Wait
from pghalab.course.load import load_course
from pghalab.course.look import explain
from pghalab.course.model import CheckSpec, Step
from pghalab.course.runner import Runner
from pghalab.lab.deploy import lifecycle
from pghalab.lab.engine.client import Engine
from pghalab.lab.local import LocalLab
from tests.live.conftest import MakeSettings

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


async def holds(runner: Runner, step: Step) -> bool:
    """The step's own checks hold now, whatever later steps say."""
    results = (await runner.evaluate([step.id]))[step.id].results
    return all(result.ok for result in results)


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


async def test_the_course_both_ways(lab: LocalLab, tmp_path: Path) -> None:
    course = load_course()
    runner = Runner.open(lab, tmp_path / "course", course=course)
    held_too_early: list[str] = []
    for lesson in course.lessons:
        acts = [step for step in lesson.steps if step.kind.acts and step.checks]
        # What a step waits for may come true by itself between the steps before it, so its proof is the lesson's start.
        held_too_early += [step.id for step in acts if isinstance(step.kind, Wait) and await holds(runner, step)]
        for step in lesson.steps:
            if step in acts and not isinstance(step.kind, Wait) and await holds(runner, step):
                held_too_early.append(step.id)
            ended = await run(runner, step)
            allowed = ("done", "already") if isinstance(step.kind, Wait) or step.id in held_too_early else ("done",)
            assert ended.outcome in allowed, f"{step.id}: {ended.outcome}: {ended.reason}"
            if step in acts:
                assert await holds(runner, step), step.id
    assert held_too_early == []
    recorded = record.recordings(course, runner.journal, runner.names, lab.password)
    assert len(recorded) == sum(bool(step.expect) for lesson in course.lessons for step in lesson.steps)
    misfits = [str(problem) for problem in record.compare(recorded)]
    print("\n".join(misfits))

    statuses = await runner.evaluate()
    assert {step: status.state for step, status in statuses.items() if status.state != "done"} == {}
    before = time.monotonic()
    for lesson in course.lessons:
        for step in lesson.steps:
            ended = await run(runner, step)
            assert ended.outcome == "already", f"the second time: {step.id}: {ended.outcome}: {ended.reason}"
    print(f"the second run took {time.monotonic() - before:.1f} s")
    # Run once more by hand: what can be repeated is done, what has nothing left to do is refused and stays done.
    for name, outcome in (("etcd-majority", "done"), ("hba-proof", "done"), ("back-switchover-pgha1", "refused")):
        ended = await run(runner, course.step(name), again=True)
        assert ended.outcome == outcome, f"{name}: {ended.outcome}: {ended.reason}"
        assert (await runner.evaluate([name]))[name].state == "done", name
    await streams_again(lab, runner)
    assert misfits == []

    first = await leader(lab)
    data = list(lab.nodes)[:3]
    for name in data:
        if name != first:
            await patronictl(lab, first, f"restart {SCOPE} {name} --force")
            await streams_again(lab, runner)
    for name in [*(name for name in data if name != first), first]:
        now = await leader(lab)
        await patronictl(lab, now, f"switchover {SCOPE} --leader {now} --candidate {name} --force")
        await streams_again(lab, runner)
        assert await leader(lab) == name
