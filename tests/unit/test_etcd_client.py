"""Keys and watches over gRPC: what the client library is asked, and what its answers and its errors mean."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from pghalab.cluster import etcd, etcd_client
from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.lab.types import LabError
from tests.fake_lab.node import FakeNode


class PutEvent(SimpleNamespace):
    """A key was put."""


class DeleteEvent(SimpleNamespace):
    """A key was deleted."""


class CallError(grpc.RpcError, grpc.Call):  # type: ignore[misc]
    """A gRPC call that failed, with the words of the library or the server."""

    def __init__(self, details: str) -> None:
        self._details = details

    def details(self) -> str:
        return self._details


for _name in grpc.Call.__abstractmethods__ | grpc.RpcContext.__abstractmethods__:
    if _name != "details":
        setattr(CallError, _name, lambda *_: None)
CallError.__abstractmethods__ = frozenset()


def named(name: str, cause: BaseException | None = None) -> Exception:
    """An error of etcd3 by the name of its class."""
    error: Exception = type(name, (Exception,), {})("x")
    error.__context__ = cause
    return error


class Client:
    """Stands for an Etcd3Client."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.kvs = [SimpleNamespace(key=b"/p/leader", value=b"pgha1"), SimpleNamespace(key=b"/p/x", value=b"\xff")]
        self.asked: list[tuple[Any, ...]] = []
        self.changed: Callable[[Any], None] = lambda _: None
        self.closed = False
        self.streams: list[tuple[Any, ...]] = []
        self.watcher = SimpleNamespace(_watch_stub=self, _run=self.run, _metadata=None)

    def get_prefix_response(self, prefix: str, *, serializable: bool) -> Any:
        self.asked.append((prefix, serializable))
        if self.fails:
            raise self.fails
        return SimpleNamespace(kvs=self.kvs, header=SimpleNamespace(revision="7"))

    def add_watch_prefix_callback(self, prefix: str, callback: Callable[[Any], None], *, start_revision: int) -> None:
        self.asked.append((prefix, start_revision, self.watcher._metadata))
        self.changed = callback
        if self.fails:
            raise self.fails

    def run(self) -> None:
        while True:
            self.watcher._watch_stub.Watch("request", metadata=self.watcher._metadata)

    def Watch(self, *args: Any, **kwargs: Any) -> None:
        self.streams.append((args, kwargs))
        if self.closed:
            raise ValueError("Cannot invoke RPC on closed channel!")

    def close(self) -> None:
        self.closed = True


