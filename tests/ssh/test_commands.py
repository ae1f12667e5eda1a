"""Commands over ssh: what they print, how they end, and that they really end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import select
import shlex
import shutil
import signal
import subprocess
import tracemalloc
from pathlib import Path

import pytest

from pghalab.lab.ssh.command import HIGH_WATER, WINDOW, CommandSession, command_line, driver_mark, left_line
from pghalab.lab.ssh.node import CAPTURE, SESSIONS, SshNode
from pghalab.lab.types import Ended, LabError, Output, User
from tests.ssh.machine import Machine, World

MIB = 1024 * 1024


async def appears(path: Path) -> str:
    """Wait until a process of the test has written a whole line to `path`."""
    async with asyncio.timeout(60):
        while not (path.exists() and path.read_text().endswith("\n")):
            await asyncio.sleep(0.02)
    return path.read_text()


def alive(pid: str) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid.strip()}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


async def test_run_gives_status_and_both_streams(node: SshNode) -> None:
    result = await node.run("echo out; echo err >&2; exit 3")
    assert (result.exit_status, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert result.seconds > 0


async def test_quotes_reach_the_shell_as_written(node: SshNode) -> None:
    command = """printf '%s|' "it's" '$HOME' "a\\"b" 'x
y'; echo "$(printf "%s" 'deep '"'"'quote'"'"'')" """
    for user in ("root", "postgres"):
        result = await node.run(command, user=user)
        assert result.stdout == "it's|$HOME|a\"b|x\ny|deep 'quote'\n"


async def test_user_postgres_goes_through_sudo(node: SshNode) -> None:
    assert (await node.run("echo $SUDO_TO; pwd", user="postgres")).stdout == "postgres\n/\n"
    assert (await node.run("echo $SUDO_TO")).stdout == "\n"


async def test_both_users_get_a_login_shell_and_the_run_id(node: SshNode) -> None:
    ids = set()
    for user in ("root", "postgres"):
        shell, run = (await node.run("shopt -q login_shell && echo login; echo $PGHALAB_RUN", user=user)).stdout.split()
        assert shell == "login"
        assert run.startswith("l.") and len(run) == 34
        ids.add(run)
    assert len(ids) == 2


async def test_stdin_is_given_whole_and_closed(node: SshNode) -> None:
    text = "zeile ü\n" * 100_000
    assert (await node.run("sha256sum | cut -c1-8; cat", stdin=text)).exit_status == 0
    assert (await node.run("wc -c", stdin=text)).stdout.strip() == str(len(text.encode()))
    assert (await node.run("cat")).stdout == ""


async def test_dirty_bytes_and_split_characters(node: SshNode) -> None:
    result = await node.run(r"printf 'a\xff\xfeb\0c\033[1m'; printf '\xe2\x82'; sleep 0.2; printf '\xac\xe2\x82'")
    assert result.stdout == "a\ufffd\ufffdb\0c\033[1m€\ufffd"


