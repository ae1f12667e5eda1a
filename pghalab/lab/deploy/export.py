"""The same deployment as files that work without pghalab: a compose file and a shell script of docker commands."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from pghalab.lab.deploy.spec import (
    CAPABILITIES,
    KEY_VARIABLE,
    MEMORY,
    PIDS,
    Deployment,
    NodeSpec,
    VolumeSpec,
    deployment,
)
from pghalab.lab.engine.labels import LAB_LABEL, SSH_PORT
from pghalab.lab.host import files
from pghalab.lab.host.paths import lab_folder, state_dir
from pghalab.lab.settings import LabSettings, save_settings
from pghalab.lab.ssh.keys import ensure_console_key, public_key
from pghalab.lab.types import LabError

_GIVE_KEY = "give the public key that may log in as root"


def plan_of(settings: LabSettings, *, look_only: bool = False) -> Deployment:
    """What an export describes; the settings are stored, as the files hold the password and pghalab must know it.

    With `look_only` nothing is stored, and without a key of this console's whoever uses the export has to give one.
    Raises LabError.
    """
    if look_only:
        return deployment(settings, public_key(lab_folder(settings.name)) or "")
    save_settings(settings)
    return deployment(settings, ensure_console_key(state_dir(settings.name))[1])


def write(path: Path, text: str, *, force: bool, executable: bool = False) -> None:
    """Write an export for its owner's eyes only, as it holds the password; raises LabError, also when it exists."""
    if path.exists() and not force:
        raise LabError(f"{path} exists.", todo="Move it away, or overwrite it: pghalab export with --force.")
    try:
        files.write_atomic(path, text, 0o700 if executable else 0o600)
    except OSError as error:
        raise LabError(f"{path} cannot be written: {error.strerror}.") from error


def compose(plan: Deployment) -> str:
    """A compose file of the deployment, for `docker compose` and for docker-compose 1.27 or newer.

    It follows the compose specification, whose files need no version
    (https://github.com/compose-spec/compose-spec/blob/main/04-version-and-name.md).
    """
    import yaml

    document: dict[str, Any] = {
        "services": _doubled({node.name: _service(node) for node in plan.nodes}),
        "networks": {
            "lab": {
                "name": plan.network.name,
                "labels": dict(plan.network.labels),
                "ipam": {
                    "config": [
                        {
                            "subnet": plan.network.subnet,
                            "gateway": plan.network.gateway,
                            "ip_range": plan.network.ip_range,
                        }
                    ]
                },
            }
        },
        "volumes": {volume.name: {"name": volume.name, "labels": dict(volume.labels)} for volume in plan.volumes},
    }
    head = (
        f"# The lab {plan.lab} as pghalab deploys it. It holds the password of the postgres superuser.\n"
        f"# docker compose -p {plan.lab} -f THIS-FILE up -d\n"
    )
    if not _has_key(plan):
        for service in document["services"].values():
            service["environment"][KEY_VARIABLE] = f"${{{KEY_VARIABLE}:?{_GIVE_KEY}}}"
    return head + yaml.safe_dump(document, sort_keys=False, default_flow_style=False, width=10_000)


def _has_key(plan: Deployment) -> bool:
    return all(dict(node.environment)[KEY_VARIABLE] for node in plan.nodes)


def _service(node: NodeSpec) -> dict[str, Any]:
    return {
        "image": node.image,
        "container_name": node.name,
        "hostname": node.name,
        "environment": dict(node.environment),
        "labels": dict(node.labels),
        "cap_add": list(CAPABILITIES),
        "pids_limit": PIDS,
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,
        "restart": "no",
        "ports": [f"127.0.0.1::{SSH_PORT}"],
        "volumes": [f"{volume}:{path}" for volume, path in node.mounts],
        "networks": {"lab": {"ipv4_address": node.address, "aliases": list(node.aliases)}},
    }


