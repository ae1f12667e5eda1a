"""Mistakes in the folders and in the files that the nodes are configured with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pghalab.cluster.traces import MANAGED
from pghalab.course.checks.facts import Facts
from pghalab.course.checks.paths import File
from pghalab.course.diagnoses import begun
from pghalab.course.diagnoses.base import Mistake, data, on_nodes, runs
from pghalab.course.diagnoses.begun import ETCD_YAML
from pghalab.course.lines import YamlError, parse
from pghalab.lab.types import Node
from pghalab.text import enumerated

ETCD_CONF = "/pgha/config/etcd.conf"
VARS = "/pgha/config/patroniVars"
PATRONI_YAML = "/pgha/config/patroni.yaml"
ROLES = "/pgha/config/createRoles.sh"
LOG_FOLDERS = ("/var/log/etcd", "/var/log/patroni")
FOLDERS = ("/pgha/config", "/pgha/data/etcd", *LOG_FOLDERS)
OWN_DATA = "/pgdata/17/data/PG_VERSION"
WRITE = "There, as postgres with root's NODELIST (sudo -E -u postgres /bin/bash -l): /etcdSetup.sh -y"


async def folder_missing(facts: Facts, node: Node) -> str | None:
    """Which of the folders are not there."""
    missing = [path for path in FOLDERS if await facts.file(node, path) is None]
    return enumerated(missing) if missing else None


async def folder_owner(facts: Facts, node: Node) -> str | None:
    """Which of the folders postgres may not write to."""
    found = {path: await facts.file(node, path) for path in FOLDERS}
    wrong = [f"{path} to {file.owner}" for path, file in found.items() if file is not None and file.owner != "postgres"]
    return enumerated(wrong) if wrong else None


async def folder_mode(facts: Facts, node: Node) -> str | None:
    """Which of the folders for logs others may look into."""
    found = {path: await facts.file(node, path) for path in LOG_FOLDERS}
    wrong = [f"{path} ({file.mode})" for path, file in found.items() if file is not None and file.mode != "700"]
    return enumerated(wrong) if wrong else None


async def plain_only(facts: Facts, node: Node) -> str | None:
    """Only the file for systemd was written."""
    there = await facts.file(node, ETCD_CONF) is not None
    return "" if there and await facts.file(node, ETCD_YAML) is None else None


async def yaml_missing(facts: Facts, node: Node) -> str | None:
    """Neither file was written, though the folder is there."""
    if await facts.file(node, "/pgha/config") is None:
        return None
    return "" if await facts.file(node, ETCD_YAML) is None and await facts.file(node, ETCD_CONF) is None else None


async def yaml_broken(facts: Facts, node: Node) -> str | None:
    """The file is no YAML."""
    file = await facts.file(node, ETCD_YAML)
    if file is None:
        return None
    try:
        parse(file.text, 1)
    except YamlError as error:
        lines = file.text.splitlines()
        tab = 0 < error.line <= len(lines) and "\t" in lines[error.line - 1]
        return f"line {error.line}: {'a tab; use blanks' if tab else error.message}"
    return None


async def yaml_short(facts: Facts, node: Node) -> str | None:
    """Its list of members has not all of the lab's nodes."""
    config = await _etcd(facts, node)
    listing = str((config or {}).get("initial-cluster", ""))
    names = [entry.partition("=")[0].strip() for entry in listing.split(",") if entry.strip()]
    wanted = len(facts.lab.nodes)
    return f"{len(names)} of {wanted}" if config is not None and len(names) < wanted else None


async def yaml_other(facts: Facts, node: Node) -> str | None:
    """It is another node's."""
    config = await _etcd(facts, node)
    name = str((config or {}).get("name", ""))
    return name if name in facts.lab.nodes and name != node.name else None


async def yaml_owner(facts: Facts, node: Node) -> str | None:
    """It does not belong to postgres."""
    return _other_owner(await facts.file(node, ETCD_YAML))


async def vars_short(facts: Facts, node: Node) -> str | None:
    """patroniVars names fewer etcd nodes than the lab has."""
    told = await _vars(facts, node)
    names = [one for one in (told or {}).get("ETCD_NODES", "").split(",") if one.strip()]
    wanted = len(facts.lab.nodes)
    return f"{len(names)} etcd nodes of {wanted}" if told is not None and len(names) < wanted else None


async def vars_missing(facts: Facts, node: Node) -> str | None:
    """/etcdSetup.sh has not left what /patroniSetup.sh reads."""
    return "" if await facts.file(node, VARS) is None else None


async def vars_other(facts: Facts, node: Node) -> str | None:
    """patroniVars is another node's."""
    name = (await _vars(facts, node) or {}).get("NODE_NAME", node.name)
    return name if name != node.name else None


async def patroni_missing(facts: Facts, node: Node) -> str | None:
    """What Patroni is configured with is missing, and all that it is made of is there."""
    return "" if await facts.file(node, PATRONI_YAML) is None and await facts.file(node, VARS) is not None else None


async def patroni_other(facts: Facts, node: Node) -> str | None:
    """patroni.yaml is another node's."""
    file = await facts.file(node, PATRONI_YAML)
    try:
        name = str(parse(file.text, 1).data.get("name", node.name)) if file is not None else node.name
    except YamlError:
        return None
    return name if name in facts.lab.nodes and name != node.name else None


async def patroni_owner(facts: Facts, node: Node) -> str | None:
    """patroni.yaml does not belong to postgres."""
    return _other_owner(await facts.file(node, PATRONI_YAML))


