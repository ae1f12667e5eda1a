"""etcd seen through one node's own member: keys and watches over gRPC (etcd3), the rest over its JSON gateway.

etcd3 0.12 knows neither learners nor a member's errors and applied index, and its member list needs a majority from
etcd 3.5 on; the gateway on the same port has them (etcd docs: gRPC gateway).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from pghalab.cluster import rest
from pghalab.cluster.etcd_client import new_client
from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.cluster.rest import NoAnswer, NotRunning
from pghalab.lab.types import LabError, Node
from pghalab.values import dataclass

log = logging.getLogger(__name__)

PORT: Final = 2379
PEER_PORT: Final = 2380
TIMEOUT: Final = 3.0
"""Seconds for one call."""
PATIENCE: Final = 0.7
"""Seconds after which a member that keeps its clients waiting is asked as the other members ask it."""
_SERVICE: Final = "etcd"
WAITS: Final = "waits for a majority of the members"
_clients: WeakKeyDictionary[Node, tuple[int, Any]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Listing:
    """Every key below a prefix as of one revision of the store."""

    revision: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """A key was put, or deleted when `value` is None."""

    key: str
    value: str | None


async def endpoint(node: Node, *, timeout: float = TIMEOUT) -> EtcdEndpoint:
    """The member's own status, answered without a majority too; raises OutOfReach, NotRunning or NoAnswer."""
    status = await _gateway(node, "/v3/maintenance/status", timeout)
    header = status["header"]
    member_id = _hex(header["member_id"])
    leader = int(status.get("leader", 0))
    errors = status.get("errors") or []
    return EtcdEndpoint(
        node=node.name,
        endpoint=f"{node.name}:{PORT}",
        member_id=member_id,
        version=str(status.get("version", "")),
        db_size=int(status.get("dbSize", 0)),
        is_leader=leader != 0 and _hex(leader) == member_id,
        is_learner=bool(status.get("isLearner", False)),
        raft_term=int(status.get("raftTerm", 0)),
        raft_index=int(status.get("raftIndex", 0)),
        raft_applied_index=int(status.get("raftAppliedIndex", 0)),
        errors="; ".join(map(str, errors)) or ("" if leader else "etcdserver: no leader"),
        cluster_id=_hex(header["cluster_id"]) if "cluster_id" in header else None,
    )


async def standing(node: Node) -> tuple[EtcdEndpoint, int | None]:
    """As `endpoint`; of a cluster that never had a majority as `waiting`, without its clients' long wait.

    A member that is only slow is not taken for one that waits. Raises OutOfReach, NotRunning or NoAnswer.
    """
    asking = asyncio.ensure_future(endpoint(node))
    try:
        await asyncio.wait({asking}, timeout=PATIENCE)
        if not asking.done():
            with contextlib.suppress(LabError):
                if await is_new(node) and not asking.done():
                    return await waiting(node)
        return await asking, None
    finally:
        if not asking.done():
            asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def waiting(node: Node, *, timeout: float = TIMEOUT) -> tuple[EtcdEndpoint, int]:
    """The row of a member that answers the other members and not its clients, and how many members its cluster has.

    A member takes its clients' connections and answers none of them before it has joined, which needs a majority; the
    other members' port answers from the start. Only who knows that its clients get no answer may ask this.
    Raises OutOfReach, NotRunning or NoAnswer.
    Source: `peerMembersHandler` and the wait for `ReadyNotify` before clients are served, in etcd's server/embed.
    """
    reply = await _peer(node, "/members", timeout)
    cluster_id = reply.headers.get("x-etcd-cluster-id") or None
    row = EtcdEndpoint(node.name, f"{node.name}:{PORT}", errors=WAITS, cluster_id=cluster_id, waits=True)
    return row, len(reply.json())


async def is_new(node: Node, *, timeout: float = TIMEOUT) -> bool:
    """The member's cluster never had a majority yet: it has not decided on a version; raises as `waiting` does."""
    said = (await _peer(node, "/version", timeout)).json()
    return isinstance(said, dict) and said.get("etcdcluster") == "not_decided"


async def _peer(node: Node, path: str, timeout: float) -> rest.Reply:
    """Ask as another member would."""
    reply = await rest.request(node, PEER_PORT, "GET", path, service=_SERVICE, host=node.address, timeout=timeout)
    try:
        if reply.status != 200 or not reply.json():
            raise ValueError
    except ValueError:
        raise NoAnswer(f"etcd answers other members with HTTP {reply.status}", node=node.name) from None
    return reply


