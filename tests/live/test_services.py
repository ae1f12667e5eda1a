"""A service that was just started and ends again is never taken for one that runs, and its last words are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from pghalab.course.checks import evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts
from pghalab.course.events import CheckResult
from pghalab.course.model import CheckSpec
from pghalab.lab.local import LocalLab
from tests.live.conftest import MakeSettings, told

ETCD = "nohup etcd --config-file /pgha/config/etcd.yaml > /var/log/etcd/etcd-standalone.log 2>&1 &"
PATRONI = "nohup patroni /pgha/config/patroni.yaml > /var/log/patroni/patroni.out 2>&1 &"


@pytest.fixture
async def lab(make_settings: MakeSettings) -> AsyncIterator[LocalLab]:
    """Three nodes that run and are configured for etcd."""
    opened = LocalLab(await make_settings(3))
    await opened.open()
    await told(opened.action("up"))
    for name in opened.nodes:
        await run(opened, name, "/etcdSetup.sh -y")
    yield opened
    await opened.close()


async def run(lab: LocalLab, name: str, command: str) -> None:
    result = await lab.nodes[name].run(command, user="postgres", timeout=60)
    assert result.exit_status == 0, result.stdout + result.stderr


async def look(lab: LocalLab, name: str, service: str) -> CheckResult:
    facts = Facts(lab)
    try:
        spec = CheckSpec("service", {"on": [name], "name": service, "user": "postgres"}, 1, 1)
        (result,) = await evaluate(spec, Context(facts))
    finally:
        await facts.close()
    return result


async def seen_until(
    lab: LocalLab, name: str, service: str, over: Callable[[CheckResult], bool], limit: float = 60
) -> list[CheckResult]:
    """Every look at a service until one that `over` takes."""
    looks: list[CheckResult] = []
    until = time.monotonic() + limit
    while True:
        looks.append(await look(lab, name, service))
        if over(looks[-1]):
            return looks
        assert time.monotonic() < until, looks[-1]
        await asyncio.sleep(0.3)


def holds(result: CheckResult) -> bool:
    return result.ok


def ended(result: CheckResult) -> bool:
    return "is not running" in result.saw


async def test_a_service_runs_only_if_it_stays(lab: LocalLab) -> None:
    first, second, third = lab.nodes
    assert (await look(lab, first, "etcd")).saw == f"etcd is not running on {first}"

    # Without its file etcd makes a cluster of its own: it runs and answers, and is none of ours.
    await run(lab, first, "nohup etcd --data-dir /tmp/stray > /tmp/stray.log 2>&1 &")
    stray = await seen_until(lab, first, "etcd", lambda result: "cluster of 1" in result.saw)
    assert not any(result.ok for result in stray)
    await run(lab, first, "pkill -x etcd; while pgrep -x etcd; do sleep 0.1; done")

    # A file that it cannot use ends it at once; what it said last is told.
    await run(lab, first, "chmod 000 /pgha/data/etcd; " + ETCD)
    gone = await seen_until(lab, first, "etcd", lambda result: "permission denied" in result.saw)
    assert not any(result.ok for result in gone)
    assert "etcd-standalone.log ended" in gone[-1].saw
    await run(lab, first, "chmod 700 /pgha/data/etcd; " + ETCD)

    # Alone it answers nothing, so that staying is its only proof.
    alone = await seen_until(lab, first, "etcd", holds)
    assert alone[-1].saw == f"etcd runs on {first} and waits for a majority of the members"
    for name in (second, third):
        await run(lab, name, ETCD)
        await seen_until(lab, name, "etcd", holds)
    assert [(await look(lab, name, "etcd")).saw for name in lab.nodes] == [
        f"etcd runs on {name} and answers" for name in lab.nodes
    ]

    # A script that is missing makes Patroni give its new cluster up, after it has answered for a while.
    for name in (first, second):
        await run(lab, name, "rm -rf /pgdata/17/data && /patroniSetup.sh")
    await run(lab, first, PATRONI)
    given_up = await seen_until(lab, first, "patroni", ended)
    assert not any(result.ok for result in given_up)
    begins = ("has not finished", "nobody holds the leader key yet")
    assert any(word in result.saw for result in given_up for word in begins)
    assert "createRoles.sh" in given_up[-1].saw and "Failed to bootstrap cluster" in given_up[-1].saw
    await run(lab, first, "cp -p /createRoles.sh /pgha/config/; " + PATRONI)
    assert (await seen_until(lab, first, "patroni", holds))[-1].saw == f"Patroni runs on {first} and answers"
    assert (await look(lab, first, "postgres")).saw == f"PostgreSQL runs on {first} and takes connections"

    # A data directory of another cluster makes it end at its first loop, after its API answered.
    await run(lab, second, "/usr/pgsql-17/bin/initdb -D /pgdata/17/data > /tmp/initdb.log; " + PATRONI)
    strange = await seen_until(lab, second, "patroni", ended)
    assert not any(result.ok for result in strange)
    assert "CRITICAL: system ID mismatch" in strange[-1].saw
    await run(lab, second, "rm -rf /pgdata/17/data; " + PATRONI)
    await seen_until(lab, second, "patroni", holds)
