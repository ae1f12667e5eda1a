"""What the engine holds, as values: containers, networks and volumes, with the lab and the node they belong to."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pghalab.lab.engine.labels import LAB_LABEL, NODE_LABEL, SSH_PORT
from pghalab.lab.types import ContainerState, LabError
from pghalab.values import dataclass

if TYPE_CHECKING:
    from docker import DockerClient

_STATES: Mapping[str, ContainerState] = {
    "created": "created",
    "running": "running",
    "paused": "paused",
    "restarting": "exited",
    "removing": "exited",
    "exited": "exited",
    "dead": "exited",
}


@dataclass(frozen=True, slots=True)
class FoundContainer:
    """One container as the engine lists it."""

    id: str
    name: str
    lab: str | None
    """The lab whose label it carries."""
    node: int | None
    """The number of the node it is, from its label."""
    state: ContainerState
    image: str
    ssh_port: int | None
    """Where its sshd is published on 127.0.0.1; None unless it runs."""
    addresses: tuple[tuple[str, str], ...]
    """Pairs of network and address, held or reserved for its next start."""

    def address_on(self, network: str, wanted: str) -> str:
        """Its address on a network, `wanted` if that is among several; empty when it is not connected to it."""
        held = [address for name, address in self.addresses if name == network]
        return wanted if wanted in held else held[0] if held else ""


@dataclass(frozen=True, slots=True)
class FoundNetwork:
    """One network as the engine lists it."""

    id: str
    name: str
    lab: str | None
    subnets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundVolume:
    """One volume as the engine lists it."""

    name: str
    lab: str | None
    labels: tuple[tuple[str, str], ...] = ()
    """Pairs of key and value."""


def containers(client: DockerClient, lab: str | None = None) -> tuple[FoundContainer, ...]:
    """Every container, running or not, or those with a lab's label; raises what the SDK raises."""
    filters = {"label": [f"{LAB_LABEL}={lab}"]} if lab is not None else None
    return tuple(_container(raw) for raw in client.api.containers(all=True, filters=filters))


def networks(client: DockerClient) -> tuple[FoundNetwork, ...]:
    """Every network; raises what the SDK raises."""
    return tuple(
        FoundNetwork(
            id=raw["Id"],
            name=raw["Name"],
            lab=(raw.get("Labels") or {}).get(LAB_LABEL),
            subnets=tuple(
                entry["Subnet"] for entry in ((raw.get("IPAM") or {}).get("Config") or []) if entry.get("Subnet")
            ),
        )
        for raw in client.api.networks()
    )


def volumes(client: DockerClient) -> tuple[FoundVolume, ...]:
    """Every volume; raises what the SDK raises."""
    return tuple(
        FoundVolume(
            name=raw["Name"],
            lab=(raw.get("Labels") or {}).get(LAB_LABEL),
            labels=tuple(sorted((raw.get("Labels") or {}).items())),
        )
        for raw in client.api.volumes()["Volumes"] or []
    )


def environment(client: DockerClient, container: str) -> dict[str, str]:
    """The environment that a container was created with; raises what the SDK raises."""
    raw: Any = client.api.inspect_container(container)
    pairs = (entry.partition("=") for entry in raw["Config"].get("Env") or [])
    return {key: value for key, _, value in pairs}


def read_file(api: Any, container: str, path: str) -> str:
    """The text of a small file in a container; raises LabError and what the SDK raises."""
    chunks, _ = api.get_archive(container, path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                return content.read().decode(errors="replace")
    raise LabError(f"{path} is not a file in the container.")


def _container(raw: Mapping[str, Any]) -> FoundContainer:
    labels = raw.get("Labels") or {}
    number = str(labels.get(NODE_LABEL, ""))
    state = _STATES.get(raw.get("State", ""), "exited")
    port = next(
        (entry["PublicPort"] for entry in raw.get("Ports") or [] if entry.get("PrivatePort") == SSH_PORT
         and entry.get("PublicPort")),
        None,
    )  # fmt: skip
    # One of a container's names can be `/other/alias` when it is linked to; its own has one slash.
    names = [name.removeprefix("/") for name in raw.get("Names") or [] if name.count("/") == 1]
    attached = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = []
    for network, endpoint in attached.items():
        held = {endpoint.get("IPAddress") or "", (endpoint.get("IPAMConfig") or {}).get("IPv4Address") or ""}
        addresses += [(network, address) for address in sorted(held - {""})]
    return FoundContainer(
        id=raw["Id"],
        name=names[0] if names else raw["Id"][:12],
        lab=labels.get(LAB_LABEL),
        node=int(number) if number.isdigit() else None,
        state=state,
        image=raw.get("Image", ""),
        ssh_port=port if state == "running" else None,
        addresses=tuple(addresses),
    )
