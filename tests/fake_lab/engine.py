"""A container engine in memory, below the real `Engine`: what moby does with containers, networks and volumes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

import docker.errors
import docker.types
import requests

from pghalab.lab.deploy.spec import deployment
from pghalab.lab.engine.client import Engine
from pghalab.lab.image.base import LABEL
from pghalab.lab.settings import LabSettings

API = "1.45"


def refusal(status: int, said: str) -> docker.errors.APIError:
    """What the SDK raises when the engine answers with an error."""
    response = requests.Response()
    response.status_code = status
    kind = docker.errors.NotFound if status == 404 else docker.errors.APIError
    return kind("refused", response=response, explanation=said)


@dataclass
class FakeContainer:
    """One container."""

    id: str
    name: str
    image: str
    labels: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)
    """Its host configuration, as the SDK sends it."""
    networks: dict[str, str] = field(default_factory=dict)
    """Its address on each network."""
    aliases: dict[str, Sequence[str]] = field(default_factory=dict)
    state: str = "created"
    port: int = 0
    """Where its sshd is published; another one after each start."""
    printed: str = ""
    files: dict[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> dict[str, Any]:
        """As the engine lists it."""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "State": self.state,
            "Image": self.image,
            "Labels": self.labels,
            "Ports": [{"PrivatePort": 22, "PublicPort": self.port}] if self.state == "running" else [],
            "NetworkSettings": {"Networks": {name: {"IPAddress": held} for name, held in self.networks.items()}},
        }


@dataclass
class FakeNetwork:
    """One network."""

    id: str
    name: str
    labels: dict[str, str]
    pool: dict[str, str]


class FakeDocker:
    """The engine's API as the SDK offers it; what a test puts into `fails` is raised instead of doing something."""

    def __init__(self, *images: str) -> None:
        self.images: dict[str, dict[str, Any]] = {name: {"Config": {"Labels": dict(LABEL)}} for name in images}
        self.held: dict[str, FakeContainer] = {}
        self.nets: dict[str, FakeNetwork] = {}
        self.vols: dict[str, dict[str, str]] = {}
        self.fails: dict[tuple[str, str], Exception] = {}
        """By the call and the name of what it is about."""
        self.ran: list[tuple[str, list[str], dict[str, str]]] = []
        """The commands that were run in containers: container, command, environment."""
        self.answers: Callable[[list[str]], tuple[int, str]] = lambda _: (0, "")
        """What such a command ends with, and prints."""
        self.gone = False
        """It does not answer any more."""
        self._numbers = count(1)
        self._ports = count(40001)

    @property
    def api(self) -> FakeDocker:
        """The low-level calls."""
        return self

    def engine(self) -> Engine:
        """The real engine on top of this one."""
        return Engine(cast("docker.DockerClient", self))

    def named(self, name: str) -> FakeContainer:
        """The container of this name."""
        return next(one for one in list(self.held.values()) if one.name == name)

    def add(self, name: str, *, network: str = "", address: str = "", state: str = "running") -> FakeContainer:
        """A container that pghalab did not make."""
        one = FakeContainer(self._id(), name, "debian:12", {}, state=state)
        if network:
            one.networks[network] = address
        self.held[one.id] = one
        return one

    def deploy(self, settings: LabSettings, *, state: str = "running") -> None:
        """Everything that a lab has, as `pghalab up` leaves it."""
        plan = deployment(settings, "ssh-ed25519 AAAA console")
        spec = plan.network
        pool = docker.types.IPAMPool(subnet=spec.subnet, gateway=spec.gateway, iprange=spec.ip_range)
        self.create_network(spec.name, ipam={"Config": [pool]}, labels=dict(spec.labels))
        for volume in plan.volumes:
            self.create_volume(volume.name, labels=dict(volume.labels))
        for node in plan.nodes:
            one = FakeContainer(self._id(), node.name, node.image, dict(node.labels), dict(node.environment))
            one.networks, one.state, one.port = {node.network: node.address}, state, next(self._ports)
            self.held[one.id] = one

    # What the SDK's client offers

    def info(self) -> dict[str, Any]:
        """What the engine says of itself."""
        return {"DockerRootDir": "/nowhere/docker"}

    def close(self) -> None:
        """Nothing is held open."""

    # What its low-level API offers

    def containers(self, *, all: bool, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:  # noqa: A002
        """Every container, or those with a label."""
        assert all
        wanted = [entry.partition("=") for entry in (filters or {}).get("label", ())]
        return [
            one.raw
            for one in list(self.held.values())
            if all_in(one.labels, [(key, value) for key, _, value in wanted])
        ]

    def networks(self) -> list[dict[str, Any]]:
        """Every network."""
        return [
            {"Id": one.id, "Name": one.name, "Labels": one.labels, "IPAM": {"Config": [dict(one.pool)]}}
            for one in list(self.nets.values())
        ]

    def volumes(self, *, filters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Every volume, or those with a label."""
        key, _, value = (filters or {}).get("label", "").partition("=")
        found: list[dict[str, Any]] = [{"Name": name, "Labels": labels} for name, labels in list(self.vols.items())]
        return {"Volumes": [one for one in found if not key or all_in(one["Labels"], [(key, value)])] or None}

    def inspect_image(self, name: str) -> dict[str, Any]:
        """One image."""
        self._may("inspect_image", name)
        if name not in self.images:
            raise refusal(404, f"No such image: {name}")
        return self.images[name]

    def inspect_container(self, container: str) -> dict[str, Any]:
        """One container."""
        return {"Config": {"Env": [f"{key}={value}" for key, value in self._one(container).environment.items()]}}

    def inspect_volume(self, name: str) -> dict[str, Any]:
        """One volume."""
        if name not in self.vols:
            raise refusal(404, f"get {name}: no such volume")
        return {"Name": name, "Labels": self.vols[name]}

    def create_network(
        self,
        name: str,
        *,
        ipam: Mapping[str, Any],
        labels: dict[str, str],
        driver: str = "bridge",
        check_duplicate: bool = False,
    ) -> dict[str, str]:
        """Make a network, beside one of the same name unless that is to be refused."""
        self._may("create_network", name)
        assert driver == "bridge"
        if check_duplicate and any(net.name == name for net in self.nets.values()):
            raise refusal(409, f"network with name {name} already exists")
        made = FakeNetwork(self._id(), name, labels, dict(ipam["Config"][0]))
        self.nets[made.id] = made
        return {"Id": made.id}

    def remove_network(self, network: str) -> None:
        """Remove a network that nothing is connected to."""
        one = self.nets.get(network)
        if one is None:
            raise refusal(404, f"network {network} not found")
        self._may("remove_network", one.name)
        if any(one.name in each.networks for each in list(self.held.values())):
            raise refusal(403, f"error while removing network: network {one.name} has active endpoints")
        del self.nets[network]

    def create_volume(self, name: str, *, labels: dict[str, str]) -> None:
        """Make a volume; one that exists stays as it is."""
        self._may("create_volume", name)
        self.vols.setdefault(name, labels)

    def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        self._may("remove_volume", name)
        if any(bind.startswith(f"{name}:") for one in list(self.held.values()) for bind in one.host.get("Binds") or ()):
            raise refusal(409, f"remove {name}: volume is in use")
        if self.vols.pop(name, None) is None:
            raise refusal(404, f"get {name}: no such volume")

    def create_host_config(self, **options: Any) -> dict[str, Any]:
        """The SDK's own, which checks what it is given."""
        return docker.types.HostConfig(version=API, **options)

    def create_endpoint_config(self, **options: Any) -> dict[str, Any]:
        """The SDK's own."""
        return docker.types.EndpointConfig(API, **options)

    def create_networking_config(self, endpoints: Any) -> dict[str, Any]:
        """The SDK's own."""
        return docker.types.NetworkingConfig(endpoints)

    def create_container(
        self,
        image: str,
        *,
        name: str,
        labels: dict[str, str],
        host_config: dict[str, Any],
        hostname: str = "",
        environment: dict[str, str] | None = None,
        ports: Sequence[int] = (),
        networking_config: dict[str, Any] | None = None,
        entrypoint: Sequence[str] = (),
    ) -> dict[str, str]:
        """Make a container: a node's, or one without a network that does something else."""
        self._may("create_container", name)
        if any(one.name == name for one in list(self.held.values())):
            raise refusal(409, f'Conflict. The container name "/{name}" is already in use')
        node = not entrypoint
        assert (hostname, list(ports), networking_config is not None) == (
            (name, [22], True) if node else ("", [], False)
        )
        made = FakeContainer(self._id(), name, image, labels, environment or {}, dict(host_config))
        for network, endpoint in (networking_config or {"EndpointsConfig": {}})["EndpointsConfig"].items():
            made.networks[network] = endpoint["IPAMConfig"]["IPv4Address"]
            made.aliases[network] = endpoint["Aliases"]
        self.held[made.id] = made
        return {"Id": made.id}

    def start(self, container: str) -> None:
        """Start a container, unless an address of it is held."""
        one = self._one(container)
        self._may("start", one.name)
        for network, address in one.networks.items():
            if not any(each.name == network for each in self.nets.values()):
                raise refusal(404, f"failed to set up container networking: network {network} not found")
            for other in list(self.held.values()):
                if other is not one and other.state == "running" and other.networks.get(network) == address:
                    raise refusal(403, "failed to set up container networking: Address already in use")
        one.state, one.port = "running", next(self._ports)

    def stop(self, container: str, *, timeout: int) -> None:
        """Stop a container."""
        one = self._one(container)
        self._may("stop", one.name)
        if one.state == "paused":
            raise refusal(409, "container is paused")
        one.state = "exited"

    def restart(self, container: str, *, timeout: int) -> None:
        """Stop and start a container."""
        one = self._one(container)
        self._may("restart", one.name)
        if one.state == "paused":
            raise refusal(409, "container is paused")
        one.state, one.port = "running", next(self._ports)

    def pause(self, container: str) -> None:
        """Freeze a container."""
        one = self._one(container)
        self._may("pause", one.name)
        one.state = "paused"

    def unpause(self, container: str) -> None:
        """Wake a container."""
        one = self._one(container)
        self._may("unpause", one.name)
        if one.state != "paused":
            raise refusal(409, f"Container {one.id} is not paused")
        one.state = "running"

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        if any(one.name == name for one in list(self.held.values())):
            raise refusal(409, f'Conflict. The container name "/{name}" is already in use')
        self._one(container).name = name

    def remove_container(self, container: str, *, force: bool, v: bool) -> None:
        """Remove a container, with the volumes that have no name."""
        assert force and v
        self._may("remove_container", self._one(container).name)
        del self.held[container]

    def connect_container_to_network(
        self, container: str, network: str, *, ipv4_address: str, aliases: Sequence[str]
    ) -> None:
        """Connect a container."""
        one = self._one(container)
        self._may("connect_container_to_network", one.name)
        if network in one.networks:
            raise refusal(403, f"endpoint with name {one.name} already exists in network {network}")
        one.networks[network], one.aliases[network] = ipv4_address, aliases

    def disconnect_container_from_network(self, container: str, network: str, force: bool) -> None:
        """Disconnect a container."""
        one = self._one(container)
        if network not in one.networks:
            raise refusal(404, f"container {one.name} is not connected to network {network}")
        assert force
        del one.networks[network]

    def logs(self, container: str, *, tail: int) -> bytes:
        """The last lines that a container printed."""
        return "\n".join(self._one(container).printed.splitlines()[-tail:]).encode()

    def get_archive(self, container: str, path: str) -> tuple[list[bytes], dict[str, Any]]:
        """A file of a container, as an archive."""
        one = self._one(container)
        if path not in one.files:
            raise refusal(404, f"Could not find the file {path} in container {container}")
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            entry = tarfile.TarInfo(path.rpartition("/")[2])
            entry.size = len(one.files[path].encode())
            archive.addfile(entry, io.BytesIO(one.files[path].encode()))
        return [stream.getvalue()], {}

    def exec_create(self, container: str, command: list[str], *, environment: dict[str, str]) -> dict[str, str]:
        """A command to be run in a container."""
        one = self._one(container)
        if one.state != "running":
            raise refusal(409, f"Container {container} is {one.state}")
        self.ran.append((one.name, command, environment))
        return {"Id": str(len(self.ran) - 1)}

    def exec_start(self, made: str) -> bytes:
        """Run it."""
        return self.answers(self.ran[int(made)][1])[1].encode()

    def exec_inspect(self, made: str) -> dict[str, int]:
        """How it ended."""
        return {"ExitCode": self.answers(self.ran[int(made)][1])[0]}

    def _id(self) -> str:
        return f"{next(self._numbers):064x}"

    def _one(self, container: str) -> FakeContainer:
        one = self.held.get(container)
        if one is None:
            raise refusal(404, f"No such container: {container}")
        return one

    def _may(self, call: str, name: str) -> None:
        if self.gone:
            raise OSError("the engine is gone")
        error = self.fails.get((call, name))
        if error is not None:
            raise error


def all_in(labels: Mapping[str, str], wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether these labels are all there."""
    return all(labels.get(key) == value for key, value in wanted)
