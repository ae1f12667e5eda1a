"""The monitor over a lab made of nothing: what it publishes when, and that nothing ends it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from pghalab.cluster import etcd, monitor, postgres
from pghalab.cluster.dcs import PREFIX
from pghalab.cluster.model import EtcdEndpoint
from pghalab.cluster.rest import NoAnswer, NotRunning
from pghalab.lab.types import Container, LabError, LinkChanged, Node
from tests.fake_lab.node import FakeNode
from tests.unit.world import MEMBER, World


async def test_a_calm_start_publishes_everything_and_no_event(world: World) -> None:
    async with world.watched():
        view = world.last("etcd").value
        assert (view.members, view.alive, view.has_quorum) == (3, 3, True)
        assert world.last("patroni").value.leader == "pgha1"
        await world.until(lambda: world.last("nodes").value[0].patroni == "stopped")
        assert world.last("nodes").value[0].postgres == "stopped"
    assert world.events() == []


async def test_what_nobody_has_looked_at_yet_is_not_absent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, listed = world.lab.containers, asyncio.Event()

    async def slowly() -> Sequence[Container]:
        await listed.wait()
        return await asked()

    monkeypatch.setattr(world.lab, "containers", slowly)
    world.postgres["pgha1"] = postgres.Role(True, "7")
    early: list[Any] = []

    async def list_late() -> None:
        await world.until(lambda: world.logins > 0 and any(kind == "nodes" for kind, _ in world.said))
        # The engine tells of one container after the other.
        world.lab.tell(world.lab.container("pgha1", "running"), world.lab.container("pgha2", "running"))
        early.extend(snapshot.value for kind, snapshot in world.said if kind == "nodes")
        listed.set()

    listing = asyncio.create_task(list_late())
    async with world.watched():
        await world.until(lambda: bool(world.last("nodes").value[0].writes))
        await listing
    assert set(early) == {None}
    assert world.events() == []


async def test_a_pushed_leader_is_published_without_waiting_for_a_poll(world: World) -> None:
    async with world.watched() as one:
        one.pause(True)
        world.push(etcd.Change(PREFIX + "leader", "pgha2"))
        await world.until(lambda: world.last("patroni").value.leader == "pgha2")
        assert world.events() == ["leader changed: pgha1 -> pgha2"]


async def test_one_missed_answer_keeps_the_row_and_a_second_one_empties_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.watched():
        missed = 0

        async def once(node: Node) -> EtcdEndpoint:
            nonlocal missed
            if node.name == "pgha3" and missed == 0:
                missed += 1
                raise NoAnswer("etcd does not answer")
            return await world.endpoint(node)

        monkeypatch.setattr(etcd, "endpoint", once)
        start, looks = len(world.said), world.looks
        while world.looks < looks + 12:
            await asyncio.sleep(0.01)
        assert missed == 1
        assert all(s.value.alive == 3 for k, s in world.said[start:] if k == "etcd")
        world.etcd["pgha3"] = NoAnswer("etcd does not answer")
        await world.until(lambda: world.last("etcd").value.alive == 2)
        await world.until(lambda: "etcd on pgha3 does not answer" in world.events())
        assert world.last("etcd").value.endpoints[2].errors == "etcd does not answer"
        del world.etcd["pgha3"]
        await world.until(lambda: "etcd on pgha3 answers" in world.events())


async def test_a_lost_quorum_and_its_return(world: World) -> None:
    async with world.watched():
        world.etcd = {
            "pgha1": NotRunning("etcd does not run on pgha1"),
            "pgha2": NotRunning("etcd does not run on pgha2"),
            "pgha3": "etcdserver: no leader",
        }
        await world.until(lambda: any("lost its quorum: 1 of 3" in text for text in world.events()))
        assert world.last("etcd").value.can_lose == 0
        assert world.last("nodes").value[0].etcd == "stopped"
        world.etcd = {}
        await world.until(lambda: any("has its quorum back" in text for text in world.events()))


async def test_a_defect_in_one_look_ends_nothing(world: World) -> None:
    async with world.watched():
        world.patroni["pgha1"] = RuntimeError("a defect")
        world.etcd["pgha2"] = RuntimeError("another one")
        looks = world.looks
        while world.looks < looks + 12:
            await asyncio.sleep(0.01)
        world.patroni["pgha1"] = {"state": "running", "role": "primary", "timeline": 4, "xlog": {"location": 9}}
        await world.until(lambda: world.last("patroni").value.members[0].timeline == 4)


async def test_an_engine_that_is_gone_leaves_the_old_rows_with_the_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "CONTAINERS_EVERY", 0.02)
    async with world.watched() as one:
        world.lab.engine_error = "the engine does not answer"
        one.refresh()
        await world.until(lambda: world.last("nodes").error == "the engine does not answer")
        assert [row.container for row in world.last("nodes").value] == ["running"] * 3
        world.lab.engine_error = ""
        await world.until(lambda: world.last("nodes").error is None)


async def test_a_node_that_is_paused_goes_down_with_its_etcd(world: World) -> None:
    async with world.watched():
        world.lab.nodes["pgha3"].link = "down"
        world.lab.nodes["pgha3"].link_reason = "it fell silent"
        world.lab.tell(LinkChanged("pgha3", "down", "it fell silent"))
        world.lab.tell(Container("pgha3", "paused", "192.168.50.12", 22))
        await world.until(lambda: "pgha3 is down (paused)" in world.events())
        assert world.last("nodes").value[2].etcd == "unknown"


async def test_a_removed_cluster_is_forgotten_and_the_next_one_not_held_against_it(world: World) -> None:
    async with world.watched():
        world.etcd = {name: NotRunning("etcd does not run") for name in world.lab.nodes}
        world.lab.put("absent")
        await world.until(lambda: (world.last("etcd").value, world.last("patroni").value) == (None, None))
        assert {"pgha1 is down (gone)", "pgha2 is down (gone)", "pgha3 is down (gone)"} <= set(world.events())
        said = len(world.events())
        world.etcd = {}
        world.keys = {PREFIX + "leader": "pgha2", PREFIX + "members/pgha2": MEMBER, PREFIX + "initialize": "8"}
        world.lab.put("running")
        await world.until(lambda: world.full("patroni") and world.last("patroni").value.leader == "pgha2")
        assert world.events()[said:] == [f"{name} is up" for name in world.lab.nodes]


async def test_an_engine_that_falls_silent_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "CONTAINERS_LIMIT", 0.05)
    async with world.watched() as one:
        silence, real = asyncio.Event(), world.lab.containers

        async def containers() -> Sequence[Container]:
            await silence.wait()
            return await real()

        monkeypatch.setattr(world.lab, "containers", containers)
        one.refresh()
        await world.until(lambda: "does not answer within" in (world.last("nodes").error or ""))
        silence.set()
        one.refresh()
        await world.until(lambda: world.last("nodes").error is None)


async def test_a_node_is_shown_with_the_address_it_has(world: World) -> None:
    async with world.watched():
        world.lab.tell(Container("pgha3", "running", "192.168.50.99", 22))
        await world.until(lambda: world.last("nodes").value[2].address == "192.168.50.99")


async def test_paused_it_asks_nobody(world: World) -> None:
    async with world.watched() as one:
        one.pause(True)
        await asyncio.sleep(0.1)
        looks = world.looks
        await asyncio.sleep(0.2)
        assert world.looks == looks
        one.pause(False)
        await world.until(lambda: world.looks > looks)


async def test_a_lab_that_gets_other_nodes_is_watched_anew(world: World) -> None:
    async with world.watched():
        world.lab.nodes = {f"other{n}": FakeNode(f"other{n}") for n in (1, 2)}
        await world.until(lambda: [row.name for row in world.last("nodes").value] == ["other1", "other2"])
        await world.until(lambda: world.last("etcd").value.members == 2)
    assert not any("other" in text for text in world.events())


TRUTH = {"state": "running", "role": "primary", "timeline": 1, "xlog": {"location": 9}}


async def test_a_silent_leader_is_told_at_once_with_what_etcd_says_is_left(world: World) -> None:
    world.patroni["pgha1"] = TRUTH
    world.postgres["pgha1"] = postgres.Role(True, "7")
    async with world.watched():
        await world.until(lambda: world.last("patroni").value.members[0].answers)
        assert world.last("patroni").value.lease_left is None
        world.lease = 17
        world.patroni["pgha1"] = NotRunning("Patroni does not run on pgha1")
        await world.until(lambda: not world.last("patroni").value.members[0].answers)
        await world.until(lambda: world.last("patroni").value.lease_left is not None)
        assert 15 <= world.last("patroni").value.lease_left <= 17
        row = world.last("nodes").value[0]
        assert (row.patroni, row.postgres, row.writes) == ("stopped", "running", True)
        world.patroni["pgha1"] = TRUTH
        await world.until(lambda: world.last("patroni").value.lease_left is None)


async def test_a_paused_leader_says_nothing_any_more(world: World) -> None:
    world.patroni["pgha1"] = TRUTH
    world.postgres["pgha1"] = postgres.Role(True, "7")
    async with world.watched() as one:
        await world.until(lambda: world.last("nodes").value[0].writes)
        one.pause(True)
        world.lab.tell(Container("pgha1", "paused", "192.168.50.10", 22))
        assert not world.last("patroni").value.members[0].answers
        assert world.last("nodes").value[0].writes is None
        assert "pgha1 takes no writes any more: its node is down" in world.events()


async def test_a_switchover_never_shows_two_writers_and_a_split_does(world: World) -> None:
    world.postgres = {"pgha1": postgres.Role(True, "7"), "pgha2": postgres.Role(False, "7")}
    async with world.watched():
        await world.until(lambda: world.last("nodes").value[0].writes)
        start = len(world.said)
        world.postgres = {"pgha1": postgres.Role(False, "7"), "pgha2": postgres.Role(True, "7")}
        await world.until(lambda: "pgha2 takes writes" in world.events())
        await world.until(lambda: "pgha1 takes no writes any more: it is read-only" in world.events())
        shown = [[row.name for row in s.value if row.writes] for kind, s in world.said[start:] if kind == "nodes"]
        assert max(map(len, shown)) == 1
        world.postgres["pgha1"] = postgres.Role(True, "7")
        await world.until(lambda: "two servers take writes: pgha1 and pgha2" in world.events())


async def test_a_process_that_a_check_saw_is_not_stopped_beside_it(world: World) -> None:
    async with world.watched() as one:
        world.etcd["pgha2"] = NotRunning("etcd does not run on pgha2")
        await world.until(lambda: world.last("nodes").value[1].etcd == "stopped")
        start = len(world.said)
        one.seen("pgha2", "etcd")
        assert world.last("nodes").value[1].etcd == "starting"
        del world.etcd["pgha2"]
        await world.until(lambda: world.last("nodes").value[1].etcd == "running")
        words = [s.value[1].etcd for kind, s in world.said[start:] if kind == "nodes"]
        assert "stopped" not in words
        one.seen("nobody", "etcd")


async def test_a_count_is_shown_only_when_it_has_settled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "SETTLE", 0.05)
    async with world.watched():
        start = len(world.said)
        world.etcd["pgha3"] = NotRunning("etcd does not run on pgha3")
        asked = 0

        async def slowly(node: Any) -> EtcdEndpoint:
            # pgha2 notices a look later than pgha1 that it has no leader any more.
            nonlocal asked
            if node.name == "pgha1":
                world.etcd["pgha1"] = "etcdserver: no leader"
            if node.name == "pgha2" and (asked := asked + 1) > 1:
                world.etcd["pgha2"] = "etcdserver: no leader"
            return await world.endpoint(node)

        monkeypatch.setattr(etcd, "endpoint", slowly)
        await world.until(lambda: any("lost its quorum: 2 of 3" in text for text in world.events()))
        assert {s.value.alive for kind, s in world.said[start:] if kind == "etcd"} <= {3, 2}


async def test_a_member_that_waits_is_seen_at_the_other_members_port(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(etcd, "PATIENCE", 0.01)
    silence = asyncio.Event()

    async def silent(node: Any) -> EtcdEndpoint:
        await silence.wait()
        raise NotRunning("never reached")

    async def waiting(node: Any) -> tuple[EtcdEndpoint, int]:
        if node.name != "pgha1":
            raise NotRunning(f"etcd does not run on {node.name}")
        return EtcdEndpoint(node.name, f"{node.name}:2379", errors=etcd.WAITS, cluster_id="aa", waits=True), 3

    async def is_new(node: Node) -> bool:
        return node.name == "pgha1"

    monkeypatch.setattr(etcd, "endpoint", silent)
    monkeypatch.setattr(etcd, "is_new", is_new)
    monkeypatch.setattr(etcd, "waiting", waiting)
    one = monitor.Monitor(world.lab, world.publish)
    task = asyncio.create_task(one.run())
    await world.until(lambda: (seen := world.last("etcd")) and seen.value and seen.value.waits)
    assert (world.last("etcd").value.alive, world.last("etcd").value.majority) == (1, 2)
    await world.until(lambda: world.last("nodes").value[0].etcd == "waiting")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_member_that_is_only_slow_does_not_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd, "PATIENCE", 0.01)
    real, silent = world.endpoint, False

    async def slow(node: Any) -> EtcdEndpoint:
        await asyncio.sleep(0.05)
        if silent:
            raise NoAnswer("etcd does not answer")
        return await real(node)

    async def is_new(node: Node) -> bool:
        return False

    async def waiting(node: Any) -> tuple[EtcdEndpoint, int]:
        return EtcdEndpoint(node.name, f"{node.name}:2379", errors=etcd.WAITS, waits=True), 3

    monkeypatch.setattr(etcd, "endpoint", slow)
    monkeypatch.setattr(etcd, "is_new", is_new)
    monkeypatch.setattr(etcd, "waiting", waiting)
    async with world.watched():
        looks = world.looks
        while world.looks < looks + 12:
            await asyncio.sleep(0.01)
        assert not any(s.value.waits for kind, s in world.said if kind == "etcd" and s.value)
        silent = True
        await world.until(lambda: world.last("etcd").value.waits)
        assert world.last("nodes").value[0].etcd == "waiting"


async def test_a_server_that_ends_is_told_before_its_key_says_so(world: World) -> None:
    world.postgres["pgha1"] = postgres.Role(True, "7")
    async with world.watched():
        await world.until(lambda: world.last("nodes").value[0].writes)
        del world.postgres["pgha1"]
        await world.until(lambda: "pgha1: running -> stopped" in world.events())


async def test_without_an_engine_a_node_that_is_reached_runs_and_the_others_are_absent(world: World) -> None:
    world.lab.engine_error = "the engine does not answer"
    world.lab.nodes["pgha2"].link = "down"
    nodes, _, _ = await monitor.Monitor(world.lab, world.publish).once()
    assert nodes.value is not None and nodes.error == "the engine does not answer"
    assert [row.container for row in nodes.value] == ["running", "absent", "running"]
    assert [row.address for row in nodes.value] == [node.address for node in world.lab.nodes.values()]


@pytest.mark.parametrize(
    ("stopped", "said", "why"),
    [
        (("pgha1", "pgha2", "pgha3"), "", "etcd runs on no node"),
        (("pgha2", "pgha3"), "etcdserver: no leader", "etcd has no quorum: 1 of 3 members alive, 2 needed"),
        (("pgha3",), "", "etcd's keys are not known: it refused"),
    ],
)
async def test_why_the_keys_are_not_known(
    world: World, monkeypatch: pytest.MonkeyPatch, stopped: tuple[str, ...], said: str, why: str
) -> None:
    async def refuses(node: Node, prefix: str) -> dict[str, str]:
        raise LabError("it refused")

    monkeypatch.setattr(etcd, "get_prefix", refuses)
    world.patroni["pgha1"] = TRUTH
    world.etcd = {"pgha1": said} | {name: NotRunning(f"etcd does not run on {name}") for name in stopped}
    _, _, seen = await monitor.Monitor(world.lab, world.publish).once()
    assert seen.error == why
    assert seen.value is not None and [member.name for member in seen.value.members] == ["pgha1"]


async def test_one_look(world: World) -> None:
    nodes, etcd_seen, patroni_seen = await monitor.Monitor(world.lab, world.publish).once()
    assert nodes.value is not None and [row.etcd for row in nodes.value] == ["running"] * 3
    assert etcd_seen.value is not None and etcd_seen.value.alive == 3
    assert patroni_seen.value is not None and patroni_seen.value.leader == "pgha1"
    world.etcd = {name: NotRunning("etcd does not run") for name in world.lab.nodes}
    _, etcd_seen, patroni_seen = await monitor.Monitor(world.lab, world.publish).once()
    assert (etcd_seen.value, etcd_seen.error) == (None, None)
    assert (patroni_seen.value, patroni_seen.error) == (None, None)
