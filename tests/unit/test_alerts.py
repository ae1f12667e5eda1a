"""What no longer holds, in the order in which it is worth mending."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pghalab.course.events import CheckResult, StepState
from pghalab.session.alerts import broken_steps
from tests.fake_lab.course import write_course

FILE = "kind: command\nnode: pgha1\ncommand: x\nchecks:\n  - path: {path: /etc/x, nodes: [pgha1]}"
RUNS = "kind: command\nnode: pgha1\ncommand: x\nchecks:\n  - process: {name: etcd, nodes: [pgha1]}"


def test_required_before_optional_and_what_runs_before_what_stands_in_a_file(tmp_path: Path) -> None:
    course = write_course(
        tmp_path, f"id: extra\n{RUNS}\noptional: true", f"id: file\n{FILE}", f"id: first\n{RUNS}", f"id: second\n{RUNS}"
    )
    states: dict[str, StepState] = dict.fromkeys(("extra", "file", "first", "second"), "broken")
    assert [one.step for one in broken_steps(course, states, {}, str)] == ["first", "second", "file", "extra"]
    states["first"] = "done"
    assert [one.step for one in broken_steps(course, states, {}, str)] == ["second", "file", "extra"]


def test_what_nobody_could_look_at_is_not_said_to_be_broken(tmp_path: Path) -> None:
    course = write_course(tmp_path, f"id: first\n{RUNS}")
    bad = CheckResult("etcd runs", False, "pgha1 is out of reach", "running", "pgha1", known=False)
    assert broken_steps(course, {"first": "broken"}, {"first": (bad,)}, str) == []
    seen = replace(bad, node="pgha2", saw="stopped", known=True)
    (said,) = broken_steps(course, {"first": "broken"}, {"first": (bad, seen)}, str)
    assert "stopped" in said.text and "out of reach" not in said.text
