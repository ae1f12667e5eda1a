"""Reads the lesson files into a Course; whatever is wrong becomes a Problem and never an exception."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from pghalab.course.expected.rules import RuleError, Rules, read_rules
from pghalab.course.kinds import KINDS, Read, read_kind
from pghalab.course.kinds.fields import FLAG, LIST, TEXT, TEXTS, WHOLE, Bad, Types, in_seconds, of_type, one_of
from pghalab.course.lines import Located, YamlError, parse
from pghalab.course.model import CheckSpec, Course, Lesson, Problem, Step
from pghalab.course.timing import LONGEST
from pghalab.course.titles import LARGEST, LESSONS, MOST_LESSONS, NUMBERED, lesson_files
from pghalab.lab.host.files import Unfit, read_text
from pghalab.values import dataclass

DEFAULT_WITHIN = 15.0
MOST_STEPS = 200
"""Sections of a lesson."""
MOST_MINUTES = 600

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_WIDGETS = ("quorum-table",)
_LESSON_KEYS = {"id", "title", "minutes", "credit", "needs", "optional"}
_STEP_KEYS: Mapping[str, Types] = {
    "id": TEXT, "kind": TEXT, "expect": TEXT, "match": LIST, "silent": FLAG, "checks": LIST, "guard": LIST,
    "guard_reason": TEXT, "until": TEXTS, "undone_by": TEXTS, "needless_if": LIST, "needs": TEXTS,
    "correction": TEXT, "errata": LIST, "hints": LIST, "diagnoses": TEXTS, "notes": TEXT, "pause": WHOLE,
    "optional": FLAG, "widget": TEXT,
    **{key: wanted for kind in KINDS.values() for key, wanted in kind.keys.items()},
}  # fmt: skip


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
        paths = lesson_files(folder)
    except OSError as error:
        return Course((), (Problem(folder, 1, f"cannot be read: {error.strerror or error}"),))
    if not paths:
        problems.append(Problem(folder, 1, "holds no lesson; a lesson's file is called NN-name.md"))
    if len(paths) > MOST_LESSONS:
        problems.append(Problem(folder, 1, f"holds more than {MOST_LESSONS} lessons; only the first are read"))
        paths = paths[:MOST_LESSONS]
    seen_lessons: dict[str, Path] = {}
    seen_steps: dict[str, Path] = {}
    for path in paths:
        try:
            lesson = load_lesson(path)
            if strict:
                _reject_faults(lesson)
            _reject_doubles(lesson, seen_lessons, seen_steps)
        except Bad as bad:
            problems.append(Problem(path, bad.line, bad.message))
            continue
        except OSError as error:
            problems.append(Problem(path, 1, f"cannot be read: {error.strerror or error}"))
            continue
        except Unfit as error:
            problems.append(Problem(path, 1, f"cannot be used: {error}"))
            continue
        lessons.append(lesson)
    return Course(tuple(lessons), tuple(problems))


def load_lesson(path: Path) -> Lesson:
    """Read one lesson file; raises what `load_course` turns into a Problem."""
    lines = read_text(path, LARGEST).splitlines()
    try:
        front, body_start = _front_matter(lines)
        intro, sections = _sections(lines, body_start)
        return _lesson(path, front, intro, sections)
    except YamlError as error:
        raise Bad(error.line, error.message) from error


def _reject_faults(lesson: Lesson) -> None:
    # The checks take several times as long to import as the rest of the loader.
    from pghalab.course.lint import faults

    for line, message in faults(lesson):
        raise Bad(line, message)


def _reject_doubles(lesson: Lesson, lessons: dict[str, Path], steps: dict[str, Path]) -> None:
    if lesson.id in lessons:
        raise Bad(1, f"the lesson id `{lesson.id}` is taken by {lessons[lesson.id].name}")
    own: set[str] = set()
    for step in lesson.steps:
        if step.id in own or step.id in steps:
            where = "this file" if step.id in own else steps[step.id].name
            raise Bad(step.line, f"the step id `{step.id}` is taken in {where}")
        own.add(step.id)
    lessons[lesson.id] = lesson.path
    steps.update(dict.fromkeys(own, lesson.path))


def _front_matter(lines: list[str]) -> tuple[Located, int]:
    if not lines or lines[0].strip() != "---":
        raise Bad(1, "begins with no `---` front matter")
    for index in range(1, len(lines)):
        if lines[index].strip() == "---":
            return parse("\n".join(lines[1:index]), 2), index + 1
    raise Bad(1, "the front matter is never closed by `---`")


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
        raise Bad(len(lines), "a code fence is never closed")
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
            raise Bad(front.line(key), f"unknown key `{key}` in the front matter")
    for key in ("id", "title"):
        if not isinstance(front.data.get(key), str) or not front.data[key].strip():
            raise Bad(front.line(key), f"the front matter needs `{key}`")
    lesson_id = front.data["id"]
    if not _ID.fullmatch(lesson_id):
        raise Bad(front.line("id"), f"the id `{lesson_id}` is not lower-case words with hyphens")
    needs = front.data.get("needs") or []
    if not isinstance(needs, list) or not all(isinstance(item, str) for item in needs):
        raise Bad(front.line("needs"), "`needs` is a list of lesson ids")
    minutes = front.data.get("minutes", 5)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= MOST_MINUTES:
        raise Bad(front.line("minutes"), f"`minutes` is a whole number from 1 to {MOST_MINUTES}")
    optional = front.data.get("optional", False)
    if not isinstance(optional, bool):
        raise Bad(front.line("optional"), "`optional` is true or false")
    credit = front.data.get("credit", "")
    if not isinstance(credit, str):
        raise Bad(front.line("credit"), "`credit` is text")
    if len(sections) > MOST_STEPS:
        raise Bad(sections[MOST_STEPS].line, f"has more than {MOST_STEPS} sections")
    if not sections:
        raise Bad(1, "has no `##` section, so no step")
    number = NUMBERED.match(path.name)
    return Lesson(
        id=lesson_id, number=int(number[1]) if number else 0, title=front.data["title"].strip(), minutes=minutes,
        credit=credit.strip(), optional=optional, needs=tuple(needs), intro=intro,
        steps=tuple(_step(lesson_id, section) for section in sections), path=path,
    )  # fmt: skip


def _step(lesson_id: str, section: _Section) -> Step:
    if section.block is None:
        slug = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") or "section"
        return Step(f"{lesson_id}-{slug}", section.title, Read(), section.prose, line=section.line)
    block = parse(section.block, section.block_line)
    data = block.data
    for key in data:
        wanted = _STEP_KEYS.get(key)
        if wanted is None:
            raise Bad(block.line(key), f"unknown key `{key}` in a step")
        of_type(block, key, wanted)
    kind = read_kind(block)
    step_id = data.get("id", "")
    if not _ID.fullmatch(step_id):
        raise Bad(block.line("id"), f"the step needs an `id` of lower-case words with hyphens; found `{step_id}`")
    hints = data.get("hints", [])
    if not all(isinstance(hint, str) for hint in hints):
        raise Bad(block.line("hints"), "`hints` is a list of texts")
    errata = data.get("errata", [])
    if not all(isinstance(number, str) for number in errata):
        raise Bad(block.line("errata"), "`errata` is a list of the source text's errors, like T7")
    return Step(
        id=step_id, title=section.title, kind=kind, prose=section.prose, after=section.after,
        optional=data.get("optional", False), expect=data.get("expect", "").rstrip("\n"),
        match=_rules(block), silent=data.get("silent", False),
        checks=tuple(_checks(block, "checks")), until=_names(block, "until"),
        undone_by=_names(block, "undone_by"), needs=_names(block, "needs"), guard=tuple(_checks(block, "guard")),
        needless_if=tuple(_checks(block, "needless_if")),
        guard_reason=data.get("guard_reason", "").strip(), widget=cast(Any, one_of(block, "widget", _WIDGETS)),
        hints=tuple(hint.strip() for hint in hints), diagnoses=_names(block, "diagnoses", "a name"),
        notes=data.get("notes", "").strip(), pause=_pause(block),
        correction=data.get("correction", "").strip(), errata=tuple(errata), line=block.start,
    )  # fmt: skip


def _pause(block: Located) -> int | None:
    pause: int | None = block.data.get("pause")
    if pause is not None and not 1 <= pause <= LONGEST:
        raise Bad(block.line("pause"), f"`pause` is a whole number of seconds from 1 to {LONGEST}")
    return pause


def _rules(block: Located) -> Rules:
    try:
        return read_rules(block.data.get("match", []))
    except RuleError as error:
        raise Bad(block.line("match"), f"`match`: {error}") from error


def _names(block: Located, key: str, what: str = "a step id") -> tuple[str, ...]:
    names = [block.data[key]] if isinstance(block.data.get(key), str) else block.data.get(key, [])
    if not all(isinstance(name, str) for name in names):
        raise Bad(block.line(key), f"`{key}` is {what} or a list of them")
    return tuple(names)


def _checks(block: Located, key: str) -> Iterator[CheckSpec]:
    beside = "otherwise" if key == "guard" else "within"
    for index, entry in enumerate(block.data.get(key, [])):
        line = block.entry(key, index)
        if not isinstance(entry, dict):
            raise Bad(line, "a check is written `- name: {parameters}`")
        names = [name for name in entry if name != beside]
        if len(names) != 1:
            raise Bad(line, f"a check has one name, and beside it only `{beside}`")
        params = entry[names[0]]
        params = {} if params is None else params
        if not isinstance(params, dict):
            raise Bad(line, f"the parameters of `{names[0]}` are a mapping, `{{}}` when there are none")
        otherwise = entry.get("otherwise", "")
        if not isinstance(otherwise, str):
            raise Bad(line, "`otherwise` is text")
        yield CheckSpec(
            str(names[0]), {str(name): value for name, value in params.items()},
            in_seconds("within", entry.get("within", DEFAULT_WITHIN), line), line, otherwise.strip(),
        )  # fmt: skip
