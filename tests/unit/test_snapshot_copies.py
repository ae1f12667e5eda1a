"""The scripts that copy volumes, run for real on folders of this machine: what changes meanwhile is in the copy."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pghalab.lab.snapshots import scripts


def _has_gnu() -> bool:
    if not shutil.which("timeout"):
        return False
    said = subprocess.run(["find", "--version"], capture_output=True, text=True, check=False).stdout
    return "GNU" in said


pytestmark = pytest.mark.skipif(not _has_gnu(), reason="the scripts are the image's, which has GNU's programs")


class Disk:
    """The lab's volumes and the snapshot, as folders; `stand` is what `/tmp` is in the container."""

    def __init__(self, folder: Path) -> None:
        self.lab, self.to, self.stand = folder / "lab", folder / "snapshot", folder / "stand"
        for each in (self.lab / "a1-pgha", self.lab / "a2-pgha", self.to, self.stand):
            each.mkdir(parents=True)

    def run(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts here."""
        for was, now in ((scripts.LISTS, self.stand / "l"), (scripts.FROM, self.lab), (scripts.TO, self.to)):
            script = script.replace(was, str(now))
        return subprocess.run(["bash", "-c", script, "x", *words], capture_output=True, text=True, check=False)

    def must(self, script: str, *words: str) -> str:
        """What a script prints that has to succeed."""
        done = self.run(script, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(self, path: str, text: str) -> Path:
        """A file of the lab."""
        file = self.lab / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    """What is below a folder: content, or where a link leads, and mode."""

    def one(path: Path) -> tuple[str, int]:
        if path.is_symlink():
            return str(path.readlink()), 0
        return "" if path.is_dir() else path.read_text(), path.stat().st_mode

    return {str(path.relative_to(folder)): one(path) for path in sorted(folder.rglob("*"))}


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Volumes with some files in them."""
    made = Disk(tmp_path)
    for number in range(40):
        made.write(f"a1-pgha/data/base/{number}", f"table {number}")
    made.write("a1-pgha/data/wal/1", "old" + "\0" * 100_000)
    made.write("a1-pgha/data/a\nline\tand more", "odd")
    made.write("a2-pgha/-rf", "no option")
    made.write("a2-pgha/d/was/a/folder", "f")
    made.write("a2-pgha/was-a-file", "f")
    (made.lab / "a2-pgha/link").symlink_to("nowhere at all")
    return made


def nothing(disk: Disk) -> None:
    """Nothing changes."""


def written(disk: Disk) -> None:
    """A file is longer, one has another text of the same length and the same time, one is new, one is gone."""
    disk.write("a1-pgha/data/base/3", "table 3 has rows")
    file = disk.lab / "a1-pgha/data/base/4"
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.write_text("Table 4")
    os.utime(file, ns=times)
    disk.write("a1-pgha/data/base/new", "new")
    (disk.lab / "a1-pgha/data/base/5").unlink()
    (disk.lab / "a1-pgha/data/a\nline\tand more").write_text("odder")


def renamed(disk: Disk) -> None:
    """As PostgreSQL uses old logs again: the name of one that is gone, and one takes another's place."""
    base = disk.lab / "a1-pgha/data/base"
    (base / "6").rename(base / "7")
    (disk.lab / "a1-pgha/data/wal/1").rename(disk.lab / "a1-pgha/data/wal/2")


def other_kinds(disk: Disk) -> None:
    """A folder is a file now, a file a folder, a link leads elsewhere, and modes are others."""
    volume = disk.lab / "a2-pgha"
    shutil.rmtree(volume / "d/was")
    (volume / "d/was").write_text("a file")
    (volume / "was-a-file").unlink()
    disk.write("a2-pgha/was-a-file/deep/er", "a folder")
    (volume / "link").unlink()
    (volume / "link").symlink_to("elsewhere")
    (volume / "-rf").chmod(0o600)
    (disk.lab / "a1-pgha/data").chmod(0o700)
    (disk.lab / "a1-pgha/empty").mkdir(mode=0o711)


CHANGES = (nothing, written, renamed, other_kinds)


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_after_the_first_copy_is_in_the_copy(disk: Disk, change: Callable[[Disk], None]) -> None:
    disk.must(scripts.COPY_FIRST)
    change(disk)
    wanted = tree(disk.lab)
    disk.must(scripts.COPY, "8")
    assert tree(disk.to) == wanted
    assert int(disk.must(scripts.KEEP)) > 0


def test_only_what_changed_is_copied_while_the_nodes_stand_still(disk: Disk) -> None:
    # A file that is to be copied once more only if its time of change is another one than two seconds ago.
    script = scripts.COPY_FIRST.replace("2 seconds ago", "2 seconds")
    disk.must(script)
    kept = (disk.to / "a1-pgha/data/base/1").stat().st_ino
    disk.write("a1-pgha/data/base/3", "table 3 has rows")
    disk.must(scripts.COPY, "8")
    changed = [line for line in (disk.stand / "l/changed").read_bytes().split(b"\0") if line]
    assert [line.split(b" ", 8)[8] for line in changed] == [b"a1-pgha/data/base/3"]
    assert (disk.to / "a1-pgha/data/base/1").stat().st_ino == kept


def test_what_was_changed_a_moment_before_is_not_taken_for_unchanged(disk: Disk) -> None:
    disk.must(scripts.COPY_FIRST)
    assert (disk.stand / "l/before").read_bytes().count(b"a1-pgha/data/base") == 1, "the folder alone"


def test_files_that_go_while_they_are_copied_are_no_failure(disk: Disk) -> None:
    gone = "cp: cannot stat 'a1-pgha/data/x': No such file or directory"
    programs = f'cp() {{ command cp "$@"; echo "{gone}" >&2; return 1; }}; export -f cp\n'
    script = scripts.COPY_FIRST.replace("xargs -P 4 -I NAME cp", "xargs -P 4 -I NAME bash -c 'cp \"$@\"' cp")
    assert script != scripts.COPY_FIRST
    disk.must(programs + script)
    full = programs.replace("No such file or directory", "No space left on device")
    done = disk.run(full + script)
    assert done.returncode == 1 and "No space left on device" in done.stdout


def test_a_copy_that_is_not_what_it_is_a_copy_of_is_none(disk: Disk) -> None:
    disk.must(scripts.COPY_FIRST)
    disk.must(scripts.COPY, "8")
    (disk.to / "a1-pgha/data/base/9").write_text("tab")
    done = disk.run(scripts.KEEP)
    assert done.returncode == 1 and "the copy is not what was copied" in done.stdout
    assert "a1-pgha/data/base/9" in done.stdout


def test_a_copy_that_takes_too_long_says_so(disk: Disk) -> None:
    disk.must(scripts.COPY_FIRST)
    slow = scripts.COPY.replace("set -euo pipefail", "set -euo pipefail; read -r < <(sleep 60)")
    assert disk.run(slow, "0.2").returncode == scripts.SLOW
