"""SshNode against real nodes: the image's sshd, sudo, nested ssh and end-run, an engine that pauses and restarts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pghalab.lab.deploy import create, lifecycle
from pghalab.lab.deploy.spec import deployment
from pghalab.lab.engine.client import Engine
from pghalab.lab.settings import LabSettings
from pghalab.lab.ssh.keys import ensure_console_key
from pghalab.lab.ssh.link import Timing
from pghalab.lab.ssh.node import SESSIONS, SshNode
from pghalab.lab.together import together
from pghalab.lab.types import Ended, LabError, LinkChanged, Output, User
from tests.live.conftest import free_settings

MIB = 1024 * 1024


class Containers:
    """Two nodes, made with the engine's API alone."""

    def __init__(self, engine: Engine, settings: LabSettings, folder: Path) -> None:
        self.engine = engine
        self.key, public = ensure_console_key(folder)
        self.settings = settings
        self.plan = deployment(settings, public)
        self.names = settings.node_names

    def create_all(self) -> None:
        create.make_network(self.engine, self.plan.network)
        for volume in self.plan.volumes:
            self.engine.api.create_volume(volume.name, labels=dict(volume.labels))
        for node in self.plan.nodes:
            self.create(node.name)

    def create(self, name: str) -> None:
        (node,) = (node for node in self.plan.nodes if node.name == name)
        self.engine.api.start(create.make_container(self.engine, node))

    def __getitem__(self, name: str) -> Any:
        return self.engine.client.containers.get(name)

    def port(self, name: str) -> int | None:
        container = self[name]
        if container.status not in ("running", "paused"):
            return None
        published = container.ports.get("22/tcp")
        return int(published[0]["HostPort"]) if published else None

    def host_key(self, name: str) -> str | None:
        answer = self[name].exec_run(["cat", "/etc/ssh/ssh_host_ed25519_key.pub"])
        return answer.output.decode() if answer.exit_code == 0 else None


