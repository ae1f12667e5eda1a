"""Labs are created, completed, kept, exported and removed on a real engine."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pghalab.lab.deploy import create, export, lifecycle
from pghalab.lab.deploy.spec import NodeSpec, deployment
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.host.paths import state_dir
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import LabSettings, load_settings, save_settings
from pghalab.lab.ssh.keys import ensure_console_key
from pghalab.lab.types import Container, LabError, LinkChanged
from tests.live.conftest import MakeSettings, ids, objects, told, until


@pytest.mark.nodes(3)
async def test_up_makes_what_the_settings_say(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())

    containers = list(await lab.containers())
    assert [(one.name, one.state, one.address) for one in containers] == [
        (name, "running", address) for name, address in lab.settings.addresses.items()
    ]
    assert len({one.ssh_port for one in containers}) == 3
    first = (await lifecycle.nodes(engine, lab.settings))[f"{lab.prefix}1"]
    raw = await engine.ask("inspecting", engine.api.inspect_container, first.id)
    assert raw["HostConfig"]["Privileged"] is False
    assert raw["HostConfig"]["CapAdd"] == ["NET_ADMIN"]
    assert raw["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert raw["HostConfig"]["PortBindings"] == {"22/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    assert raw["Config"]["Hostname"] == f"{lab.prefix}1"
    names = " ".join(f"{lab.prefix}{number} etcd{number}" for number in (1, 2, 3))
    found = await lab.nodes[f"{lab.prefix}2"].run(f"for name in {names}; do getent hosts $name; done")
    assert [line.split()[0] for line in found.stdout.splitlines()] == [
        address for address in lab.settings.addresses.values() for _ in range(2)
    ]
    assert load_settings(lab.name) == lab.settings


@pytest.mark.nodes(2)
async def test_a_second_up_changes_nothing(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    before = await ids(engine, lab.settings)
    await told(lab.up())
    assert await ids(engine, lab.settings) == before


@pytest.mark.nodes(3)
async def test_nodes_are_created_at_the_same_time(lab: LocalLab, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(3, timeout=60)
    real = create.make_container

    def slow(engine: Engine, spec: NodeSpec) -> str:
        meeting.wait()
        return real(engine, spec)

    monkeypatch.setattr(create, "make_container", slow)
    await told(lab.up())
    assert not meeting.broken


@pytest.mark.nodes(3)
async def test_links_follow_the_port_over_stop_start_and_restart(lab: LocalLab) -> None:
    await told(lab.up())
    changes: list[LinkChanged | Container] = []
    lab.subscribe(changes.append)
    await told(lab.stop())
    assert {one.state for one in await lab.containers()} == {"exited"}
    seen = [replace(change, id="") for change in changes if isinstance(change, Container)]
    assert Container(f"{lab.prefix}1", "exited", f"{lab.subnet}.10", None) in seen
    await told(lab.start())
    assert (await lab.nodes[f"{lab.prefix}3"].run("hostname")).stdout.strip() == f"{lab.prefix}3"
    await told(lab.restart())
    assert {node.link for node in lab.nodes.values()} == {"up"}


async def test_data_outlives_the_containers_until_it_is_removed_too(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    node = f"{lab.prefix}1"
    await lab.nodes[node].run("echo kept > /pgha/config/marker")
    with pytest.raises(LabError, match="in use by"):
        await told(lab.rmvolumes())
    await told(lab.rm())
    await told(lab.up())
    assert (await lab.nodes[node].run("cat /pgha/config/marker")).stdout == "kept\n"
    await told(lab.down())
    assert f"{node}-pgha" in await objects(engine, lab.name)
    await told(lab.rmvolumes())
    assert await objects(engine, lab.name) == set()
    assert {one.state for one in await lab.containers()} == {"absent"}


async def test_a_lab_without_nodes_says_how_to_make_them(lab: LocalLab) -> None:
    with pytest.raises(LabError) as caught:
        await told(lab.start())
    assert "pghalab up" in caught.value.todo


@pytest.mark.nodes(3)
async def test_up_refuses_to_mix_two_deployments(lab: LocalLab) -> None:
    await told(lab.up())
    for change in ({"nodes": 2}, {"password": "another"}, {"auth_method": "md5"}, {"image": "other:1"}):
        other = LocalLab(replace(lab.settings, origin="file", **change))
        with pytest.raises(LabError):
            await told(other.up())
        await other.close()


async def test_settings_that_were_never_stored_give_way_to_those_of_the_existing_lab(lab: LocalLab) -> None:
    await told(lab.up())
    other = LocalLab(replace(lab.settings, origin="defaults", nodes=2, password="another"))
    await other.open(link=False)
    assert other.settings == lab.settings
    await other.close()


async def test_a_node_that_was_given_another_address_is_seen(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    first = (await ids(engine, lab.settings))[lab.settings.node_names[0]]
    engine.api.disconnect_container_from_network(first, lab.settings.network)
    assert (await lab.containers())[0].address == ""
    engine.api.connect_container_to_network(first, lab.settings.network, ipv4_address=f"{lab.subnet}.99")
    seen = [one.address for one in await lab.containers()]
    assert seen == [f"{lab.subnet}.99", *list(lab.settings.addresses.values())[1:]]


async def test_two_labs_run_side_by_side(make_settings: MakeSettings, engine: Engine) -> None:
    labs = [LocalLab(await make_settings(nodes)) for nodes in (2, 1)]
    for lab in labs:
        await lab.open()
    await asyncio.gather(*(told(lab.up()) for lab in labs))
    for lab in labs:
        assert {one.state for one in await lab.containers()} == {"running"}
        for name, node in lab.nodes.items():
            assert (await node.run("hostname")).stdout == f"{name}\n"
            assert (await node.run("hostname -i")).stdout.split() == [lab.settings.addresses[name]]
    one, other = labs
    assert state_dir(one.name) != state_dir(other.name)
    key = ensure_console_key(state_dir(one.name))[1].split()[1]
    assert key not in (await other.nodes[f"{other.prefix}1"].run("cat /root/.ssh/authorized_keys")).stdout
    await told(one.down(volumes=True))
    assert await objects(engine, one.name) == set()
    assert (await other.nodes[f"{other.prefix}1"].run("true")).exit_status == 0
    for lab in labs:
        await lab.close()


KILLED = """
import asyncio, os, signal, sys
from pghalab.lab.deploy import create
from pghalab.lab.ssh.keys import ensure_console_key
from pghalab.lab.local import LocalLab
from pghalab.lab.host.paths import state_dir
from pghalab.lab.settings import load_settings
real = create.make_container
def dies(engine, spec):
    if spec.number == 2:
        while not engine.api.containers(all=True, filters={"name": [spec.name[:-1] + "1"]}):
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    return real(engine, spec)
create.make_container = dies
async def main():
    lab = LocalLab(load_settings(sys.argv[1]))
    await lab.open(link=False)
    async for _ in lab.up():
        pass
