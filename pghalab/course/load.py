"""Reads the lesson files into a Course; whatever is wrong becomes a Problem and never an exception."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast, get_args

from pghalab.course.lines import Located, YamlError, parse
from pghalab.course.model import CheckSpec, Course, Lesson, Problem, Question, Step, StepKind

LESSONS = Path(__file__).resolve().parent.parent / "lessons"
DEFAULT_WITHIN = 15.0
DEFAULT_TIMEOUT = 60.0
MOST_CHOICES = 4
"""Choices of a question: each is chosen by a letter."""

_NUMBER = re.compile(r"(\d+)-")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KINDS = get_args(StepKind)
_ACTIONS = ("build", "up", "start")
_WIDGETS = ("quorum-table",)
_LESSON_KEYS = {"id", "title", "minutes", "credit", "needs", "optional"}
_CHOICE_KEYS = {"text", "explain", "right"}
_STEP_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "id": str, "kind": str, "node": str, "user": str, "command": str, "timeout": (int, float), "expect": str,
    "checks": list, "guard": list, "guard_reason": str, "until": (str, list), "no_check": str, "correction": str,
    "hints": list, "notes": str, "optional": bool, "action": str, "edit": dict, "question": dict, "widget": str,
    "fails": bool,
}  # fmt: skip
_WORDS = {str: "text", list: "a list", dict: "a mapping", bool: "true or false", (int, float): "a number",
          (str, list): "a step id or a list of them"}  # fmt: skip


class _Bad(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    line: int
    prose: str
    block: str | None
    block_line: int
    after: str


def load_course(folder: Path | None = None, *, strict: bool = True) -> Course:
    """Read every `NN-name.md` of a folder, by default the course that comes with pghalab.

    Unless `strict`, lessons in which the linter would find faults are in the course too.
    """
    folder = LESSONS if folder is None else folder
    lessons: list[Lesson] = []
    problems: list[Problem] = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".md" and _NUMBER.match(path.name))
    except OSError as error:
        return Course((), (Problem(folder, 1, f"cannot be read: {error.strerror or error}"),))
    seen_lessons: dict[str, Path] = {}
    seen_steps: dict[str, Path] = {}
    for path in paths:
        try:
            lesson = load_lesson(path)
            if strict:
                _reject_faults(lesson)
            _reject_doubles(lesson, seen_lessons, seen_steps)
        except _Bad as bad:
            problems.append(Problem(path, bad.line, bad.message))
            continue
        except OSError as error:
            problems.append(Problem(path, 1, f"cannot be read: {error.strerror or error}"))
            continue
        except UnicodeDecodeError:
            problems.append(Problem(path, 1, "is not UTF-8 text"))
            continue
        lessons.append(lesson)
    return Course(tuple(lessons), tuple(problems))


def load_lesson(path: Path) -> Lesson:
    """Read one lesson file; raises what `load_course` turns into a Problem."""
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        front, body_start = _front_matter(lines)
        intro, sections = _sections(lines, body_start)
        return _lesson(path, front, intro, sections)
    except YamlError as error:
        raise _Bad(error.line, error.message) from error


def _reject_faults(lesson: Lesson) -> None:
    # The checks take several times as long to import as the rest of the loader.
    from pghalab.course.lint import faults

    for line, message in faults(lesson):
        raise _Bad(line, message)


def _reject_doubles(lesson: Lesson, lessons: dict[str, Path], steps: dict[str, Path]) -> None:
    if lesson.id in lessons:
        raise _Bad(1, f"the lesson id `{lesson.id}` is taken by {lessons[lesson.id].name}")
    own: set[str] = set()
    for step in lesson.steps:
        if step.id in own or step.id in steps:
            where = "this file" if step.id in own else steps[step.id].name
            raise _Bad(step.line, f"the step id `{step.id}` is taken in {where}")
        own.add(step.id)
    lessons[lesson.id] = lesson.path
    steps.update(dict.fromkeys(own, lesson.path))


def _front_matter(lines: list[str]) -> tuple[Located, int]:
    if not lines or lines[0].strip() != "---":
        raise _Bad(1, "begins with no `---` front matter")
    for index in range(1, len(lines)):
        if lines[index].strip() == "---":
            return parse("\n".join(lines[1:index]), 2), index + 1
    raise _Bad(1, "the front matter is never closed by `---`")


def _sections(lines: list[str], start: int) -> tuple[str, list[_Section]]:
    """Split the body at `##` headings that stand outside fences; returns the intro and the sections."""
    heads: list[int] = []
    fence = ""
    for index in range(start, len(lines)):
        mark = _FENCE.match(lines[index])
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not mark[2].strip():
            fence = ""
        elif not fence and lines[index].startswith("## "):
            heads.append(index)
    if fence:
        raise _Bad(len(lines), "a code fence is never closed")
    first = heads[0] if heads else len(lines)
    intro = "\n".join(lines[start:first]).strip()
    return intro, [_section(lines, head, end) for head, end in pairwise([*heads, len(lines)])]


def _section(lines: list[str], head: int, end: int) -> _Section:
    title = lines[head][3:].strip()
    fence = ""
    opened = -1
    for index in range(head + 1, end):
        mark = _FENCE.match(lines[index])
        if not mark:
            continue
        if not fence:
            fence = mark[1]
            opened = index if mark[2].split() == ["yaml", "step"] else -1
        elif mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not mark[2].strip():
            if opened >= 0:
                return _Section(
                    title, head + 1, "\n".join(lines[head + 1 : opened]).strip(),
                    "\n".join(lines[opened + 1 : index]), opened + 2, "\n".join(lines[index + 1 : end]).strip(),
                )  # fmt: skip
            fence = ""
    return _Section(title, head + 1, "\n".join(lines[head + 1 : end]).strip(), None, head + 1, "")


def _lesson(path: Path, front: Located, intro: str, sections: list[_Section]) -> Lesson:
    for key in front.data:
        if key not in _LESSON_KEYS:
            raise _Bad(front.line(key), f"unknown key `{key}` in the front matter")
    for key in ("id", "title"):
        if not isinstance(front.data.get(key), str) or not front.data[key].strip():
            raise _Bad(front.line(key), f"the front matter needs `{key}`")
    lesson_id = front.data["id"]
    if not _ID.fullmatch(lesson_id):
        raise _Bad(front.line("id"), f"the id `{lesson_id}` is not lower-case words with hyphens")
    needs = front.data.get("needs") or []
    if not isinstance(needs, list) or not all(isinstance(item, str) for item in needs):
        raise _Bad(front.line("needs"), "`needs` is a list of lesson ids")
    minutes = front.data.get("minutes", 5)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or minutes < 1:
        raise _Bad(front.line("minutes"), "`minutes` is a whole number from 1")
    optional = front.data.get("optional", False)
    if not isinstance(optional, bool):
        raise _Bad(front.line("optional"), "`optional` is true or false")
    credit = front.data.get("credit", "")
    if not isinstance(credit, str):
        raise _Bad(front.line("credit"), "`credit` is text")
    if not sections:
        raise _Bad(1, "has no `##` section, so no step")
    number = _NUMBER.match(path.name)
    return Lesson(
        id=lesson_id, number=int(number[1]) if number else 0, title=front.data["title"].strip(), minutes=minutes,
        credit=credit.strip(), optional=optional, needs=tuple(needs), intro=intro,
        steps=tuple(_step(lesson_id, section) for section in sections), path=path,
    )  # fmt: skip


def _step(lesson_id: str, section: _Section) -> Step:
    if section.block is None:
        slug = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") or "section"
        return Step(f"{lesson_id}-{slug}", section.title, "read", section.prose, line=section.line)
    block = parse(section.block, section.block_line)
    data = block.data
    for key, value in data.items():
        wanted = _STEP_KEYS.get(key)
        if wanted is None:
            raise _Bad(block.line(key), f"unknown key `{key}` in a step")
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise _Bad(block.line(key), f"`{key}` is {_WORDS[wanted]}")
    kind = data.get("kind", "")
    if kind not in _KINDS:
        raise _Bad(block.line("kind"), f"`kind` is one of {', '.join(_KINDS)}; found `{kind}`")
    step_id = data.get("id", "")
    if not _ID.fullmatch(step_id):
        raise _Bad(block.line("id"), f"the step needs an `id` of lower-case words with hyphens; found `{step_id}`")
    user = data.get("user", "postgres")
    if user not in ("root", "postgres"):
        raise _Bad(block.line("user"), f"`user` is root or postgres; found `{user}`")
    action = data.get("action", "")
    if action and action not in _ACTIONS:
        raise _Bad(block.line("action"), f"`action` is one of {', '.join(_ACTIONS)}; found `{action}`")
    widget = data.get("widget", "")
    if widget and widget not in _WIDGETS:
        raise _Bad(block.line("widget"), f"`widget` is one of {', '.join(_WIDGETS)}; found `{widget}`")
    _require(kind, block)
    timeout = _seconds("timeout", data.get("timeout", DEFAULT_TIMEOUT), block.line("timeout"))
    hints = data.get("hints", [])
    if not all(isinstance(hint, str) for hint in hints):
        raise _Bad(block.line("hints"), "`hints` is a list of texts")
    until = [data["until"]] if isinstance(data.get("until"), str) else data.get("until", [])
    if not all(isinstance(later, str) for later in until):
        raise _Bad(block.line("until"), "`until` is a step id or a list of them")
    return Step(
        id=step_id, title=section.title, kind=cast(StepKind, kind), prose=section.prose, after=section.after,
        optional=data.get("optional", False), node=data.get("node", ""), user=user,
        command=data.get("command", "").rstrip("\n"), timeout=timeout,
        expect=data.get("expect", "").rstrip("\n"), checks=tuple(_checks(block, "checks")),
        no_check=data.get("no_check", "").strip(), fails=data.get("fails", False), until=tuple(until),
        guard=tuple(_checks(block, "guard")), guard_reason=data.get("guard_reason", "").strip(),
        action=cast(Any, action), edit=data.get("edit", {}), question=_question(block), widget=cast(Any, widget),
        hints=tuple(hint.strip() for hint in hints), notes=data.get("notes", "").strip(),
        correction=data.get("correction", "").strip(), line=block.start,
    )  # fmt: skip


def _require(kind: str, block: Located) -> None:
    """Each kind has what it needs and nothing that belongs to another kind."""
    own = {"command": "command", "question": "question", "edit": "edit", "action": "action", "wait": "checks"}
    needed = own.get(kind)
    if needed and not block.data.get(needed):
        raise _Bad(block.line("kind"), f"a step of kind {kind} needs `{needed}`")
    if kind == "command" and not block.data.get("node"):
        raise _Bad(block.line("kind"), "a step of kind command needs `node`")
    for key in ("command", "question", "edit", "action"):
        if key in block.data and key != needed:
            raise _Bad(block.line(key), f"`{key}` does not belong to a step of kind {kind}")


def _checks(block: Located, key: str) -> Iterator[CheckSpec]:
    for index, entry in enumerate(block.data.get(key, [])):
        line = block.entry(key, index)
        if not isinstance(entry, dict):
            raise _Bad(line, "a check is written `- name: {parameters}`")
        names = [name for name in entry if name != "within"]
        if len(names) != 1:
            raise _Bad(line, "a check has one name, and beside it only `within`")
        params = entry[names[0]]
        params = {} if params is None else params
        within = entry.get("within", DEFAULT_WITHIN)
        if not isinstance(params, dict):
            raise _Bad(line, f"the parameters of `{names[0]}` are a mapping, `{{}}` when there are none")
        seconds = _seconds("within", within, line)
        yield CheckSpec(str(names[0]), {str(name): value for name, value in params.items()}, seconds, line)


def _seconds(key: str, value: object, line: int) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise _Bad(line, f"`{key}` is a number of seconds above 0")
    return float(value)


def _question(block: Located) -> Question | None:
    if "question" not in block.data:
        return None
    line = block.line("question")
    data = block.data["question"]
    if set(data) != {"text", "choices"} or not isinstance(data["text"], str) or not isinstance(data["choices"], list):
        raise _Bad(line, "a question has `text` and the list `choices`")
    choices = data["choices"]
    for choice in choices:
        if not isinstance(choice, dict) or not set(choice) <= _CHOICE_KEYS:
            raise _Bad(line, "a choice has `text`, `explain` and, when it is the right one, `right: true`")
        if not all(isinstance(choice.get(key), (str, int, float)) for key in ("text", "explain")):
            raise _Bad(line, f"the choice `{choice.get('text', '')}` needs `text` and `explain`")
    right = [index for index, choice in enumerate(choices) if choice.get("right") is True]
    if not 2 <= len(choices) <= MOST_CHOICES or len(right) != 1:
        found = f"found {len(choices)} and {len(right)}"
        raise _Bad(line, f"a question has 2 to {MOST_CHOICES} choices and one right one; {found}")
    return Question(
        data["text"].strip(), tuple(str(choice["text"]).strip() for choice in choices), right[0],
        tuple(str(choice["explain"]).strip() for choice in choices),
    )  # fmt: skip
