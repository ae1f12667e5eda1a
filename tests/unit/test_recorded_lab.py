"""The fake lab is what a real one was: a look at the whole course says of it what it said of the real one."""

from __future__ import annotations

from pathlib import Path

from tests.fake_lab.backend import Bench
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.recording import fingerprint, recording
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.shipped import shipped_course


async def test_every_step_of_the_course_stands_as_it_stood_on_the_real_lab(
    tmp_path: Path, lab: FakeLab, sources: FakeSources
) -> None:
    cluster_of_three(lab, sources)
    bench = Bench(tmp_path, lab, sources, driver="Nobody writes here, as when it was recorded.")
    course = shipped_course()
    backend = await bench.connect("pgha", course)
    found = {step: status.state for step, status in (await backend.runner.evaluate()).items()}
    was = recording("three")
    # Of a step whose checks were changed since, nobody asked the real lab what it asks now.
    same = [step for step in found if was.asked.get(step) == fingerprint(course, step)]
    assert {step: found[step] for step in same} == {step: was.steps[step] for step in same}
    assert sum(found[step] == "done" for step in same) > 20


async def test_a_lab_on_which_nothing_runs_has_done_nothing(tmp_path: Path, lab: FakeLab, sources: FakeSources) -> None:
    lab.put("exited")
    backend = await Bench(tmp_path, lab, sources).connect("pgha", shipped_course())
    found = (await backend.runner.evaluate()).values()
    assert {status.state for status in found} == {"todo"}
    assert all(not result.ok and result.saw for status in found for result in status.results)
