"""etcd's answers as values, its silences as errors, and the watch's way from member to member."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pghalab.cluster import etcd, patroni, postgres
from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.cluster.quorum import etcd_view
from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.cluster.watch import PrefixWatch
from pghalab.lab.types import LabError
from tests.fake_lab.lab import lab_of
from tests.fake_lab.node import FakeNode
from tests.fake_lab.servers import closed_port, closing_server, http_server, port_of, silent_server

RECORDINGS = Path(__file__).parents[1] / "recordings"
RECORDED = json.loads((RECORDINGS / "cluster-streaming.json").read_text())
STATUS, MEMBERS = "/v3/maintenance/status", "/v3/cluster/member/list"


def _body(value: object) -> tuple[int, bytes]:
    return 200, json.dumps(value).encode()


async def test_a_recorded_status_becomes_the_row_that_etcdctl_prints() -> None:
    rows = {}
    for name, status in RECORDED["etcd_status"].items():
        with http_server({STATUS: _body(status)}) as port:
            rows[name] = await etcd.endpoint(FakeNode(name, ports={2379: port}))
    assert [row.is_leader for row in rows.values()].count(True) == 1
    assert {row.version for row in rows.values()} == {RECORDED["versions"]["etcd"]}
    assert len({row.member_id for row in rows.values()}) == 5
    assert rows["ct1"].endpoint == "ct1:2379"
    assert all(row.db_size and row.raft_term and row.raft_index and row.raft_applied_index for row in rows.values())
    assert {row.errors for row in rows.values()} == {""}


async def test_a_member_without_a_leader_says_so() -> None:
    status = {"header": {"member_id": "255"}, "version": "3.5.16", "raftTerm": "4", "errors": ["etcdserver: no leader"]}
    with http_server({STATUS: _body(status)}) as port:
        row = await etcd.endpoint(FakeNode("pgha1", ports={2379: port}))
    assert (row.member_id, row.is_leader, row.raft_term, row.errors) == ("ff", False, 4, "etcdserver: no leader")


async def test_every_word_of_a_status_has_its_place_and_none_is_missed() -> None:
    status = {
        "header": {"member_id": "255", "cluster_id": "17"}, "leader": "255", "version": "3.5.16", "dbSize": "20480",
        "isLearner": True, "raftTerm": "4", "raftIndex": "9", "raftAppliedIndex": "8", "errors": ["NOSPACE", "CORRUPT"],
    }  # fmt: skip
    with http_server({STATUS: _body(status)}) as port:
        row = await etcd.endpoint(FakeNode("pgha1", ports={2379: port}))
    assert row == EtcdEndpoint(
        "pgha1", "pgha1:2379", "ff", "3.5.16", 20480, True, True, 4, 9, 8, "NOSPACE; CORRUPT", "11"
    )
    with http_server({STATUS: _body({"header": {"member_id": "255"}})}) as port:
        row = await etcd.endpoint(FakeNode("pgha1", ports={2379: port}))
    assert row == EtcdEndpoint("pgha1", "pgha1:2379", "ff", "", 0, False, False, 0, 0, 0, "etcdserver: no leader")


async def test_members_that_have_not_started_come_first_and_a_learner_is_one() -> None:
    members = [
        {"ID": "255", "name": "pgha1", "peerURLs": ["http://a:2380"], "clientURLs": ["http://a:2379"]},
        {"ID": "16", "isLearner": True},
    ]
    with http_server({MEMBERS: _body({"members": members})}) as port:
        found = await etcd.members(FakeNode("pgha1", ports={2379: port}))
    assert found == (
        EtcdMember("10", "", (), (), True),
        EtcdMember("ff", "pgha1", ("http://a:2380",), ("http://a:2379",)),
    )
    with http_server({MEMBERS: _body({})}) as port:
        assert await etcd.members(FakeNode("pgha1", ports={2379: port})) == ()


async def test_two_recorded_survivors_of_five_answer_and_are_no_quorum() -> None:
    recorded = json.loads((RECORDINGS / "cluster-quorum-lost.json").read_text())
    rows = []
    for name, status in recorded["etcd_status"].items():
        if "error" in status:
            rows.append(EtcdEndpoint(name, f"{name}:2379", errors=status["error"]))
            continue
        with http_server({STATUS: _body(status)}) as port:
            rows.append(await etcd.endpoint(FakeNode(name, ports={2379: port})))
    view = etcd_view(tuple(rows), len(recorded["etcd_members"]["members"]))
    assert (view.members, view.alive, view.majority, view.has_quorum) == (5, 2, 3, False)
    assert view.leaderless


async def test_members_are_asked_of_this_member_alone() -> None:
    asked: list[tuple[str, bytes]] = []
    with http_server({MEMBERS: _body(RECORDED["etcd_members"])}, asked) as port:
        members = await etcd.members(FakeNode("ct1", ports={2379: port}))
    assert [member.name for member in members] == ["ct1", "ct2", "ct3", "ct4", "ct5"]
    assert all(member.started and not member.is_learner for member in members)
    assert members[0].peer_urls == ("http://192.168.73.10:2380",)
    assert json.loads(asked[0][1]) == {"linearizable": False}


@pytest.mark.parametrize(
    ("status", "body", "healthy"),
    [
        (200, b'{"health":"true","reason":""}', True),
        (503, b'{"health":"false","reason":"x"}', False),
        (200, b"?", False),
    ],
)
async def test_health(status: int, body: bytes, healthy: bool) -> None:
    with http_server({"/health": (status, body)}) as port:
        assert await etcd.health(FakeNode("pgha1", ports={2379: port})) is healthy


async def test_nothing_listens() -> None:
    server = await closing_server()
    for port, failure in ((closed_port(), ""), (port_of(server), "refused")):
        node = FakeNode("pgha2", ports={2379: port})
        node.failures[2379] = failure
        with pytest.raises(NotRunning, match="etcd does not run on pgha2"):
            await etcd.endpoint(node)
        with pytest.raises(NotRunning, match="etcd does not run on pgha2"):
            await etcd.get_prefix(node, "/pgha/")
    server.close()


async def test_only_a_refused_connection_means_that_nothing_runs() -> None:
    server = await closing_server()
    node = FakeNode("pgha2", ports={2379: port_of(server), 8008: port_of(server), 5432: port_of(server)})
    with pytest.raises(NoAnswer, match=r"etcd gave no answer: (Remote end closed connection|Connection reset)"):
        await etcd.endpoint(node)
    node.failures = dict.fromkeys(node.ports, "No route to host")
    with pytest.raises(NoAnswer, match="etcd gave no answer: No route to host"):
        await etcd.endpoint(node)
    with pytest.raises(NoAnswer, match="etcd gave no answer: No route to host"):
        await etcd.get_prefix(node, "/pgha/")
    with pytest.raises(NoAnswer, match="Patroni gave no answer: No route to host"):
        await patroni.status(node)
    with pytest.raises(NoAnswer, match="PostgreSQL gave no answer: No route to host"):
        await postgres.probe(node)
    with pytest.raises(NoAnswer, match="PostgreSQL on pgha2 gave no answer: No route to host"):
        await postgres.query(lab_of(node), "pgha2", "select 1")
    server.close()


async def test_a_member_that_has_not_joined_yet_is_asked_as_the_others_ask_it() -> None:
    body = b'[{"id":1,"peerURLs":["http://192.168.50.10:2380"],"name":"pgha1"},{"id":2},{"id":3}]'
    with http_server({"/members": (200, body)}, headers={"X-Etcd-Cluster-Id": "d846b3e6f1923156"}) as port:
        row, members = await etcd.waiting(FakeNode("pgha1", ports={2380: port}))
    assert (row.waits, row.runs, row.follows, row.cluster_id, members) == (True, True, False, "d846b3e6f1923156", 3)
    for answer in ((404, b"404 page not found"), (200, b"?"), (200, b"[]")):
        with http_server({"/members": answer}) as port, pytest.raises(NoAnswer):
            await etcd.waiting(FakeNode("pgha1", ports={2380: port}))
    for said, new in (("not_decided", True), ("3.5.0", False)):
        body = json.dumps({"etcdserver": "3.5.16", "etcdcluster": said}).encode()
        with http_server({"/version": (200, body)}) as port:
            assert await etcd.is_new(FakeNode("pgha1", ports={2380: port})) is new


async def test_a_member_that_keeps_its_clients_waiting_tells_the_others_whom_it_knows() -> None:
    body = b'[{"id":255,"peerURLs":["http://192.0.2.10:2380"],"name":"pgha1","clientURLs":["http://a:2379"]},{"id":16}]'
    with silent_server() as silent, http_server({"/members": (200, body)}) as port:
        node = FakeNode("pgha1", ports={2379: silent, 2380: port})
        assert await etcd.members(node) == (
            EtcdMember("10", "", (), ()),
            EtcdMember("ff", "pgha1", ("http://192.0.2.10:2380",), ("http://a:2379",)),
        )
        del node.ports[2380]
        with pytest.raises(NoAnswer):
            await etcd.members(node, timeout=etcd.PATIENCE + 0.3)


async def test_how_long_a_key_lives_on() -> None:
    answers = {
        "/v3/kv/range": _body({"kvs": [{"key": "eA==", "lease": "7587"}]}),
        "/v3/lease/timetolive": _body({"ID": "7587", "TTL": "23", "grantedTTL": "30"}),
    }
    asked: list[tuple[str, bytes]] = []
    with http_server(answers, asked) as port:
        assert await etcd.lease_left(FakeNode("pgha1", ports={2379: port}), "x") == 23
    assert [json.loads(body) for _, body in asked] == [{"key": "eA=="}, {"ID": "7587"}]
    with http_server({"/v3/kv/range": _body({"header": {}})}) as port:
        assert await etcd.lease_left(FakeNode("pgha1", ports={2379: port}), "x") is None


async def test_a_frozen_member() -> None:
    with silent_server() as port, pytest.raises(NoAnswer, match=r"does not answer within 0\.2 s"):
        await etcd.endpoint(FakeNode("pgha2", ports={2379: port}), timeout=0.2)


async def test_a_node_out_of_reach() -> None:
    node = FakeNode("pgha2")
    node.link, node.link_reason = "down", "its container does not run"
    with pytest.raises(OutOfReach, match="its container does not run"):
        await etcd.endpoint(node)
    with pytest.raises(OutOfReach):
        await etcd.get_prefix(node, "/pgha/")


async def test_a_refusal_of_the_gateway_is_passed_on_in_its_own_words() -> None:
    refusal = (503, b'{"error":"etcdserver: request timed out","code":14}')
    with http_server({STATUS: refusal}) as port, pytest.raises(LabError, match="etcdserver: request timed out"):
        await etcd.endpoint(FakeNode("pgha1", ports={2379: port}))


async def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    body, connections = json.dumps(RECORDED["etcd_status"]["ct1"]).encode(), 0

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
    node = FakeNode("pgha1", ports={2379: port_of(server)})
    for count in (1, 2, 3):
        assert (await etcd.endpoint(node)).member_id
        assert connections == count
    server.close()


async def test_a_tunnel_that_moved_to_another_port_is_followed() -> None:
    node = FakeNode("pgha1", ports={2379: 0})
    for _ in range(2):
        with http_server({STATUS: _body(RECORDED["etcd_status"]["ct1"])}) as port:
            node.ports[2379] = port
            assert (await etcd.endpoint(node)).member_id
            assert (await etcd.endpoint(node)).member_id


def test_grpc_to_nothing_is_an_error_in_words_and_prints_nothing() -> None:
    code = """
