"""Who reaches a node's ports, what its limits hold back, and what its user postgres cannot make its start do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pghalab.lab import doctor
from pghalab.lab.deploy import spec
from pghalab.lab.deploy.reach import FILTER, SAID
from pghalab.lab.engine.client import Engine
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import LabSettings, load_settings
from pghalab.lab.ssh.node import SshNode
from tests.live.conftest import MakeSettings, told, until
from tests.live.test_faults_lab import found

PORTS = (2379, 5432, 8008, 9999)
ANSWERS = (
    "import socket, sys\n"
    "for port in map(int, sys.argv[2:]):\n"
    "    try: print(port, socket.create_connection((sys.argv[1], port), 5).recv(4).decode())\n"
    "    except OSError as error: print(port, type(error).__name__)\n"
)
LISTEN = (
    "import socket, threading\n"
    "def serve(listener):\n"
    "    held = []\n"
    "    while True:\n"
    "        held.append(listener.accept()[0])\n"
    "        held[-1].send(b'here')\n"
    f"for port in {PORTS[:3]}: threading.Thread(target=serve, args=[socket.create_server(('', port))]).start()\n"
    "print('listening', flush=True)\n"
)
OPEN = [f"{port} here" for port in PORTS[:3]] + ["9999 ConnectionRefusedError"]
REFUSED = [f"{port} ConnectionRefusedError" for port in PORTS]


@pytest.fixture
async def pair(make_settings: MakeSettings) -> AsyncIterator[LocalLab]:
    """A lab of two nodes that run."""
    lab = LocalLab(await make_settings(2))
    await lab.open()
    await told(lab.up())
    yield lab
    await lab.close()


async def listen(node: SshNode) -> None:
    """Have something answer on the ports of etcd, PostgreSQL and Patroni, on every address."""
    started = await node.run(
        f'nohup python3 -c "{LISTEN}" > /tmp/listen 2>&1 & until grep -q listening /tmp/listen; do sleep 0.1; done'
    )
    assert started.exit_status == 0, started


async def from_node(node: SshNode, address: str) -> list[str]:
    return (await node.run(f'python3 -c "{ANSWERS}" {address} {" ".join(map(str, PORTS))}')).stdout.splitlines()


async def from_guest(engine: Engine, lab: LocalLab, address: str) -> list[str]:
    """What a container that is on the lab's network, and no node of it, is answered."""

    def ask() -> list[str]:
        command = ["python3", "-c", ANSWERS, address, *map(str, PORTS)]
        config = engine.api.create_host_config(network_mode=lab.settings.network)
        guest = engine.api.create_container(lab.settings.image, entrypoint=command, host_config=config)["Id"]
        try:
            engine.api.start(guest)
            engine.api.wait(guest, timeout=60)
            return [str(line) for line in engine.api.logs(guest).decode().splitlines()]
        finally:
            engine.api.remove_container(guest, force=True)

    return await asyncio.to_thread(ask)


def from_here(address: str) -> list[str]:
    """What a program on this machine is answered, without the console."""
    answers = []
    for port in PORTS:
        try:
            with socket.create_connection((address, port), 5) as connection:
                answers.append(f"{port} {connection.recv(4).decode()}")
        except OSError as error:
            answers.append(f"{port} {type(error).__name__}")
    return answers


async def same_kernel(engine: Engine) -> bool:
    """Whether the nodes' addresses are reached from this machine at all; not with an engine in a machine of its own."""
    return sys.platform == "linux" and "Desktop" not in str((await engine.info()).get("OperatingSystem"))


async def outside(engine: Engine, lab: LocalLab, address: str) -> list[str]:
    """What everybody outside the lab is answered; a guest on its network and this machine are answered the same."""
    answers = await from_guest(engine, lab, address)
    if await same_kernel(engine):
        assert await asyncio.to_thread(from_here, address) == answers
    return answers


