"""Lessons and state files may be anybody's: they are refused in words, never hang, crash or fill the memory."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pghalab import cli
from pghalab.course.events import StepStarted
from pghalab.course.journal import Journal, lines, logs
from pghalab.course.load import load_course
from pghalab.course.patterns import TIME, PatternError, found
from pghalab.course.progress import MOST_RECORDS, Progress
from pghalab.course.titles import LESSONS, MOST_LESSONS
from pghalab.lab.host import files, paths
from pghalab.lab.settings import load_settings
from pghalab.lab.ssh.keys import Pins
from tests.children import limited

HEAD = "---\nid: a\ntitle: A\ncredit: B\n---\n\n## One\n\n"


def lesson(tmp_path: Path, block: str) -> str:
    """What is said of a lesson whose only step has this block."""
    path = tmp_path / "01-a.md"
    path.write_text(f"{HEAD}```yaml step\n{block}\n```\n", encoding="utf-8")
    return "\n".join(map(str, load_course(tmp_path).problems))


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("edit: " + "[" * 100_000, "nested deeper than"),
        ("edit: " + "{a: " * 100_000, "nested deeper than"),
        ("- " * 100_000, "expected `key: value`"),
        ("edit:\n" + "".join(" " * n + "- \n" for n in range(1, 400)), "nested deeper than"),
        ("? " * 100_000, "a key is one word"),
        ("a0: &a0 [x,x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 12)), "anchors"),
        ("id: *nothing", "aliases"),
        ("id: !!python/name:os.system x", "the tag"),
        ("<<: {id: a}", "unknown key `<<`"),
        ("hints: [" + "x," * 30_000 + "]", "more than one step can hold"),
        ("id: a\nkind: read\n---\nid: b", "a second document"),
        ("id: " + "1" * 10_000 + "\nkind: read", "not valid YAML"),
        ("id: a\nid: b", "stands here twice"),
        ("id: 'a\0b'", "not valid YAML"),
    ],
)  # fmt: skip
def test_a_hostile_block_is_a_problem_with_a_line(tmp_path: Path, block: str, words: str) -> None:
    began = time.process_time()
    said = lesson(tmp_path, block)
    assert words in said
    assert "01-a.md:" in said
    assert time.process_time() - began < 5


def test_a_lesson_with_a_byte_order_mark_and_windows_lines_is_a_lesson(tmp_path: Path) -> None:
    text = f"{HEAD}```yaml step\nid: a-one\nkind: read\n```\n".replace("\n", "\r\n")
    (tmp_path / "01-a.md").write_bytes(b"\xef\xbb\xbf" + text.encode())
    course = load_course(tmp_path)
    assert course.problems == ()
    assert course.step("a-one").title == "One"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "it is not a regular file"),
        (Path.mkdir, "it is a folder"),
        (lambda path: path.symlink_to("/dev/zero"), "it is not a regular file"),
        (lambda path: path.write_bytes(b"x" * 1_000_001), "larger than 1 MB"),
        (lambda path: path.write_bytes("---\n".encode("utf-16")), "not UTF-8"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.write_text(HEAD + "## x\n" * 300), "more than 200 sections"),
    ],
)
def test_a_lesson_that_is_no_text_is_a_problem(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    make(tmp_path / "01-a.md")
    (problem,) = load_course(tmp_path).problems
    assert words in problem.message


def test_an_empty_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("x")
    assert cli.main(["lint", str(tmp_path)]) == 1
    assert "holds no lesson" in capsys.readouterr().out


def test_a_folder_of_thousands_is_read_up_to_a_limit(tmp_path: Path) -> None:
    for number in range(MOST_LESSONS + 1):
        (tmp_path / f"{number:04}-a.md").touch()
    assert "more than 200 lessons" in str(load_course(tmp_path).problems)


def test_a_bent_lesson_never_becomes_an_exception(tmp_path: Path) -> None:
    chance = random.Random(17)
    sources = [path.read_text(encoding="utf-8") for path in sorted(LESSONS.glob("*.md"))]
    pieces = ["\n", "---", "```", "```yaml step", "## ", "- ", "[", "]", "{", "}", ": ", "&a ", "*a ", "!!x ", "|", ">",
              "'", '"', "\t", "\0", "\ufeff", "on: ", "checks:", "  ", "{{leader}}", "1e999", "-", "?"]  # fmt: skip
    for _ in range(150):
        text = chance.choice(sources)
        for _ in range(chance.randrange(1, 8)):
            at, end = sorted(chance.randrange(len(text)) for _ in range(2))
            text = text[:at] + chance.choice(pieces) * chance.choice((1, 1, 3, 40)) + text[min(end, at + 60) :]
        (tmp_path / "01-a.md").write_text(text, encoding="utf-8")
        course = load_course(tmp_path)
        assert course.lessons or course.problems


@pytest.mark.parametrize("pattern", ["(a|aa)+$", "(?s)a.*a.*a.*a.*a.*b"])
async def test_a_pattern_without_end_ends_and_holds_nothing_up(pattern: str) -> None:
    ticks = 0

    async def beat() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(TIME / 50)
            ticks += 1

    heart = asyncio.create_task(beat())
    with pytest.raises(PatternError, match="no answer within"):
        await found(pattern, "a" * 30_000 + "c")
    heart.cancel()
    assert ticks > 5, "the loop stood still meanwhile"


async def test_patterns_mean_what_they_meant() -> None:
    assert await found(r"^three \d+$", "one\nthree 3\n")
    assert not await found("^two$", "one two")
    assert await found("(?s)one.*two", "one\ntwo")
    for bad in ("(", "a" * 301, "(?P<x>a)(?P<x>b)"):
        with pytest.raises(PatternError):
            await found(bad, "a")


DEEP = "[" * 200_000
MANY = json.dumps({"version": 1, "steps": {f"s{number}": {} for number in range(MOST_RECORDS + 1)}})
HOSTILE: dict[str, Callable[[Path], object]] = {
    "deep": lambda path: path.write_text(DEEP),
    "deep steps": lambda path: path.write_text('{"version": 1, "steps": ' + DEEP),
    "many": lambda path: path.write_text(MANY),
    "digits": lambda path: path.write_text('{"version": ' + "1" * 10_000 + "}"),
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "large": lambda path: os.truncate(os.open(path, os.O_RDWR | os.O_CREAT), 2**33),
    "latin-1": lambda path: path.write_bytes(b'{"version": 1, "steps": {}, "last": "\xe9"}'),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_state_file_is_kept_aside_and_said(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    folder = paths.state_dir("pgha")
    uses: dict[str, Callable[[], Any]] = {
        "progress.json": lambda: Progress.load(folder / "progress.json").notices,
        "settings.json": lambda: load_settings("pgha").notices,
        Pins(folder)._path.name: lambda: _pins(folder),
    }
    for name, use in uses.items():
        HOSTILE[kind](folder / name)
        began = time.process_time()
        assert len(use()) == 1, name
        assert time.process_time() - began < 5
        assert len(list(folder.glob(f"{name}.corrupt-*"))) == 1
        assert not os.path.lexists(folder / name)
        assert use() == type(use())(), "the second start is as any other"


def _pins(folder: Path) -> list[str]:
    pins = Pins(folder)
    pins.get("x")
    return pins.notices


def test_a_program_under_hostile_files_takes_no_memory(tmp_path: Path) -> None:
    folder = tmp_path / "labs" / "pgha"
    folder.mkdir(parents=True)
    steps = {f"s{number}": {"done": True, "at": 1.5} for number in range(300_000)}
    (folder / "progress.json").write_text(json.dumps({"version": 1, "steps": steps}))
    (folder / "settings.json").write_text(DEEP)
    done = subprocess.run(
        [*limited("-v 1500000"), sys.executable, "-m", "pghalab", "reset", "--all"],
        env={**os.environ, "PGHALAB_STATE_DIR": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "kept as" in done.stderr and "the lab itself is as it was" in done.stdout


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_a_journal_that_is_no_file_is_moved_aside(kind: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    HOSTILE[kind](journal.path)
    assert list(journal.entries()) == []
    journal.append(StepStarted("a", "A"))
    assert [entry["step"] for entry in journal.entries()] == ["a"]
    assert len(list(tmp_path.glob("journal.jsonl.corrupt-*"))) == 1


def test_deep_and_torn_lines_of_a_journal_cost_only_themselves(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(StepStarted("a", "A"))
    with journal.path.open("a") as file:
        file.write(f'{DEEP}\n{{"x": {"1" * 9000}}}\n"text"\n\xff\n')
    journal.append(StepStarted("b", "B"))
    assert [entry["step"] for entry in journal.entries()] == ["a", "b"]


def test_the_journal_is_bounded_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LIMIT", 2_000)
    monkeypatch.setattr(lines, "LONGEST", 500)
    journal = Journal(tmp_path)
    for number in range(100):
        journal.append(StepStarted(f"s{number}", "A"))
    journal.append(StepStarted("long", "A" * 1000))
    steps = [entry["step"] for entry in journal.entries()]
    assert steps == [f"s{number}" for number in range(100 - len(steps), 100)]
    assert len(steps) > 10
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * 2_600
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_logs_are_bounded_by_their_size_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOGS_SIZE", 5_000)
    journal = Journal(tmp_path)
    for number in range(10):
        with journal.log(f"step-{number}") as log:
            log.write("x" * 2_000)
    kept = sorted((tmp_path / "logs").iterdir())
    assert kept[-1] == log.path
    assert len(kept) == 3, "two whole ones and the one that began"
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)


def test_what_a_killed_write_left_is_removed_by_the_next_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    old = time.time() - 3600

    def made(name: str, when: float = old) -> Path:
        file = tmp_path / name
        file.write_text("half")
        os.utime(file, (when, when))
        return file

    left = [made(".progress.json.abcd_123"), made(".progress.json.zzzzzzzz")]
    kept = [made(".progress.json.young123", time.time()), made(".settings.json.abcd_123"), made(".progress.json.bak"),
            made("progress.json.abcd_123"), made(".progress.json.ABCD-123"),
            made(".progress.json.abcd_123.txt")]  # fmt: skip
    (linked := tmp_path / ".progress.json.linked12").symlink_to(kept[1])
    used = made(".progress.json.in_use12")
    hold = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, used],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdin is not None
    holder.stdout.readline()
    try:
        files._swept.discard(path)
        files.write_atomic(path, "{}")
    finally:
        holder.communicate(b"\n")
    assert [file.name for file in left if file.exists()] == []
    assert [file.name for file in (*kept, used, linked) if not file.exists()] == []
    assert path.read_text() == "{}"


def test_the_log_of_the_program_is_private_bounded_and_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    (tmp_path / "pghalab.log").touch(0o644)
    paths.setup_logging()
    root = logging.getLogger()
    (handler,) = [one for one in root.handlers if isinstance(one, logging.FileHandler)
                  and one.baseFilename == str(tmp_path / "pghalab.log")]  # fmt: skip
    try:
        logging.getLogger("x").error("%s", "y" * 1_000_000)
        assert (tmp_path / "pghalab.log").stat().st_size < 50_000
        assert (tmp_path / "pghalab.log").stat().st_mode & 0o777 == 0o600
        logging.getLogger("x").error("a viewer came with %s", "http://127.0.0.1:8000/?token=Zm9vYmFyYmF6")
        written = (tmp_path / "pghalab.log").read_text()
        assert "?token=(removed)" in written and "Zm9v" not in written
        monkeypatch.setattr(handler.stream, "write", lambda text: (_ for _ in ()).throw(OSError(28, "No space left")))
        logging.getLogger("x").error("the disk is full by now")
        assert capsys.readouterr().err == ""
    finally:
        root.removeHandler(handler)
        handler.close()
