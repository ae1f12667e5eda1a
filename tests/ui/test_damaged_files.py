"""Damaged files of the real parts: kept aside, said in the console and by `pghalab run`, and gone on without."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from textual.widgets import Static

from pghalab.app import PghalabApp
from pghalab.lab.host.paths import state_dir
from tests.shipped import shipped_course
from tests.ui.stage import until

LESSONS = Path(__file__).parents[2] / "pghalab" / "lessons"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a lab whose settings and progress are damaged; no engine answers."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    found = state_dir("pgha")
    (found / "settings.json").write_bytes(b'{"name": "pgha", "prefix": \xff')
    (found / "progress.json").write_text('{"version": 1, "steps": [')
    return found


def kept(folder: Path) -> list[str]:
    """The files that were kept aside."""
    return sorted(path.name.split(".corrupt-")[0] for path in folder.glob("*.corrupt-*"))


async def test_the_console_says_it_and_opens(folder: Path, tmp_path: Path) -> None:
    lessons = tmp_path / "lessons"
    shutil.copytree(LESSONS, lessons)
    (lessons / "05-names.md").write_bytes(b"---\nid: [\n\xff")
    app = PghalabApp(lessons=lessons)
    async with app.run_test(size=(200, 50)) as pilot:
        await until(pilot, lambda: app.session.state.backend is not None)
        said = "\n".join(app.session.state.notices)
        assert "05-names.md" in said and "settings.json" in said and "progress" in said
        await until(pilot, lambda: "05-names.md" in str(app.screen.query_one("#notices", Static).content))
        assert app.session.state.course is not None
        assert len(app.session.state.course.lessons) == len(shipped_course().lessons) - 1
        first = app.session.state.course.lessons[0].steps[0].id
        app.session.learner.mark_read(first)
    assert kept(folder) == ["progress.json", "settings.json"]
    assert f'"{first}"' in (folder / "progress.json").read_text()


def test_the_run_says_it_and_goes_on(folder: Path) -> None:
    first = shipped_course().lessons[0].steps[0].id
    command = [sys.executable, "-m", "pghalab", "run", "--to", first]
    done = subprocess.run(command, capture_output=True, text=True, cwd=LESSONS.parents[1], check=False)
    assert done.returncode == 0, done.stderr
    assert "settings.json" in done.stderr and "progress" in done.stderr
    assert kept(folder) == ["progress.json", "settings.json"]
    assert "1 done" in done.stdout
