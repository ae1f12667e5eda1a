"""The plain shell script that the benchmark compares the course with."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from pghalab.course.checks import CHECKS
from pghalab.course.localise import Names
from pghalab.course.model import CheckSpec
from tests.bench.course import by_script, figures
from tests.bench.plain import Script, write
from tests.shipped import shipped_course

BY_THEMSELVES = {"output", "image", "containers"}
"""Checks that the script has no condition for: it sees the output, and deploys with a script of its own."""


def test_it_waits_for_all_that_the_course_checks_and_is_a_script(tmp_path: Path) -> None:
    course, path = shipped_course(), tmp_path / "course.sh"
    write(path, course, Names("other", "192.168.77"))
    done = subprocess.run(["sh", "-n", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    text = path.read_text()
    checks = [check for step in course.steps for check in step.checks]
    assert text.count("until_holds ") > sum(check.name not in BY_THEMSELVES for check in checks)
    assert "on pgha" not in text and "192.168.50" not in text


def test_a_check_without_a_condition_is_told() -> None:
    script = Script(shipped_course(), Names("pgha", "192.168.50"))
    with pytest.raises(ValueError, match="line 7: there is no shell condition for the check setting"):
        list(script._conditions(CheckSpec("setting", {"on": "all", "name": "port", "value": 5432}, 1.0, 7)))
    assert "setting" in CHECKS


def test_each_step_of_it_is_timed_from_the_print_of_its_name_to_the_next(tmp_path: Path) -> None:
    script, gate = tmp_path / "x.sh", tmp_path / "gate"
    os.mkfifo(gate)
    script.write_text(f"echo one; echo other words; echo two; read x < {gate}; echo three\n")

    def opens() -> None:
        with gate.open("w") as end:
            time.sleep(0.2)
            end.write("x\n")

    opener = threading.Thread(target=opens)
    opener.start()
    took = by_script(["sh", str(script)], {"one", "two", "three"}, tmp_path / "log")
    opener.join()
    assert set(took.steps) == {"", "one", "two", "three"}
    assert took.of({"two"}) >= 0.2
    assert took.of({"one", "two"}) == took.steps["one"] + took.steps["two"]
    with pytest.raises(RuntimeError, match="ended with 3:\nto be read"):
        by_script(["sh", "-c", "echo to be read; exit 3"], (), tmp_path / "log")


def test_the_way_is_held_beside_its_own_steps_of_the_script_alone() -> None:
    lessons, goes, beside = figures(60.0, 40.0, 80.0, 50.0)
    assert (lessons.value, goes.value, beside.value) == (0.75, 40.0, 0.8)
    assert lessons.holds and goes.holds and beside.holds
    assert not figures(81.0, 40.0, 80.0, 50.0)[0].holds and not figures(60.0, 50.5, 80.0, 50.0)[2].holds