import asyncio, sys
from pghalab.cluster import etcd
from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.cluster.quorum import etcd_view
from pghalab.cluster.rest import NotRunning
from tests.fake_lab.lab import lab_of
from tests.fake_lab.node import FakeNode
from tests.fake_lab.servers import closed_port
assert "etcd3" not in sys.modules and "grpc" not in sys.modules
node = FakeNode("pgha2", ports={2379: closed_port()})
async def main():
    try:
        await etcd.get_prefix(node, "/pgha/")
    except NotRunning as error:
        return str(error)
assert asyncio.run(main()) == "etcd does not run on pgha2"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class _Etcd:
    """Stands for the members behind etcd.listing and etcd.open_watch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.up: set[str] = set()
        self.values: dict[str, str] = {}
        self.revision = 5
        self.watches: list[tuple[str, int, Callable[..., None], Callable[..., None]]] = []
        self.closed = 0
        monkeypatch.setattr(etcd, "listing", self.listing)
        monkeypatch.setattr(etcd, "open_watch", self.open_watch)

    async def listing(self, node: Any, prefix: str) -> etcd.Listing:
        if node.name not in self.up:
            raise NotRunning(f"etcd does not run on {node.name}")
        return etcd.Listing(self.revision, dict(self.values))

    async def open_watch(self, node: Any, prefix: str, start: int, deliver: Any, lost: Any) -> "_Etcd":
        self.watches.append((node.name, start, deliver, lost))
        return self

    def close(self) -> None:
        self.closed += 1


async def test_the_watch_lists_follows_rotates_and_lists_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = _Etcd(monkeypatch)
    server.up, server.values = {"pgha2", "pgha3"}, {"/p/leader": "a"}
    seen: asyncio.Queue[Any] = asyncio.Queue()
    nodes = {name: FakeNode(name) for name in ("pgha1", "pgha2", "pgha3")}
    watch = PrefixWatch(nodes, "/p/", seen.put_nowait, seen.put_nowait)
    task = asyncio.create_task(watch.run())
    async with asyncio.timeout(10):
        assert await seen.get() == {"/p/leader": "a"}
        assert watch.node == "pgha2"
        _, start, deliver, lost = server.watches[-1]
        assert start == 6
        deliver((etcd.Change("/p/leader", None), etcd.Change("/p/config", "{}")))
        assert await seen.get() == {"/p/config": "{}"}
        server.values, server.revision = {"/p/leader": "b"}, 9
        lost(NotRunning("etcd does not run on pgha2"))
        assert await seen.get() == {"/p/leader": "b"}  # from the next member, and nobody was told of a loss
        assert (watch.node, server.watches[-1][1]) == ("pgha3", 10)
        server.up = set()
        server.watches[-1][3](NoAnswer("etcd does not answer"))
        assert isinstance(await seen.get(), LabError)
        server.up = {"pgha1"}
        while seen.empty():
            watch.poke()
            await asyncio.sleep(0)
        assert await seen.get() == {"/p/leader": "b"}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        while server.closed < 3:
            await asyncio.sleep(0.01)


async def test_the_watch_waits_for_an_etcd_that_does_not_run_yet_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = _Etcd(monkeypatch)
    seen: asyncio.Queue[Any] = asyncio.Queue()
    nodes = {name: FakeNode(name) for name in ("pgha1", "pgha2")}
    watch = PrefixWatch(nodes, "/p/", seen.put_nowait, seen.put_nowait)
    task = asyncio.create_task(watch.run())
    async with asyncio.timeout(10):
        assert isinstance(await seen.get(), NotRunning)
        for _ in range(20):
            watch.poke()
            await asyncio.sleep(0)
        server.up = {"pgha2"}
        watch.poke()
        assert await seen.get() == {}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_keys_are_lost_when_no_member_of_ours_serves_them(monkeypatch: pytest.MonkeyPatch) -> None:
    server = _Etcd(monkeypatch)
    server.up = {"pgha3"}
    asked: list[str] = []
    lost: asyncio.Queue[LabError] = asyncio.Queue()
    listing = server.listing

    async def noted(node: Any, prefix: str) -> etcd.Listing:
        asked.append(node.name)
        return await listing(node, prefix)

    monkeypatch.setattr(etcd, "listing", noted)
    nodes = {name: FakeNode(name) for name in ("pgha1", "pgha2", "pgha3")}
    watch = PrefixWatch(nodes, "/p/", lambda _: None, lost.put_nowait, lambda name: name != "pgha3")
    task = asyncio.create_task(watch.run())
    async with asyncio.timeout(10):
        error = await lost.get()
    assert (error.what, error.node) == ("etcd on pgha3 belongs to another cluster", "pgha3")
    assert asked == ["pgha1", "pgha2"], "each of ours was asked before, and the stranger never"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_look_at_postgresql_needs_no_login() -> None:
    answers, hangs_up = await closing_server(b"N"), await closing_server()
    await postgres.probe(FakeNode("pgha1", ports={5432: port_of(answers)}))
    with pytest.raises(NoAnswer, match=r"(it closed the connection|Connection reset)"):
        await postgres.probe(FakeNode("pgha1", ports={5432: port_of(hangs_up)}))
    with pytest.raises(NotRunning, match="PostgreSQL does not run on pgha1"):
        await postgres.probe(FakeNode("pgha1", ports={5432: closed_port()}))
    with silent_server() as port, pytest.raises(NoAnswer, match=r"does not answer within 0\.2 s"):
        await postgres.probe(FakeNode("pgha1", ports={5432: port}), timeout=0.2)
    away = FakeNode("pgha1")
    away.link = "down"
    with pytest.raises(OutOfReach):
        await postgres.probe(away)
    answers.close()
    hangs_up.close()


async def test_a_query_to_nothing_says_that_postgresql_does_not_run() -> None:
    server = await closing_server()
    node = FakeNode("pgha2", ports={5432: port_of(server)})
    node.failures[5432] = "refused"
    lab = lab_of(node)
    with pytest.raises(NotRunning, match="PostgreSQL does not run on pgha2"):
        await postgres.query(lab, "pgha2", "select 1")
    with pytest.raises(NotRunning, match="PostgreSQL does not run on pgha2"):
        await postgres.login(lab, via="pgha2", to="pgha2", user="a", database="b", password="c")
    server.close()