asyncio.run(main())
"""


async def test_the_next_up_continues_what_a_killed_console_began(
    make_settings: MakeSettings, engine: Engine, state: Path
) -> None:
    settings = await make_settings(2)
    save_settings(settings)
    command = [sys.executable, "-c", KILLED, settings.name]
    killed = await asyncio.to_thread(subprocess.run, command, cwd=Path(__file__).parents[2], timeout=120)
    assert killed.returncode == -signal.SIGKILL
    half = await ids(engine, settings)
    assert settings.node_names[0] in half and settings.node_names[1] not in half

    lab = LocalLab(load_settings(settings.name))
    await lab.open()
    await told(lab.up())
    assert {one.state for one in await lab.containers()} == {"running"}
    assert (await ids(engine, settings))[settings.node_names[0]] == half[settings.node_names[0]]
    assert {node.link for node in lab.nodes.values()} == {"up"}
    await lab.close()


@pytest.mark.nodes(2)
@pytest.mark.parametrize("corrupt", [False, True])
async def test_lost_settings_and_keys_are_recovered_from_the_engine(lab: LocalLab, state: Path, corrupt: bool) -> None:
    await told(lab.up())
    await lab.close()
    if corrupt:
        (state / "labs" / lab.name / "settings.json").write_text('{"name": ')
    else:
        await asyncio.to_thread(shutil.rmtree, state)

    again = LocalLab(load_settings(lab.name))
    await again.open()
    assert replace(again.settings, notices=()) == lab.settings
    assert any("read back" in notice for notice in again.notices)
    assert any("kept as" in notice for notice in again.notices) is corrupt
    await until(lambda: {node.link for node in again.nodes.values()} == {"up"})
    assert load_settings(lab.name).origin == "file"
    await again.close()


def _compose() -> list[str] | None:
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


async def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=300)


async def same_as_deployed(engine: Engine, settings: LabSettings) -> None:
    """The exported deployment is one that pghalab takes for its own, with nodes that answer."""
    ready: dict[str, FoundContainer] = await lifecycle.nodes(engine, settings)
    assert {name: dict(one.addresses)[settings.network] for name, one in ready.items()} == settings.addresses
    lab = LocalLab(settings)
    await lab.open()
    await told(lab.up())
    first, last = settings.node_names[0], settings.node_names[-1]
    reached = await lab.nodes[first].run(f"ssh {last} hostname; ssh etcd1 hostname", user="postgres")
    assert reached.stdout.split() == [last, first]
    password = await lab.nodes[first].run("cat ~postgres/.pgpass")
    assert settings.password.replace("\\", "\\\\").replace(":", "\\:") in password.stdout
    assert {one.id for one in (await lifecycle.nodes(engine, settings)).values()} == {one.id for one in ready.values()}
    await lab.close()


def console_key(settings: LabSettings) -> str:
    return ensure_console_key(state_dir(settings.name))[1]


@pytest.mark.skipif(_compose() is None, reason="no docker compose")
async def test_the_compose_file_deploys_the_same_lab(
    make_settings: MakeSettings, engine: Engine, tmp_path: Path
) -> None:
    settings = replace(await make_settings(2), password="p$w'\"`#{x}")
    save_settings(settings)
    file = tmp_path / "lab.yaml"
    export.write(file, export.compose(deployment(settings, console_key(settings))), force=False)
    assert file.stat().st_mode & 0o777 == 0o600
    base = [*(_compose() or []), "-p", settings.name, "-f", str(file)]
    up = await run([*base, "up", "-d"])
    assert up.returncode == 0, up.stderr
    await same_as_deployed(engine, replace(settings, origin="file"))
    down = await run([*base, "down", "-v"])
    assert down.returncode == 0, down.stderr
    assert await objects(engine, settings.name) == set()


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker client")
async def test_the_script_deploys_the_same_lab(make_settings: MakeSettings, engine: Engine, tmp_path: Path) -> None:
    settings = replace(await make_settings(2), password="p$w'\"`#{x}")
    save_settings(settings)
    file = tmp_path / "lab.sh"
    export.write(file, export.script(deployment(settings, console_key(settings))), force=False, executable=True)
    assert (await run([str(file), "start"])).returncode == 1
    for verb in ("create", "create", "start"):
        done = await run([str(file), verb])
        assert done.returncode == 0, done.stderr
    await same_as_deployed(engine, replace(settings, origin="file"))
    for verb, states in (("stop", {"exited"}), ("restart", {"running"}), ("rm", set())):
        assert (await run([str(file), verb])).returncode == 0
        assert {one.state for one in await engine.lab_containers(settings.name)} == states
    assert f"{settings.prefix}-keys" in await objects(engine, settings.name)
    assert (await run([str(file), "down", "-f"])).returncode == 0
    assert await objects(engine, settings.name) == set()


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker client")
async def test_the_script_leaves_a_foreign_container_alone(
    make_settings: MakeSettings, engine: Engine, tmp_path: Path, image: str
) -> None:
    settings = await make_settings(2)
    name = settings.node_names[1]
    foreign = engine.api.create_container(image, name=name)["Id"]
    try:
        file = tmp_path / "lab.sh"
        export.write(file, export.script(deployment(settings, "ssh-ed25519 AAAA x")), force=False, executable=True)
        refused = await run([str(file), "create"])
        assert refused.returncode == 1
        assert name in refused.stderr
        assert await objects(engine, settings.name) == set()
        assert (await run([str(file), "down", "-f"])).returncode == 0
        assert engine.api.inspect_container(foreign)["Name"] == f"/{name}"
    finally:
        engine.api.remove_container(foreign, force=True)


async def test_the_verbs_work_from_the_command_line(
    make_settings: MakeSettings, engine: Engine, tmp_path: Path
) -> None:
    settings = await make_settings(2)
    base = [sys.executable, "-m", "pghalab", "--lab", settings.name]
    up = await run([*base, "up", "-n", "2", "-s", settings.subnet, "-c", settings.prefix])
    assert up.returncode == 0, up.stderr
    listed = await run([*base, "ls"])
    assert settings.node_names[1] in listed.stdout and f"{settings.subnet}.11" in listed.stdout
    again = await run([*base, "up", "-n", "3"])
    assert again.returncode == 1
    assert "exists with other nodes" in again.stderr and "Traceback" not in again.stderr
    doctor = await run([*base, "doctor", "--json"])
    assert '"subnet"' in doctor.stdout, doctor.stderr
    file = tmp_path / "lab.sh"
    assert (await run([*base, "export", "--script", str(file)])).returncode == 0
    assert (await run([*base, "export", "--script", str(file)])).returncode == 1
    assert os.access(file, os.X_OK)
    down = await run([*base, "down", "-f"])
    assert down.returncode == 0, down.stderr
    assert await objects(engine, settings.name) == set()
