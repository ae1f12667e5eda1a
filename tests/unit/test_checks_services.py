"""A service runs when it answers for itself or stays; one that ended is told with its last words."""

from __future__ import annotations

from typing import Any

import pytest

from pghalab.course.checks.services import telling
from pghalab.lab.types import LabError
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.unit.test_checks import failed, look

NODE = {"on": ["pgha1"], "user": "postgres"}


async def saw(lab: FakeLab, sources: FakeSources, name: str) -> tuple[bool, str]:
    (result,) = await look(lab, sources, "service", NODE, name=name)
    return result.ok, result.saw


async def test_a_member_that_answers_runs_however_young(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    lab.nodes["pgha1"].ages["etcd"] = 0
    assert await saw(lab, sources, "etcd") == (True, "etcd runs on pgha1 and answers")
    lab.nodes["pgha1"].processes["etcd"] = "root"
    assert await saw(lab, sources, "etcd") == (False, "etcd runs as root on pgha1")


@pytest.mark.parametrize(("age", "holds"), [(0, False), (2, False), (3, True), (90, True)])
async def test_a_member_that_answers_nobody_runs_when_it_stays(
    lab: FakeLab, sources: FakeSources, age: int, holds: bool
) -> None:
    cluster_of_three(lab, sources)
    sources.silent = {"pgha1"}
    lab.nodes["pgha1"].ages["etcd"] = age
    words = "etcd runs on pgha1" if holds else f"etcd was started {age} s ago on pgha1"
    assert await saw(lab, sources, "etcd") == (holds, f"{words}; it does not answer yet")


async def test_a_member_that_waits_for_a_first_majority_runs_however_young(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    lab.nodes["pgha1"].ages["etcd"] = 0
    sources.waiting = {"pgha1", "pgha2"}
    assert await saw(lab, sources, "etcd") == (True, "etcd runs on pgha1 and waits for a majority of the members")
    sources.clusters["pgha1"] = "c9"
    ok, words = await saw(lab, sources, "etcd")
    assert not ok
    assert words.startswith("etcd on pgha1 belongs to the cluster c9, the others to ")


async def test_a_member_without_a_leader_is_judged_by_its_staying(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.errors = {"pgha1": "etcdserver: no leader"}
    assert await saw(lab, sources, "etcd") == (True, "etcd runs on pgha1; etcdserver: no leader")
    lab.nodes["pgha1"].ages["etcd"] = 1
    assert await saw(lab, sources, "etcd") == (False, "etcd was started 1 s ago on pgha1; etcdserver: no leader")


async def test_a_cluster_of_one_is_none_of_ours(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.members_of["pgha1"] = ["pgha1"]
    ok, words = await saw(lab, sources, "etcd")
    assert not ok
    assert words.startswith("etcd on pgha1 is in a cluster of 1 that names 1 of this lab's 5 nodes")


async def test_a_member_of_another_cluster_is_told_from_ours(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.clusters["pgha1"] = "c9"
    others = (await sources.endpoint(lab.nodes["pgha2"])).cluster_id
    assert await saw(lab, sources, "etcd") == (
        False, f"etcd on pgha1 belongs to the cluster c9, the others to {others}",
    )  # fmt: skip
    assert failed(await look(lab, sources, "service", name="etcd", on=["pgha2"])) == ""
    # With one against one nobody can say which is ours.
    sources.silent = {"pgha3", "pgha4", "pgha5"}
    assert (await saw(lab, sources, "etcd"))[0]


async def test_a_member_replaced_by_the_book_is_one_of_ours(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.members_of = {f"pgha{number}": ["pgha1", "pgha2", "pgha3", "pgha4"] for number in range(1, 6)}
    assert failed(await look(lab, sources, "service", name="etcd", on="all")) == ""
    sources.members_of["pgha1"] = ["pgha1", "pgha2", "pgha3"]
    assert (await saw(lab, sources, "etcd"))[0]
    sources.members_of["pgha1"] = ["pgha1", "pgha2"]
    assert not (await saw(lab, sources, "etcd"))[0]


@pytest.mark.parametrize(
    ("truth", "age", "holds", "words"),
    [
        ({"state": "running", "role": "primary"}, 3, True, "Patroni runs on pgha1 and answers"),
        ({"state": "running", "role": "primary"}, 2, False, "Patroni was started 2 s ago on pgha1"),
        ({"state": "initializing new cluster", "role": "uninitialized", "cluster_unlocked": True}, 300, False,
         "has not finished: initializing new cluster"),
        ({"state": "stopped", "role": "primary", "cluster_unlocked": True}, 30, False,
         "nobody holds the leader key yet, and its PostgreSQL is stopped"),
        ({"state": "running", "role": "primary", "cluster_unlocked": True}, 59, False,
         "nobody holds the leader key yet, and its PostgreSQL is running"),
        ({"state": "running", "role": "primary", "cluster_unlocked": True}, 60, True, "and answers"),
        ({"state": "running", "role": "replica", "cluster_unlocked": True}, 3, True, "and answers"),
        ({"state": "creating replica", "role": "uninitialized"}, 11, False, "its PostgreSQL is creating replica"),
        ({"state": "creating replica", "role": "uninitialized"}, 12, True, "its PostgreSQL is creating replica"),
    ],
)  # fmt: skip
async def test_patroni_runs_once_its_first_loops_are_behind_it(
    lab: FakeLab, sources: FakeSources, truth: dict[str, Any], age: int, holds: bool, words: str
) -> None:
    cluster_of_three(lab, sources)
    sources.patronis["pgha1"] = truth
    lab.nodes["pgha1"].ages["patroni"] = age
    ok, told = await saw(lab, sources, "patroni")
    assert ok is holds
    assert words in told


@pytest.mark.parametrize(("age", "holds"), [(59, False), (60, True)])
async def test_a_silent_patroni_has_to_stay_longer(lab: FakeLab, sources: FakeSources, age: int, holds: bool) -> None:
    cluster_of_three(lab, sources)
    sources.silent = {"pgha1"}
    lab.nodes["pgha1"].ages["patroni"] = age
    assert (await saw(lab, sources, "patroni"))[0] is holds


@pytest.mark.parametrize(
    ("error", "holds"),
    [
        ("PostgreSQL: FATAL: no pg_hba.conf entry for host", True),
        ("PostgreSQL: FATAL: the database system is starting up", False),
        ("PostgreSQL does not answer within 5 s", False),
    ],
)
async def test_postgresql_runs_when_it_takes_connections(
    lab: FakeLab, sources: FakeSources, error: str, holds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> list[tuple[Any, ...]]:
        raise LabError(error, node="pgha1")

    cluster_of_three(lab, sources)
    assert await saw(lab, sources, "postgres") == (True, "PostgreSQL runs on pgha1 and takes connections")
    monkeypatch.setattr(sources, "query", refused)
    ok, words = await saw(lab, sources, "postgres")
    assert ok is holds
    assert sources.asked[-1] == "pgha1: select 1"
    assert holds or words == f"PostgreSQL on pgha1 takes no connection: {error}"


async def test_a_service_that_ended_is_told_with_its_last_words(lab: FakeLab, sources: FakeSources) -> None:
    assert await saw(lab, sources, "patroni") == (False, "Patroni is not running on pgha1")
    lab.nodes["pgha1"].answers["tail"] = (
        "==> pghalab 7 /var/log/patroni/patroni.log\n"
        "2026-11-25 09:31:16,794 CRITICAL: system ID mismatch, node pgha1 belongs to a different cluster: 1 != 2\n"
        "2026-11-25 09:31:16,794 INFO: bye\n\n"
        "==> pghalab 9 /var/log/patroni/patroni.out\nTraceback (most recent call last):\n  File x\n"
        "patroni.exceptions.PatroniFatalException: Failed to bootstrap cluster\n\n"
        "==> pghalab 86400 /var/lib/postgresql/patroni.log\nold\n\n"
    )
    assert await saw(lab, sources, "patroni") == (
        False,
        "Patroni is not running on pgha1; patroni.log ended 7 s ago with “2026-11-25 09:31:16,794 CRITICAL: "
        "system ID mismatch, node pgha1 belongs to a different cluster: 1 != 2”; patroni.out ended 9 s ago with "
        "“patroni.exceptions.PatroniFatalException: Failed to bootstrap cluster”",
    )
    await look(lab, sources, "service", name="patroni", on=["pgha1"], log="/home/x/my own.log")
    assert "'/home/x/my own.log' /var/log/patroni/patroni.log" in lab.nodes["pgha1"].ran[-1]
    assert await saw(lab, sources, "postgres") == (False, "PostgreSQL is not running on pgha1")


async def test_the_logs_of_one_run_are_told_together(lab: FakeLab, sources: FakeSources) -> None:
    lab.nodes["pgha1"].answers["tail"] = (
        "==> pghalab -1 /home/x/my patroni.log\none\n\n"
        "==> pghalab 60 /x/b.log\ntwo\n\n"
        "==> pghalab 61 /x/c.log\nthree\n\n"
        "==> pghalab 5 /x/empty.log\n\n"
        "==> pghalab nobody /x/d.log\nfour\n\n"
    )
    assert await saw(lab, sources, "patroni") == (
        False,
        "Patroni is not running on pgha1; my patroni.log ended 0 s ago with “one”; b.log ended 60 s ago with “two”",
    )


async def test_a_cluster_that_calls_its_members_by_alias_is_ours(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    for names, ours in ((["etcd1", "etcd3", "etcd5"], True), (["etcd6", "etcd3", "etcd5"], False)):
        sources.members_of["pgha1"] = names
        assert (await saw(lab, sources, "etcd"))[0] is ours


async def test_an_old_log_says_how_old_it_is(lab: FakeLab, sources: FakeSources) -> None:
    for age, words in ((119, "119 s ago"), (120, "2 min ago"), (7199, "119 min ago"), (7200, "2 h ago")):
        lab.nodes["pgha1"].answers["tail"] = f"==> pghalab {age} /var/log/etcd/etcd-standalone.log\nclosed\n\n"
        told = (await saw(lab, sources, "etcd"))[1]
        assert told == f"etcd is not running on pgha1; etcd-standalone.log ended {words} with “closed”"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("one\ntwo\n\n", "two"),
        ('{"level":"fatal","msg":"discovery failed","error":"address already in use"}\n{"level":"info","msg":"x"}',
         "discovery failed: address already in use"),
        ('{"level":"info","msg":"first"}\n{"level":"warn","msg":"closing"}', "closing"),
        ('{"level":"dpanic","msg":"a"}\n{"level":"info","msg":"b"}', "a"),
        ('{"level":"error", half', '{"level":"error", half'),
        ("[1] 17\nnohup: failed to run command 'etcd': No such file or directory\n\n",
         "nohup: failed to run command 'etcd': No such file or directory"),
        ("2026-11-25 ERROR: a\n  File x\nFileNotFoundError: [Errno 2] '/x'\n2026-11-25 INFO: removing\n",
         "FileNotFoundError: [Errno 2] '/x'"),
        (f"{'x' * 300}", f"{'x' * 199}…"),
    ],
)  # fmt: skip
def test_the_telling_line_of_a_log(text: str, line: str) -> None:
    assert telling(text) == line
