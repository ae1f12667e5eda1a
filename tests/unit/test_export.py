"""The exported files say the same as the deployment, whatever the password, and are not overwritten."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pghalab.lab.deploy import export
from pghalab.lab.deploy.spec import MEMORY, PIDS, Deployment, deployment
from pghalab.lab.settings import default_settings
from pghalab.lab.types import LabError

KEY = "ssh-ed25519 AAAAC3Nza console"
PASSWORDS = ["simple", "a$b${c}$$", "'\"`x`\\", "#{!}%*&|;<>", "-n", "null"]

FAKE = """#!/bin/sh
case "$2" in inspect) exit 1 ;; esac
for word in "$@"; do printf '%s\\0' "$word"; done >> "$RECORD"
printf '\\n' >> "$RECORD"
printf '%s' "$PGHALAB_PASSWORD" > "$RECORD.password"
"""


def plan(password: str = "simple", nodes: int = 3) -> Deployment:
    return deployment(replace(default_settings("pgha"), password=password, nodes=nodes), KEY)


def test_the_deployment_keeps_the_contract_of_the_image() -> None:
    made = plan()
    node = made.nodes[1]
    assert (node.name, node.address, node.aliases) == ("pgha2", "192.168.50.11", ("pgha2", "etcd2"))
    assert dict(node.environment) == {
        "NODELIST": "pgha1:192.168.50.10 pgha2:192.168.50.11 pgha3:192.168.50.12",
        "PGHALAB_AUTHORIZED_KEY": KEY,
        "PGHALAB_PASSWORD": "simple",
        "PGHALAB_AUTH": "scram-sha-256",
        "PGHALAB_OPEN": "0",
    }
    assert dict(node.mounts) == {
        "pgha2-pgha": "/pgha",
        "pgha2-pgdata": "/pgdata",
        "pgha-keys": "/etc/pghalab/keys",
    }
    assert {volume.name for volume in made.volumes} == {volume for one in made.nodes for volume, _ in one.mounts}
    labels = [made.network.labels, *(one.labels for one in made.volumes), *(one.labels for one in made.nodes)]
    assert all(("pghalab.lab", "pgha") in one for one in labels)
    assert ("pghalab.node", "2") in node.labels


@pytest.mark.parametrize("password", PASSWORDS)
def test_the_compose_file_says_what_the_deployment_says(password: str) -> None:
    made = plan(password)
    document = yaml.safe_load(export.compose(made))
    assert list(document["services"]) == ["pgha1", "pgha2", "pgha3"]
    service, node = document["services"]["pgha3"], made.nodes[2]
    given = {key: value.replace("$$", "$") for key, value in service["environment"].items()}
    assert given == dict(node.environment)
    assert service["environment"]["PGHALAB_PASSWORD"].replace("$$", "").count("$") == 0
    assert service["networks"]["lab"] == {"ipv4_address": node.address, "aliases": list(node.aliases)}
    assert service["volumes"] == [f"{volume}:{path}" for volume, path in node.mounts]
    assert service["ports"] == ["127.0.0.1::22"]
    assert service["image"] == node.image
    assert (service["container_name"], service["hostname"], service["restart"]) == ("pgha3", "pgha3", "no")
    assert service["cap_add"] == ["NET_ADMIN"]
    assert (service["pids_limit"], service["mem_limit"], service["memswap_limit"]) == (PIDS, MEMORY, MEMORY)
    assert "privileged" not in service
    assert document["networks"]["lab"]["ipam"]["config"] == [
        {"subnet": "192.168.50.0/24", "gateway": "192.168.50.1", "ip_range": "192.168.50.128/25"}
    ]
    assert set(document["volumes"]) == {volume.name for volume in made.volumes}
    assert {name: one["labels"] for name, one in document["volumes"].items()} == {
        volume.name: dict(volume.labels) for volume in made.volumes
    }
    assert all(one["labels"]["pghalab.lab"] == "pgha" for one in document["volumes"].values())


@pytest.mark.parametrize("password", PASSWORDS)
def test_the_script_passes_every_word_whole(tmp_path: Path, password: str) -> None:
    made = plan(password)
    file, fake, record = tmp_path / "lab.sh", tmp_path / "docker", tmp_path / "record"
    export.write(file, export.script(made), force=False, executable=True)
    fake.write_text(FAKE)
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RECORD": str(record)}
    done = subprocess.run([str(file), "create"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    calls = [line.split("\0")[:-1] for line in record.read_text().splitlines()]
    assert (tmp_path / "record.password").read_text() == password
    assert calls[0][:2] == ["network", "create"]
    assert calls[0][-1] == "pghanet"
    assert {call[-1] for call in calls if call[:2] == ["volume", "create"]} == {one.name for one in made.volumes}
    created = [call for call in calls if call[0] == "create"]
    assert len(created) == 3
    for call, node in zip(created, made.nodes, strict=True):
        pairs = list(zip(call[1:-1:2], call[2:-1:2], strict=True))
        assert call[-1] == node.image
        given = {**dict(node.environment), "PGHALAB_PASSWORD": None}
        assert [value for option, value in pairs if option == "-e"] == [
            k if v is None else f"{k}={v}" for k, v in given.items()
        ]
        assert [value for option, value in pairs if option == "-v"] == [f"{v}:{path}" for v, path in node.mounts]
        assert [value for option, value in pairs if option == "--label"] == [f"{k}={v}" for k, v in node.labels]
        assert [value for option, value in pairs if option == "--network-alias"] == list(node.aliases)
        assert dict(pairs)["--ip"] == node.address
        assert dict(pairs)["--hostname"] == dict(pairs)["--name"] == node.name


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        (["create"], []),
        (["start"], ["start NODES"]),
        (["stop"], ["stop NODES"]),
        (["restart"], ["restart NODES"]),
        (["rm"], ["rm -f -v NODES"]),
        (["rmvolumes"], ["volume rm VOLUMES"]),
        (["down"], ["rm -f -v NODES", "network rm pghanet"]),
        (["down", "-f"], ["rm -f -v NODES", "network rm pghanet", "volume rm VOLUMES"]),
    ],
)
def test_the_script_does_to_its_own_objects_what_pghalab_does(
    tmp_path: Path, words: list[str], calls: list[str]
) -> None:
    made = plan()
    file, fake, record = tmp_path / "lab.sh", tmp_path / "docker", tmp_path / "record"
    export.write(file, export.script(made), force=False, executable=True)
    # Everything is there, and belongs to the lab.
    fake.write_text(FAKE.replace("exit 1", "echo pgha; exit 0"))
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RECORD": str(record)}
    done = subprocess.run([str(file), *words], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    names = {"NODES": [one.name for one in made.nodes], "VOLUMES": [one.name for one in made.volumes]}
    wanted = [[part for word in call.split() for part in names.get(word, [word])] for call in calls]
    told = record.read_text() if record.exists() else ""
    assert [line.split("\0")[:-1] for line in told.splitlines()] == wanted


@pytest.mark.parametrize(("words", "status"), [([], 2), (["nonsense"], 2), (["down", "-x"], 2), (["-h"], 0)])
def test_the_script_says_how_it_is_used(tmp_path: Path, words: list[str], status: int) -> None:
    file = tmp_path / "lab.sh"
    export.write(file, export.script(plan()), force=False, executable=True)
    done = subprocess.run([str(file), *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == status
    assert "usage:" in (done.stdout if status == 0 else done.stderr)


def test_exports_are_private_and_not_overwritten_unless_told(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    export.write(file, "one", force=False)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(LabError, match="exists") as told:
        export.write(file, "two", force=False)
    assert told.value.todo == "Move it away, or overwrite it: pghalab export with --force."
    assert file.read_text() == "one"
    file.chmod(0o644)
    export.write(file, "two", force=True)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("two", 0o600)


def test_an_export_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be written"):
        export.write(tmp_path / "file" / "below", "text", force=False)


def test_an_export_that_is_only_shown_writes_nothing_and_asks_for_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    plan = export.plan_of(default_settings("pgha"), look_only=True)
    assert not (tmp_path / "state").exists()
    assert ': "${PGHALAB_AUTHORIZED_KEY:?give' in export.script(plan)
    assert "-e PGHALAB_AUTHORIZED_KEY \\\n" in export.script(plan)
    services = yaml.safe_load(export.compose(plan))["services"]
    assert services["pgha1"]["environment"]["PGHALAB_AUTHORIZED_KEY"].startswith("${PGHALAB_AUTHORIZED_KEY:?")
