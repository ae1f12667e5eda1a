"""The connection to a node: noticed when it goes, back by itself, and refused with a reason."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest
from asyncssh.constants import MSG_CHANNEL_OPEN, MSG_IGNORE

from pghalab.lab.ssh.link import Timing
from pghalab.lab.ssh.node import SshNode
from pghalab.lab.types import Ended, LabError, LinkChanged, Output
from tests.ssh.machine import Machine, Seen, World

QUICK = Timing(keepalive=0.2, unanswered=2, connect=3.0, backoff_first=0.05, backoff_last=0.2)


def test_a_frozen_node_is_noticed_within_six_seconds() -> None:
    timing = Timing()
    # The silence, then each question and the wait after it.
    assert timing.keepalive * (timing.unanswered + 1) <= 6
    assert timing.connect <= 6
    assert (timing.backoff_first, timing.backoff_last) == (0.3, 3.0)


async def test_each_transition_is_told_once(world: World, machine: Machine, seen: Seen) -> None:
    node = world.node(machine, seen, QUICK)
    assert node.link == "connecting"
    await seen.until("up")
    assert (node.link, node.link_reason) == ("up", "")
    await machine.stop()
    down = await seen.until("down")
    assert (down.link, node.link_reason) == ("down", down.reason)
    assert "lost" in down.reason
    told = len(seen)
    await machine.start()
    await seen.until("up", after=told)
    assert all(first != second for first, second in itertools.pairwise(seen))
    assert seen[0].link == "connecting"
    assert [change.link for change in seen].count("up") == 2


async def test_reconnects_on_another_port(world: World, machine: Machine, seen: Seen) -> None:
    node = world.node(machine, seen, QUICK)
    await seen.until("up")
    before = machine.port
    told = len(seen)
    await machine.stop()
    await seen.until("down", after=told)
    with pytest.raises(LabError) as error:
        await node.run("true")
    assert error.value.node == node.name
    await machine.start()
    await seen.until("up", after=told)
    assert machine.port != before
    assert (await node.run("echo back")).stdout == "back\n"


async def test_a_container_that_does_not_run_is_said_and_a_poke_tries_at_once(world: World, seen: Seen) -> None:
    machine = await world.machine()
    await machine.stop()
    node = world.node(machine, seen, Timing(backoff_first=3600, backoff_last=3600))
    down = await seen.until("down")
    assert "container does not run" in down.reason
    assert "pghalab start" in down.reason
    await machine.start()
    node.poke()
    await seen.until("up")
    assert (await node.run("true")).exit_status == 0


async def test_a_frozen_node_is_noticed_while_a_command_waits(world: World, machine: Machine, seen: Seen) -> None:
    node = world.node(machine, seen, QUICK)
    events = node.stream("echo begun; sleep 1000")
    assert await anext(events) == Output("stdout", "begun\n")
    assert machine.proxy
    machine.proxy.freeze()
    last = [event async for event in events][-1]
    assert isinstance(last, Ended)
    assert (last.how, last.exit_status) == ("lost", None)
    down = await seen.until("down")
    assert "frozen" in down.reason
    with pytest.raises(LabError, match="frozen"):
        await node.run("true")
    told = len(seen)
    machine.proxy.thaw()
    await seen.until("up", after=told)


async def test_run_says_when_the_link_is_lost(world: World, machine: Machine) -> None:
    node = world.node(machine, timing=QUICK)
    await node.run("true")
    task = asyncio.create_task(node.run("sleep 1000"))
    async with asyncio.timeout(60):
        while machine.running == 0:
            await asyncio.sleep(0.01)
    assert machine.proxy
    machine.proxy.drop()
    with pytest.raises(LabError, match=r"pgha1: .*lost"):
        await task


async def test_a_stop_while_the_node_is_frozen_is_done_when_it_returns(
    world: World, machine: Machine, seen: Seen
) -> None:
    node = world.node(machine, seen, QUICK)
    events = node.stream("echo $$; exec sleep 1000")
    first = await anext(events)
    assert isinstance(first, Output)
    process = Path(f"/proc/{first.text.strip()}")
    assert machine.proxy
    machine.proxy.freeze()
    await events.aclose()
    assert process.exists()
    told = len(seen)
    machine.proxy.drop()
    machine.proxy.thaw()
    await seen.until("up", after=told)
    async with asyncio.timeout(60):
        while process.exists():
            await asyncio.sleep(0.05)


async def frozen_until_lost(machine: Machine, events: AsyncIterator[Output | Ended]) -> None:
    assert machine.proxy
    machine.proxy.freeze()
    last = [event async for event in events][-1]
    assert isinstance(last, Ended) and last.how == "lost"


async def test_a_lost_command_is_ended_when_the_node_returns(world: World, machine: Machine, seen: Seen) -> None:
    node = world.node(machine, seen, QUICK)
    events = node.stream("echo $$; exec sleep 1000", user="postgres")
    first = await anext(events)
    assert isinstance(first, Output)
    process = Path(f"/proc/{first.text.strip()}")
    await frozen_until_lost(machine, events)
    assert process.exists()
    assert machine.proxy
    machine.proxy.drop()
    machine.proxy.thaw()
    async with asyncio.timeout(60):
        while process.exists():
            await asyncio.sleep(0.05)


async def test_what_a_lost_command_left_behind_lives_on(
    world: World, machine: Machine, seen: Seen, tmp_path: Path
) -> None:
    node = world.node(machine, seen, QUICK)
    gate = tmp_path / "gate"
    events = node.stream(
        f"nohup sleep 1000 > /dev/null 2>&1 & echo $!; until [ -e {gate} ]; do sleep 0.05; done; echo > {gate}2"
    )
    first = await anext(events)
    assert isinstance(first, Output)
    process = Path(f"/proc/{first.text.strip()}")
    try:
        await frozen_until_lost(machine, events)
        gate.touch()
        async with asyncio.timeout(60):
            while machine.running:
                await asyncio.sleep(0.05)
        told, began = len(seen), len(machine.environments)
        assert machine.proxy
        machine.proxy.drop()
        machine.proxy.thaw()
        await seen.until("up", after=told)
        async with asyncio.timeout(60):
            while len(machine.environments) == began or machine.running:
                await asyncio.sleep(0.05)
        await node.close()
        assert process.exists()
    finally:
        os.kill(int(process.name), signal.SIGKILL)


async def test_a_refused_key_is_said(world: World, machine: Machine, seen: Seen) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    machine.authorized.write_bytes(other.export_public_key())
    node = world.node(machine, seen, QUICK)
    refused = await seen.until("refused")
    assert "does not accept this console's key" in refused.reason
    assert "pghalab rm" not in refused.reason
    with pytest.raises(LabError) as error:
        await node.run("true")
    assert "pghalab up" in error.value.todo and error.value.kind == "refused"
    machine.authorized.write_text(world.public + "\n")
    await seen.until("up")


async def test_a_changed_host_key_is_said_and_nothing_is_sent(world: World, machine: Machine, seen: Seen) -> None:
    world.node(machine, seen, QUICK)
    await seen.until("up")
    told, logins = len(seen), machine.logins
    await machine.stop()
    machine.host_key = asyncssh.generate_private_key("ssh-ed25519")
    await machine.start()
    refused = await seen.until("refused", after=told)
    assert "host key is not the one" in refused.reason
    assert "data is kept" in refused.reason
    assert machine.logins == logins


async def test_a_host_key_of_another_kind_counts_as_changed(world: World, machine: Machine, seen: Seen) -> None:
    world.node(machine, seen, QUICK)
    await seen.until("up")
    told = len(seen)
    await machine.stop()
    machine.host_key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    await machine.start()
    assert "host key" in (await seen.until("refused", after=told)).reason


async def test_what_can_be_put_right_about_a_refusal_is_put_right_at_once(
    world: World, machine: Machine, seen: Seen, tmp_path: Path
) -> None:
    key = tmp_path / "made-when-it-is-missed"
    pins = [asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()]
    machine.authorized.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_public_key())
    mended: list[str] = []

    async def mend(cause: str) -> bool:
        mended.append(cause)
        if cause == "key-file":
            key.write_bytes(world.key.read_bytes())
        elif cause == "host-key":
            pins[:] = [machine.pin]
        else:
            machine.authorized.write_text(world.public + "\n")
        return True

    world.node(machine, seen, QUICK, key=key, mend=mend, pin=lambda: pins[0])
    await seen.until("up")
    assert mended == ["key-file", "host-key", "key"]
    assert "refused" not in {change.link for change in seen}


async def test_what_could_not_be_put_right_is_told_and_not_tried_for_ever(
    world: World, machine: Machine, seen: Seen
) -> None:
    machine.authorized.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_public_key())
    mended: list[str] = []

    async def mend(cause: str) -> bool:
        mended.append(cause)
        return True

    world.node(machine, seen, QUICK, mend=mend)
    await seen.until("refused")
    machine.authorized.write_text(world.public + "\n")
    await seen.until("up")
    assert mended == ["key"]


async def test_a_lost_or_broken_key_file_is_said(world: World, machine: Machine, seen: Seen, tmp_path: Path) -> None:
    key = tmp_path / "gone"
    world.node(machine, seen, QUICK, key=key)
    refused = await seen.until("refused")
    assert "has no key for it" in refused.reason and "pghalab rm" not in refused.reason
    told = len(seen)
    key.write_text("not a key")
    assert "is damaged" in (await seen.until("refused", after=told)).reason
    key.write_bytes(world.key.read_bytes())
    await seen.until("up")


async def test_an_unknown_host_key_is_never_trusted(world: World, machine: Machine, seen: Seen) -> None:
    pins: list[str] = []

    async def endpoint() -> int | None:
        return machine.port

    node = SshNode(
        "pgha1",
        "127.0.0.1",
        endpoint=endpoint,
        key=world.key,
        pin=lambda: pins[0] if pins else None,
        all_nodes=lambda: world.nodes,
        changed=seen,
        timing=QUICK,
    )
    world.nodes.append(node)
    node.start()
    with pytest.raises(LabError, match="host key is not known"):
        await node.run("true")
    assert machine.logins == 0
    pins.append(machine.pin)
    await seen.until("up")


async def test_a_listener_or_an_engine_that_fails_does_not_end_the_keeping(world: World, machine: Machine) -> None:
    answers = [LabError("the engine does not answer.", todo="Start it."), ValueError("unexpected"), None]
    told: list[LinkChanged] = []

    async def endpoint() -> int | None:
        if answers and (answer := answers.pop(0)):
            raise answer
        return machine.port

    def changed(change: LinkChanged) -> None:
        told.append(change)
        raise RuntimeError("a listener that fails")

    node = SshNode(
        "pgha1",
        "127.0.0.1",
        endpoint=endpoint,
        key=world.key,
        pin=lambda: machine.pin,
        all_nodes=lambda: [],
        changed=changed,
        timing=QUICK,
    )
    world.nodes.append(node)
    node.start()
    async with asyncio.timeout(60):
        while node.link != "up":
            await asyncio.sleep(0.02)
    assert [change.link for change in told] == ["connecting", "down", "down", "up"]
    assert told[1].reason == "the engine does not answer. Start it."


async def test_commands_wait_for_the_first_connection(world: World, machine: Machine) -> None:
    node = world.node(machine)
    assert node.link == "connecting"
    assert (await node.run("echo there")).stdout == "there\n"


async def test_a_node_that_is_down_answers_at_once(world: World, seen: Seen) -> None:
    machine = await world.machine()
    await machine.stop()
    node = world.node(machine, seen, Timing(connect=3600))
    await seen.until("down")
    async with asyncio.timeout(60):
        for call in (node.run("true", timeout=3600), node.tunnel(1), node.shell("root", (80, 24))):
            with pytest.raises(LabError, match="does not run"):
                await call


async def test_close_leaves_no_task(world: World, machine: Machine) -> None:
    before = {task for task in asyncio.all_tasks() if "asyncssh" not in repr(task)}
    node = world.node(machine)
    await node.run("true")
    await node.tunnel(22)
    await node.close()
    assert node.link == "down"
    async with asyncio.timeout(60):
        while {t for t in asyncio.all_tasks() if "pghalab" in repr(t) and "test" not in repr(t)} - before:
            await asyncio.sleep(0.01)
    with pytest.raises(LabError, match="closed"):
        await node.run("true")


async def test_the_learners_own_ssh_settings_are_not_read(
    world: World, machine: Machine, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "learner"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text("Host *\n  Port 1\n  User nobody\n  SendEnv SECRET\n")
    (home / ".ssh" / "known_hosts").write_text("broken")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "socket"))
    node = world.node(machine, seen, QUICK)
    await seen.until("up")
    await node.run("true")
    assert machine.environments == [{}]


async def test_importing_the_modules_does_not_load_asyncssh() -> None:
    code = (
        "import sys, pghalab.lab.ssh.node, pghalab.lab.ssh.link, pghalab.lab.ssh.keys, pghalab.lab.ssh.command, "
        "pghalab.lab.ssh.tunnel, pghalab.lab.ssh.shell; sys.exit('asyncssh' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0


async def test_no_packet_of_nothing_goes_before_each_packet(
    world: World, machine: Machine, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: list[int] = []
    monkeypatch.setattr(asyncssh.SSHServerConnection, "log_received_packet", lambda _, kind, *__: kinds.append(kind))
    node = world.node(machine, seen, QUICK)
    await seen.until("up")
    kinds.clear()
    assert (await node.run("echo here")).stdout == "here\n"
    assert MSG_CHANNEL_OPEN in kinds
    assert MSG_IGNORE not in kinds