async def lease_left(node: Node, key: str, *, timeout: float = TIMEOUT) -> int | None:
    """Seconds that a key lives on unless its lease is renewed; None without a key or a lease.

    Raises as `endpoint` does; the answer needs a majority.
    """
    found = await _gateway(node, "/v3/kv/range", timeout, {"key": b64encode(key.encode()).decode()})
    kvs = found.get("kvs") or [{}]
    lease = kvs[0].get("lease", "0")
    if not int(lease):
        return None
    answer = await _gateway(node, "/v3/lease/timetolive", timeout, {"ID": lease})
    return max(0, int(answer.get("TTL", 0)))


async def members(node: Node, *, timeout: float = TIMEOUT) -> tuple[EtcdMember, ...]:
    """The members as this one knows them, answered without a majority too; raises as `endpoint` does.

    One that was started and has met no majority since keeps its clients waiting: it is asked as the others ask it.
    """
    asking = asyncio.ensure_future(_gateway(node, "/v3/cluster/member/list", timeout, {"linearizable": False}))
    try:
        await asyncio.wait({asking}, timeout=PATIENCE)
        if not asking.done():
            with contextlib.suppress(LabError):
                return _members((await _peer(node, "/members", timeout)).json())
        return _members((await asking).get("members", ()))
    finally:
        if not asking.done():
            asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


def _members(listed: Iterable[Mapping[str, Any]]) -> tuple[EtcdMember, ...]:
    """Members by name; what clients are told calls the id otherwise than what members tell each other."""
    found = [
        EtcdMember(
            member_id=_hex(member.get("ID") or member["id"]),
            name=str(member.get("name", "")),
            peer_urls=tuple(member.get("peerURLs", ())),
            client_urls=tuple(member.get("clientURLs", ())),
            is_learner=bool(member.get("isLearner", False)),
        )
        for member in listed
    ]
    return tuple(sorted(found, key=lambda member: (member.name, member.member_id)))


async def health(node: Node, *, timeout: float = TIMEOUT) -> bool:
    """The member serves a read that needs a majority and has no alarm; raises as `endpoint` does."""
    reply = await rest.request(node, PORT, "GET", "/health", service=_SERVICE, timeout=timeout)
    try:
        return reply.status == 200 and str(reply.json().get("health")) == "true"
    except (ValueError, AttributeError):
        return False


async def get_prefix(
    node: Node, prefix: str, *, serializable: bool = False, timeout: float = TIMEOUT
) -> dict[str, str]:
    """The keys below a prefix and their values.

    `serializable` answers from this member alone, perhaps with old values, and so without a majority.
    Raises OutOfReach, NotRunning, NoAnswer, or LabError with etcd's own words.
    """
    return dict((await listing(node, prefix, serializable=serializable, timeout=timeout)).values)


async def listing(node: Node, prefix: str, *, serializable: bool = False, timeout: float = TIMEOUT) -> Listing:
    """As `get_prefix`, with the store's revision, from which a watch may go on."""
    response = await _call(node, lambda client: client.get_prefix_response(prefix, serializable=serializable), timeout)
    values = {_text(item.key): _text(item.value) for item in response.kvs}
    return Listing(int(response.header.revision), values)


