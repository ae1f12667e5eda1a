"""Who drives a lab and who changes it is known to the engine: to every folder, without a node, never stale."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pghalab.lab.deploy.driving import COURSE, DriverLock, changing
from pghalab.lab.engine import lease
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import Lease
from pghalab.lab.host import process
from pghalab.lab.host.process import Driver, this_process
from pghalab.lab.types import LabError


class Api:
    """The engine's volumes."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, str]] = {}
        self.gone = False
        self._lock = threading.Lock()

    def volumes(self, filters: dict[str, str]) -> dict[str, Any]:
        key, _, value = filters["label"].partition("=")
        with self._lock:
            found = [{"Name": name, "Labels": labels} for name, labels in self.held.items() if labels[key] == value]
        return {"Volumes": found}

    def create_volume(self, name: str, labels: dict[str, str]) -> None:
        with self._lock:
            self.held.setdefault(name, labels)

    def remove_volume(self, name: str) -> None:
        import docker.errors

        if self.gone:
            raise OSError("the engine is gone")
        with self._lock:
            if name not in self.held:
                raise docker.errors.NotFound("no such volume")
            del self.held[name]


class FakeEngine:
    """An engine of volumes only."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def call(self, doing: str, function: Any, *args: Any) -> Any:
        try:
            return await asyncio.to_thread(function, *args)
        except OSError as error:
            raise LabError(f"{doing}: {error}", kind="no-engine") from error

    ask = call

    def close(self) -> None:
        pass


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    made = Api()
    monkeypatch.setattr(Engine, "connect", classmethod(lambda cls: FakeEngine(made)))
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


def test_a_second_folder_learns_who_drives(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert api.held == {}
    assert second.holder() is None and second.acquire()
    second.release()


def test_whoever_looks_leaves_nothing_behind(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "one", monkeypatch)
    assert DriverLock("pgha").holder() is None
    assert api.held == {} and list(tmp_path.iterdir()) == []


def test_a_dead_driver_holds_nothing_and_is_cleared_away(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ended()
    monkeypatch.setattr(lease, "this_process", lambda doing: gone)
    assert Lease("pgha", "driver").take(api, "x") is None
    monkeypatch.undo()
    assert len(api.held) == 1
    assert Lease("pgha", "driver").holder(api) is None
    mine = Lease("pgha", "driver")
    assert mine.take(api, "drives") is None and len(api.held) == 1
    holder = mine.holder(api)
    assert holder is not None and holder.is_this_process


def test_labs_and_rights_do_not_mix(api: Api) -> None:
    leases = [Lease("pgha", "driver"), Lease("pgha", "change"), Lease("pgha2", "driver")]
    assert [one.take(api, "x") for one in leases] == [None, None, None]


def test_of_many_who_take_it_together_one_gets_it(api: Api) -> None:
    leases = [Lease("pgha", "driver") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: one.take(api, "x"), leases))
    assert sum(one.held for one in leases) <= 1
    for one in leases:
        one.drop(api)
    assert api.held == {}
    assert leases[0].take(api, "x") is None


def test_a_right_that_could_not_be_given_back_is_not_held_by_this_process(api: Api) -> None:
    first = Lease("pgha", "change")
    assert first.take(api, "x") is None
    api.gone = True
    with pytest.raises(OSError):
        first.drop(api)
    assert Lease("pgha", "change").holder(api) is None
    api.gone = False
    second = Lease("pgha", "change")
    assert second.take(api, "y") is None
    assert len(api.held) == 1


async def test_one_change_waits_for_another_and_says_for_whom(api: Api) -> None:
    engine: Any = FakeEngine(api)
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


async def test_nobody_changes_a_lab_under_a_run_not_even_by_force(api: Api) -> None:
    engine: Any = FakeEngine(api)
    async with changing(engine, "pgha", COURSE, print):
        with pytest.raises(LabError) as caught:
            async with changing(engine, "pgha", "removes it", print, force=True):
                pass
    assert caught.value.kind == "driven"
    assert COURSE in caught.value.what and f"kill {os.getpid()}" in caught.value.todo
    assert api.held == {}


async def test_a_lab_that_another_console_drives_is_changed_by_force_only(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = FakeEngine(api)
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


async def test_a_cancelled_wait_leaves_no_claim(api: Api) -> None:
    engine: Any = FakeEngine(api)
    async with changing(engine, "pgha", "creates its nodes", print):
        task = asyncio.create_task(changing(engine, "pgha", "x", print).__aenter__())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(api.held) == 1
