"""A node and a lab made of nothing, for the parts that look at them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pghalab.cluster import etcd
from pghalab.cluster.model import EtcdEndpoint
from pghalab.lab.types import Container, LabError, LinkState


class DoubleNode:
    """A node whose tunnels lead to given ports of this machine."""

    def __init__(self, name: str, ports: Mapping[int, int] | None = None) -> None:
        self.name = name
        self.address = f"192.168.50.{9 + int(name[-1])}"
        self.link: LinkState = "up"
        self.link_reason = ""
        self.ports = dict(ports or {})
        self.failures: dict[int, str] = {}

    async def tunnel(self, port: int, host: str = "localhost") -> int:
        if self.link != "up":
            raise LabError(self.link_reason, node=self.name)
        return self.ports[port]

    def tunnel_failure(self, port: int, host: str = "localhost") -> str:
        return self.failures.get(port, "")


class DoubleLab:
    """A lab of double nodes."""

    network = "pghanet"
    name, prefix, subnet, auth_method, password = "double", "pgha", "192.168.50", "scram-sha-256", "secret"

    def __init__(self, count: int) -> None:
        self.nodes: dict[str, Any] = {f"pgha{n}": DoubleNode(f"pgha{n}") for n in range(1, count + 1)}
        self.engine_error = ""
        self.states: dict[str, Any] = {}
        self.subscribers: list[Callable[[Any], None]] = []

    async def containers(self) -> Sequence[Container]:
        if self.engine_error:
            raise LabError(self.engine_error)
        return [Container(n, self.states.get(n, "running"), node.address, 22) for n, node in self.nodes.items()]

    def subscribe(self, callback: Callable[[Any], None]) -> Callable[[], None]:
        self.subscribers.append(callback)
        return lambda: self.subscribers.remove(callback)


@contextmanager
def http_server(
    answers: Mapping[str, tuple[int, bytes]],
    asked: list[tuple[str, bytes]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Serve fixed answers by path, keeping connections; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if asked is not None:
                asked.append((self.path, body))
            status, answer = answers[self.path]
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def closing_server(answer: bytes = b"") -> asyncio.Server:
    """Reads something, answers, and hangs up: with no answer, what a tunnel to a closed port looks like."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer:
            await reader.read(8)
        writer.write(answer)
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


def port_of(server: asyncio.Server) -> int:
    """The port of an asyncio server."""
    return int(server.sockets[0].getsockname()[1])


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def recorded_endpoints(recorded: Mapping[str, Any]) -> tuple[EtcdEndpoint, ...]:
    """The rows that a recording's answers of etcd are read as."""
    rows = []
    for name, status in recorded["etcd_status"].items():
        if "error" in status:
            rows.append(EtcdEndpoint(name, f"{name}:2379", errors=status["error"]))
            continue
        with http_server({"/v3/maintenance/status": (200, json.dumps(status).encode())}) as port:
            rows.append(await etcd.endpoint(DoubleNode(name, {2379: port})))  # type: ignore[arg-type]
    return tuple(rows)
