"""PostgreSQL on the nodes: queries, real logins, its own role, and a cheap look whether it listens."""

from __future__ import annotations

import asyncio
import re
import struct
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from pghalab.cluster import rest
from pghalab.lab.host import environment
from pghalab.lab.types import Lab, LabError, Node
from pghalab.values import dataclass

if TYPE_CHECKING:
    import psycopg

PORT: Final = 5432
TIMEOUT: Final = 5.0
"""Seconds for connecting, and again for the statement."""
ROLE_TIMEOUT: Final = 1.5
"""Seconds for the question that is put to every server every second."""
_SERVICE: Final = "PostgreSQL"
_SAID: Final = "PostgreSQL: "
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""The first message of a client that asks for TLS; every server answers it with one byte (PostgreSQL: message flow)."""
_PREAMBLE: Final = re.compile(r"^(?:connection failed: )?(?:connection to server at .*? failed: )?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LoginResult:
    """Whether the server let the user in, and its own words if not."""

    accepted: bool
    message: str


class LoginRefused(LabError):
    """The server runs and let nobody in; the words are its own."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a server says of itself."""

    writes: bool
    """It takes writes: it is not in recovery."""
    system_id: str
    """The database system identifier."""


@dataclass(frozen=True, slots=True)
class _Kept:
    port: int
    loop: asyncio.AbstractEventLoop
    connection: psycopg.AsyncConnection[tuple[Any, ...]]
    system_id: str


_kept: WeakKeyDictionary[Node, _Kept] = WeakKeyDictionary()


async def role(lab: Lab, node: str, *, timeout: float = ROLE_TIMEOUT) -> Role:
    """The server's own role, over a connection that is kept from one question to the next.

    Raises OutOfReach, NotRunning, NoAnswer or LoginRefused.
    """
    psycopg = _driver()
    where = lab.nodes[node]
    port = await rest.tunnel(where, PORT)
    kept = _kept.get(where)
    if kept is not None and kept.port == port and kept.loop is asyncio.get_running_loop():
        try:
            async with asyncio.timeout(timeout):
                return Role(not (await _row(kept.connection, "select pg_is_in_recovery()"))[0], kept.system_id)
        except TimeoutError:
            await forget(where)
            raise _silent(where, timeout) from None
        except psycopg.Error:
            pass  # it was closed since; a new one tells why
    await forget(where)
    connection = await _connected(where, "localhost", port, "postgres", "postgres", lab.password, timeout)
    try:
        async with asyncio.timeout(timeout):
            in_recovery, system_id = await _row(
                connection, "select pg_is_in_recovery(), (select system_identifier::text from pg_control_system())"
            )
    except BaseException as error:
        await connection.close()
        if isinstance(error, TimeoutError):
            raise _silent(where, timeout) from None
        if isinstance(error, psycopg.Error):
            raise rest.NoAnswer(f"PostgreSQL ended the connection: {str(error).strip()}", node=node) from error
        raise
    _kept[where] = _Kept(port, asyncio.get_running_loop(), connection, system_id)
    return Role(not in_recovery, system_id)


async def forget(node: Node) -> None:
    """Close the connection that is kept to a node's server."""
    kept = _kept.pop(node, None)
    if kept is not None and kept.loop is asyncio.get_running_loop():
        await kept.connection.close()


async def _row(connection: psycopg.AsyncConnection[tuple[Any, ...]], sql: str) -> tuple[Any, ...]:
    cursor = await connection.execute(sql.encode())
    row = await cursor.fetchone()
    assert row is not None
    return row


def _silent(node: Node, timeout: float) -> LabError:
    if node.link != "up":
        return rest.OutOfReach(node.link_reason or f"no connection to {node.name}", node=node.name)
    return rest.NoAnswer(f"PostgreSQL does not answer within {timeout:g} s", node=node.name)


async def query(
    lab: Lab, node: str, sql: str, *, database: str = "postgres", timeout: float = TIMEOUT
) -> list[tuple[Any, ...]]:
    """Run one statement as postgres on a node and return its rows (none for a statement without rows).

    Raises OutOfReach, NotRunning, NoAnswer, or LabError with the server's words.
    """
    psycopg = _driver()
    where = lab.nodes[node]
    port = await rest.tunnel(where, PORT)
    connection = await _connected(where, "localhost", port, "postgres", database, lab.password, timeout)
    try:
        async with asyncio.timeout(timeout):
            cursor = await connection.execute(sql.encode())
            return [tuple(row) for row in await cursor.fetchall()] if cursor.description else []
    except TimeoutError:
        raise rest.NoAnswer(f"PostgreSQL did not answer the query within {timeout:g} s", node=node) from None
    except psycopg.Error as error:
        raise LabError(f"PostgreSQL: {str(error).strip()}", node=node) from error
    finally:
        await connection.close()


