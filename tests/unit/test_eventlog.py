"""Events outlive the console, and no file in their place can do harm."""

import json
import os
from pathlib import Path

import pytest

from pghalab.cluster import eventlog
from pghalab.cluster.eventlog import EventLog
from pghalab.cluster.model import ClusterEvent


def _event(number: int, text: str = "") -> ClusterEvent:
    return ClusterEvent(float(number), "node", text or f"event {number}", True)


def _numbers(log: EventLog) -> list[int]:
    return [int(event.at) for event in log.read()]


def test_events_are_there_after_a_restart_and_only_the_last_ones(tmp_path: Path) -> None:
    path = tmp_path / "lab" / eventlog.NAME
    log = EventLog(path, keep=5)
    assert log.read() == ()
    for number in range(1, 24):
        log.append(_event(number))
        assert _numbers(EventLog(path, keep=5)) == list(range(max(1, number - 4), number + 1))
        assert len(path.read_text().splitlines()) < 10
    assert path.stat().st_mode & 0o077 == 0


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / eventlog.NAME
    good = json.dumps({"at": 7.0, "kind": "node", "text": "x", "good": True})
    deep = "[" * 3000
    lines = ["", "{", deep, good.replace("node", "what"), "\x00\xff", "x" * 9000, good, '{"at": 8']
    path.write_bytes("\n".join(lines).encode("latin-1"))
    assert _numbers(EventLog(path)) == [7]
    EventLog(path).append(_event(9))  # after half a line
    assert _numbers(EventLog(path)) == [7, 9]


def test_a_large_file_is_made_small_and_one_that_is_not_ours_left_unread(tmp_path: Path) -> None:
    path = tmp_path / eventlog.NAME
    line = json.dumps({"at": 1.0, "kind": "node", "text": "x" * 500, "good": True}) + "\n"
    path.write_text(line * 3000)
    log = EventLog(path)
    assert 0 < len(log.read()) <= 500
    log.append(_event(2))
    assert path.stat().st_size < 300_000
    assert _numbers(EventLog(path))[-1] == 2
    path.write_text(line * 20_000)
    assert path.stat().st_size > eventlog.LIMIT
    assert EventLog(path).read() == ()


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    log = EventLog(tmp_path / eventlog.NAME)
    log.append(_event(1, "\x1b" * 20_000))
    (event,) = log.read()
    assert 0 < len(event.text) < 1000


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "device"])
def test_what_is_no_plain_file_holds_nothing_up(tmp_path: Path, kind: str) -> None:
    path = tmp_path / eventlog.NAME
    other = tmp_path / "other"
    other.write_text("mine\n")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other if kind == "link" else "/dev/zero")
    log = EventLog(path)
    assert log.read() == ()
    log.append(_event(1))
    assert other.read_text() == "mine\n"
    assert _numbers(EventLog(path)) == ([] if kind == "folder" else [1])


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "lab").write_text("a file")
    log = EventLog(tmp_path / "lab" / eventlog.NAME)
    for number in range(3):
        log.append(_event(number))
    assert len([record for record in caplog.records if "not kept" in record.message]) == 1