async def _gateway(node: Node, path: str, timeout: float, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    reply = await rest.request(node, PORT, "POST", path, service=_SERVICE, body=body or {}, timeout=timeout)
    try:
        answer = reply.json()
    except ValueError:
        answer = None
    if reply.status != 200 or not isinstance(answer, dict):
        said = answer.get("message") or answer.get("error") if isinstance(answer, dict) else f"HTTP {reply.status}"
        raise LabError(f"etcd refused: {said}", node=node.name)
    return answer


async def _call(node: Node, call: Callable[[Any], Any], timeout: float) -> Any:
    """Make a gRPC call on the node's kept client, re-made when the tunnel moved or the last call failed."""
    port = await rest.tunnel(node, PORT)

    def work() -> Any:
        kept = _clients.get(node)
        if kept is None or kept[0] != port:
            forget(node)
            kept = _clients[node] = (port, new_client(port, timeout))
        return call(kept[1])

    try:
        return await rest.in_thread(node, work)
    except Exception as error:
        forget(node)
        raise _explain(node, error, timeout) from error


def forget(node: Node) -> None:
    """Drop the node's kept client; the next call makes a new one.

    It is not closed: another call may be under way on it, and would be told that etcd does not run.
    """
    _clients.pop(node, None)


class OpenWatch:
    """A watch on a prefix over a connection of its own; `close` ends it without a sound."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def close(self) -> None:
        """End the watch; safe to call twice and from any thread."""
        self._client.close()


async def open_watch(
    node: Node,
    prefix: str,
    start_revision: int,
    deliver: Callable[[tuple[Change, ...]], None],
    lost: Callable[[LabError], None],
    *,
    timeout: float = TIMEOUT,
) -> OpenWatch:
    """Watch a prefix from a revision on; both callbacks are called from a thread of the watch.

    `lost` is called once when the watch ends by itself: the member went away, lost its leader, fell silent (its
    connection is pinged every 6 s) or compacted the revision. Raises as `get_prefix` does.
    """
    port = await rest.tunnel(node, PORT)

    def changed(response: Any) -> None:
        if isinstance(response, Exception):
            lost(_explain(node, response, timeout))
            return
        changes = [
            Change(_text(event.key), _text(event.value) if type(event).__name__ == "PutEvent" else None)
            for event in response.events
        ]
        if changes:
            deliver(tuple(changes))

    def work() -> OpenWatch:
        client = new_client(port, timeout)
        watcher = client.watcher
        watcher._watch_stub = _OneStream(watcher._watch_stub)
        watcher._run = partial(_end_quietly, watcher._run)
        # Without this a member cut off from the others keeps the watch open, in silence (etcd: WithRequireLeader).
        watcher._metadata = (("hasleader", "true"),)
        try:
            client.add_watch_prefix_callback(prefix, changed, start_revision=start_revision)
        except BaseException:
            client.close()
            raise
        return OpenWatch(client)

    try:
        return await rest.in_thread(node, work)
    except Exception as error:
        raise _explain(node, error, timeout) from error


class _WatchEnded(Exception):
    """Ends etcd3's watch thread, which by itself never ends."""


def _end_quietly(run: Callable[[], None]) -> None:
    try:
        run()
    except _WatchEnded:
        return


class _OneStream:
    """Lets etcd3's watch thread open one stream and then end.

    By itself the thread retries for ever without a pause, and dies with a traceback once the client is closed.
    """

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self._used = False

    def Watch(self, *args: Any, **kwargs: Any) -> Any:
        if self._used:
            raise _WatchEnded
        self._used = True
        try:
            return self._stub.Watch(*args, **kwargs)
        except ValueError:
            raise _WatchEnded from None  # closed before it began


def _explain(node: Node, error: BaseException, timeout: float) -> LabError:
    """Say in words what a failed gRPC call means."""
    if isinstance(error, LabError):
        return error
    import grpc

    name = type(error).__name__
    cause = error if isinstance(error, grpc.RpcError) else error.__context__
    details = str(cause.details() or "") if isinstance(cause, grpc.Call) else ""
    log.debug("%s: %s: %s", node.name, name, details or error)
    if node.link != "up":
        return rest.OutOfReach(node.link_reason or f"no connection to {node.name}", node=node.name)
    if details.startswith("etcdserver:"):
        return LabError(details, node=node.name)
    if name in {"ConnectionTimeoutError", "WatchTimedOut"} or "ping timeout" in details:
        return NoAnswer(f"etcd does not answer within {timeout:g} s", node=node.name)
    if name == "ConnectionFailedError" or isinstance(cause, grpc.Call):
        if details:
            return _unavailable(node, details)
        return rest.failed(node, _SERVICE, error, node.tunnel_failure(PORT))
    if name == "RevisionCompactedError":
        return LabError("etcd has compacted the revision to watch from", node=node.name)
    return LabError(f"etcd: {str(error) or name}", node=node.name)


def _unavailable(node: Node, details: str) -> LabError:
    """gRPC's own words on a connection that came to nothing; through a tunnel it only sees that it was closed."""
    if node.tunnel_failure(PORT) == "refused" or "connection refused" in details.lower():
        return NotRunning(f"etcd does not run on {node.name}")
    return NoAnswer(f"etcd gave no answer: {node.tunnel_failure(PORT) or details.splitlines()[0]}", node=node.name)


def _hex(member_id: int | str) -> str:
    return f"{int(member_id):x}"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
