"""Mistakes that show in the nodes, in the shells of postgres, in who led last, and in where the writer is."""

from __future__ import annotations

from typing import Any

import pytest

from pghalab.course.diagnoses import patroni
from pghalab.course.resume import Member, Situation
from pghalab.lab.types import Result
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.unit.test_diagnoses import said

HOSTS = "regular file|root|644\n0\n127.0.0.1 localhost\n192.168.50.11 pgha2\n"
PROFILE = "regular file|postgres|644\n0\n"
LINE = 'export ENDPOINTS="pgha1:2379,pgha2:2379"\n'


@pytest.fixture(autouse=True)
def cluster(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)


async def test_a_node_that_does_not_run(lab: FakeLab, sources: FakeSources) -> None:
    assert await said(lab, sources, "node-stopped") == []
    lab.put("exited", "pgha4", "pgha5")
    lab.put("paused", "pgha3")
    stopped = await said(lab, sources, "node-stopped")
    assert [words.partition(":")[0] for words in stopped] == ["pgha3 is paused", "pgha4 and pgha5 is stopped"]
    lab.put("absent")
    assert await said(lab, sources, "node-stopped") == [], "nothing was deployed"


async def test_a_name_that_stands_for_another_address(lab: FakeLab, sources: FakeSources) -> None:
    node = lab.nodes["pgha2"]
    node.answers["/etc/hosts"] = f"{HOSTS}192.168.50.12 pgha3 etcd3 # right\n#192.168.1.1 pgha1\n"
    assert await said(lab, sources, "hosts-other") == []
    node.answers["/etc/hosts"] = f"{HOSTS}192.168.77.10 pgha1 etcd1\n"
    (words,) = await said(lab, sources, "hosts-other")
    assert words.startswith(
        "/etc/hosts on pgha2 has addresses that are not this lab's: pgha1 is 192.168.77.10 and etcd1 is"
    )


async def test_lines_that_were_written_on_some_nodes_only(lab: FakeLab, sources: FakeSources) -> None:
    for node in lab.nodes.values():
        node.answers["/etc/hosts"] = HOSTS
    assert await said(lab, sources, "hosts-some") == []
    lab.nodes["pgha1"].answers["/etc/hosts"] = f"{HOSTS}192.168.50.12 pgha3 etcd3\n"
    (words,) = await said(lab, sources, "hosts-some")
    assert words.startswith("The lines in /etc/hosts stand on pgha1, and not on pgha2, pgha3, pgha4 and pgha5")


async def test_folders_that_others_may_look_into(lab: FakeLab, sources: FakeSources) -> None:
    assert await said(lab, sources, "folders-mode") == []
    lab.nodes["pgha2"].answers["p=/var/log/patroni\n"] = "directory|postgres|755\n0\n"
    (words,) = await said(lab, sources, "folders-mode")
    assert words.startswith("On pgha2 others than postgres may look into /var/log/patroni (755)")


@pytest.mark.parametrize(
    ("shells", "profile", "expected"),
    [
        ("", LINE, []),
        ("500 1\n", LINE, ["endpoints-old-shell"]),
        ("50 1\n", LINE, []),
        ("50 1\n", "", ["endpoints-missing"]),
        ("50 1\n", f"# {LINE}", ["endpoints-missing"]),
        ("50 1\n", LINE.replace("2379", "2380"), ["endpoints-port"]),
        ("50 1\n40 0\n", LINE, ["nodelist-lost"]),
        ("nonsense here\n", LINE, []),
    ],
)
async def test_what_a_shell_of_postgres_is_given(
    lab: FakeLab, sources: FakeSources, shells: str, profile: str, expected: list[str]
) -> None:
    node = lab.nodes["pgha2"]
    node.answers |= {"ps -u postgres": f"1000\n900\n{shells}", ".profile": f"{PROFILE}{profile}"}
    names = ("nodelist-lost", "endpoints-missing", "endpoints-port", "endpoints-old-shell")
    assert [name for name in names if await said(lab, sources, name)] == expected


