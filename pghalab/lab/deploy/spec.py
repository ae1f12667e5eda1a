"""The deployment of a lab as values: what the engine, the compose file and the shell script are all made from."""

from __future__ import annotations

from pghalab.lab.deploy import kept
from pghalab.lab.engine.labels import LAB_LABEL, NODE_LABEL
from pghalab.lab.settings import LabSettings
from pghalab.values import dataclass

CAPABILITIES = ("NET_ADMIN",)
PIDS = 1024
"""Processes and threads of one node; a data node of the course has about 40 at rest."""
MEMORY = 1024 * 1024 * 1024
"""Bytes of memory of one node, swap included; a data node of the course uses about 240 MB."""
KEY_VARIABLE = "PGHALAB_AUTHORIZED_KEY"
"""What tells a node the first public key that may log in; consoles add theirs later."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """The lab's network; addresses the engine hands out by itself lie in `ip_range`, away from the nodes'."""

    name: str
    subnet: str
    gateway: str
    ip_range: str
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """One named volume."""

    name: str
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node's container; its host name is its name."""

    number: int
    name: str
    address: str
    image: str
    network: str
    aliases: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    mounts: tuple[tuple[str, str], ...]
    """Pairs of volume and path."""
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything the engine is asked for."""

    lab: str
    network: NetworkSpec
    volumes: tuple[VolumeSpec, ...]
    nodes: tuple[NodeSpec, ...]


def deployment(settings: LabSettings, authorized_key: str) -> Deployment:
    """What has to exist for these settings; `authorized_key` is the console's public key as one line."""
    label = ((LAB_LABEL, settings.name),)
    keys = f"{settings.prefix}-keys"
    nodes = tuple(
        NodeSpec(
            number=number,
            name=name,
            address=address,
            image=settings.image,
            network=settings.network,
            aliases=(name, f"etcd{number}"),
            environment=(
                ("NODELIST", settings.nodelist),
                (KEY_VARIABLE, authorized_key.strip()),
                ("PGHALAB_PASSWORD", settings.password),
                ("PGHALAB_AUTH", settings.auth_method),
                ("PGHALAB_OPEN", "1" if settings.open_network else "0"),
            ),
            mounts=((f"{name}-pgha", "/pgha"), (f"{name}-pgdata", "/pgdata"), (keys, "/etc/pghalab/keys")),
            labels=(*label, (NODE_LABEL, str(number))),
        )
        for number, (name, address) in enumerate(settings.addresses.items(), start=1)
    )
    names = [keys, *(volume for node in nodes for volume, _ in node.mounts if volume != keys)]
    return Deployment(
        lab=settings.name,
        network=NetworkSpec(
            name=settings.network,
            subnet=f"{settings.subnet}.0/24",
            gateway=f"{settings.subnet}.1",
            ip_range=f"{settings.subnet}.128/25",
            labels=label,
        ),
        volumes=tuple(VolumeSpec(name, (*label, *kept.labels(settings))) for name in names),
        nodes=nodes,
    )
