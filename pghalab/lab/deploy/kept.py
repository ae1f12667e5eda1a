"""What a lab's volumes remember of the settings they were filled under, so that they are not used under others.

etcd keeps its members' addresses in its data, PostgreSQL its roles' passwords, and Patroni's configuration both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache

from pghalab.lab.engine.inventory import FoundVolume
from pghalab.lab.settings import LabSettings
from pghalab.lab.types import LabError
from pghalab.values import dataclass

SUBNET, PREFIX, NODES, AUTH, PASSWORD = (
    f"pghalab.{name}" for name in ("subnet", "prefix", "nodes", "auth", "password")
)
ROUNDS = 20_000


def labels(settings: LabSettings) -> tuple[tuple[str, str], ...]:
    """The labels that tell a volume's settings; of the password only a salted hash."""
    return (
        (SUBNET, settings.subnet),
        (PREFIX, settings.prefix),
        (NODES, str(settings.nodes)),
        (AUTH, settings.auth_method),
        (PASSWORD, fingerprint(settings.name, settings.password)),
    )


@cache
def fingerprint(lab: str, password: str) -> str:
    """What tells whether two passwords of one lab are the same, and not what they are."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), f"pghalab {lab}".encode(), ROUNDS).hex()


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered of the settings; None of what nobody can tell."""

    prefix: str | None = None
    nodes: int | None = None
    subnet: str | None = None
    auth_method: str | None = None
    password: str | None = None
    """Its fingerprint."""


def remembered(volumes: Iterable[FoundVolume], lab: str) -> Remembered | None:
    """What the volumes of a lab tell by their labels, or else by their names; None when it has none with data."""
    own = [volume for volume in volumes if volume.lab == lab]
    numbered = [match for volume in own if (match := re.fullmatch(r"(.*?)(\d+)-pgdata", volume.name))]
    if not numbered:
        return None
    told = next((dict(volume.labels) for volume in own if SUBNET in dict(volume.labels)), {})
    from_names = {PREFIX: numbered[0][1], NODES: str(max(int(match[2]) for match in numbered))}
    return read({**from_names, **told})


def read(told: Mapping[str, str]) -> Remembered:
    """What these labels tell."""
    count = told.get(NODES, "")
    return Remembered(
        prefix=told.get(PREFIX),
        nodes=int(count) if count.isdigit() else None,
        subnet=told.get(SUBNET),
        auth_method=told.get(AUTH),
        password=told.get(PASSWORD),
    )


def require_same(settings: LabSettings, volumes: Iterable[FoundVolume]) -> None:
    """Raise LabError, with both ways out, when the lab's volumes hold the data of other settings."""
    kept = remembered(volumes, settings.name)
    if kept is None:
        return
    differs, again = differences(settings, kept)
    if differs:
        raise LabError(
            f"The volumes of the lab {settings.name} hold the data of other settings: {', '.join(differs)}.",
            todo=f"Use the old settings again: {again}. Or give that data up: pghalab down -f, then pghalab up",
            kind="differs",
        )


def differences(settings: LabSettings, kept: Remembered) -> tuple[list[str], str]:
    """In what the data was filled under other settings, in words, and the command that takes the old ones again."""
    differs, options = [], []
    if kept.subnet not in (None, settings.subnet):
        differs.append(f"the subnet {kept.subnet} (now {settings.subnet})")
        options.append(f"-s {kept.subnet}")
    if kept.prefix not in (None, settings.prefix):
        differs.append(f"the names {kept.prefix}1, … (now {settings.prefix}1, …)")
        options.append(f"-c {kept.prefix}")
    if kept.nodes not in (None, settings.nodes):
        differs.append(f"{kept.nodes} nodes (now {settings.nodes})")
        options.append(f"-n {kept.nodes}")
    if kept.auth_method not in (None, settings.auth_method):
        differs.append(f"passwords stored as {kept.auth_method} (now {settings.auth_method})")
        options += ["-m"] if kept.auth_method == "md5" else []
    if kept.password not in (None, fingerprint(settings.name, settings.password)):
        differs.append("another password")
        options.append("-p PASSWORD (the old one)")
    return differs, f"pghalab up {' '.join(options)}" if options else "pghalab up without -m"
