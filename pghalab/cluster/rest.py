"""HTTP to a service on a node, over the node's own connection, with a time limit on every call."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from typing import Any, Final, Literal, TypeVar
from weakref import WeakKeyDictionary

from pghalab.lab.types import ErrorKind, LabError, Node, Stream
from pghalab.values import dataclass

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_CALLS_PER_NODE: Final = 3
"""Calls that may wait on one node at a time, so that a dead node leaves threads for the others."""

LONGEST_BODY: Final = 8 * 1024 * 1024
"""Bytes of an answer; a node that says more is not listened to."""

_threads = ThreadPoolExecutor(max_workers=48, thread_name_prefix="cluster")
_idle: WeakKeyDictionary[Node, dict[tuple[str, int], list[_Kept]]] = WeakKeyDictionary()
_gates: WeakKeyDictionary[Node, tuple[asyncio.AbstractEventLoop, asyncio.Semaphore]] = WeakKeyDictionary()


class NotRunning(LabError):
    """The node is there and refused the connection: nothing listens on the service's port."""

    kind: ErrorKind = "not-running"


class NoAnswer(LabError):
    """The service gave no answer: it stayed silent, or what it did is said in words; nothing was refused."""

    kind: ErrorKind = "no-answer"


class OutOfReach(LabError):
    """The node itself cannot be reached; its kind says why when the console knows."""

    kind: ErrorKind = "out-of-reach"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """By names in lower case."""

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        return json.loads(self.body)


async def in_thread(node: Node, call: Callable[[], T]) -> T:
    """Run a blocking call about a node in the cluster's own threads; the call keeps its own time limit."""
    loop = asyncio.get_running_loop()
    gate = _gates.get(node)
    if gate is None or gate[0] is not loop:
        gate = _gates[node] = (loop, asyncio.Semaphore(MAX_CALLS_PER_NODE))
    async with gate[1]:
        return await loop.run_in_executor(_threads, call)


def require_link(node: Node) -> None:
    """Raise OutOfReach when the node has no connection."""
    if node.link != "up":
        raise _unreached(node)


def _unreached(node: Node) -> OutOfReach:
    return OutOfReach(node.link_reason or f"no connection to {node.name}", node=node.name)


async def tunnel(node: Node, port: int, host: str = "localhost", timeout: float = 5.0) -> int:
    """The local port of the node's tunnel; raises OutOfReach when the node has no connection."""
    require_link(node)
    try:
        async with asyncio.timeout(timeout):
            return await node.tunnel(port, host)
    except TimeoutError:
        raise OutOfReach(f"no tunnel within {timeout:g} s", node=node.name) from None
    except LabError as error:
        raise OutOfReach(error.what, node=node.name, todo=error.todo, kind=error.kind) from error


async def request(
    node: Node,
    port: int,
    method: Literal["GET", "POST", "PATCH"],
    path: str,
    *,
    service: str,
    host: str = "localhost",
    body: Any = None,
    timeout: float = 2.0,
) -> Reply:
    """Ask a service on a node over HTTP, over a connection that is kept where the service keeps it.

    `service` names it in errors; `host` is the address on which it listens. Raises OutOfReach, NotRunning or NoAnswer
    after at most `timeout` seconds.
    """
    import h11

    require_link(node)
    asked = _Question(method, path, f"{host}:{port}", None if body is None else json.dumps(body).encode())
    try:
        async with asyncio.timeout(timeout):
            return await _ask(node, port, host, asked)
    except TimeoutError:
        require_link(node)
        raise NoAnswer(f"{service} does not answer within {timeout:g} s", node=node.name) from None
    except (h11.ProtocolError, OSError, EOFError, LabError) as error:
        log.debug("%s:%s%s: %s", node.name, port, path, error)
        raise failed(node, service, error) from error


def forget(node: Node) -> None:
    """Close the connections that are kept to a node's services."""
    for idle in _idle.pop(node, {}).values():
        for kept in idle:
            if kept.loop is asyncio.get_running_loop():
                kept.stream.close()


def failed(node: Node, service: str, error: BaseException, why: str = "") -> LabError:
    """What a connection that came to nothing means: only one that was refused tells that the service does not run.

    `why` is what the node's tunnel says of its last connection.
    """
    if node.link != "up":
        return _unreached(node)
    if why == "refused" or _refused(error):
        return NotRunning(f"{service} does not run on {node.name}")
    said = why or _last_words(error)
    return NoAnswer(f"{service} gave no answer: {said}", node=node.name)


def _refused(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectionRefusedError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _last_words(error: BaseException) -> str:
    """The innermost reason of an error, in one line."""
    inner = next((one for one in reversed(error.args) if isinstance(one, BaseException)), None)
    if inner is not None:
        return _last_words(inner)
    lines = (getattr(error, "strerror", None) or str(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__


class _Kept:
    """A connection to a service, between two questions."""

    def __init__(self, stream: Stream) -> None:
        import h11

        self.loop = asyncio.get_running_loop()
        self.stream = stream
        self._http = h11.Connection(h11.CLIENT)

    async def ask(self, question: _Question) -> Reply:
        """Put a question; raises OSError, EOFError or h11's ProtocolError."""
        import h11

        http, sent = self._http, b""
        for event in question.events():
            sent += http.send(event) or b""
        await self.stream.write(sent)
        head: h11.Response | None = None
        body = bytearray()
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await self.stream.read())
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LONGEST_BODY:
                    raise OSError(0, f"it is longer than {LONGEST_BODY} bytes")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
                return Reply(head.status_code, bytes(body), names)
            elif isinstance(event, h11.ConnectionClosed):
                raise EOFError("it closed the connection")

    def lives_on(self) -> bool:
        """The service keeps the connection, and the next question may be put."""
        import h11

        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False


@dataclass(frozen=True, slots=True)
class _Question:
    method: str
    path: str
    host: str
    payload: bytes | None

    def events(self) -> tuple[Any, ...]:
        """What HTTP makes of it."""
        import h11

        headers = [("Host", self.host), ("Accept", "*/*")]
        if self.payload is None:
            return h11.Request(method=self.method, target=self.path, headers=headers), h11.EndOfMessage()
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(self.payload)))]
        request = h11.Request(method=self.method, target=self.path, headers=headers)
        return request, h11.Data(data=self.payload), h11.EndOfMessage()


async def _ask(node: Node, port: int, host: str, question: _Question) -> Reply:
    import h11

    idle = _idle.setdefault(node, {}).setdefault((host, port), [])
    while idle:
        kept = idle.pop()
        if kept.loop is not asyncio.get_running_loop():
            continue
        try:
            return await _put(kept, question, idle)
        except (h11.ProtocolError, OSError, EOFError) as error:
            # The server may have closed it since; a fresh one tells the truth.
            log.debug("%s:%d: a connection that was kept: %s", node.name, port, error)
    return await _put(_Kept(await node.connect(port, host)), question, idle)


async def _put(kept: _Kept, question: _Question, idle: list[_Kept]) -> Reply:
    lives_on = False
    try:
        reply = await kept.ask(question)
        lives_on = kept.lives_on() and len(idle) < MAX_CALLS_PER_NODE
    finally:
        if lives_on:
            idle.append(kept)
        else:
            kept.stream.close()
    return reply