async def reach_fact(lab: LocalLab, settings: LabSettings | None = None) -> doctor.Fact:
    """The doctor's word, also when the settings say otherwise than the nodes are."""
    # As the verb does it: with settings that were chosen, not defaults that the engine may correct.
    found = await doctor.examine(replace(settings or lab.settings, origin="file"))
    (fact,) = [fact for fact in found if fact.check == "reach"]
    return fact


async def test_nodes_answer_each_other_and_the_console_only_until_the_lab_is_opened(
    pair: LocalLab, engine: Engine
) -> None:
    first, second = pair.nodes.values()
    await listen(first)
    assert await outside(engine, pair, first.address) == REFUSED
    assert await from_node(second, first.address) == OPEN
    assert await from_node(first, first.address) == OPEN
    # Names are resolved as before, and what the node begins is answered.
    assert (await from_node(second, first.name)) == OPEN
    reader, writer = await asyncio.open_connection("127.0.0.1", await first.tunnel(2379))
    assert await reader.read(4) == b"here"
    writer.close()
    assert (await reach_fact(pair)).ok
    assert pair.notices == []

    await pair.configure(replace(pair.settings, open_network=True))
    assert "the lab is open" in await told(pair.up())
    assert await outside(engine, pair, first.address) == OPEN
    fact = await reach_fact(pair)
    assert fact.ok and "pghalab up --no-open" in fact.found
    assert load_settings(pair.name).open_network
    # It stays so, and a console that comes later says it.
    engine.api.restart(await found(engine, pair.settings, 2), timeout=5)
    later = LocalLab(load_settings(pair.name))
    await later.open()
    await until(lambda: {node.link for node in later.nodes.values()} == {"up"})
    both = f"{first.name} and {second.name}: the lab is open"
    await until(lambda: [both in notice for notice in later.notices] == [True])
    await later.close()
    assert (await from_guest(engine, pair, second.address))[-1] == "9999 ConnectionRefusedError"
    await until(lambda: second.link == "up")
    assert "closed" not in (await second.run(f"cat {SAID}")).stdout
    assert not (await reach_fact(pair, replace(pair.settings, open_network=False))).ok

    held = None
    if await same_kernel(engine):
        held = await asyncio.open_connection(first.address, 8008)
        assert await held[0].read(4) == b"here"
    await pair.configure(replace(pair.settings, open_network=False))
    assert "open" not in await told(pair.up())
    assert await outside(engine, pair, first.address) == REFUSED
    if held is not None:
        # What came in while it was open gets no further word through.
        with pytest.raises(OSError):
            async with asyncio.timeout(20):
                while True:
                    held[1].write(b"more")
                    await held[1].drain()
                    await asyncio.sleep(0.05)
    assert (await reach_fact(pair)).ok


async def test_a_kernel_that_lacks_one_packet_filter_uses_the_other_and_without_any_that_is_said(
    pair: LocalLab, engine: Engine
) -> None:
    first, second = pair.nodes.values()
    await listen(first)
    hidden = "mv /usr/sbin/{0} /usr/sbin/{0}.hidden"
    assert (await first.run(f"{FILTER} open && {hidden.format('nft')} && {FILTER} closed")).stdout.split() == [
        "open",
        "closed",
    ]
    assert await outside(engine, pair, first.address) == REFUSED
    assert await from_node(second, first.address) == OPEN
    assert await from_node(first, first.address) == OPEN
    # Once more adds nothing.
    rules = (await first.run("iptables-legacy -S")).stdout
    assert (await first.run(f"{FILTER} closed && iptables-legacy -S")).stdout == f"closed\n{rules}"

    await first.run(f"{FILTER} open && {hidden.format('xtables-legacy-multi')}")
    engine.api.restart(await found(engine, pair.settings, 1), timeout=5)
    await until(lambda: first.link == "up" and bool(pair.notices))
    (notice,) = pair.notices
    assert f"on {first.name}: the lab is open" in notice
    await told(pair.up())
    (notice,) = pair.notices
    assert f"on {first.name}: the engine's kernel filters no packets for them" in notice
    await told(pair.restart())
    assert "ANSWERS EVERYBODY" in await engine.last_log(await found(engine, pair.settings, 1), 50)
    fact = await reach_fact(pair)
    assert not fact.ok and "pghalab up --open" in fact.todo


