"""HTTP to a service on a node, through the node's tunnel, with kept connections and a time limit on every call."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from weakref import WeakKeyDictionary

from pghalab.lab.types import ErrorKind, LabError, Node
from pghalab.values import dataclass

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_CALLS_PER_NODE: Final = 3
"""Calls that may wait on one node at a time, so that a dead node leaves threads for the others."""

_threads = ThreadPoolExecutor(max_workers=48, thread_name_prefix="cluster")
_pools: WeakKeyDictionary[Node, dict[tuple[str, int], HTTPConnectionPool]] = WeakKeyDictionary()
_urllib3: Any = None
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


async def tunnel(node: Node, port: int, host: str = "localhost", timeout: float = 5.0) -> int:
    """The local port of the node's tunnel; raises OutOfReach when the node has no connection."""
    if node.link != "up":
        raise OutOfReach(node.link_reason or f"no connection to {node.name}", node=node.name)
    try:
        async with asyncio.timeout(timeout):
            return await node.tunnel(port, host)
    except TimeoutError:
        raise OutOfReach(f"no tunnel within {timeout:g} s", node=node.name) from None
    except LabError as error:
        raise OutOfReach(error.what, node=node.name, todo=error.todo, kind=error.kind) from error


async def _library() -> Any:
    """urllib3, which takes about as long to import as Textual: after the first screen, and not on the loop."""
    global _urllib3
    if _urllib3 is None:
        _urllib3 = await asyncio.to_thread(importlib.import_module, "urllib3")
    return _urllib3


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
    """Ask a service on a node over HTTP.

    `service` names it in errors; `host` is the address on which it listens. Raises OutOfReach, NotRunning or NoAnswer
    after at most about twice `timeout` seconds.
    """
    urllib3 = await _library()
    local = await tunnel(node, port, host)
    pools = _pools.setdefault(node, {})
    pool = pools.get((host, port))
    if pool is None or pool.port != local:
        if pool is not None:
            pool.close()
        pool = pools[host, port] = urllib3.HTTPConnectionPool(
            "127.0.0.1", local, maxsize=MAX_CALLS_PER_NODE, retries=False
        )
    payload = None if body is None else json.dumps(body).encode()
    try:
        return await in_thread(node, lambda: _ask(pool, method, path, payload, timeout))
    except urllib3.exceptions.TimeoutError as error:
        if isinstance(error, urllib3.exceptions.NewConnectionError):
            raise failed(node, port, service, error, host) from error
        raise (
            NoAnswer(f"{service} does not answer within {timeout:g} s", node=node.name)
            if node.link == "up"
            else OutOfReach(node.link_reason or "no connection", node=node.name)
        ) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        log.debug("%s:%s%s: %s", node.name, port, path, error)
        raise failed(node, port, service, error, host) from error


def failed(node: Node, port: int, service: str, error: BaseException, host: str = "localhost") -> LabError:
    """What a connection that came to nothing means: only one that was refused tells that the service does not run."""
    if node.link != "up":
        return OutOfReach(node.link_reason or "no connection", node=node.name)
    why = node.tunnel_failure(port, host)
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


def _ask(pool: HTTPConnectionPool, method: str, path: str, payload: bytes | None, timeout: float) -> Reply:
    from urllib3.exceptions import ProtocolError

    for last in (False, True):
        try:
            answer = pool.urlopen(
                method,
                path,
                body=payload,
                timeout=timeout,
                retries=False,
                redirect=False,
                headers={"Content-Type": "application/json"} if payload is not None else None,
            )
            return Reply(answer.status, answer.data, {name.lower(): value for name, value in answer.headers.items()})
        except ProtocolError:
            # A kept connection may have been closed by the server since; a fresh one tells the truth.
            if last:
                raise
    raise AssertionError("unreachable")
