"""Courses that a test writes."""

from __future__ import annotations

from pathlib import Path

from pghalab.course.load import load_course
from pghalab.course.model import Course

LESSON = """---
id: {id}
title: A lesson
minutes: 5
credit: Somebody
---
Intro.
{steps}"""


def write_course(folder: Path, *steps: str, lesson: str = "one") -> Course:
    """Load a course of one lesson, each step given as the YAML of its block."""
    blocks = "".join(
        f"\n## Step {number}\n\nProse.\n\n```yaml step\n{step}\n```\n\nAfter.\n" for number, step in enumerate(steps, 1)
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"01-{lesson}.md").write_text(LESSON.format(id=lesson, steps=blocks), encoding="utf-8")
    course = load_course(folder, strict=False)
    assert not course.problems, course.problems
    return course


def starts_patroni(node: str) -> str:
    """A step that starts Patroni on a node, `start-NODE`."""
    return f"""id: start-{node}
kind: command
node: {node}
command: nohup patroni /pgha/config/patroni.yaml &
starts: {{patroni: {node}}}
checks:
  - process: {{on: [{node}], name: patroni}}
    within: 0.3"""