async def test_streams_as_it_comes(node: SshNode, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    events = node.stream(f"echo first; until [ -e {gate} ]; do sleep 0.05; done; echo second; exit 4")
    assert await anext(events) == Output("stdout", "first\n")
    gate.touch()
    rest = [event async for event in events]
    assert rest[0] == Output("stdout", "second\n")
    assert isinstance(rest[-1], Ended)
    assert (rest[-1].how, rest[-1].exit_status) == ("exited", 4)
    assert len(rest) == 2


async def test_death_by_signal_reads_as_in_a_shell(node: SshNode) -> None:
    assert (await node.run("kill -KILL $$")).exit_status == 137


async def test_100_mb_stream_is_never_collected(node: SshNode) -> None:
    total = 100 * MIB
    events = node.stream(f"head -c {total} /dev/zero | tr '\\0' x")
    await anext(events)
    tracemalloc.start()
    try:
        count = 0
        async for event in events:
            if isinstance(event, Output):
                count += len(event.text)
                assert len(event.text) <= MIB
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total - MIB < count < total
    assert peak < 24 * MIB


async def test_a_consumer_that_pauses_makes_the_node_wait(node: SshNode, tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    block = 256 * 1024
    blocks = 200
    command = f"for i in $(seq {blocks}); do head -c {block} /dev/zero | tr '\\0' x; echo $i >> {progress}; done"
    events = node.stream(command)
    await anext(events)
    written = -1
    while written != (now := progress.stat().st_size if progress.exists() else 0) or now == 0:
        written = now
        await asyncio.sleep(0.5)
    assert len(progress.read_text().split()) < blocks // 2
    count = 0
    async for event in events:
        if isinstance(event, Output):
            count += len(event.text)
    assert len(progress.read_text().split()) == blocks
    assert count > (blocks - 1) * block


def test_a_session_holds_a_bounded_number_of_bytes() -> None:
    class Channel:
        paused = False

        def pause_reading(self) -> None:
            self.paused = True

        def resume_reading(self) -> None:
            self.paused = False

    session, channel = CommandSession(), Channel()
    session.connection_made(channel)  # type: ignore[arg-type]
    packet = b"x" * 32768
    while not channel.paused:
        session.data_received(packet, None)
    assert session.held <= HIGH_WATER + len(packet)
    while channel.paused:
        list(session.take())
    assert 0 < session.held < HIGH_WATER
    assert HIGH_WATER + WINDOW <= MIB


async def test_run_keeps_one_mib_of_each_stream(node: SshNode) -> None:
    result = await node.run(
        "head -c 3000000 /dev/zero | tr '\\0' a; head -c 3000000 /dev/zero | tr '\\0' b >&2; exit 7"
    )
    assert result.exit_status == 7
    assert result.stdout == "a" * CAPTURE
    assert result.stderr == "b" * CAPTURE


async def test_sessions_on_a_node_are_bounded(node: SshNode, machine: Machine) -> None:
    results = await asyncio.gather(*(node.run("sleep 0.2; echo $PPID") for _ in range(3 * SESSIONS)))
    assert all(result.exit_status == 0 for result in results)
    assert machine.most_running == SESSIONS


async def test_waiting_for_a_session_has_a_limit_too(node: SshNode, machine: Machine, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    busy = [asyncio.create_task(node.run(f"until [ -e {gate} ]; do sleep 0.1; done")) for _ in range(SESSIONS)]
    async with asyncio.timeout(60):
        while machine.running < SESSIONS:
            await asyncio.sleep(0.02)
    with pytest.raises(LabError, match="8 commands run on it already"):
        await node.run("true", timeout=0.3)
    gate.touch()
    await asyncio.gather(*busy)
    assert (await node.run("true")).exit_status == 0


STUBBORN = """trap '' TERM HUP
(trap '' TERM HUP; echo $BASHPID; exec setsid sleep 1000) & sleep 0.1; sleep 1000 & echo $$ $! > {path}; wait; wait"""


@pytest.mark.parametrize("user", ["root", "postgres"])
async def test_cancelling_ends_every_process(node: SshNode, tmp_path: Path, user: User) -> None:
    path = tmp_path / "pids"
    task = asyncio.create_task(node.run(STUBBORN.format(path=path), user=user, timeout=600))
    pids = (await appears(path)).split()
    assert all(alive(pid) for pid in pids)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [pid for pid in pids if alive(pid)] == []


async def test_closing_the_generator_ends_every_process(node: SshNode) -> None:
    events = node.stream("setsid sleep 1000 & echo $! $$; wait")
    first = await anext(events)
    assert isinstance(first, Output)
    await events.aclose()
    assert [pid for pid in first.text.split() if alive(pid)] == []


async def test_time_limit_ends_every_process_and_says_so(node: SshNode) -> None:
    events = [event async for event in node.stream("setsid sleep 1000 & echo $! $$; wait", timeout=1)]
    assert isinstance(events[0], Output)
    assert isinstance(events[-1], Ended)
    assert (events[-1].how, events[-1].exit_status) == ("timeout", None)
    assert [pid for pid in events[0].text.split() if alive(pid)] == []
    with pytest.raises(LabError, match=r"did not end within 0\.5 s: sleep 1000"):
        await node.run("sleep  1000", timeout=0.5)


async def test_a_flood_can_be_stopped(node: SshNode) -> None:
    events = node.stream("echo $$; exec yes")
    first = await anext(events)
    assert isinstance(first, Output)
    await events.aclose()
    assert not alive(first.text.split()[0])
    assert (await node.run("echo still here")).stdout == "still here\n"


async def test_a_second_cancel_does_not_stop_the_ending(node: SshNode, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    task = asyncio.create_task(node.run(STUBBORN.format(path=path), timeout=600))
    pids = (await appears(path)).split()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await node.close()
    assert [pid for pid in pids if alive(pid)] == []


async def test_cancelled_before_it_runs_leaves_nothing(node: SshNode, tmp_path: Path) -> None:
    await node.run("true")
    for turns in range(12):
        path = tmp_path / f"pid{turns}"
        task = asyncio.create_task(node.run(f"echo $$ > {path}; exec sleep 1000"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert not path.exists() or not alive(path.read_text() or "0")


async def test_a_run_is_ended_on_the_other_nodes_too(world: World, node: SshNode) -> None:
    other = world.node(await world.machine())
    reached = await other.run("true")
    assert reached.exit_status == 0
    before = [len(machine.environments) for machine in world.machines]
    events = node.stream("echo on; sleep 1000")
    await anext(events)
    await events.aclose()
    after = [len(machine.environments) for machine in world.machines]
    assert after[0] - before[0] >= 2  # the command, and its end
    assert after[1] - before[1] == 1


async def test_a_client_of_postgresql_is_interrupted_first(node: SshNode, machine: Machine, tmp_path: Path) -> None:
    # Its name is what counts; a shell of that name writes down which signals it gets.
    shutil.copy("/bin/bash", machine.bin / "psql")
    told = tmp_path / "told"
    script = (
        f"trap 'echo INT >>{told}; exit 1' INT; trap 'echo TERM >>{told}' TERM; echo runs; while :; do sleep 0.05; done"
    )
    events = node.stream(f"{machine.bin}/psql -c {shlex.quote(script)}; echo after >>{told}; sleep 60")
    assert isinstance(await anext(events), Output)
    await events.aclose()
    assert told.read_text().split() == ["INT", "after"]


async def test_the_next_driver_ends_what_a_killed_one_left_running_and_nothing_else(
    world: World, machine: Machine, tmp_path: Path
) -> None:
    def begun(mark: str, command: str) -> subprocess.Popen[bytes]:
        line = command_line(command, "root", f"{mark}.1")
        # A login shell: not with the profile of whoever runs the tests.
        env = os.environ | {"HOME": str(tmp_path)}
        return subprocess.Popen(["/bin/bash", "-c", line], start_new_session=True, env=env)

    # A name of its own: in /proc of this machine are the processes of other tests' nodes too.
    lab = f"t{secrets.token_hex(6)}"
    dead, mine, pid = driver_mark(lab, "0a"), driver_mark(lab, "0b"), tmp_path / "server"
    server = begun(dead, f"nohup sleep 300 >/dev/null 2>&1 & echo $! >{pid}")
    server.wait()
    killed, looks, own = begun(dead, "sleep 301; true"), begun("l", "sleep 302; true"), begun(mine, "sleep 303")
    try:
        node = world.node(machine, mark=mine)
        assert await node.run("true")
        assert await node.end_left() == ["sleep 301; true"]
        killed.wait(10)
        assert looks.poll() is None and own.poll() is None
        assert Path(f"/proc/{pid.read_text().strip()}").exists()
        assert await node.end_left() == []
    finally:
        for one in (killed, looks, own):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_a_process_that_ends_while_it_is_looked_at_makes_no_server_a_command_that_runs(tmp_path: Path) -> None:
    """A server's short-lived children carry the id of the run that started it; to end that run would end the server."""
    lab = f"t{secrets.token_hex(6)}"
    # The process ends, and is gone, after its run has been read and before its command is.
    ends = tmp_path / "grep"
    ends.write_text(
        "#!/bin/bash\n"
        'case "$*" in *PGHALAB_COMMAND=*)\n'
        "    pid=${@: -1}; pid=${pid%/environ}; pid=${pid#/proc/}; kill -9 $pid\n"
        "    while [ -e /proc/$pid ]; do :; done ;;\n"
        f'esac\nexec {shutil.which("grep")} "$@"\n'
    )
    ends.chmod(0o755)
    child = f"PGHALAB_RUN={driver_mark(lab, '0a')}.1 PGHALAB_COMMAND=999999999 sleep 304"
    parent = subprocess.Popen(
        ["/bin/bash", "-c", f"{child}; echo; sleep 305"], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        line = ["/bin/bash", "-c", left_line(driver_mark(lab, "0b"))]
        assert parent.stdout is not None
        # It may not have begun yet.
        while not select.select([parent.stdout.fileno()], [], [], 0.1)[0]:
            looked = subprocess.run(line, env=path, capture_output=True, text=True, check=True, timeout=30)
            assert looked.stdout == ""
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()


async def test_what_a_command_left_behind_lives_on(node: SshNode, tmp_path: Path) -> None:
    result = await node.run(f"nohup sleep 1000 > {tmp_path}/log 2>&1 & echo $!")
    assert alive(result.stdout)
    with pytest.raises(LabError):
        await node.run("sleep 1000", timeout=0.3)
    assert alive(result.stdout)
    await node.run(f"kill {result.stdout}")


async def test_no_environment_of_the_console_is_sent(
    node: SshNode, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    await node.run("true")
    assert machine.environments == [{}]
