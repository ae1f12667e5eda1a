"""Lines of JSON that grow for ever stay within a size and an age, and are read whatever happened to them."""

from __future__ import annotations

import errno
import json
import os
import time
import tracemalloc
from pathlib import Path

import pytest

from pghalab.course.journal import logs
from pghalab.course.journal.lines import AGE, LONGEST, LOOK_EVERY, Lines
from pghalab.redact import Secrets

HUGE = 1_000_000_000
"""Bytes of a file that nobody reads at once."""


def add(kept: Lines, name: str, at: float) -> bool:
    return kept.append(json.dumps({"at": at, "name": name}), at)


def names(kept: Lines) -> list[str]:
    return [entry["name"] for entry in kept.entries()]


@pytest.mark.parametrize("torn", range(1, 40))
def test_a_line_that_is_cut_anywhere_costs_itself_alone(torn: int, tmp_path: Path) -> None:
    kept = Lines(tmp_path / "x.jsonl")
    add(kept, "first", 1.0)
    add(kept, "second", 2.0)
    size = kept.path.stat().st_size
    os.truncate(kept.path, size - min(torn, 30))
    add(kept, "third", 3.0)
    assert names(kept) == (["first", "second", "third"] if torn == 1 else ["first", "third"])


def test_what_is_old_goes_also_when_little_is_written(tmp_path: Path) -> None:
    kept = Lines(tmp_path / "x.jsonl")
    began = time.time() - 2 * AGE
    day = 86_400.0
    for number in range(181):
        at = began + number * day
        add(kept, str(number), at)
        os.utime(kept.path, (at, at))
        if kept.before.exists() and number:
            # As the system writes it down, had the days gone by.
            last = max(entry["at"] for entry in map(json.loads, kept.before.read_text().splitlines()))
            os.utime(kept.before, (last, last))
        oldest = next(iter(kept.entries()))["at"]
        assert at - oldest <= AGE + day + LOOK_EVERY, number
    assert names(kept)[-1] == "180"


def test_after_a_long_rest_nothing_old_is_left(tmp_path: Path) -> None:
    kept = Lines(tmp_path / "x.jsonl")
    long_ago = time.time() - 3 * AGE
    for path, name in ((kept.before, "older"), (kept.path, "old")):
        path.write_text(json.dumps({"at": long_ago, "name": name}) + "\n")
        os.utime(path, (long_ago, long_ago))
    assert add(kept, "new", time.time()), "it begins a file"
    assert names(kept) == ["old", "new"], "what was just put aside stays for as long again as it lasted"
    os.utime(kept.before, (long_ago, long_ago))
    add(Lines(kept.path), "newer", time.time())
    assert names(kept) == ["new", "newer"]


def test_a_gigabyte_is_read_a_line_at_a_time(tmp_path: Path) -> None:
    kept = Lines(tmp_path / "x.jsonl")
    add(kept, "first", 1.0)
    with kept.path.open("ab") as file:
        file.truncate(HUGE)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + json.dumps({"at": 2.0, "name": "behind it"}).encode() + b"\n")
    assert kept.path.stat().st_size > HUGE
    tracemalloc.start()
    assert names(kept) == ["first", "behind it"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * LONGEST < HUGE / 4
    add(kept, "third", 3.0)
    assert names(kept)[-1] == "third" and kept.path.stat().st_size < 1000, "it goes on in a new file"


def test_a_full_disk_stops_nothing_and_what_comes_later_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept, write = Lines(tmp_path / "x.jsonl"), os.write
    add(kept, "first", 1.0)

    def fills_up(handle: int, data: bytes) -> int:
        write(handle, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", fills_up)
    assert add(kept, "lost", 2.0) is False
    assert add(kept, "lost too", 2.5) is False
    assert len(caplog.records) == 1, "a full disk is not filled further with words on that"
    monkeypatch.setattr(os, "write", write)
    add(kept, "third", 3.0)
    assert names(kept) == ["first", "third"]


def test_a_log_on_a_full_disk_ends_early_and_stops_nothing(tmp_path: Path) -> None:
    log = logs.new_log(tmp_path, "flood", 1_000_000, Secrets())
    log.write("kept\n")
    with Path("/dev/full").open("wb", buffering=0) as full:
        assert log._file is not None
        os.dup2(full.fileno(), log._file.fileno())
    log.write("lost\n")
    assert log._file is None
    log.write("lost too\n")
    log.close()
    assert log.path.read_text() == "kept\n"


def test_a_gigabyte_of_output_leaves_what_a_log_may_hold(tmp_path: Path) -> None:
    log = logs.new_log(tmp_path, "flood", 1_000_000, Secrets(["Tr0ub4dor"]))
    piece = "a line that is printed again and again, and again, and again, for a gigabyte\n" * 12_000
    for _ in range(1 + 1_000_000_000 // len(piece)):
        log.write(piece)
    log.close()
    assert 1_000_000 <= log.path.stat().st_size < 1_000_100
    assert log.path.read_text().endswith("[pghalab: the log ends here, after 1000000 bytes]\n")


def test_old_logs_go_whatever_their_size(tmp_path: Path) -> None:
    old = tmp_path / "20200101-000000-a.log"
    old.touch()
    os.utime(old, (time.time() - AGE - 60,) * 2)
    recent = tmp_path / "20200102-000000-a.log"
    recent.touch()
    logs.new_log(tmp_path, "b", 100, Secrets()).close()
    assert not old.exists() and recent.exists()