class Library:
    """Makes clients, and remembers where they go to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clients: list[Client] = []
        self.made: list[dict[str, Any]] = []
        self.fails: Exception | None = None
        monkeypatch.setattr(etcd_client, "load", lambda: self)

    def Etcd3Client(self, **options: Any) -> Client:
        client = Client()
        client.fails = self.fails
        self.made.append(options)
        self.clients.append(client)
        return client


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    return Library(monkeypatch)


@pytest.fixture
def node() -> FakeNode:
    return FakeNode("pgha2", ports={2379: 4001})


async def test_the_keys_come_as_text_with_the_revision_they_are_of(library: Library, node: FakeNode) -> None:
    found = await etcd.listing(node, "/p/", timeout=1.5)
    assert found == etcd.Listing(7, {"/p/leader": "pgha1", "/p/x": "�"})
    assert await etcd.get_prefix(node, "/q/", serializable=True) == found.values
    assert library.clients[0].asked == [("/p/", False), ("/q/", True)]
    (made,) = library.made
    assert (made["host"], made["port"], made["timeout"]) == ("127.0.0.1", 4001, 1.5)
    assert ("grpc.enable_http_proxy", 0) in made["grpc_options"]


async def test_a_client_is_kept_until_its_tunnel_moves_or_a_call_fails(library: Library, node: FakeNode) -> None:
    await etcd.get_prefix(node, "/p/")
    node.ports[2379] = 4002
    await etcd.get_prefix(node, "/p/")
    assert [made["port"] for made in library.made] == [4001, 4002]
    library.clients[-1].fails = named("ConnectionTimeoutError")
    with pytest.raises(NoAnswer):
        await etcd.get_prefix(node, "/p/")
    await etcd.get_prefix(node, "/p/")
    assert len(library.made) == 3


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (CallError("etcdserver: no leader"), LabError, "etcdserver: no leader"),
        (named("ConnectionFailedError", CallError("etcdserver: mvcc")), LabError, "etcdserver: mvcc"),
        (named("ConnectionTimeoutError"), NoAnswer, "etcd does not answer within 3 s"),
        (named("WatchTimedOut"), NoAnswer, "etcd does not answer within 3 s"),
        (CallError("ping timeout of it"), NoAnswer, "etcd does not answer within 3 s"),
        (CallError("Connection refused by it"), NotRunning, "etcd does not run on pgha2"),
        (CallError("Socket closed\nmore"), NoAnswer, "etcd gave no answer: Socket closed"),
        (CallError(""), NoAnswer, "etcd gave no answer: CallError"),
        (named("ConnectionFailedError"), NoAnswer, "etcd gave no answer: x"),
        (named("RevisionCompactedError"), LabError, "etcd has compacted the revision to watch from"),
        (ValueError("odd"), LabError, "etcd: odd"),
        (ValueError(), LabError, "etcd: ValueError"),
    ],
)
async def test_what_an_error_of_the_library_means(
    library: Library, node: FakeNode, error: Exception, kind: type[LabError], words: str
) -> None:
    library.fails = error
    for ask in (etcd.get_prefix(node, "/p/"), etcd.open_watch(node, "/p/", 1, lambda _: None, lambda _: None)):
        with pytest.raises(LabError) as told:
            await ask
        assert (type(told.value), told.value.what) == (kind, words)
        assert told.value.node == (None if kind is NotRunning else "pgha2")
    assert library.clients[-1].closed, "a watch that did not begin leaves no connection"


async def test_an_error_of_a_node_that_is_out_of_reach_says_that(library: Library, node: FakeNode) -> None:
    library.fails = CallError("Socket closed")

    async def moved(port: int, host: str = "localhost") -> int:
        node.link = "down"
        return 4001

    node.tunnel = moved  # type: ignore[method-assign]
    with pytest.raises(OutOfReach) as told:
        await etcd.get_prefix(node, "/p/")
    assert (told.value.what, told.value.node) == ("no connection to pgha2", "pgha2")


async def test_the_tunnel_knows_better_why_a_connection_came_to_nothing(library: Library, node: FakeNode) -> None:
    library.fails = CallError("Socket closed")
    node.failures[2379] = "refused"
    with pytest.raises(NotRunning, match="etcd does not run on pgha2"):
        await etcd.get_prefix(node, "/p/")
    node.failures[2379] = "No route to host"
    with pytest.raises(NoAnswer, match="etcd gave no answer: No route to host"):
        await etcd.get_prefix(node, "/p/")


# Watching


async def test_a_watch_tells_what_was_put_and_what_was_deleted(library: Library, node: FakeNode) -> None:
    changes: list[tuple[etcd.Change, ...]] = []
    lost: list[LabError] = []
    watch = await etcd.open_watch(node, "/p/", 8, changes.append, lost.append, timeout=2.0)
    (client,) = library.clients
    assert library.made[0]["timeout"] == 2.0
    # A member that is cut off from the others ends the watch instead of staying silent.
    assert client.asked == [("/p/", 8, (("hasleader", "true"),))]
    client.changed(SimpleNamespace(events=[PutEvent(key=b"/p/a", value=b"1"), DeleteEvent(key=b"/p/b", value=b"")]))
    client.changed(SimpleNamespace(events=[]))
    assert changes == [(etcd.Change("/p/a", "1"), etcd.Change("/p/b", None))]
    assert lost == []
    client.changed(CallError("etcdserver: no leader"))
    client.changed(named("WatchTimedOut"))
    assert [(one.what, one.node) for one in lost] == [
        ("etcdserver: no leader", "pgha2"),
        ("etcd does not answer within 2 s", "pgha2"),
    ]
    assert not client.closed
    watch.close()
    assert client.closed


async def test_the_librarys_own_thread_opens_one_stream_and_ends(library: Library, node: FakeNode) -> None:
    await etcd.open_watch(node, "/p/", 8, lambda _: None, lambda _: None)
    (client,) = library.clients
    client.watcher._run()
    assert client.streams == [(("request",), {"metadata": (("hasleader", "true"),)})]


async def test_a_watch_that_is_closed_before_its_stream_began_ends_without_a_sound(
    library: Library, node: FakeNode
) -> None:
    watch = await etcd.open_watch(node, "/p/", 8, lambda _: None, lambda _: None)
    watch.close()
    library.clients[0].watcher._run()
    assert len(library.clients[0].streams) == 1
