"""PostgreSQL on the nodes: queries, real logins, and a cheap look whether it listens."""

from __future__ import annotations

import asyncio
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pghalab.cluster import rest
from pghalab.cluster.model import Service
from pghalab.lab.types import Lab, LabError, Node

if TYPE_CHECKING:
    import psycopg

PORT: Final = 5432
TIMEOUT: Final = 5.0
"""Seconds for connecting, and again for the statement."""
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""The first message of a client that asks for TLS; every server answers it with one byte (PostgreSQL: message flow)."""
_PREAMBLE: Final = re.compile(r"^(?:connection failed: )?(?:connection to server at .*? failed: )?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LoginResult:
    """Whether the server let the user in, and its own words if not."""

    accepted: bool
    message: str


async def query(
    lab: Lab, node: str, sql: str, *, database: str = "postgres", timeout: float = TIMEOUT
) -> list[tuple[Any, ...]]:
    """Run one statement as postgres on a node and return its rows (none for a statement without rows).

    Raises OutOfReach, NotRunning, NoAnswer, or LabError with the server's words.
    """
    import psycopg

    port = await rest.tunnel(lab.nodes[node], PORT)
    try:
        connection = await _connect(port, "postgres", database, lab.password, timeout)
    except psycopg.OperationalError as error:
        raise _explain(lab.nodes[node], node, error, timeout) from error
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
    import psycopg

    port = await rest.tunnel(lab.nodes[via], PORT, host=to)
    try:
        connection = await _connect(port, user, database, password, timeout)
    except psycopg.OperationalError as error:
        message = _server_words(error)
        if message.startswith(("FATAL:", "ERROR:")):
            return LoginResult(False, message)
        raise _explain(lab.nodes[via], to, error, timeout) from error
    await connection.close()
    return LoginResult(True, "")


async def probe(node: Node, *, timeout: float = 2.0) -> Service:
    """Whether something speaks PostgreSQL's protocol on the node: no login, nothing in the server's log."""
    try:
        port = await rest.tunnel(node, PORT)
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(_SSL_REQUEST)
                answer = await reader.read(1)
            finally:
                writer.close()
    except ConnectionError:
        return "stopped" if node.link == "up" else "unknown"
    except (TimeoutError, OSError, LabError):
        return "unknown"
    if answer:
        return "running"
    return "stopped" if node.link == "up" else "unknown"


async def _connect(
    port: int, user: str, database: str, password: str, timeout: float
) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    import psycopg

    # Everything that libpq would otherwise take from the environment of the person at the console is said here.
    return await psycopg.AsyncConnection.connect(
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


def _explain(node: Node, name: str, error: psycopg.OperationalError, timeout: float) -> LabError:
    import psycopg

    if node.link != "up":
        return rest.OutOfReach(node.link_reason or f"no connection to {node.name}", node=node.name)
    words = _server_words(error)
    if words.startswith(("FATAL:", "ERROR:")):
        return LabError(f"PostgreSQL: {words}", node=name)
    if isinstance(error, psycopg.errors.ConnectionTimeout) or "timeout expired" in words:
        return rest.NoAnswer(f"PostgreSQL does not answer within {timeout:g} s", node=name)
    return rest.NotRunning(f"PostgreSQL does not run on {name}")


def _server_words(error: psycopg.OperationalError) -> str:
    return _PREAMBLE.sub("", str(error).strip(), count=1).strip()
