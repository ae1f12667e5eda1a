"""The plain shell script that the benchmark compares the course with."""

import subprocess
from pathlib import Path

import pytest

from pghalab.course.checks import CHECKS
from pghalab.course.localise import Names
from pghalab.course.model import CheckSpec
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
