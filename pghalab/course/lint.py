"""Finds what is wrong with lessons beyond what keeps them from being read."""

from __future__ import annotations

from collections.abc import Iterator

from pghalab.course.checks import CHECKS
from pghalab.course.checks.base import problems
from pghalab.course.diagnoses import MISTAKES
from pghalab.course.expected.idle import idle_rules
from pghalab.course.expected.rules import NONE
from pghalab.course.kinds import EVERY_NODE
from pghalab.course.model import CheckSpec, Course, Lesson, Problem, Step
from pghalab.course.patterns import PatternError, require
from pghalab.course.placeholders import KNOWN, used

NODES = tuple(f"pgha{number}" for number in range(1, 6))
"""The nodes that lessons may name."""
LONGEST_COMMAND = 1800.0
"""Seconds."""
LONGEST_CHECK = 600.0
MISTAKES_OF_A_STEP = 2
LONG_LESSON, NOTED_STEPS = 6, 3
"""From so many steps on a lesson has notes for a presenter in so many of them."""
ASKED = "Asked: "
"""How the paragraph of a note begins that answers what the room usually asks."""
_IN_CHECKS = ("node", "address")
"""Placeholders that a check answers itself, for each node it looks at."""


def lint(course: Course) -> list[Problem]:
    """Everything wrong with a course, in the order of its files and lines."""
    found = list(course.problems)
    order = {step.id: number for number, step in enumerate(_steps(course))}
    lessons = [lesson.id for lesson in course.lessons]
    for number, lesson in enumerate(course.lessons):
        wrong = [*faults(lesson), *_needs(lesson, lessons[:number], lessons), *_order(lesson, order)]
        wrong += _notes(lesson)
        wrong += [(step.line, words) for step in lesson.steps for words in (*_outputs(step), *_mistakes(step))]
        found += (Problem(lesson.path, line, words) for line, words in wrong)
    return sorted(found, key=lambda problem: (str(problem.path), problem.line))


def faults(lesson: Lesson) -> Iterator[tuple[int, str]]:
    """What is wrong with a lesson by itself, whatever the others are: lines and words."""
    if not lesson.credit:
        yield 1, "the front matter needs `credit`: whose text the lesson follows"
    for step in lesson.steps:
        yield from _step(step)


def _steps(course: Course) -> Iterator[Step]:
    for lesson in course.lessons:
        yield from lesson.steps


def _needs(lesson: Lesson, before: list[str], lessons: list[str]) -> Iterator[tuple[int, str]]:
    for need in lesson.needs:
        if need not in lessons:
            yield 1, f"`needs`: there is no lesson `{need}`"
        elif need not in before:
            yield 1, f"`needs`: the lesson `{need}` does not come before this one"


def _order(lesson: Lesson, order: dict[str, int]) -> Iterator[tuple[int, str]]:
    for step in lesson.steps:
        for key, later in [
            *(("until", each) for each in step.until),
            *(("undone_by", each) for each in step.undone_by),
        ]:
            if order.get(later, -1) <= order[step.id]:
                known = "does not come later" if later in order else "does not exist"
                yield step.line, f"`{key}`: the step `{later}` {known}"
        for need in step.needs:
            if order.get(need, len(order)) >= order[step.id]:
                known = "does not come before" if need in order else "does not exist"
                yield step.line, f"`needs`: the step `{need}` {known}"


def _notes(lesson: Lesson) -> Iterator[tuple[int, str]]:
    """Whether whoever presents a lesson finds how to open it, what is asked, and something on the way."""
    noted = [step for step in lesson.steps if step.notes]
    first = lesson.steps[0]
    if not first.notes:
        yield first.line, f"the step `{first.id}` needs `notes`: it opens the lesson"
    if len(lesson.steps) >= LONG_LESSON and len(noted) < NOTED_STEPS:
        yield 1, f"a lesson of {LONG_LESSON} steps and more has `notes` in {NOTED_STEPS} at least; found {len(noted)}"
    if noted and not any(line.startswith(ASKED) for step in noted for line in step.notes.splitlines()):
        yield (
            noted[0].line,
            f"no `notes` of the lesson say what the room asks: a paragraph that begins with `{ASKED.strip()}`",
        )


