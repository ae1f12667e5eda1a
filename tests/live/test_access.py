"""Who gets in to a lab and who drives it: two folders, keys that change, runs that were killed, queries that stop."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab.lab import doctor
from pghalab.lab.deploy import lifecycle
from pghalab.lab.deploy.driving import COURSE, DriverLock
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import Lease
from pghalab.lab.host.paths import state_dir
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import LabSettings, load_settings, save_settings
from pghalab.lab.ssh.keys import KEY_NAME
from pghalab.lab.types import LabError, Output
from tests.live.conftest import MakeSettings, ids, objects, told, until

ROOT = Path(__file__).parents[2]
AUTHORIZED = "cat /root/.ssh/authorized_keys"


@pytest.fixture
def second_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another state folder, which `use` makes the one in force."""
    return tmp_path / "second"


def use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(folder))


@contextlib.contextmanager
def program(code: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A program that says `ready` and goes on until it is ended."""
    command = [sys.executable, "-c", code, *words]
    running = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.nodes(2)
async def test_a_second_folder_looks_without_a_trace_and_gets_in_beside_the_first(
    lab: LocalLab, engine: Engine, state: Path, second_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(lab.up())
    first = next(iter(lab.nodes))
    before = (await lab.nodes[first].run(AUTHORIZED)).stdout
    use(second_folder, monkeypatch)
    looking = LocalLab(load_settings(lab.name, look_only=True), look_only=True)
    await looking.open()
    await looking.settle()
    assert {node.link for node in looking.nodes.values()} == {"refused"}
    assert any("no key for it" in notice for notice in looking.notices)
    with pytest.raises(LabError) as caught:
        await told(looking.stop())
    assert caught.value.kind == "driven"
    await looking.close()
    facts = [fact for fact in await doctor.examine(looking.settings) if fact.check == "access"]
    assert [fact.ok for fact in facts] == [False] and "pghalab up" in facts[0].todo
    assert not second_folder.exists()
    assert (await lab.nodes[first].run(AUTHORIZED)).stdout == before

    second = LocalLab(load_settings(lab.name))
    await second.open()
    await told(second.up())
    assert {node.link for node in second.nodes.values()} == {"up"}
    await told(second.restart())
    assert {node.link for node in second.nodes.values()} == {"up"}
    assert all(fact.ok for fact in await doctor.examine(second.settings) if fact.check == "access")
    await second.close()
    await until(lambda: {node.link for node in lab.nodes.values()} == {"up"})
    assert len((await lab.nodes[first].run(AUTHORIZED)).stdout.splitlines()) == 2


DRIVES = """
import sys
from pghalab.lab.deploy.driving import DriverLock
lock = DriverLock(sys.argv[1], doing="has it open")
assert lock.acquire()
print("ready", flush=True)
sys.stdin.read()
"""


async def test_who_drives_is_known_to_another_folder_before_anything_exists_and_a_killed_one_holds_nothing(
    make_settings: MakeSettings, engine: Engine, second_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await make_settings(1)
    with program(DRIVES, settings.name) as other:
        use(second_folder, monkeypatch)
        holder = await asyncio.to_thread(DriverLock(settings.name).holder)
        assert holder is not None and holder.pid == other.pid
        lab = LocalLab(settings)
        await lab.open()
        with pytest.raises(LabError, match=f"process {other.pid}") as caught:
            await told(lab.up())
        assert caught.value.kind == "driven"
        assert await objects(engine, settings.name) == set()
        other.send_signal(signal.SIGKILL)
        other.wait()
    lock = DriverLock(settings.name)
    assert await asyncio.to_thread(lock.acquire)
    await told(lab.up())
    await asyncio.to_thread(lock.release)
    assert await asyncio.to_thread(Lease(settings.name, "driver").holder, engine.api) is None
    assert not engine.api.volumes(filters={"label": f"pghalab.right={settings.name}/driver"})["Volumes"]
    await lab.close()


async def test_two_ups_by_force_at_once_make_one_lab(make_settings: MakeSettings, engine: Engine) -> None:
    settings = await make_settings(3)
    save_settings(settings)
    command = [sys.executable, "-m", "pghalab", "--lab", settings.name, "up", "--force"]
    both = [
        await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        for _ in range(2)
    ]
    said = [(await one.communicate())[0].decode() for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert sum("waiting for process" in text for text in said) == 1, said
    assert len(await ids(engine, settings)) == 3
    assert not [text for text in said if "taking back" in text]


async def test_a_lab_is_not_removed_under_a_run(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    before = await objects(engine, lab.name)
    other = LocalLab(lab.settings, force=True)
    async with lab.changing(COURSE):
        with pytest.raises(LabError, match=COURSE) as caught:
            await told(other.down(volumes=True))
        await told(lab.restart())
    assert caught.value.kind == "driven"
    assert await objects(engine, lab.name) == before
    await other.close()


@pytest.mark.parametrize("changes", [{"subnet": "10.254.77"}, {"password": "another"}, {"nodes": 2}, {"prefix": "xx"}])
async def test_kept_volumes_are_not_used_under_other_settings(
    make_settings: MakeSettings, engine: Engine, changes: dict[str, Any]
) -> None:
    settings = await make_settings(1)
    first = LocalLab(settings)
    await told(first.up())
    await told(first.down())
    await first.close()
    kept = await objects(engine, settings.name)
    assert kept
    # As the command line does it: settings that were chosen, not defaults that the engine may correct.
    other = LocalLab(replace(settings, origin="file", **changes))
    with pytest.raises(LabError) as caught:
        await told(other.up())
    assert caught.value.kind == "differs" and "pghalab down -f" in caught.value.todo
    assert await objects(engine, settings.name) == kept
    await told(other.down(volumes=True))
    await told(other.up())
    await other.close()


async def test_a_changed_host_key_is_read_anew_through_the_engine(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    node = lab.nodes[lab.settings.node_names[0]]
    old = (await node.run("cut -c1-80 /etc/ssh/ssh_host_ed25519_key.pub")).stdout
    await node.run("rm /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key.pub")
    port = node.port
    engine.api.restart((await ids(engine, lab.settings))[node.name], timeout=5)
    await until(lambda: node.link == "up" and node.port != port)
    assert (await node.run("cut -c1-80 /etc/ssh/ssh_host_ed25519_key.pub")).stdout != old
    assert any("another host key" in notice for notice in lab.notices)


async def test_a_key_file_that_goes_while_the_console_runs_is_made_anew(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    for path in state_dir(lab.name).glob(f"{KEY_NAME}*"):
        path.unlink()
    first = lab.nodes[lab.settings.node_names[0]]
    port = first.port
    engine.api.restart((await ids(engine, lab.settings))[first.name], timeout=5)
    await until(lambda: first.link == "up" and first.port != port)
    assert (state_dir(lab.name) / KEY_NAME).exists()
    assert any("it has a new one" in notice for notice in lab.notices)


@pytest.mark.nodes(2)
async def test_a_disconnected_node_says_so_at_once_and_up_connects_it_again(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    second = lab.nodes[lab.settings.node_names[1]]
    await second.run("nohup sleep 1000 >/dev/null 2>&1 & echo $! > /tmp/sleeps")
    id_ = (await ids(engine, lab.settings))[second.name]
    engine.api.disconnect_container_from_network(id_, lab.settings.network)
    await until(lambda: second.link == "down" and "not connected to the lab's network" in second.link_reason, 15)
    began = asyncio.get_running_loop().time()
    with pytest.raises(LabError) as caught:
        await told(lab.start())
    assert asyncio.get_running_loop().time() - began < 10
    assert (caught.value.kind, caught.value.node) == ("no-network", second.name)
    assert "pghalab up" in caught.value.todo

    said = await told(lab.up())
    assert f"{second.name} was not connected" in said
    assert [one.address for one in await lab.containers()] == list(lab.settings.addresses.values())
    assert (await second.run("ps -o comm= -p $(cat /tmp/sleeps)")).stdout == "sleep\n"
    reached = await lab.nodes[lab.settings.node_names[0]].run("ssh etcd2 hostname", user="postgres")
    assert reached.stdout == f"{second.name}\n"


async def test_bare_connections_and_many_looks_shut_nobody_out(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    node = lab.nodes[lab.settings.node_names[0]]
    port = node.port
    writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(60)]
    for writer in writers:
        writer.close()
    for _ in range(5):
        looking = LocalLab(load_settings(lab.name, look_only=True), look_only=True)
        await looking.open()
        await looking.settle()
        assert {one.link for one in looking.nodes.values()} == {"up"}
        await looking.close()
    assert "persourcepenalties no" in (await node.run("sshd -T")).stdout.lower()


RUNS = """
import asyncio, sys
from pghalab.lab.deploy.driving import DriverLock
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import load_settings
async def main(name, user, command):
    with DriverLock(name):
        lab = LocalLab(load_settings(name))
        await lab.open()
        await lab.settle()
        node = next(iter(lab.nodes.values()))
        async for event in node.stream(command, user=user):
            print("ready", flush=True)
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.nodes(2)
@pytest.mark.parametrize("user", ["root", "postgres"])
async def test_what_a_killed_console_left_running_is_ended_by_the_next_driver(lab: LocalLab, user: str) -> None:
    await told(lab.up())
    node, other = list(lab.nodes.values())[:2]
    hop = f"ssh {other.name} sleep 7001" if user == "postgres" else "sleep 7001"
    served = "nohup sleep 7002 >/dev/null 2>&1 &"
    await node.run(served, user="postgres")
    with program(RUNS, lab.name, user, f"echo begun; sleep 7000 & {hop}; wait") as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    count = "pgrep -fc '^sleep 700[01]' || true"
    assert (await node.run(count)).stdout.strip() != "0"
    with DriverLock(lab.name):
        next_one = LocalLab(load_settings(lab.name))
        await next_one.open()
        await next_one.settle()
        assert (await node.run(count)).stdout.strip() == "0"
        assert (await other.run(count)).stdout.strip() == "0"
        assert (await node.run("pgrep -fc '^sleep 7002'")).stdout.strip() == "1"
        assert [notice for notice in next_one.notices if "left a command running" in notice and "sleep 7000" in notice]
        await next_one.close()


@pytest.mark.nodes(2)
async def test_stop_cancels_the_query_on_the_server_too(lab: LocalLab) -> None:
    await told(lab.up())
    first, second = list(lab.nodes.values())[:2]
    await first.run(
        "echo 'host all all all trust' >> $PGDATA/pg_hba.conf; /usr/pgsql-17/bin/pg_ctl -w -l /tmp/log start "
        "-o '-c listen_addresses=*'",
        user="postgres",
        timeout=60,
    )
    ask = "psql -Atc \"select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'\""

    async def active() -> str:
        return (await first.run(ask, user="postgres")).stdout.strip()

    query = "psql -c 'select 1' -c 'select pg_sleep(600)'"
    for node, command in (
        (first, query),
        (second, f"ssh {first.name} {shlex.quote(query)}"),
        (second, f"{query} -h {first.name} -U postgres postgres"),
    ):
        events = node.stream(command, user="postgres")
        assert isinstance(await anext(events), Output)
        async with asyncio.timeout(30):
            while await active() != "1":
                await asyncio.sleep(0.1)
        await events.aclose()
        assert await active() == "0", command


async def test_a_lease_that_a_run_holds_says_what_it_does(make_settings: MakeSettings, engine: Engine) -> None:
    settings: LabSettings = await make_settings(1)
    lab = LocalLab(settings)
    async with lab.changing(COURSE):
        holder = await asyncio.to_thread(Lease(lab.name, "change").holder, engine.api)
        assert holder is not None and holder.is_this_process and holder.doing == COURSE
    assert await asyncio.to_thread(Lease(lab.name, "change").holder, engine.api) is None
    assert await lifecycle.nodes(engine, settings) == {}
    await lab.close()
