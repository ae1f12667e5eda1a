"""Who drives a lab and who changes it is known to the engine: to every folder, without a node, never stale."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pghalab.lab.deploy import lifecycle
from pghalab.lab.deploy.driving import COURSE, DriverLock, changing
from pghalab.lab.engine import lease
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import Lease
from pghalab.lab.host import process
from pghalab.lab.host.process import Driver, this_process
from pghalab.lab.settings import default_settings
from pghalab.lab.types import LabError
from tests.fake_lab.engine import FakeDocker


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDocker]:
    made = FakeDocker()
    monkeypatch.setattr(Engine, "connect", classmethod(lambda cls: made.engine()))
    yield made
    lease._given_up.clear()


def folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(path))


def ended() -> Driver:
    """A process that ended and was never collected, so that its number is still taken."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    gone = Driver(child.pid, "", 1.0, "has it open", "1", process.machine(), "")
    assert not gone.lives
    child.wait()
    return gone


def test_a_process_that_has_ended_is_told_from_one_that_got_its_number() -> None:
    here = this_process("looks")
    assert here.lives and here.is_this_process
    assert not Driver(here.pid, "", 1.0, started="another", machine=here.machine).lives
    assert not ended().lives
    elsewhere = Driver(ended().pid, "", 1.0, machine="another boot 7", host="far")
    assert elsewhere.lives and elsewhere.elsewhere and "far" in str(elsewhere)


def test_a_second_folder_learns_who_drives(api: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "one", monkeypatch)
    first = DriverLock("pgha", doing="has it open")
    assert first.acquire() and first.acquire()
    folder(tmp_path / "two", monkeypatch)
    second = DriverLock("pgha")
    holder = second.holder()
    assert holder is not None and holder.is_this_process and holder.doing == "has it open"
    assert not second.acquire() and not second.held
    with pytest.raises(LabError, match=f"process {os.getpid()}") as caught, DriverLock("pgha"):
        pass
    assert caught.value.kind == "driven"
    first.release()
    assert api.vols == {}
    assert second.holder() is None and second.acquire()
    second.release()


def test_an_engine_that_comes_later_is_asked_who_drives(
    api: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path / "one", monkeypatch)
    there = [False]

    def connect() -> Engine:
        if not there[0]:
            raise LabError("No engine answers.", kind="no-engine")
        return api.engine()

    monkeypatch.setattr(Engine, "connect", connect)
    early = DriverLock("pgha")
    assert early.claim() is None and early.held
    there[0] = True
    folder(tmp_path / "two", monkeypatch)
    other = DriverLock("pgha")
    assert other.claim() is True
    folder(tmp_path / "one", monkeypatch)
    assert early.claim() is False and not early.held
    other.release()
    assert early.claim() is True and early.held
    early.release()


def test_whoever_looks_leaves_nothing_behind(api: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "one", monkeypatch)
    assert DriverLock("pgha").holder() is None
    assert api.vols == {} and list(tmp_path.iterdir()) == []


