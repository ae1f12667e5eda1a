"""Under which address a room looks: where the server listens, and the part of it that nobody can guess."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import secrets
import socket
import time
from dataclasses import asdict, field
from pathlib import Path

from pghalab.codec import from_json
from pghalab.lab.host import files
from pghalab.lab.types import LabError
from pghalab.values import dataclass

LOOPBACK = "127.0.0.1"
WAITING = 256
"""Connections that may wait to be taken."""
SEND_BUFFER = 128 * 1024
"""Bytes that the system holds for a viewer who does not take them: beyond that one sees the newest, not the oldest."""
KEPT = 12 * 3600.0
"""Seconds for which a room finds its address again after a restart."""
_FILE = "viewers.json"
_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Address:
    """A port, and the token in front of every path."""

    port: int
    token: str = field(repr=False)

    def url(self, host: str) -> str:
        """What to open in a browser."""
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}/{self.token}/"


def kept(folder: Path) -> Address | None:
    """The address that the lab of this folder had a short time ago; None without one that can be used."""
    path = folder / _FILE
    with contextlib.suppress(OSError, ValueError):
        if time.time() - path.stat().st_mtime < KEPT:
            found: Address = from_json(Address, files.read_json(path, _LIMIT))
            if 0 < found.port < 65536 and len(found.token) >= 20 and found.token.isalnum():
                return found
    return None


def keep(folder: Path, address: Address) -> None:
    """Let a restart find the address again; raises OSError."""
    files.write_atomic(folder / _FILE, json.dumps(asdict(address)))


def new_token() -> str:
    """160 bits, which nobody guesses."""
    return secrets.token_hex(20)


def is_loopback(host: str) -> bool:
    """Only this machine gets there."""
    return ipaddress.ip_address(host).is_loopback


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address of this machine, at a free port for 0; raises LabError."""
    try:
        kind = ipaddress.ip_address(host).version
    except ValueError as error:
        raise LabError(
            f"{host!r} is not an address.",
            todo="Say an address of this machine, for example --listen 192.168.1.20, or 0.0.0.0 for all it has.",
            kind="bad-value",
        ) from error
    if not 0 <= port < 65536:
        raise LabError(f"{port} is no port.", todo="Choose one of 1 to 65535 with --port.", kind="bad-value")
    made = socket.socket(socket.AF_INET6 if kind == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        made.bind((host, port))
        made.listen(WAITING)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise _refused(host, port, error) from error
    return made


def _refused(host: str, port: int, error: OSError) -> LabError:
    if error.errno == errno.EADDRINUSE:
        return LabError(
            f"Port {port} on {host} is taken by another program.",
            todo="Choose another one with --port, or say none: a free one is found.",
            kind="taken",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return LabError(
            f"This machine does not have the address {host}.",
            todo="`ip address` (or `ifconfig`) lists those that it has; 0.0.0.0 means all of them.",
            kind="bad-value",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return LabError(
            f"You may not listen at port {port}.", todo="Choose one above 1023 with --port.", kind="bad-value"
        )
    return LabError(f"Port {port} on {host} cannot be listened at: {error.strerror or error}.", kind="bad-value")


def reached_at(host: str) -> list[str]:
    """Under which addresses others reach what listens at this one: for all of them, those that a network is left by."""
    if not ipaddress.ip_address(host).is_unspecified:
        return [host]
    found = []
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        if family is socket.AF_INET6 and ":" not in host:
            continue
        # Nothing is sent: the system only says from where it would be.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            found.append(str(probe.getsockname()[0]))
    return found or [LOOPBACK]