async def test_a_service_that_has_run_and_does_not_run_now(lab: FakeLab, sources: FakeSources) -> None:
    assert await said(lab, sources, "etcd-ended", "patroni-ended") == []
    for name in ("pgha2", "pgha5"):
        lab.nodes[name].processes.pop("etcd", None)
        lab.nodes[name].processes.pop("patroni", None)
    held = [command for command in lab.nodes["pgha1"].recorded if command.startswith("p=/pgha/data/etcd/member\n")]
    lab.nodes["pgha5"].recorded = {**lab.nodes["pgha5"].recorded, held[0]: lab.nodes["pgha1"].recorded[held[0]]}
    lab.nodes["pgha2"].recorded = {**lab.nodes["pgha2"].recorded, held[0]: lab.nodes["pgha1"].recorded[held[0]]}
    etcd, replica = await said(lab, sources, "etcd-ended", "patroni-ended", nodes=tuple(lab.nodes))
    assert etcd.startswith("etcd has run on pgha2 and pgha5, and does not run there now.")
    assert replica.startswith("Patroni has run on pgha2, and")


async def test_who_led_last_is_to_be_started_first(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_so(leads: str = "", *, etcd: bool = True, patroni_of_last: bool = False) -> None:
        members = (
            Member("pgha1", "replica", 1, 100, "7"),
            Member("pgha2", "primary", 2, 200, "7", closed=True, patroni=patroni_of_last),
            Member("pgha3", "unknown"),
        )

        async def situation(_: Any) -> Situation:
            return Situation(members[:2], leads, etcd, "7")

        monkeypatch.setattr(patroni, "situation", situation)

    is_so()
    (words,) = await said(lab, sources, "patroni-led-last")
    assert words.startswith("pgha2 led last (timeline 2), and its Patroni does not run. Start Patroni on pgha2 first")
    for leads, etcd, runs in (("pgha1", True, False), ("", False, False), ("", True, True)):
        is_so(leads, etcd=etcd, patroni_of_last=runs)
        assert await said(lab, sources, "patroni-led-last") == []
    is_so()
    for key in ("config", "status", "history"):
        sources.dcs.pop(key, None)
    assert await said(lab, sources, "patroni-led-last") == [], "the cluster was never finished"


async def test_a_directory_that_patroni_took_over(lab: FakeLab, sources: FakeSources) -> None:
    leader = sources.dcs["leader"]
    node = lab.nodes[leader]
    for answer in (Result(0, "3\n", "", 0.0), Result(2, "", "no server", 0.0), Result(0, "", "", 0.0)):
        node.answers["runuser"] = answer
        assert await said(lab, sources, "patroni-took-over", nodes=(leader,)) == []
    node.answers["runuser"] = "0\n"
    (words,) = await said(lab, sources, "patroni-took-over", nodes=(leader,))
    assert words.startswith(f"Patroni took over an unused directory on {leader}")
    del sources.dcs["config"]
    assert await said(lab, sources, "patroni-took-over", nodes=(leader,)) == [], "it is not done with it"


async def test_the_writer_is_missed_where_it_belongs_and_found_elsewhere(lab: FakeLab, sources: FakeSources) -> None:
    (words,) = await said(lab, sources, "writer-missing", "writer-elsewhere")
    assert words.startswith("The writer does not run on pgha4")
    lab.nodes["pgha4"].lines["bash"], lab.nodes["pgha4"].processes["bash"] = "bash writer.sh", "postgres"
    assert await said(lab, sources, "writer-missing", "writer-elsewhere") == []
    lab.nodes["pgha1"].lines["bash"], lab.nodes["pgha1"].processes["bash"] = "bash writer.sh", "postgres"
    (words,) = await said(lab, sources, "writer-missing", "writer-elsewhere")
    assert words.startswith("The writer runs on pgha1; the course is about pgha4")
