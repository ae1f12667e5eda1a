"""Progress survives; a file that cannot be used is kept aside and said."""

from pathlib import Path

import pytest

from pghalab.course.progress import Progress


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "progress.json"
    progress = Progress.load(path)
    assert progress.notices == []
    progress.mark_done("a")
    progress.record("b").choice = 2
    progress.record("c").output = "héllo\n"
    progress.last = "b"
    progress.save()
    again = Progress.load(path)
    assert again.record("a").done
    assert again.record("a").at > 0
    assert again.record("b").choice == 2
    assert again.record("c").output == "héllo\n"
    assert again.last == "b"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 99, "steps": {}}',
        '{"version": 1}',
        '{"version": 1, "steps": {"a": {"done": "yes"}}}',
    ],
)
def test_a_corrupt_file_is_kept_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "progress.json"
    path.write_text(text, encoding="utf-8")
    progress = Progress.load(path)
    (aside,) = tmp_path.glob("progress.json.corrupt-*")
    assert aside.read_text(encoding="utf-8") == text
    assert str(aside) in progress.notices[0]
    progress.mark_done("a")
    progress.save()
    assert Progress.load(path).record("a").done


def test_forgetting(tmp_path: Path) -> None:
    progress = Progress.load(tmp_path / "p.json")
    progress.mark_done("a")
    progress.mark_done("b")
    progress.last = "a"
    progress.forget(["a", "unknown"])
    assert not progress.record("a").done
    assert progress.last == ""
    progress.forget_all()
    assert not progress.record("b").done


def test_a_read_only_console_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text("{", encoding="utf-8")
    progress = Progress.load(path, read_only=True)
    progress.mark_done("a")
    progress.save()
    assert path.read_text() == "{"
    assert progress.notices


def test_a_disk_that_refuses_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    progress = Progress(tmp_path / "file" / "p.json")
    progress.mark_done("a")
    progress.save()
    progress.save()
    assert len(progress.notices) == 1