def _outputs(step: Step) -> Iterator[str]:
    """What is wrong with what a step is said to print; a lesson can be used all the same."""
    if step.kind.where.command and not step.expect and not step.silent:
        yield f"the step `{step.id}` needs `expect` (`pghalab lint --record` writes it), or `silent: true`"
    if step.expect and step.silent:
        yield f"the step `{step.id}` has both `expect` and `silent`"
    if step.match != NONE and not step.expect:
        yield f"the step `{step.id}` has `match`, and no `expect` that it could be about"
    elif idle := idle_rules(step.expect, step.match):
        yield from (f"the step `{step.id}`: {words}" for words in idle)


def _mistakes(step: Step) -> Iterator[str]:
    """Whether a step that leaves something to look at knows what commonly goes wrong in it."""
    lasting = any(spec.name != "output" for spec in step.checks)
    if step.kind.where.command and lasting and len(step.diagnoses) < MISTAKES_OF_A_STEP:
        yield f"the step `{step.id}` needs `diagnoses`: the names of {MISTAKES_OF_A_STEP} common mistakes at least"


def _step(step: Step) -> Iterator[tuple[int, str]]:
    for words in step.kind.faults(step):
        yield step.line, words
    for node in step.kind.patroni:
        if node not in NODES:
            yield step.line, f"`starts`: unknown node `{node}`"
    if step.kind.timeout > LONGEST_COMMAND:
        yield step.line, f"`timeout` is at most {LONGEST_COMMAND:g} s; found {step.kind.timeout:g}"
    where = step.kind.where
    if where.node and where.node not in (*NODES, EVERY_NODE) and not used(where.node):
        yield step.line, f"unknown node `{where.node}`"
    if bool(step.correction) != bool(step.errata):
        yield step.line, "`correction` and `errata` go together"
    if bool(step.guard) != bool(step.guard_reason):
        yield step.line, "`guard` and `guard_reason` go together"
    texts = (step.title, step.prose, step.after, where.node, where.command, step.expect, step.notes, *step.hints)
    for word in sorted(used(*texts) - set(KNOWN)):
        yield step.line, f"unknown placeholder `{{{{{word}}}}}`; known are {', '.join(KNOWN)}"
    for name in step.diagnoses:
        if name not in MISTAKES:
            yield step.line, f"unknown diagnosis `{name}`; known are {', '.join(sorted(MISTAKES))}"
    for spec in step.guard:
        if not spec.otherwise:
            yield spec.line, f"a guard leaves a way out: `otherwise` says what to do when `{spec.name}` does not hold"
    for spec in (*step.checks, *step.guard, *step.needless_if):
        for words in _check(spec):
            yield spec.line, words


def _check(spec: CheckSpec) -> Iterator[str]:
    kind = CHECKS.get(spec.name)
    if kind is None:
        yield f"unknown check `{spec.name}`; known are {', '.join(sorted(CHECKS))}"
        return
    for words in problems(spec.params, kind, NODES):
        yield f"check `{spec.name}`: {words}"
    if spec.within > LONGEST_CHECK:
        yield f"check `{spec.name}`: `within` is at most {LONGEST_CHECK:g} s; found {spec.within:g}"
    for word in sorted(used(repr(dict(spec.params))) - set(_IN_CHECKS)):
        yield f"check `{spec.name}`: unknown placeholder `{{{{{word}}}}}`; known are {', '.join(_IN_CHECKS)}"
    if ("matches" in spec.params) != ("words" in spec.params) and "words" in kind.params:
        yield f"check `{spec.name}`: `matches` and `words` go together: the learner reads the words"
    pattern = spec.params.get("matches")
    if isinstance(pattern, str):
        try:
            require(pattern)
        except PatternError as error:
            yield f"check `{spec.name}`: `matches` cannot be used: {error}"
