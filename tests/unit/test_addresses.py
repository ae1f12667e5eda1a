"""Whatever holds an address or a subnet is found and named, and the next free subnet is one that nobody holds."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from pghalab.lab.deploy.addresses import (
    conflict,
    host_routes,
    next_free_subnet,
    parse_ip_json,
    parse_netstat,
    parse_proc_route,
    taken,
)
from pghalab.lab.engine.inventory import FoundContainer, FoundNetwork
from pghalab.lab.settings import default_settings
from pghalab.lab.types import ContainerState

SETTINGS = default_settings("pgha")
Route = tuple[IPv4Network, str]


def container(address: str, *, lab: str | None = None, state: ContainerState = "running") -> FoundContainer:
    return FoundContainer("id", "web", lab, None, state, "image:1", None, (("shop", address),))


def network(subnet: str, *, lab: str | None = None) -> FoundNetwork:
    return FoundNetwork("id", "shop", lab, (subnet,))


def route(block: str) -> Route:
    return IPv4Network(block), "eth7"


def test_nothing_is_held_on_an_empty_machine() -> None:
    assert conflict(SETTINGS, taken("pgha", [], [], [])) is None


@pytest.mark.parametrize("state", ["running", "paused", "created", "exited"])
def test_a_container_holds_its_address_also_when_it_does_not_run(state: ContainerState) -> None:
    holders = taken("pgha", [container("192.168.50.12", state=state)], [], [])
    holder = conflict(SETTINGS, holders)
    assert holder is not None
    assert "web" in holder.who and "192.168.50.12" in holder.who
    assert ("stopped" in holder.who) is (state in ("created", "exited"))
    assert next_free_subnet(SETTINGS, holders) == "192.168.51"


@pytest.mark.parametrize("address", ["192.168.50.15", "192.168.50.200", "192.168.51.10", "not-an-address", "fd00::2"])
def test_an_address_that_no_node_needs_is_no_conflict(address: str) -> None:
    assert conflict(SETTINGS, taken("pgha", [container(address)], [], [])) is None


def test_the_gateways_address_counts() -> None:
    assert conflict(SETTINGS, taken("pgha", [container("192.168.50.1")], [], [])) is not None


def test_another_network_holds_its_whole_subnet() -> None:
    for subnet in ("192.168.50.0/24", "192.168.0.0/16", "192.168.50.128/25"):
        holder = conflict(SETTINGS, taken("pgha", [], [network(subnet, lab="other")], []))
        assert holder is not None
        assert "shop" in holder.who and "other" in holder.who and subnet in holder.who


def test_what_the_lab_itself_has_is_no_conflict() -> None:
    own = taken(
        "pgha",
        [container("192.168.50.10", lab="pgha")],
        [network("192.168.50.0/24", lab="pgha")],
        [route("192.168.50.0/24")],
    )
    assert conflict(SETTINGS, own) is None


def test_a_route_of_the_host_counts_but_not_the_default_one() -> None:
    holder = conflict(SETTINGS, taken("pgha", [], [], [route("192.168.48.0/22")]))
    assert holder is not None and "eth7" in holder.who
    assert conflict(SETTINGS, taken("pgha", [], [], [route("0.0.0.0/0"), route("224.0.0.0/4")])) is None


def test_the_next_free_subnet_skips_everything_that_is_held() -> None:
    holders = taken(
        "pgha",
        [container("192.168.52.11", state="exited")],
        [network("192.168.50.0/23")],
        [route("192.168.53.0/24")],
    )
    assert next_free_subnet(SETTINGS, holders) == "192.168.54"


def test_the_next_free_subnet_leaves_a_range_that_is_full() -> None:
    free = next_free_subnet(SETTINGS, taken("pgha", [], [], [route("192.168.0.0/16")]))
    assert free is not None and free.startswith("172.31.")
    # The first and the last of a range are not taken: it may be somebody's as a whole.
    assert free == "172.31.1"
    almost = [route("192.168.0.0/16"), *(route(f"172.31.{number}.0/24") for number in range(1, 254))]
    assert next_free_subnet(SETTINGS, taken("pgha", [], [], almost)) == "172.31.254"
    assert next_free_subnet(SETTINGS, taken("pgha", [], [], [*almost, route("172.31.254.0/24")])) == "172.30.1"
    everything = taken("pgha", [], [], [route("192.168.0.0/16"), route("172.16.0.0/12"), route("10.0.0.0/8")])
    assert next_free_subnet(SETTINGS, everything) is None


def test_the_search_goes_round_at_the_end() -> None:
    last = replace(SETTINGS, subnet="192.168.255")
    assert next_free_subnet(last, taken("pgha", [], [network("192.168.255.0/24")], [])) == "192.168.0"


def test_routes_as_ip_prints_them() -> None:
    text = """[{"dst":"default","gateway":"192.0.2.1","dev":"eth0"},
        {"dst":"172.17.0.0/16","dev":"docker0"}, {"dst":"10.0.0.7","dev":"wg0"}]"""
    assert parse_ip_json(text) == (
        (IPv4Network("0.0.0.0/0"), "eth0"),
        (IPv4Network("172.17.0.0/16"), "docker0"),
        (IPv4Network("10.0.0.7/32"), "wg0"),
    )
    assert parse_ip_json("") == () == parse_ip_json("Error: no such option")


def test_routes_as_the_kernel_prints_them() -> None:
    text = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br0\t0032A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    assert parse_proc_route(text) == ((IPv4Network("0.0.0.0/0"), "eth0"), (IPv4Network("192.168.50.0/24"), "br0"))


def test_routes_as_macos_prints_them() -> None:
    text = """Routing tables

Internet:
Destination        Gateway            Flags               Netif Expire
default            192.168.1.1        UGScg                 en0
10/8               10.8.0.1           UGSc                utun4
127                127.0.0.1          UCS                   lo0
169.254            link#14            UCS                   en0      !
192.168.50         link#20            UC              bridge100      !
192.168.1.7/32     link#14            UCS                   en0      !
"""
    assert parse_netstat(text) == (
        (IPv4Network("10.0.0.0/8"), "utun4"),
        (IPv4Network("127.0.0.0/8"), "lo0"),
        (IPv4Network("169.254.0.0/16"), "en0"),
        (IPv4Network("192.168.50.0/24"), "bridge100"),
        (IPv4Network("192.168.1.7/32"), "en0"),
    )


def test_this_hosts_routes_are_those_that_its_kernel_tells() -> None:
    told = Path("/proc/net/route")
    kernel = set(parse_proc_route(told.read_text())) if told.exists() else set()
    if not kernel:
        pytest.skip("this machine tells no routes in /proc")
    assert kernel <= set(host_routes())
