"""Addresses and subnets that are taken, by whom, and the next free ones."""

from __future__ import annotations

import ipaddress
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from pghalab.lab.engine.inventory import FoundContainer, FoundNetwork
from pghalab.lab.host.environment import for_tools
from pghalab.lab.settings import LabSettings
from pghalab.values import dataclass

log = logging.getLogger(__name__)
ROUTE_TIMEOUT = 5


@dataclass(frozen=True, slots=True)
class Holder:
    """Something that holds a block of addresses: `who` in words, a single address being a /32."""

    block: IPv4Network
    who: str
    whole: bool
    """The whole block is routed to it; otherwise it only holds its own address."""


def taken(
    lab: str,
    containers: Iterable[FoundContainer],
    networks: Iterable[FoundNetwork],
    routes: Iterable[tuple[IPv4Network, str]],
) -> tuple[Holder, ...]:
    """What everybody but this lab holds; `routes` are pairs of destination and device of the host."""
    holders: list[Holder] = []
    bridges: set[IPv4Network] = set()
    for network in networks:
        for block in filter(None, map(_network, network.subnets)):
            bridges.add(block)
            if network.lab != lab:
                of = f" of the lab {network.lab}" if network.lab else ""
                holders.append(Holder(block, f"the engine's network {network.name}{of} ({block})", True))
    for container in containers:
        if container.lab == lab:
            continue
        state = "running" if container.state in ("running", "paused") else "stopped"
        for name, address in container.addresses:
            if single := _network(address):
                who = f"the {state} container {container.name} on the network {name} ({address})"
                holders.append(Holder(single, who, False))
    holders += [
        Holder(block, f"a route of this host through {device} ({block})", True)
        for block, device in routes
        if block not in bridges and block.prefixlen > 0 and not block.is_loopback and not block.is_multicast
    ]
    return tuple(holders)


def conflict(settings: LabSettings, holders: Iterable[Holder]) -> Holder | None:
    """The first holder of the lab's subnet, or of an address that a node or the gateway needs."""
    needed = [IPv4Address(address) for address in settings.addresses.values()]
    return _first(settings.subnet, needed, holders)


def next_free_subnet(settings: LabSettings, holders: Iterable[Holder]) -> str | None:
    """The first three octets of the next /24 that nobody holds, beginning after the lab's own; None when all are."""
    known = tuple(holders)
    hosts = [int(address.rpartition(".")[2]) for address in settings.addresses.values()]
    for subnet in _candidates(settings.subnet):
        if _first(subnet, [IPv4Address(f"{subnet}.{host}") for host in hosts], known) is None:
            return subnet
    return None


def host_routes() -> tuple[tuple[IPv4Network, str], ...]:
    """The host's IPv4 routes as pairs of destination and device; empty where they cannot be read (said in the log)."""
    if sys.platform == "darwin":
        return parse_netstat(_printed(["netstat", "-rn", "-f", "inet"]))
    if shutil.which("ip") and (printed := _printed(["ip", "-j", "-4", "route"])):
        return parse_ip_json(printed)
    try:
        return parse_proc_route(Path("/proc/net/route").read_text(encoding="ascii"))
    except OSError:
        log.warning("the host's routes cannot be read", exc_info=True)
        return ()


def parse_ip_json(text: str) -> tuple[tuple[IPv4Network, str], ...]:
    """Routes from `ip -j -4 route`."""
    try:
        entries = json.loads(text or "[]")
    except ValueError:
        log.warning("ip printed no JSON: %r", text[:200])
        return ()
    pairs = ((_network(entry.get("dst", "")), entry.get("dev", "?")) for entry in entries)
    return tuple((block, device) for block, device in pairs if block is not None)


def parse_proc_route(text: str) -> tuple[tuple[IPv4Network, str], ...]:
    """Routes from /proc/net/route, whose addresses are hexadecimal in the byte order of the host (little endian)."""
    routes = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        address, mask = (int.from_bytes(bytes.fromhex(field), "little") for field in (fields[1], fields[7]))
        routes.append((IPv4Network((address, mask.bit_count()), strict=False), fields[0]))
    return tuple(routes)


def parse_netstat(text: str) -> tuple[tuple[IPv4Network, str], ...]:
    """Routes from macOS's `netstat -rn -f inet`, which leaves out trailing octets (`192.168.50`, `10/8`)."""
    routes = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 4 or not fields[0][0].isdigit():
            continue
        address, _, length = fields[0].partition("/")
        octets = address.split(".")
        bits = length or str(8 * len(octets))
        block = _network(".".join(octets + ["0"] * (4 - len(octets))) + f"/{bits}")
        if block is not None:
            routes.append((block, fields[3]))
    return tuple(routes)


def _first(subnet: str, needed: Iterable[IPv4Address], holders: Iterable[Holder]) -> Holder | None:
    block = IPv4Network(f"{subnet}.0/24")
    wanted = {*needed, IPv4Address(f"{subnet}.1")}
    for holder in holders:
        if holder.whole and holder.block.overlaps(block):
            return holder
        if not holder.whole and any(address in holder.block for address in wanted):
            return holder
    return None


def _candidates(subnet: str) -> Iterator[str]:
    first, second, third = (int(octet) for octet in subnet.split("."))
    if ipaddress.ip_address(f"{subnet}.0").is_private:
        yield from (f"{first}.{second}.{number % 256}" for number in range(third + 1, third + 256))
    for octets in [(192, 168), *((172, number) for number in range(31, 17, -1)), *((10, n) for n in range(200, 256))]:
        if octets != (first, second):
            yield from (f"{octets[0]}.{octets[1]}.{number}" for number in range(1, 255))


def _network(text: str) -> IPv4Network | None:
    if text == "default":
        return IPv4Network("0.0.0.0/0")
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


def _printed(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=ROUTE_TIMEOUT, check=True,
            env=for_tools(),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        log.warning("the host's routes cannot be read with %s", command[0], exc_info=True)
        return ""
    return done.stdout
