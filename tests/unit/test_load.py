"""Reading lesson files: what is understood, and that every mistake has its file and line."""

from pathlib import Path

import pytest

from pghalab.course.kinds import Question, Read
from pghalab.course.load import load_course

GOOD = """---
id: one
title: A lesson
minutes: 5
credit: Somebody
needs: []
---
Intro with a fence:

```
## not a heading
```

## First

Prose.

```yaml step
id: one-start
kind: command
node: pgha1
command: |
  echo 1
  echo 2
checks:
  - process: {on: [pgha1], name: etcd, running: false}
    within: 3
  - containers: {}
```

Read this later.

## Only prose

Nothing to run.
"""


def write(folder: Path, text: str, name: str = "01-one.md") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_lesson_is_read(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    course = load_course(tmp_path)
    assert course.problems == ()
    (lesson,) = course.lessons
    assert (lesson.id, lesson.number, lesson.minutes) == ("one", 1, 5)
    assert "## not a heading" in lesson.intro
    first, second = lesson.steps
    assert (first.title, first.prose, first.after) == ("First", "Prose.", "Read this later.")
    assert first.kind.where.command == "echo 1\necho 2"
    assert [check.name for check in first.checks] == ["process", "containers"]
    assert first.checks[0].params == {"on": ["pgha1"], "name": "etcd", "running": False}
    assert (first.checks[0].within, first.checks[0].line) == (3.0, 26)
    assert first.checks[1].params == {}
    assert (second.kind, second.id) == (Read(), "one-only-prose")


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("id: one\n", "id: one\nid: two\n", 3, "stands here twice"),
        ("needs: []", "sneeze: 1", 6, "unknown key `sneeze`"),
        ("minutes: 5", "minutes: soon", 4, "`minutes`"),
        ("minutes: 5", "minutes: 601", 4, "`minutes` is a whole number from 1 to 600"),
        ("kind: command", "kind: command\npause: 2.5", 21, "`pause` is a whole number"),
        ("kind: command", "kind: command\npause: true", 21, "`pause` is a whole number"),
        ("kind: command", "kind: command\npause: 0", 21, "`pause` is a whole number of seconds from 1 to 600"),
        ("kind: command", "kind: command\npause: 601", 21, "`pause` is a whole number of seconds from 1 to 600"),
        ("kind: command", "kind: magic", 20, "`kind` is one of"),
        ("node: pgha1\n", "nodes: pgha1\n", 21, "unknown key `nodes`"),
        ("node: pgha1\n", "", 20, "needs `node`"),
        ("id: one-start", "id: One Start", 19, "lower-case words"),
        ("    within: 3", "    within: soon", 26, "`within`"),
        ("  - containers: {}", "  - containers", 28, "a check is written"),
        ("  - containers: {}", "  - a: {}\n    b: {}", 28, "one name"),
        ("kind: command", "kind: command\nquestion: {}", 21, "does not belong"),
        ("checks:", "match: [typed nmber]\nchecks:", 25, "`match`: `typed nmber`: unknown type `nmber`"),
        ("kind: command", "kind: [", 20, "not valid YAML"),
        ("---\nIntro", "Intro", 1, "never closed"),
        ("```\n\nRead", "\nRead", 37, "never closed"),
    ],
)
def test_mistakes_have_a_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    course = load_course(tmp_path)
    assert course.lessons == ()
    (problem,) = course.problems
    assert words in problem.message
    assert abs(problem.line - line) <= (3 if "valid YAML" in words or words == "never closed" else 0), str(problem)
    assert str(problem).startswith(f"{path}:{problem.line}: ")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"---\n", b"---\n- 1\n---\n## x\n", b"\x00" * 50])
def test_rubbish_is_a_problem_and_not_an_exception(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, GOOD, "02-good.md")
    (tmp_path / "01-bad.md").write_bytes(data)
    course = load_course(tmp_path)
    assert [lesson.id for lesson in course.lessons] == ["one"]
    assert [problem.path.name for problem in course.problems] == ["01-bad.md"]


def test_ids_are_unique_in_the_course(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("id: one\n", "id: two\n"), "02-two.md")
    course = load_course(tmp_path)
    assert [lesson.id for lesson in course.lessons] == ["one"]
    assert "`one-start` is taken in 01-one.md" in course.problems[0].message


def test_a_lesson_with_a_fault_is_left_out_alone(tmp_path: Path) -> None:
    bad = write(tmp_path, GOOD.replace("containers: {}", "containrs: {}"))
    rest = GOOD.replace("id: one", "id: two").replace("needs: []", "needs: [one]")
    write(tmp_path, rest.replace("command: |", "until: one-start\ncommand: |"), "02-two.md")
    course = load_course(tmp_path)
    assert [lesson.id for lesson in course.lessons] == ["two"]
    (problem,) = course.problems
    assert str(problem).startswith(f"{bad}:28: unknown check `containrs`")
    assert len(load_course(tmp_path, strict=False).lessons) == 2


@pytest.mark.parametrize(
    "step",
    [
        "timeout: " + "9" * 400,
        "timeout: .nan",
        "checks: [{output: {matches: '('}}]",
        "checks:\n  - containers: {}\n    within: .nan",
        "checks:\n  - containers: {}\n    within: " + "9" * 400,
    ],
    ids=["long timeout", "timeout nan", "no expression", "within nan", "long within"],
)
def test_what_cannot_be_run_is_a_problem_with_its_line(tmp_path: Path, step: str) -> None:
    start = GOOD.index("checks:")
    write(tmp_path, GOOD[:start] + step + "\n" + GOOD[GOOD.index("```\n\nRead") :])
    course = load_course(tmp_path)
    assert course.lessons == ()
    assert course.problems[0].line >= 19


def test_a_question_has_one_right_choice(tmp_path: Path) -> None:
    question = """id: q
kind: question
question:
  text: Which?
  choices:
    - {text: A, explain: No., right: true}
    - {text: B, explain: Yes., right: %s}"""
    body = GOOD.replace(GOOD[GOOD.index("id: one-start") : GOOD.index("```\n\nRead")], question + "\n")
    write(tmp_path, body % "false")
    assert load_course(tmp_path).lessons[0].steps[0].kind == Question("Which?", ("A", "B"), 0, ("No.", "Yes."))
    write(tmp_path, body % "true")
    assert "one right one; found 2 and 2" in load_course(tmp_path).problems[0].message
    more = "\n    - {text: C, explain: No.}" * 3
    path = write(tmp_path, body.replace("\n```\n\nRead", f"{more}\n```\n\nRead") % "false")
    (problem,) = load_course(tmp_path).problems
    assert str(problem) == f"{path}:21: a question has 2 to 4 choices and one right one; found 5 and 1"


def test_a_missing_folder_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in load_course(tmp_path / "none").problems[0].message


def test_the_course_itself_reads_without_a_problem() -> None:
    course = load_course()
    assert course.problems == ()
    assert course.lessons