async def roles_missing(facts: Facts, node: Node) -> str | None:
    """patroni.yaml names a script that is not there."""
    yaml = await facts.file(node, PATRONI_YAML)
    return "" if yaml is not None and ROLES in yaml.text and await facts.file(node, ROLES) is None else None


async def roles_mode(facts: Facts, node: Node) -> str | None:
    """The script cannot be executed."""
    file = await facts.file(node, ROLES)
    return file.mode if file is not None and not int(file.mode or "0", 8) & 0o100 else None


async def unprepared(facts: Facts, node: Node) -> str | None:
    """A database of the node's own lies where Patroni has to make or copy one."""
    if await runs(facts, node, "patroni"):
        return None
    if await facts.file(node, OWN_DATA) is None:
        return None
    return "" if await facts.file(node, MANAGED) is None else None


async def _etcd(facts: Facts, node: Node) -> Mapping[str, Any] | None:
    file = await facts.file(node, ETCD_YAML)
    if file is None:
        return None
    try:
        return parse(file.text, 1).data
    except YamlError:
        return None


async def _vars(facts: Facts, node: Node) -> dict[str, str] | None:
    file = await facts.file(node, VARS)
    if file is None:
        return None
    pairs = (line.partition("=") for line in file.text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _other_owner(file: File | None) -> str | None:
    return file.owner if file is not None and file.owner != "postgres" else None


MISTAKES: Mapping[str, Mistake] = {
    "folders-missing": Mistake(
        on_nodes(folder_missing),
        "On {nodes} there is no {detail}.",
        "Lesson 6 makes the folders: run its steps, or make them there as root and give them to postgres.",
    ),
    "folders-owner": Mistake(
        on_nodes(folder_owner),
        "On {nodes} belong to somebody else than postgres: {detail}.",
        "There, as root: chown -R postgres:postgres /pgha /var/log/etcd /var/log/patroni",
    ),
    "folders-mode": Mistake(
        on_nodes(folder_mode),
        "On {nodes} others than postgres may look into {detail}.",
        "There, as root: chmod 700 /var/log/etcd /var/log/patroni",
        severity="notice",
    ),
    "etcd-plain-only": Mistake(
        on_nodes(plain_only),
        "On {nodes} only the plain file was written: the -y is missing.",
        WRITE,
        begun=begun.etcd,
    ),
    "etcd-yaml-missing": Mistake(
        on_nodes(yaml_missing),
        f"On {{nodes}} there is no {ETCD_YAML}: /etcdSetup.sh has not run there.",
        WRITE,
        begun=begun.etcd,
    ),
    "etcd-yaml-broken": Mistake(
        on_nodes(yaml_broken),
        "etcd cannot read its file on {nodes}: {detail}.",
        f"Mend that line, or write it anew. {WRITE}",
    ),
    "etcd-yaml-short": Mistake(
        on_nodes(yaml_short),
        "The list of members on {nodes} has {detail}: NODELIST was incomplete when the file was written.",
        WRITE,
    ),
    "etcd-yaml-other": Mistake(
        on_nodes(yaml_other),
        "{nodes} has the file of {detail}: the script writes for the node on which it runs.",
        WRITE,
    ),
    "etcd-yaml-owner": Mistake(
        on_nodes(yaml_owner),
        "etcd.yaml on {nodes} belongs to {detail}: it was not written by the script as postgres.",
        f"There, as root: chown postgres:postgres {ETCD_YAML}",
    ),
    "vars-short": Mistake(on_nodes(vars_short), "patroniVars on {nodes} names {detail}.", WRITE),
    "vars-missing": Mistake(
        on_nodes(vars_missing),
        "patroniVars is missing on {nodes}: /etcdSetup.sh -y writes it beside etcd's file.",
        WRITE,
        begun=begun.configured,
    ),
    "vars-other": Mistake(on_nodes(vars_other), "patroniVars on {nodes} is that of {detail}.", WRITE),
    "patroni-yaml-missing": Mistake(
        on_nodes(patroni_missing, data),
        "patroni.yaml is missing on {nodes}: /patroniSetup.sh has not run there.",
        "There, as postgres: /patroniSetup.sh",
        begun=begun.patroni,
    ),
    "patroni-yaml-other": Mistake(
        on_nodes(patroni_other, data),
        "patroni.yaml on {nodes} is that of {detail}.",
        "There, as postgres: /patroniSetup.sh",
    ),
    "patroni-yaml-owner": Mistake(
        on_nodes(patroni_owner, data),
        "patroni.yaml on {nodes} belongs to {detail}, so that postgres may not read it.",
        f"There, as root: chown postgres:postgres {PATRONI_YAML}",
    ),
    "roles-missing": Mistake(
        on_nodes(roles_missing, data),
        "createRoles.sh is missing on {nodes}: Patroni gives a new cluster up when it cannot run it.",
        "There, as postgres: cp -p /createRoles.sh /pgha/config",
    ),
    "roles-mode": Mistake(
        on_nodes(roles_mode, data),
        "createRoles.sh on {nodes} has the mode {detail}: Patroni cannot execute it.",
        f"There, as postgres: chmod 755 {ROLES}",
    ),
    "data-unprepared": Mistake(
        on_nodes(unprepared, data),
        "On {nodes} the data directory holds a database of its own, which no cluster made.",
        "Run the step that empties it (it asks first), then start Patroni there.",
        begun=begun.patroni,
    ),
}