def _doubled(value: Any) -> Any:
    """The value with `$` doubled in every text, which compose would take for a variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _doubled(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_doubled(entry) for entry in value]
    return value


def script(plan: Deployment) -> str:
    """A POSIX shell script that creates, starts, stops, restarts and removes the deployment with the docker client."""
    q = shlex.quote
    label = f"{LAB_LABEL}={plan.lab}"
    network = plan.network
    make_network = " ".join(
        ["docker network create", f"--subnet {network.subnet}", f"--gateway {network.gateway}",
         f"--ip-range {network.ip_range}", f"--label {q(label)}", q(network.name)]
    )  # fmt: skip
    make_volumes = "\n".join(
        f"    made volume {q(volume.name)} || docker volume create {_labels(volume)} {q(volume.name)}"
        for volume in plan.volumes
    )
    make_nodes = "\n".join(f"    made container {q(node.name)} || {_create(node)}" for node in plan.nodes)
    return _SCRIPT.format(
        lab=plan.lab,
        label=q(label),
        secrets="\n".join(f"export {key}={q(value)}" for key, value in plan.nodes[0].environment if key in _SECRET),
        nodes=" ".join(q(node.name) for node in plan.nodes),
        volumes=" ".join(q(volume.name) for volume in plan.volumes),
        network=q(network.name),
        make_network=make_network,
        make_volumes=make_volumes,
        make_nodes=make_nodes,
        need_key="" if _has_key(plan) else f'    : "${{{KEY_VARIABLE}:?{_GIVE_KEY}}}"\n    export {KEY_VARIABLE}\n',
    )


def _labels(labelled: NodeSpec | VolumeSpec) -> str:
    return " ".join(f"--label {shlex.quote(f'{key}={value}')}" for key, value in labelled.labels)


def _create(node: NodeSpec) -> str:
    q = shlex.quote
    words = [
        "docker create",
        f"--name {q(node.name)}",
        f"--hostname {q(node.name)}",
        *(f"--cap-add {capability}" for capability in CAPABILITIES),
        f"--pids-limit {PIDS}",
        f"--memory {MEMORY} --memory-swap {MEMORY}",
        f"--network {q(node.network)}",
        f"--ip {node.address}",
        *(f"--network-alias {q(alias)}" for alias in node.aliases),
        f"-p 127.0.0.1::{SSH_PORT}",
        _labels(node),
        *(f"-e {key if key in _SECRET or not value else q(f'{key}={value}')}" for key, value in node.environment),
        *(f"-v {q(f'{volume}:{path}')}" for volume, path in node.mounts),
        q(node.image),
    ]
    return " \\\n        ".join(words)


_SECRET = ("PGHALAB_PASSWORD",)

_SCRIPT = """\
#!/bin/sh
# The lab {lab} as pghalab deploys it. It holds the password of the postgres superuser.
# Only objects with the label {label} are changed or removed.
set -eu

label={label}
nodes="{nodes}"
volumes="{volumes}"
network={network}
# Not on the command line of docker, which everybody on the machine can read.
{secrets}

usage() {{
    echo "usage: $0 create|start|stop|restart|rm|rmvolumes|down [-f]"
    echo "  create     make the network, the volumes and the containers that are missing"
    echo "  start, stop, restart   the containers"
    echo "  rm         remove the containers, keep their volumes"
    echo "  rmvolumes  remove the volumes"
    echo "  down [-f]  remove the containers and the network, with -f the volumes too"
}}

# made KIND NAME: does it exist as part of this lab? One of somebody else's with the name ends the script.
made() {{
    labels=.Labels
    [ "$1" != container ] || labels=.Config.Labels
    owner=$(docker "$1" inspect -f "{{{{index $labels \\"${{label%%=*}}\\"}}}}" "$2" 2>/dev/null) || return 1
    [ "$owner" = "${{label#*=}}" ] && return 0
    echo "The $1 $2 exists and is not part of this lab; it stays untouched." >&2
    exit 1
}}

# existing KIND NAME...: those of the names that exist as part of this lab.
existing() {{
    kind=$1
    shift
    for name in "$@"; do
        if (made "$kind" "$name" 2>/dev/null); then echo "$name"; fi
    done
}}

create() {{
{need_key}    for name in $nodes; do made container "$name" || :; done
    for name in $volumes; do made volume "$name" || :; done
    made network "$network" || {make_network}
{make_volumes}
{make_nodes}
}}

each() {{
    found=$(existing container $nodes)
    if [ -z "$found" ]; then
        echo "There are no containers of this lab: $0 create" >&2
        exit 1
    fi
    docker "$@" $found
}}

remove_containers() {{
    found=$(existing container $nodes)
    [ -z "$found" ] || docker rm -f -v $found
}}

remove_volumes() {{
    found=$(existing volume $volumes)
    [ -z "$found" ] || docker volume rm $found
}}

case ${{1-}} in
    create) create ;;
    start | stop | restart) each "$1" ;;
    rm) remove_containers ;;
    rmvolumes) remove_volumes ;;
    down)
        case ${{2-}} in
            "" | -f) ;;
            *)
                usage >&2
                exit 2
                ;;
        esac
        remove_containers
        if [ -n "$(existing network "$network")" ]; then docker network rm "$network"; fi
        [ "${{2-}}" != -f ] || remove_volumes
        ;;
    -h | --help | help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
"""
