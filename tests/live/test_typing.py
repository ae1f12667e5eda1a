"""A learner who types everything: lessons 7 to the last by the shell pane alone, on a real lab and a real terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from pghalab.course.journal import Journal
from pghalab.course.load import load_course
from pghalab.course.localise import Names
from pghalab.lab.engine.client import Engine
from pghalab.lab.host.paths import state_dir
from pghalab.lab.settings import save_settings
from tests.live.conftest import MakeSettings
from tests.live.driven import Course
from tests.typist import Typist

ETCD = ("etcd-config", "patroni-config")
"""The first and the last lesson of what is typed in the ordinary tests."""
CLUSTER = ("leader", "looking-back")
FURTHER = {"etcd-endpoints": ". ~/.profile"}
"""What lessons say is to be typed beside a step's command: the shell is older than the line in the profile."""
NOTICED = 2.0
KEEPS_RUNNING = 15.0
"""A service counts as started once it keeps running, and three members that are away are awaited."""


@pytest.mark.parametrize(
    ("lessons", "columns", "rows"),
    [
        (ETCD, 120, 40),
        pytest.param(ETCD, 80, 24, marks=pytest.mark.soak),
        pytest.param(CLUSTER, 120, 40, marks=pytest.mark.soak),
        pytest.param(CLUSTER, 80, 24, marks=pytest.mark.soak),
    ],
)
async def test_each_step_is_noticed_that_is_typed_into_the_pane(
    make_settings: MakeSettings, engine: Engine, lessons: tuple[str, str], columns: int, rows: int
) -> None:
    settings = await make_settings(5)
    save_settings(settings)
    Course(settings, engine).verb("goto", lessons[0])
    journal, course = Journal(state_dir(settings.name) / "journal"), load_course()
    before = len(list(journal.entries()))
    names = Names(settings.prefix, settings.subnet, "scram-sha-256", settings.network)
    typist = Typist(settings.name, names, columns, rows, {"PYTHONPATH": str(Path.cwd())})
    try:
        typist.open()
        ids = [lesson.id for lesson in course.lessons]
        part = course.lessons[ids.index(lessons[0]) : ids.index(lessons[1]) + 1]
        steps = [step for lesson in part for step in lesson.steps]
        for step in steps:
            where = step.kind.where
            typist.do(step, f"{where.user}@{names.text(where.node)}", then=FURTHER.get(step.id, ""))
    finally:
        typist.close()
    begun = [entry for entry in list(journal.entries())[before:] if entry["event"] == "CommandStarted"]
    assert begun and all(entry.get("typed") for entry in begun), "nothing was run by the console"
    slow = {step: f"{seconds:.1f} s" for step, seconds in typist.seconds.items() if seconds > NOTICED}
    print(f"later than {NOTICED:g} s: {slow}")
    assert max(typist.seconds.values()) < KEEPS_RUNNING
    assert not typist.differs, "\n".join(f"{step}:\n{shown}" for step, shown in typist.differs.items())