def test_a_dead_driver_holds_nothing_and_is_cleared_away(api: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ended()
    monkeypatch.setattr(lease, "this_process", lambda doing: gone)
    assert Lease("pgha", "driver").take(api, "x") is None
    monkeypatch.undo()
    assert len(api.vols) == 1
    assert Lease("pgha", "driver").holder(api) is None
    mine = Lease("pgha", "driver")
    assert mine.take(api, "drives") is None and len(api.vols) == 1
    holder = mine.holder(api)
    assert holder is not None and holder.is_this_process


async def test_what_a_killed_console_held_goes_with_the_labs_data_and_what_a_living_one_holds_stays(
    api: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ended()
    said: list[str] = []
    monkeypatch.setattr(lease, "this_process", lambda doing: gone)
    assert Lease("pgha", "driver").take(api, "x") is None and Lease("pgha", "change").take(api, "x") is None
    assert Lease("b", "driver").take(api, "x") is None
    monkeypatch.undo()
    mine = Lease("pgha", "driver")
    # As a console that comes at the same moment: its claim lies beside that of the dead one.
    monkeypatch.setattr(Lease, "_clear", lambda self, api: [])
    assert mine.take(api, "drives") is None and len(api.vols) == 4
    monkeypatch.undo()
    settings = default_settings("pgha")
    await lifecycle.down(api.engine(), settings, said.append, volumes=False)
    assert len(api.vols) == 4
    await lifecycle.down(api.engine(), settings, said.append, volumes=True)
    assert sorted(name.rpartition(".")[0] for name in api.vols) == ["pghalab.b.driver", "pghalab.pgha.driver"]
    assert mine._name in api.vols
    removed = [line for line in said if line.startswith("volume")]
    assert len(removed) == 2 and all(line.endswith(" removed\n") for line in removed)


def test_labs_and_rights_do_not_mix(api: FakeDocker) -> None:
    leases = [Lease("pgha", "driver"), Lease("pgha", "change"), Lease("pgha2", "driver")]
    assert [one.take(api, "x") for one in leases] == [None, None, None]


def test_of_many_who_take_it_together_one_gets_it(api: FakeDocker) -> None:
    leases = [Lease("pgha", "driver") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: one.take(api, "x"), leases))
    assert sum(one.held for one in leases) <= 1
    for one in leases:
        one.drop(api)
    assert api.vols == {}
    assert leases[0].take(api, "x") is None


def test_a_right_that_could_not_be_given_back_is_not_held_by_this_process(api: FakeDocker) -> None:
    first = Lease("pgha", "change")
    assert first.take(api, "x") is None
    api.gone = True
    with pytest.raises(OSError):
        first.drop(api)
    assert Lease("pgha", "change").holder(api) is None
    api.gone = False
    second = Lease("pgha", "change")
    assert second.take(api, "y") is None
    assert len(api.vols) == 1


async def test_one_change_waits_for_another_and_says_for_whom(api: FakeDocker) -> None:
    engine = api.engine()
    order: list[str] = []
    inside = asyncio.Event()

    async def first() -> None:
        async with changing(engine, "pgha", "creates its nodes", print):
            inside.set()
            await asyncio.sleep(0.05)
            order.append("first")

    task = asyncio.create_task(first())
    await inside.wait()
    said: list[str] = []
    async with changing(engine, "pgha", "removes it", said.append, force=True):
        order.append("second")
    await task
    assert order == ["first", "second"]
    assert said == [line for line in said if "waiting for process" in line and "creates its nodes" in line] and said


async def test_nobody_changes_a_lab_under_a_run_not_even_by_force(api: FakeDocker) -> None:
    engine = api.engine()
    async with changing(engine, "pgha", COURSE, print):
        with pytest.raises(LabError) as caught:
            async with changing(engine, "pgha", "removes it", print, force=True):
                pass
    assert caught.value.kind == "driven"
    assert COURSE in caught.value.what and f"kill {os.getpid()}" in caught.value.todo
    assert api.vols == {}


async def test_a_lab_that_another_console_drives_is_changed_by_force_only(
    api: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = api.engine()
    other = subprocess.Popen(["sleep", "60"])
    try:
        driver = Driver(other.pid, "/dev/pts/9", 1.0, "has it open", process.started(other.pid), process.machine(), "")
        monkeypatch.setattr(lease, "this_process", lambda doing: driver)
        assert Lease("pgha", "driver").take(api, "x") is None
        monkeypatch.undo()
        with pytest.raises(LabError, match=f"process {other.pid} on /dev/pts/9") as caught:
            async with changing(engine, "pgha", "stops its nodes", print):
                pass
        assert caught.value.kind == "driven"
        async with changing(engine, "pgha", "stops its nodes", print, force=True):
            pass
        other.kill()
        other.wait()
        async with changing(engine, "pgha", "stops its nodes", print):
            pass
    finally:
        other.kill()
        other.wait()


async def test_nobody_waits_for_a_process_on_another_machine(api: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    far = Driver(77, "", 1.0, "creates its nodes", "1", "another boot 7", "far")
    monkeypatch.setattr(lease, "this_process", lambda doing: far)
    assert Lease("pgha", "change").take(api, "x") is None
    monkeypatch.undo()
    said: list[str] = []
    with pytest.raises(LabError) as told:
        async with changing(api.engine(), "pgha", "stops its nodes", said.append):
            pass
    assert told.value.kind == "driven" and "far" in told.value.what and "creates its nodes" in told.value.what
    assert "docker volume rm $(docker volume ls -q -f label=pghalab.right=pgha/change)" in told.value.todo
    assert said == []


async def test_a_cancelled_wait_leaves_no_claim(api: FakeDocker) -> None:
    engine = api.engine()
    async with changing(engine, "pgha", "creates its nodes", print):
        task = asyncio.create_task(changing(engine, "pgha", "x", print).__aenter__())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(api.vols) == 1
