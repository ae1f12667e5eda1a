"""What a lab is made of, as the learner chose it, and the file that remembers it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from pghalab.lab.host import files, paths
from pghalab.lab.types import LabError
from pghalab.values import dataclass

DEFAULT_LAB = "pgha"
DEFAULT_IMAGE = "pghalab-pg17:latest"
DEFAULT_SUBNET = "192.168.50"
DEFAULT_NODES = 5
MAX_NODES = 50
LIMIT = 100_000
"""Bytes of a settings file."""
FIRST_HOST = 10
"""Node 1 has the address `<subnet>.10`."""

AuthMethod = Literal["scram-sha-256", "md5"]
Origin = Literal["file", "defaults", "engine"]

_NODE_PREFIX = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z-])?")


@dataclass(frozen=True, slots=True)
class LabSettings:
    """What a lab is made of."""

    name: str
    prefix: str
    network: str
    subnet: str
    """The first three octets."""
    image: str
    nodes: int
    password: str = field(repr=False)
    """Of the postgres superuser."""
    auth_method: AuthMethod
    open_network: bool = False
    """Whether the nodes answer everybody on every port, and not only each other."""
    origin: Origin = field(default="defaults", compare=False)
    """Where these settings come from."""
    notices: tuple[str, ...] = field(default=(), compare=False)
    """What the learner has to know about how they were found; not stored."""

    @property
    def node_names(self) -> tuple[str, ...]:
        """`pgha1`, `pgha2`, … in order."""
        return tuple(f"{self.prefix}{number}" for number in range(1, self.nodes + 1))

    @property
    def addresses(self) -> dict[str, str]:
        """The address of each node by name, in order."""
        return {name: f"{self.subnet}.{FIRST_HOST + index}" for index, name in enumerate(self.node_names)}

    @property
    def nodelist(self) -> str:
        """What NODELIST is on the nodes: `pgha1:192.168.50.10 pgha2:…`."""
        return " ".join(f"{name}:{address}" for name, address in self.addresses.items())


def default_settings(lab: str) -> LabSettings:
    """The settings of a lab that was never made, with a new random password; raises LabError for a bad name."""
    prefix = lab.replace("_", "-")
    return checked(
        LabSettings(
            name=lab,
            # `lab2` and a number would read as another number.
            prefix=f"{prefix}-" if prefix[-1:].isdigit() else prefix,
            network=f"{lab}net",
            subnet=DEFAULT_SUBNET,
            image=DEFAULT_IMAGE,
            nodes=DEFAULT_NODES,
            password=secrets.token_urlsafe(12),
            auth_method="scram-sha-256",
        )
    )


def checked(settings: LabSettings) -> LabSettings:
    """The settings unchanged when the engine, the node scripts and a shell can all take them; raises LabError."""
    paths.require_name(settings.name)
    if not _NODE_PREFIX.fullmatch(settings.prefix):
        raise LabError(
            f"{settings.prefix!r} cannot be the prefix of node names: it becomes a host name with a number behind it.",
            todo="Use lower-case letters (digits and '-' inside, not a digit at the end): -c pgha",
            kind="bad-value",
        )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", settings.network):
        raise LabError(
            f"{settings.network!r} is not a network's name.", todo="For example: -w pghanet", kind="bad-value"
        )
    octets = settings.subnet.split(".")
    if len(octets) != 3 or not all(re.fullmatch(r"0|[1-9]\d{0,2}", octet) and int(octet) < 256 for octet in octets):
        raise LabError(
            f"{settings.subnet!r} is not a subnet: it takes the first three octets.",
            todo="For example: -s 192.168.50",
            kind="bad-value",
        )
    if int(octets[0]) in (0, 127) or int(octets[0]) >= 224:
        raise LabError(f"{settings.subnet}.0/24 is not for hosts.", todo="For example: -s 192.168.50", kind="bad-value")
    if not 1 <= settings.nodes <= MAX_NODES:
        raise LabError(
            f"{settings.nodes} nodes cannot be made.",
            todo=f"Take 1 to {MAX_NODES}; the course needs 5.",
            kind="bad-value",
        )
    if not settings.image or re.search(r"\s", settings.image):
        raise LabError(
            f"{settings.image!r} is not an image.", todo=f"For example: -i {DEFAULT_IMAGE}", kind="bad-value"
        )
    # Carried by environment variables, YAML, .pgpass and shell scripts on the nodes.
    if not re.fullmatch(r"[\x21-\x7e]{1,128}", settings.password):
        raise LabError(
            "This password cannot be used: it must be 1 to 128 printable ASCII characters without spaces.",
            todo="Choose another one: -p PASSWORD",
            kind="bad-value",
        )
    if settings.auth_method not in ("scram-sha-256", "md5"):
        raise LabError(
            f"{settings.auth_method!r} is not a way to store passwords.",
            todo="scram-sha-256 or md5 (-m).",
            kind="bad-value",
        )
    return settings


def settings_file(lab: str) -> Path:
    """Where the settings of a lab are kept, when they are; raises LabError for a bad name."""
    return paths.lab_folder(lab) / "settings.json"


def load_settings(lab: str = DEFAULT_LAB, *, look_only: bool = False) -> LabSettings:
    """The stored settings of a lab, else its defaults; a file that cannot be used is told in `notices`.

    It is kept aside, unless with `look_only`, which writes nothing. Raises LabError for a bad name, for a state folder
    that cannot be used, and for a file that may not be read.
    """
    defaults = default_settings(lab)
    if not look_only:
        paths.state_dir(lab)
    path = settings_file(lab)
    try:
        stored = files.read_json(path, LIMIT)
    except FileNotFoundError:
        return defaults
    except files.Unfit as error:
        return _without(path, defaults, str(error), look_only)
    except OSError as error:
        raise LabError(
            f"{path} cannot be read: {error.strerror}.", todo="Give yourself read access to it.", kind="state-folder"
        ) from error
    try:
        return _from_mapping(lab, stored)
    except LabError as error:
        return _without(path, defaults, error.what.rstrip("."), look_only)
    except ValueError as error:
        return _without(path, defaults, str(error), look_only)


def save_settings(settings: LabSettings) -> None:
    """Store the settings, readable by their owner only, in one step; raises LabError."""
    checked(settings)
    stored = {key: value for key, value in asdict(settings).items() if key not in ("origin", "notices")}
    path = settings_file(settings.name)
    try:
        files.write_atomic(path, json.dumps(stored, indent=2) + "\n")
    except OSError as error:
        raise LabError(
            f"{path} cannot be written: {error.strerror}.", todo="Look at `pghalab doctor`.", kind="state-folder"
        ) from error


def _from_mapping(lab: str, stored: Any) -> LabSettings:
    if not isinstance(stored, Mapping):
        raise ValueError("it does not hold a mapping")
    kinds: dict[str, type] = {
        "name": str, "prefix": str, "network": str, "subnet": str, "image": str, "nodes": int,
        "password": str, "auth_method": str,
    }  # fmt: skip
    for key, kind in kinds.items():
        if not isinstance(stored.get(key), kind) or isinstance(stored[key], bool):
            raise ValueError(f"`{key}` is missing or of the wrong type")
    # Files of before it could be chosen do not hold it.
    open_network = stored.get("open_network", False)
    if not isinstance(open_network, bool):
        raise ValueError("`open_network` is of the wrong type")
    if stored["name"] != lab:
        raise ValueError(f"it belongs to the lab {stored['name']!r}")
    return checked(
        LabSettings(
            name=lab,
            prefix=stored["prefix"],
            network=stored["network"],
            subnet=stored["subnet"],
            image=stored["image"],
            nodes=stored["nodes"],
            password=stored["password"],
            auth_method=cast(AuthMethod, stored["auth_method"]),
            open_network=open_network,
            origin="file",
        )
    )


def _without(path: Path, defaults: LabSettings, why: str, look_only: bool) -> LabSettings:
    told = f"The settings in {path} could not be used: {why}."
    if look_only:
        return replace(defaults, notices=(told,))
    try:
        aside = files.keep_aside(path)
    except OSError as error:
        raise LabError(
            f"{path} is unusable ({why}) and cannot be renamed: {error.strerror}.", kind="state-folder"
        ) from error
    return replace(defaults, notices=(f"{told} The file is kept as {aside.name}.",))
