"""One process at a time uses a lab's state folder; the others learn who, and a dead one holds nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pghalab.lab.host.lock import FolderLock
from pghalab.lab.host.paths import state_dir
from pghalab.lab.host.process import Driver
from pghalab.lab.types import LabError

OTHER = """
import sys
from pghalab.lab.host.lock import FolderLock
lock = FolderLock("pgha")
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))


def other_console() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OTHER]
    other = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "True\n"
    return other


def test_the_second_one_learns_who_drives() -> None:
    other = other_console()
    try:
        lock = FolderLock("pgha")
        assert not lock.acquire()
        holder = lock.holder()
        assert holder is not None
        assert holder.pid == other.pid
        assert 0 <= time.time() - holder.since < 600
        assert str(other.pid) in str(holder)
    finally:
        other.communicate()


def test_a_killed_console_holds_nothing() -> None:
    other = other_console()
    other.kill()
    other.communicate()
    lock = FolderLock("pgha")
    assert lock.holder() is None
    assert lock.acquire()
    lock.release()


def test_looking_does_not_take_the_lock() -> None:
    looking = FolderLock("pgha")
    assert looking.holder() is None
    driving = FolderLock("pgha")
    assert driving.acquire()
    assert driving.acquire()
    assert driving.held and not looking.held
    assert looking.holder() == driving.holder()
    driving.release()
    assert looking.holder() is None
    assert looking.acquire()
    looking.release()


LOOKING = """
from pghalab.lab.host.lock import FolderLock
lock = FolderLock("pgha")
print("looking", flush=True)
while True:
    lock.holder()
"""


def test_those_who_look_never_keep_anybody_from_driving() -> None:
    command = [sys.executable, "-c", LOOKING]
    looking = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert looking.stdout is not None
        assert looking.stdout.readline() == "looking\n"
        for _ in range(2000):
            lock = FolderLock("pgha")
            assert lock.acquire()
            lock.release()
    finally:
        looking.kill()
        looking.communicate()


def test_whoever_looks_makes_no_folder(tmp_path: Path) -> None:
    assert FolderLock("pgha").holder() is None
    assert not (tmp_path / "state").exists()


def test_other_labs_have_other_drivers() -> None:
    assert FolderLock("pgha").acquire() and FolderLock("demo").acquire()


def test_a_holder_that_has_not_written_yet_is_still_a_holder() -> None:
    lock = FolderLock("pgha")
    assert lock.acquire()
    (state_dir("pgha") / "driver.lock").write_text("{")
    assert isinstance(FolderLock("pgha").holder(), Driver)
    lock.release()


@pytest.mark.parametrize(
    "told",
    ["", "[" * 9_000, '{"pid": 1e400}', '{"pid": 1, "tty": 2, "since": 3}'],
    ids=["nothing", "nested", "infinite", "other types"],
)
def test_a_holder_whose_words_cannot_be_read_is_still_a_holder(told: str) -> None:
    lock = FolderLock("pgha")
    assert lock.acquire()
    (state_dir("pgha") / "driver.lock").write_text(told)
    assert isinstance(FolderLock("pgha").holder(), Driver)
    lock.release()


def test_a_pipe_in_its_place_is_said_and_not_waited_for() -> None:
    os.mkfifo(state_dir("pgha") / "driver.lock")
    for ask in (FolderLock("pgha").holder, FolderLock("pgha").acquire):
        with pytest.raises(LabError, match="not a regular file"):
            ask()


def test_a_program_started_by_the_driver_does_not_inherit_the_lock() -> None:
    lock = FolderLock("pgha")
    assert lock.acquire()
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    try:
        lock.release()
        assert FolderLock("pgha").acquire()
    finally:
        child.communicate()


def test_the_lock_file_is_its_owners() -> None:
    lock = FolderLock("pgha")
    assert lock.acquire()
    assert (state_dir("pgha") / "driver.lock").stat().st_mode & 0o777 == 0o600
    assert os.environ["PGHALAB_STATE_DIR"] in str(state_dir("pgha"))
