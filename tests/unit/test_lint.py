"""The linter: the course has no problems, and each rule finds what it is for."""

from pathlib import Path

import pytest

from pghalab import cli
from pghalab.course.lint import lint
from pghalab.course.load import load_course
from tests.fake_lab.course import write_course

COMMAND = "id: a\nkind: command\nnode: pgha1\ncommand: ls\n"


def test_the_course_itself_is_clean() -> None:
    assert [str(problem) for problem in lint(load_course())] == []


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (COMMAND, "needs `checks`, or `no_check`"),
        (COMMAND.replace("pgha1", "pgha9") + "no_check: x", "unknown node `pgha9`"),
        (COMMAND.replace("ls", '"ls {{captain}}"') + "no_check: x", "unknown placeholder `{{captain}}`"),
        (COMMAND + "no_check: x\ntimeout: 99999", "`timeout` is at most"),
        (COMMAND + "no_check: x\nuntil: later", "`until`: the step `later` does not exist"),
        (COMMAND + "no_check: x\nuntil: a", "`until`: the step `a` does not come later"),
        (COMMAND + "no_check: x\nundone_by: a", "`undone_by`: the step `a` does not come later"),
        (COMMAND + "no_check: x\nguard_reason: y", "go together"),
        (COMMAND + "no_check: x\ncorrection: y", "`correction` and `errata` go together"),
        (COMMAND + "no_check: x\nguard_reason: y\nguard: [{containers: {}}]", "a guard leaves a way out"),
        (COMMAND + "no_check: x\nneedless_if: [{containrs: {}}]", "unknown check `containrs`"),
        (COMMAND + "no_check: x\nchecks: [{containers: {}}]", "both `checks` and `no_check`"),
        (COMMAND + "checks: [{etc: {}}]", "unknown check `etc`"),
        (COMMAND + "checks: [{process: {on: [pgha1]}}]", "needs `name`"),
        (COMMAND + "checks: [{process: {name: etcd, on: [pgha7]}}]", "unknown node `pgha7`"),
        (COMMAND + "checks: [{process: {name: etcd, on: some}}]", "unknown node `some`"),
        (COMMAND + "checks: [{process: {name: etcd, running: 1}}]", "`running` is true or false"),
        (COMMAND + "checks: [{process: {name: etcd, colour: red}}]", "unknown parameter `colour`"),
        (COMMAND + "checks: [{path: {path: /x, type: pipe}}]", "`type` is one of file, directory"),
        (COMMAND + "checks: [{output: {matches: '('}}]", "no regular expression"),
        (COMMAND + "checks:\n  - containers: {}\n    within: 9999", "`within` is at most"),
        (COMMAND + "no_check: x", "needs `expect` (`pghalab lint --record` writes it), or `silent: true`"),
        (COMMAND + "no_check: x\nsilent: true\nexpect: a", "has both `expect` and `silent`"),
        (COMMAND + "no_check: x\nsilent: true\nmatch: [free order]", "has `match`, and no `expect`"),
        (COMMAND + "no_check: x\nexpect: a\nmatch: [typed number]", "`match`: nothing is of the type `number`"),
        (COMMAND + "silent: true\nchecks: [{containers: {}}]\ndiagnoses: [etcd-root]", "needs `diagnoses`"),
        ("id: a\nkind: action\naction: up", "needs `checks`"),
        ("id: a\nkind: read\nchecks: [{containers: {}}]", "has no `checks`"),
    ],
)
def test_each_rule(tmp_path: Path, step: str, words: str) -> None:
    problems = [str(problem) for problem in lint(write_course(tmp_path, step))]
    assert any(words in problem for problem in problems), problems


def test_what_only_prints_leaves_nothing_to_diagnose(tmp_path: Path) -> None:
    steps = (
        COMMAND + "silent: true\nchecks: [{output: {contains: [a]}}]",
        COMMAND.replace("id: a", "id: b") + "silent: true\nchecks: [{containers: {}}]\ndiagnoses: [etcd-root, paused]",
    )
    assert [str(problem) for problem in lint(write_course(tmp_path, *steps)) if "diagnoses" in str(problem)] == []


def test_needs_name_earlier_lessons(tmp_path: Path) -> None:
    write_course(tmp_path, "id: a\nkind: read")
    path = tmp_path / "01-one.md"
    path.write_text(path.read_text().replace("minutes: 5", "minutes: 5\nneeds: [two, one]"), encoding="utf-8")
    words = [problem.message for problem in lint(load_course(tmp_path)) if "`notes`" not in problem.message]
    assert words == ["`needs`: there is no lesson `two`", "`needs`: the lesson `one` does not come before this one"]


READ = "id: {}\nkind: read\n"
NOTED = READ + "notes: |\n  Say: a word.\n\n  Asked: Why? Because.\n"


def test_whoever_presents_a_lesson_finds_how_to_open_it_and_what_is_asked(tmp_path: Path) -> None:
    names = "abcdef"
    for name, steps, words in (
        ("none", [READ.format("a")], ["the step `a` needs `notes`: it opens the lesson"]),
        ("short", [NOTED.format("a"), READ.format("b")], []),
        ("asked", [READ.format("a") + "notes: Say something."], ["no `notes` of the lesson say what the room asks"]),
        ("few", [NOTED.format(one) for one in "ab"] + [READ.format(one) for one in "cdef"], ["found 2"]),
        ("long", [NOTED.format(one) for one in "abc"] + [READ.format(one) for one in "def"], []),
        ("late", [READ.format("a"), *(NOTED.format(one) for one in names[1:])], ["the step `a` needs `notes`"]),
    ):
        said = [problem.message for problem in lint(write_course(tmp_path / name, *steps))]
        assert len(said) == len(words), said
        assert all(word in message for word, message in zip(words, said, strict=True)), said


def test_the_verb_prints_places_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_course(tmp_path, COMMAND)
    assert cli.main(["lint", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith(f"{tmp_path / '01-one.md'}:14: ")
    assert cli.main(["lint"]) == 0


def test_a_pattern_needs_words_for_the_learner(tmp_path: Path) -> None:
    for params, wrong in (
        ("{matches: '^a+$'}", True),
        ("{matches: '^a+$', words: some letters}", False),
        ("{words: some letters}", True),
        ("{contains: [a]}", False),
    ):
        course = write_course(tmp_path, f"id: a\nkind: command\nnode: pgha1\ncommand: x\nchecks:\n  - output: {params}")
        said = [problem.message for problem in lint(course)]
        assert any("`matches` and `words` go together" in message for message in said) is wrong, params
