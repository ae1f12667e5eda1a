"""Snapshots of a lab in which somebody writes, and the way back: no row lost, no cluster mixed, nobody leads anew."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pghalab.lab.engine.client import Engine
from pghalab.lab.snapshots.model import About
from tests.live.conftest import MakeSettings
from tests.live.driven import ASKED, PGHALAB, ROOT, Course, driven, wait

WRITER = """
while n=$((n + 1)); do
    psql -qXAt -U bubba -h $HOST -d postgres -c "insert into written values ($n)" >/dev/null 2>&1 || printf '!'
    echo $n
done
"""


class Cluster:
    """The cluster of a course's lab as its own programs show it, through the engine and no console."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.nodes = course.settings.node_names

    def run(self, node: str, command: str, user: str = "postgres") -> str:
        """What a command prints on a node; it has to succeed."""
        done = self.start(node, command, user)
        printed, wrong = done.communicate(timeout=60)
        assert done.returncode == 0, f"{node}: {command}: {printed}{wrong}"
        return str(printed)

    def start(self, node: str, command: str, user: str = "postgres", **environment: str) -> subprocess.Popen[str]:
        """A command that runs on a node."""
        more = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        return subprocess.Popen(
            ["docker", "exec", *more, "-u", user, node, "bash", "-lc", command],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def members(self) -> dict[str, dict[str, Any]]:
        """Patroni's members by name, as its REST interface tells."""
        told = json.loads(self.run(self.nodes[0], "curl -s http://localhost:8008/cluster"))
        return {one["name"]: one for one in told["members"]}

    @property
    def leader(self) -> str:
        """The one member that leads."""
        (name,) = (name for name, one in self.members().items() if one["role"] == "leader")
        return name

    def own(self, node: str) -> tuple[str, str, int]:
        """Role, state and timeline in the words of the member itself; what it cannot tell is empty, or 0.

        What the cluster says of its members is what they last wrote down: after a way back that is what the snapshot
        holds, until each of them writes again.
        """
        told = json.loads(self.run(node, "curl -s http://localhost:8008/patroni || true") or "{}")
        state = told.get("replication_state") or told.get("state", "")
        return told.get("role", ""), state, told.get("timeline") or 0

    def timeline(self) -> int:
        """The leader's timeline."""
        return self.own(self.leader)[2]

    def etcd(self) -> dict[str, tuple[int, int]]:
        """Each etcd's cluster and member ID, as it tells of itself; all have to answer, those that start as well."""
        ends = ",".join(f"{node}:2379" for node in self.nodes)
        ask = f"etcdctl endpoint status -w json --endpoints={ends}"
        end = time.monotonic() + 60
        while True:
            done = self.start(self.nodes[0], ask)
            printed, wrong = done.communicate(timeout=60)
            if done.returncode == 0 or time.monotonic() > end:
                break
        assert done.returncode == 0, f"{printed}{wrong}"
        told = json.loads(printed)
        return {
            one["Endpoint"]: (one["Status"]["header"]["cluster_id"], one["Status"]["header"]["member_id"])
            for one in told
        }

    def written(self, node: str) -> list[int]:
        """The numbers that a node has."""
        return [int(line) for line in self.run(node, "psql -qXAt -c 'select n from written order by n'").split()]

    def streams(self) -> bool:
        """Every replica streams from the leader, on its timeline."""
        seen = sorted(map(self.own, self.members()))
        timeline = seen[0][2]
        return timeline > 0 and seen == [("primary", "running", timeline), *[("replica", "streaming", timeline)] * 2]


class Writer:
    """Somebody who writes the numbers from 1 on into the leader, a login and a transaction each, as fast as it goes."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.acknowledged: list[int] = []
        self.failed: list[int] = []
        cluster.run(
            cluster.leader, "psql -qXc 'drop table if exists written; create table written (n int primary key)'"
        )
        self._process = cluster.start(cluster.nodes[4], WRITER, HOST=cluster.leader)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            (self.failed if line.startswith("!") else self.acknowledged).append(int(line.strip().strip("!")))

    @property
    def newest(self) -> int:
        """The last number that was acknowledged."""
        return self.acknowledged[-1] if self.acknowledged else 0

    def end(self) -> None:
        """Stop."""
        # Ended on its node: without the program that began it there, it would go on.
        self._cluster.run(self._cluster.nodes[4], "pkill -f '[i]nsert into written'", user="root")
        self._process.wait(timeout=60)
        self._thread.join()


@contextmanager
def writing(cluster: Cluster) -> Iterator[Writer]:
    """Somebody writes meanwhile."""
    writer = Writer(cluster)
    try:
        wait(lambda: writer.newest > 5, "the first rows")
        yield writer
    finally:
        writer.end()


@pytest.fixture
async def course(make_settings: MakeSettings, engine: Engine) -> AsyncIterator[Course]:
    """The course on a lab of five nodes."""
    with driven(await make_settings(5), engine) as made:
        yield made


def snapshots(course: Course) -> dict[str, About]:
    """The lab's snapshots by name."""
    found = (About.told(json.dumps(each)) for each in json.loads(course.verb("snapshots", "--json")))
    return {about.name: about for about in found if about is not None}


def _rounds(course: Course, rounds: int, back: int) -> None:
    said = course.verb("goto", "pg-hba")
    assert "there in" in said
    print(said, flush=True)
    cluster = Cluster(course)
    leader, timeline, etcd = cluster.leader, cluster.timeline(), cluster.etcd()
    assert len({ids[0] for ids in etcd.values()}) == 1 and len({ids[1] for ids in etcd.values()}) == 5
    took, frozen, bounds = [], [], {}
    with writing(cluster) as writer:
        for number in range(rounds):
            before, began = writer.newest, time.monotonic()
            course.verb("snapshot", f"s{number}")
            took.append(time.monotonic() - began)
            bounds[f"s{number}"] = before, writer.newest
            _goes_on(writer)
            assert (cluster.leader, cluster.timeline()) == (leader, timeline)
        assert writer.failed == []
    found = snapshots(course)
    assert list(found) == list(bounds)
    ran = {name: (about.leader, len(about.etcd), len(about.patroni)) for name, about in found.items()}
    assert {name: one for name, one in ran.items() if one != (leader, 5, 3)} == {}
    frozen = [about.frozen for about in found.values()]
    assert max(frozen) < 5
    restored = []
    for name in list(bounds)[:back]:
        began = time.monotonic()
        course.verb("restore", name)
        restored.append(time.monotonic() - began)
        print(f"{name}: snapshot {took[len(restored) - 1]:.2f} s, restored in {restored[-1]:.2f} s", flush=True)
        _is_back(cluster, bounds[name], leader, timeline, etcd)
    print(f"snapshot {_spread(took)}; frozen {_spread(frozen)}; restore {_spread(restored)}")
    # On a machine that does nothing else it has 20 s (`make bench`).
    assert sorted(restored)[len(restored) // 2] < 40


def _goes_on(writer: Writer) -> None:
    before = writer.newest
    wait(lambda: writer.newest > before, "rows after the snapshot")


def _is_back(
    cluster: Cluster, bounds: tuple[int, int], leader: str, timeline: int, etcd: dict[str, tuple[int, int]]
) -> None:
    wait(cluster.streams, "the replicas", every=ASKED)
    # A leader that crashed is started as a replica, and promoted: the next timeline.
    assert (cluster.leader, cluster.timeline() - timeline in (0, 1)) == (leader, True)
    assert cluster.etcd() == etcd
    rows = cluster.written(leader)
    assert rows == list(range(1, len(rows) + 1))
    # A row more may have been written than was acknowledged.
    assert bounds[0] <= len(rows) <= bounds[1] + 1
    cluster.run(leader, f"psql -qXc 'insert into written values ({len(rows) + 1})'")
    for node in cluster.members():
        wait(
            lambda node=node: cluster.written(node) == [*rows, len(rows) + 1],  # type: ignore[misc]
            f"the new row on {node}",
            every=ASKED,
        )
    left = cluster.run(cluster.nodes[0], "ls -A /etc/pghalab/keys; ls -A /pgha", user="root")
    assert "snapshot" not in left


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{ordered[0]:.2f}/{ordered[len(ordered) // 2]:.2f}/{ordered[-1]:.2f} s of {len(ordered)}"


def _removed(course: Course, name: str) -> int:
    """The nodes and their data are gone, and come back in other containers; how many rows there are."""
    cluster = Cluster(course)
    leader, timeline, etcd = cluster.leader, cluster.timeline(), cluster.etcd()
    rows, node = len(cluster.written(leader)), cluster.nodes[1]
    cluster.run(node, "echo 'export MARK=here' >>~/.profile")
    cluster.run(node, "echo 192.0.2.7 elsewhere >>/etc/hosts; echo mine >/root/mine", user="root")
    log = cluster.run(node, "head -n 1 /var/log/etcd/etcd-standalone.log")
    course.verb("snapshot", name)
    before = course.containers()
    course.verb("down")
    course.verb("rmvolumes")
    assert course.containers() == {}
    course.verb("restore", name)
    assert not set(course.containers().values()) & set(before.values())
    _is_back(cluster, (rows, rows), leader, timeline, etcd)
    assert cluster.run(node, "getent hosts 192.0.2.7; echo $MARK").split() == ["192.0.2.7", "elsewhere", "here"]
    assert cluster.run(node, "cat /root/mine", user="root") == "mine\n"
    assert cluster.run(node, "head -n 1 /var/log/etcd/etcd-standalone.log") == log
    return rows


def _killed(course: Course, name: str, rows: int) -> None:
    """Kills in the middle: of a snapshot nothing is left, and a way back is gone to its end."""
    cluster = Cluster(course)
    leader, timeline, etcd = cluster.leader, cluster.timeline(), cluster.etcd()
    api, label = course.engine.api, f"pghalab.lab={course.name}"

    def states() -> list[str]:
        return [one["State"] for one in api.containers(all=True, filters={"label": [label, "pghalab.node"]})]

    def volumes() -> set[str]:
        found = api.volumes(filters={"label": label})["Volumes"]
        return {one["Name"] for one in found if one["Name"].startswith("pghalab.")}

    whole = volumes()
    with _begun(course, "snapshot", "half") as killed:
        wait(lambda: "paused" in states() or killed.poll() is not None, "the nodes to stand still")
    assert "paused" in states() and volumes() > whole
    course.verb("start")
    assert (states(), volumes()) == (["running"] * 5, whole)
    assert (cluster.leader, cluster.timeline()) == (leader, timeline)
    for moment in ("it is written down", "there are no nodes", "the nodes run again"):
        with _begun(course, "restore", name) as killed:
            wait(lambda: len(volumes()) > len(whole), "the intention")
            if moment != "it is written down":
                wait(lambda: states() == [], moment)
            if moment == "the nodes run again":
                wait(lambda: states() == ["running"] * 5, moment)
        assert killed.returncode == -signal.SIGKILL, moment
        said = course.verb("start")
        assert f"on its way back to the snapshot {name}" in said, moment
        _is_back(cluster, (rows, rows), leader, timeline, etcd)
        assert volumes() == whole


@contextmanager
def _begun(course: Course, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A verb that is killed at the end of the block."""
    begun = subprocess.Popen(
        [*PGHALAB, "--lab", course.name, *words], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield begun
    finally:
        begun.kill()
        begun.wait()


async def test_rows_come_back_as_they_were_also_of_a_removed_lab_and_a_kill_leaves_nothing_half_made(
    course: Course,
) -> None:
    _rounds(course, 3, 2)
    with writing(Cluster(course)):
        pass
    _killed(course, "removed", _removed(course, "removed"))


@pytest.mark.soak
async def test_a_hundred_times(course: Course) -> None:
    _rounds(course, 100, 100)