async def login(
    lab: Lab, *, via: str, to: str, user: str, database: str, password: str, timeout: float = TIMEOUT
) -> LoginResult:
    """Log in to `to` from `via`'s address, as a client on that node would.

    A refusal by the server is a result, with its exact message; raises OutOfReach, NotRunning or NoAnswer otherwise.
    """
    where = lab.nodes[via]
    port = await rest.tunnel(where, PORT, host=to)
    try:
        connection = await _connected(where, to, port, user, database, password, timeout)
    except LoginRefused as error:
        return LoginResult(False, error.what.removeprefix(_SAID))
    await connection.close()
    return LoginResult(True, "")


async def probe(node: Node, *, timeout: float = 2.0) -> None:
    """See that something speaks PostgreSQL's protocol on the node: no login, nothing in the server's log.

    Raises OutOfReach, NotRunning or NoAnswer.
    """
    rest.require_link(node)
    try:
        async with asyncio.timeout(timeout):
            stream = await node.connect(PORT)
            try:
                await stream.write(_SSL_REQUEST)
                if not await stream.read():
                    raise ConnectionError("it closed the connection")
            finally:
                stream.close()
    except TimeoutError:
        raise _silent(node, timeout) from None
    except (OSError, LabError) as error:
        raise rest.failed(node, _SERVICE, error) from error


def _driver() -> Any:
    """psycopg, with nothing left in the environment that it, or libpq at a login, would take for its own.

    PGTZ, PGDATESTYLE and PGGEQO go into every login, PGREQUIREAUTH or PGSSLNEGOTIATION can forbid it, whatever is asked
    for; PSYCOPG_IMPL can keep the library from being loaded.
    """
    environment.leave("PG", "PSYCOPG_")
    import psycopg

    return psycopg


async def _connected(
    node: Node, host: str, port: int, user: str, database: str, password: str, timeout: float
) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """A connection through `node` to the server on `host`, over a tunnel that was opened at `port`.

    Raises OutOfReach, NotRunning, NoAnswer, or LoginRefused with the server's words.
    """
    psycopg = _driver()
    try:
        async with asyncio.timeout(timeout + 1):
            return await _connect(port, user, database, password, timeout)
    except TimeoutError:
        raise _silent(node, timeout) from None
    except psycopg.OperationalError as error:
        raise _explain(node, host, error, timeout) from error


async def _connect(
    port: int, user: str, database: str, password: str, timeout: float
) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    made: psycopg.AsyncConnection[tuple[Any, ...]] = await _driver().AsyncConnection.connect(
        host="127.0.0.1",
        hostaddr="127.0.0.1",
        port=port,
        user=user,
        dbname=database,
        password=password,
        passfile="",
        options="",
        sslmode="disable",  # the tunnel is ssh
        gssencmode="disable",
        target_session_attrs="any",
        application_name="pghalab",
        connect_timeout=max(2, round(timeout)),
        autocommit=True,
    )
    return made


def _explain(node: Node, host: str, error: psycopg.OperationalError, timeout: float) -> LabError:
    import psycopg

    name = node.name if host == "localhost" else host
    if node.link != "up":
        return rest.OutOfReach(node.link_reason or f"no connection to {node.name}", node=node.name)
    words = _server_words(error)
    if words.startswith(("FATAL:", "ERROR:")):
        return LoginRefused(f"{_SAID}{words}", node=name)
    if isinstance(error, psycopg.errors.ConnectionTimeout) or "timeout expired" in words:
        return rest.NoAnswer(f"PostgreSQL does not answer within {timeout:g} s", node=name)
    why = node.tunnel_failure(PORT, host)
    if why == "refused" or "Connection refused" in words:
        return rest.NotRunning(f"PostgreSQL does not run on {name}")
    said = why or (words.splitlines() or [type(error).__name__])[0]
    return rest.NoAnswer(f"PostgreSQL on {name} gave no answer: {said}", node=name)


def _server_words(error: psycopg.OperationalError) -> str:
    return _PREAMBLE.sub("", str(error).strip(), count=1).strip()