async def test_a_users_links_lead_the_nodes_start_nowhere(pair: LocalLab, engine: Engine) -> None:
    first, second = pair.nodes.values()
    keys = "/etc/pghalab/keys"
    # A volume of before the folder was root's.
    await first.run(f"chown -R postgres:postgres {keys}; mkdir /root/data; echo kept > /root/data/file")
    outside = "for f in /root /root/.ssh /root/.ssh/* /root/data/* /etc /etc/shadow; do stat -c '%n %U %a' $f; done"
    before = (await first.run(f"{outside}; md5sum /etc/shadow /root/.ssh/* /root/data/*; ls -A /root /etc")).stdout
    assert "/etc/shadow root" in before
    planted = await first.run(
        f"""set -e
        cd {keys}
        rm -rf hosts id_ed25519.pub; mv id_ed25519 mine
        for name in lock .lock id_ed25519 id_ed25519.pub id_ed25519.new; do ln -sf /etc/shadow $name; done
        ln -s /root/.ssh hosts
        rm -rf ~/.ssh ~/.pgpass /pgha/data
        ln -s /root/.ssh ~/.ssh; ln -s /etc/shadow ~/.pgpass; ln -s /etc /pgha/data""",
        user="postgres",
    )
    assert planted.exit_status == 0, planted.stderr
    await told(pair.restart())
    after = (await first.run(f"{outside}; md5sum /etc/shadow /root/.ssh/* /root/data/*; ls -A /root /etc")).stdout
    assert after == before
    # Its own folder put right, the two nodes trust each other again.
    await first.run("rm ~/.ssh", user="postgres")
    await told(pair.restart())
    reached = await first.run(f"ssh {second.name} hostname; ssh {first.name} hostname", user="postgres")
    assert reached.stdout == f"{second.name}\n{first.name}\n", reached.stderr
    assert (
        await first.run(f"touch {keys}/x || rm {keys}/hosts/* || flock -n {keys}/lock true", user="postgres")
    ).exit_status


async def test_a_start_over_a_users_links_removes_nothing_elsewhere(pair: LocalLab, engine: Engine) -> None:
    first = next(iter(pair.nodes.values()))
    await first.run("mkdir /root/data; echo kept > /root/data/file")
    await first.run(
        "cd /pgdata; rm -f .initialised; mv 17 17.was; ln -s /root 17; ln -s /etc/planted .initialised", user="postgres"
    )
    engine.api.restart(await found(engine, pair.settings, 1), timeout=5)
    container = await found(engine, pair.settings, 1)
    await until(lambda: engine.api.inspect_container(container)["State"]["Status"] == "exited")
    assert "Permission denied" in await engine.last_log(container)
    assert await engine.read_file(container, "/root/data/file") == "kept\n"
    with pytest.raises(Exception, match="planted"):
        await engine.read_file(container, "/etc/planted")


async def test_what_eats_processes_or_memory_stays_in_its_node(pair: LocalLab, engine: Engine) -> None:
    first, second = pair.nodes.values()
    host = engine.api.inspect_container(await found(engine, pair.settings, 1))["HostConfig"]
    assert (host["PidsLimit"], host["Memory"]) == (spec.PIDS, spec.MEMORY)
    eaten = await first.run("head -c 3G /dev/zero | tail", user="postgres", timeout=120)
    assert eaten.exit_status == 137, eaten
    # As a fork bomb, but one that does not keep the processors busy.
    with contextlib.suppress(Exception):
        await first.run(
            f"for n in $(seq {2 * spec.PIDS}); do sleep 600 & done 2>/dev/null; disown -a", user="postgres", timeout=60
        )
    processes = engine.api.top(await found(engine, pair.settings, 1))["Processes"]
    assert spec.PIDS - 50 <= len(processes) <= spec.PIDS
    assert (await second.run("echo well")).stdout == "well\n"
    await told(pair.restart())
    assert (await first.run("pgrep -c sleep || true")).stdout == "0\n"