@pytest.fixture(scope="module")
def containers(engine: Engine, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    settings = asyncio.run(free_settings(engine, image, nodes=2))
    made = Containers(engine, settings, tmp_path_factory.mktemp("keys"))
    try:
        made.create_all()
        yield made
    finally:
        asyncio.run(lifecycle.down(engine, settings, print, volumes=True))


class Two:
    """The two nodes of a test and what their links told."""

    def __init__(self, containers: Containers) -> None:
        self.containers = containers
        self.pins: dict[str, str] = {}
        self.told: list[LinkChanged] = []
        self._news = asyncio.Event()
        self.nodes = {name: self._node(name) for name in containers.names}

    def _node(self, name: str) -> SshNode:
        async def endpoint() -> int | None:
            port = await asyncio.to_thread(self.containers.port, name)
            if port and name not in self.pins and (key := await asyncio.to_thread(self.containers.host_key, name)):
                self.pins[name] = key
            return port

        return SshNode(
            name,
            self.containers.settings.addresses[name],
            endpoint=endpoint,
            key=self.containers.key,
            pin=lambda: self.pins.get(name),
            all_nodes=lambda: self.nodes.values(),
            changed=self._changed,
        )

    def _changed(self, change: LinkChanged) -> None:
        self.told.append(change)
        self._news.set()

    async def until(self, name: str, state: str, after: int = 0) -> LinkChanged:
        async with asyncio.timeout(60):
            while True:
                for change in self.told[after:]:
                    if (change.node, change.link) == (name, state):
                        return change
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def two(containers: Containers) -> AsyncIterator[Two]:
    made = Two(containers)
    for node in made.nodes.values():
        node.start()
    for name in containers.names:
        await made.until(name, "up")
    yield made
    for node in made.nodes.values():
        await node.close()


@pytest.fixture
def one(two: Two) -> SshNode:
    return two.nodes[two.containers.names[0]]


@pytest.fixture
def other(two: Two) -> SshNode:
    return two.nodes[two.containers.names[1]]


async def running(node: SshNode, pattern: str) -> list[str]:
    """The processes of a node whose command line is `pattern`."""
    return (await node.run(f"pgrep -xf '{pattern}' || true")).stdout.split()


async def appears(node: SshNode, pattern: str) -> None:
    async with asyncio.timeout(30):
        while not await running(node, pattern):
            await asyncio.sleep(0.1)


async def test_users_and_their_environment(containers: Containers, one: SshNode) -> None:
    root = await one.run("whoami; hostname; echo $NODELIST; echo $PGHALAB_RUN | wc -c")
    nodelist = containers.settings.nodelist
    assert root.stdout.splitlines() == ["root", one.name, nodelist, "35"]
    postgres = await one.run(
        "whoami; echo $NODELIST; echo $PGDATA; echo $PGHALAB_RUN | wc -c; cd && pwd", user="postgres"
    )
    assert postgres.stdout.splitlines() == ["postgres", nodelist, "/pgdata/17/data", "35", "/var/lib/postgresql"]
    assert (root.stderr, postgres.stderr) == ("", "")


async def test_status_quotes_and_signals(one: SshNode) -> None:
    assert (await one.run("""printf '%s|' "it's" '$x'; exit 3""", user="postgres")).exit_status == 3
    assert (await one.run("""printf '%s|' "it's" '$x'""", user="postgres")).stdout == "it's|$x|"
    assert (await one.run("kill -TERM $$")).exit_status == 143


@pytest.mark.parametrize("user", ["root", "postgres"])
async def test_cancel_ends_everything_here(one: SshNode, user: User) -> None:
    command = "setsid sleep 47110 & (trap '' TERM; sleep 47111; sleep 47111) & sleep 47112"
    task = asyncio.create_task(one.run(command, user=user, timeout=600))
    for number in (47110, 47111, 47112):
        await appears(one, f"sleep {number}")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [await running(one, f"sleep {number}") for number in (47110, 47111, 47112)] == [[], [], []]


async def test_cancel_ends_what_nested_ssh_started(one: SshNode, other: SshNode) -> None:
    events = one.stream(f"""ssh {other.name} "setsid sleep 47113 & sleep 47114" """, user="postgres")
    waiting = asyncio.ensure_future(anext(events))
    for number in (47113, 47114):
        await appears(other, f"sleep {number}")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await events.aclose()
    assert [await running(other, f"sleep {number}") for number in (47113, 47114)] == [[], []]
    assert await running(one, f"ssh {other.name} .*") == []


async def test_a_command_runs_on_every_node_at_once_and_is_ended_on_all(one: SshNode, other: SshNode) -> None:
    nodes = [one, other]
    pieces = [piece async for piece in together(nodes, "hostname; exit 3", user="root", timeout=30)]
    text = "".join(piece.text for piece in pieces if isinstance(piece, Output))
    assert text == "".join(f"--- {node.name}\n{node.name}\n--- {node.name} ended with status 3\n" for node in nodes)
    assert isinstance(pieces[-1], Ended) and (pieces[-1].how, pieces[-1].exit_status) == ("exited", 3)
    events = together(nodes, "sleep 47120", user="root", timeout=600)
    assert await anext(events) == Output("stdout", f"--- {one.name}\n")
    waiting = asyncio.ensure_future(anext(events))
    for node in nodes:
        await appears(node, "sleep 47120")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await events.aclose()
    assert [await running(node, "sleep 47120") for node in nodes] == [[], []]


async def test_a_time_limit_ends_everything(one: SshNode) -> None:
    events = [event async for event in one.stream("echo on; sleep 47115", user="postgres", timeout=2)]
    assert events[0] == Output("stdout", "on\n")
    assert isinstance(events[-1], Ended)
    assert events[-1].how == "timeout"
    assert await running(one, "sleep 47115") == []


async def test_what_a_command_leaves_behind_lives_on(one: SshNode) -> None:
    nohup = await one.run("nohup sleep 47116 > /tmp/log 2>&1 & echo $!", user="postgres")
    # This one keeps the command's output open, and the command ends all the same.
    holding = await one.run("sleep 47117 & echo $!", user="postgres")
    with pytest.raises(LabError):
        await one.run("sleep 47118", user="postgres", timeout=1)
    assert await running(one, "sleep 47116") == nohup.stdout.split()
    assert await running(one, "sleep 47117") == holding.stdout.split()
    await one.run(f"kill {nohup.stdout.strip()} {holding.stdout.strip()}")


async def test_100_mb_and_binary(one: SshNode) -> None:
    count = 0
    async for event in one.stream(f"head -c {100 * MIB} /dev/zero | tr '\\0' x", user="postgres"):
        if isinstance(event, Output):
            count += len(event.text)
            assert len(event.text) < MIB
    assert count == 100 * MIB
    assert (await one.run("head -c 100000 /dev/urandom")).exit_status == 0


async def test_etcd_is_set_up_with_the_aliases(containers: Containers, one: SshNode) -> None:
    done = await one.run("/etcdSetup.sh -y -e && cat /pgha/config/etcd.yaml /pgha/config/patroniVars", user="postgres")
    assert done.exit_status == 0, done.stdout + done.stderr
    assert "name: etcd1" in done.stdout
    members = [f"etcd{number}=http://etcd{number}:2380" for number in (1, 2)]
    assert f'initial-cluster: "{",".join(members)}"' in done.stdout
    assert 'ENDPOINTS="etcd1:2379,etcd2:2379"' in done.stdout


async def test_many_commands_and_two_shells_at_once(one: SshNode) -> None:
    shells = [await one.shell("postgres", (80, 24)) for _ in range(2)]
    results = await asyncio.gather(*(one.run("sleep 0.2; echo ok") for _ in range(3 * SESSIONS)))
    assert [result.stdout for result in results] == ["ok\n"] * (3 * SESSIONS)
    for shell in shells:
        await shell.close()


async def test_a_shell_of_postgres(one: SshNode) -> None:
    shell = await one.shell("postgres", (101, 37))
    shell.write(b"stty size; sleep 47120 & echo $((6*7))$(whoami)$TERM[$NODELIST]$PWD\n")
    text = ""
    async with asyncio.timeout(30):
        async for data in shell.output():
            text += data.decode()
            if "42postgres" in text and "$ " in text.partition("42postgres")[2]:
                break
    assert "37 101" in text
    # The login that lesson 7 speaks of: only root's knows the nodes.
    assert "42postgresxterm-256color[]/var/lib/postgresql" in text
    shell.write(b"sleep 47121\n")
    await appears(one, "sleep 47121")
    await shell.close()
    async with asyncio.timeout(10):
        while await running(one, "sleep 4712[01]"):
            await asyncio.sleep(0.1)
    shell = await one.shell("postgres", (80, 24))
    shell.write(b"exit 5\n")
    assert await shell.wait() == 5
    await shell.close()


async def test_a_shell_of_root_knows_the_nodes(containers: Containers, one: SshNode) -> None:
    shell = await one.shell("root", (200, 24))
    shell.write(b"""sudo -E -u postgres /bin/bash -lc 'echo "$(whoami)[$NODELIST]$PGDATA"'; exit 6\n""")
    text = "".join([data.decode() async for data in shell.output()])
    assert f"postgres[{containers.settings.nodelist}]/pgdata/17/data" in text
    assert await shell.wait() == 6
    await shell.close()


async def test_a_tunnel_reaches_another_node_from_this_one(one: SshNode, other: SshNode) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", await one.tunnel(22, other.name))
    assert (await reader.readline()).startswith(b"SSH-2.0-OpenSSH")
    writer.close()


async def test_a_paused_node_is_noticed_within_six_seconds_and_returns(two: Two, one: SshNode) -> None:
    events = one.stream("echo on; sleep 47119", user="postgres")
    assert await anext(events) == Output("stdout", "on\n")
    port = await one.tunnel(22)
    told = len(two.told)
    container = two.containers[one.name]
    await asyncio.to_thread(two.containers.engine.freeze, one.name)
    began = time.monotonic()
    try:
        last = [event async for event in events][-1]
        noticed = time.monotonic() - began
    finally:
        await asyncio.to_thread(container.unpause)
    assert isinstance(last, Ended)
    assert last.how == "lost"
    assert noticed <= 6 + Timing().keepalive
    assert "frozen" in (await two.until(one.name, "down", told)).reason
    await two.until(one.name, "up", told)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert (await reader.readline()).startswith(b"SSH-2.0-OpenSSH")
    writer.close()
    async with asyncio.timeout(30):
        while await running(one, "sleep 47119"):
            await asyncio.sleep(0.1)


async def test_a_restarted_node_returns_on_its_new_port(two: Two, one: SshNode) -> None:
    told = len(two.told)
    container = two.containers[one.name]
    await asyncio.to_thread(container.kill)
    await two.until(one.name, "down", told)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            while "does not run" not in one.link_reason:
                await asyncio.sleep(0.05)
    assert "does not run" in one.link_reason
    await asyncio.to_thread(container.start)
    one.poke()
    await two.until(one.name, "up", told)
    assert (await one.run("echo back")).stdout == "back\n"


async def test_a_node_made_anew_has_another_host_key_and_is_refused(two: Two, one: SshNode) -> None:
    told = len(two.told)
    await asyncio.to_thread(two.containers[one.name].remove, force=True)
    await asyncio.to_thread(two.containers.create, one.name)
    refused = await two.until(one.name, "refused", told)
    assert "host key" in refused.reason
    two.pins.pop(one.name)
    one.poke()
    await two.until(one.name, "up", told)
