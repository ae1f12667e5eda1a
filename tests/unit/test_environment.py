"""The environment of the person at the console changes nothing of what pghalab sees."""

from __future__ import annotations

import json
import os
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from pghalab.lab.deploy import addresses
from pghalab.lab.host import environment

HOSTILE = {
    "PGHOST": "nowhere", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGSERVICE": "missing", "PGSERVICEFILE": "/nowhere",
    "PGSYSCONFDIR": "/nowhere", "PGSSLMODE": "verify-full", "PGSSLNEGOTIATION": "direct", "PGCHANNELBINDING": "require",
    "PGREQUIREAUTH": "gss", "PGOPTIONS": "-c search_path=x", "PGTARGETSESSIONATTRS": "standby", "PGAPPNAME": "other",
    "PGSSLCERTMODE": "require", "PGMINPROTOCOLVERSION": "latest", "PGLOADBALANCEHOSTS": "bad",
    "PGCLIENTENCODING": "SQL_ASCII", "PSYCOPG_IMPL": "c",
    "SSH_AUTH_SOCK": "/nowhere", "SSH_ASKPASS": "/bin/false", "SSH_SK_PROVIDER": "/nowhere",
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "upb", "GRPC_VERBOSITY": "DEBUG", "GRPC_TRACE": "all",
    "grpc_proxy": "http://192.0.2.1:1", "http_proxy": "http://192.0.2.1:1", "https_proxy": "http://192.0.2.1:1",
    "HTTP_PROXY": "http://192.0.2.1:1", "HTTPS_PROXY": "http://192.0.2.1:1", "all_proxy": "socks5://192.0.2.1:1",
    "NO_PROXY": "example.org", "NETRC": "/nowhere", "REQUESTS_CA_BUNDLE": "/nowhere", "DOCKER_TLS_VERIFY": "1",
    "DOCKER_CERT_PATH": "/nowhere", "DOCKER_DEFAULT_PLATFORM": "windows/arm", "DOCKER_API_VERSION": "1.0",
    "PYTHONWARNINGS": "error", "PYTHONASYNCIODEBUG": "1", "LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "de", "LANG": "de_DE",
}  # fmt: skip
SETTLED = "from pghalab.lab.host import environment; environment.settle()\n"


def python(code: str, *words: str, hostile: bool = True, **more: str) -> str:
    """What a program prints on standard output, in the hostile environment or in a calm one."""
    calm = {name: value for name, value in os.environ.items() if name not in environment.strangers(os.environ)}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=calm | (HOSTILE if hostile else {}) | more,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_that_matters_is_left_and_nothing_else_is_taken() -> None:
    harmless = {
        "PATH": "/bin",
        "HOME": "/h",
        "PGHALAB_STATE_DIR": "/s",
        "TERM": "xterm",
        "LC_TERMINAL": "x",
        "TZ": "UTC",
    }
    engine = {"DOCKER_HOST": "unix:///d", "DOCKER_CONFIG": "/c", "DOCKER_CONTEXT": "x"}
    left = {"PYTHONWARNINGS", "PYTHONASYNCIODEBUG", "LC_ALL", "LANGUAGE", "LANG"}  # what Python began with, and tools
    assert set(environment.strangers({**harmless, **engine, **HOSTILE})) == set(HOSTILE) - left
    over_the_net = {**HOSTILE, "DOCKER_HOST": "tcp://127.0.0.1:2376"}
    assert not {"DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"} & set(environment.strangers(over_the_net))


def test_the_build_and_the_tools_of_the_host_still_have_their_proxies() -> None:
    code = "import json, os; print(json.dumps([dict(os.environ), environment.proxies(), environment.for_tools()]))"
    ours, proxies, tools = json.loads(python(SETTLED + code))
    assert "http_proxy" not in ours and "PGSERVICE" not in tools
    assert proxies == {name: HOSTILE[name] for name in environment.PROXIES if name in HOSTILE}
    assert proxies.items() <= tools.items() and tools["LC_ALL"] == "C"


class Refusing(socketserver.BaseRequestHandler):
    """A PostgreSQL that reads what a client wants and sends it away in words."""

    def handle(self) -> None:
        (length,) = struct.unpack("!i", self.request.recv(4))
        wanted = self.request.recv(length - 4)[4:].rstrip(b"\0").decode().split("\0")
        fields = b"SFATAL\0VFATAL\0C57P03\0M" + " ".join(wanted).encode() + b"\0\0"
        self.request.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)


def test_postgresql_is_asked_the_same() -> None:
    code = (
        "import asyncio, sys; from pghalab.cluster import postgres\n"
        "try: asyncio.run(postgres._connect(int(sys.argv[1]), 'postgres', 'postgres', 'secret', 5))\n"
        "except Exception as error: print(error)"
    )
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = str(server.server_address[1])
        said = python(SETTLED + code, port)
        assert said == python(code, port, hostile=False)
        assert "FATAL:  user postgres database postgres" in said and "pghalab" in said
        server.shutdown()


def test_the_libraries_of_etcd_and_ssh_load_and_stay_quiet() -> None:
    code = (
        "from pghalab.cluster import etcd_client; import asyncssh, os\n"
        "print(etcd_client.load().__name__, os.environ.get('SSH_AUTH_SOCK'), os.environ['GRPC_VERBOSITY'])"
    )
    assert python(SETTLED + code) == python(code, hostile=False) == "etcd3 None NONE\n"


class Engine(BaseHTTPRequestHandler):
    """The little of the engine's API that `pghalab ls` asks for."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0].rsplit("/", 2)
        answer: Any = {"ApiVersion": "1.45", "Version": "27", "Volumes": []}
        if "json" in path or "networks" in path:
            answer = []
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        return "unix"

    def log_request(self, code: object = "-", size: object = "-") -> None: ...


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(tmp_path / "engine"), Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"unix://{tmp_path / 'engine'}"
        server.shutdown()


def test_the_program_itself_sees_the_same_engine(engine: str, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    for hostile in (False, True):
        code = "import sys; from pghalab.cli import main; sys.argv[0] = 'pghalab'; sys.exit(main())"
        said = python(code, "ls", hostile=hostile, DOCKER_HOST=engine, PGHALAB_STATE_DIR=state)
        assert said == "The engine holds nothing of the lab pgha.\n"


def test_a_tool_of_the_host_is_read_whatever_its_locale(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "ip"
    tool.write_text('#!/bin/sh\n[ "$LC_ALL" = C ] && printf \'[{"dst": "10.0.0.0/8", "dev": "ü\\377"}]\'\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    ((block, _device),) = addresses.parse_ip_json(addresses._printed(["ip", "-j", "-4", "route"]))
    assert str(block) == "10.0.0.0/8"
