"""What a lab printed beside what the lessons expect: told apart by shape, and written anew in the lessons' names."""

from __future__ import annotations

from pathlib import Path

import pytest

from pghalab import cli
from pghalab.cluster.identity import member_id
from pghalab.course import record
from pghalab.course.events import CommandStarted, Outcome, StepEnded
from pghalab.course.expected.compare import compare, misfits
from pghalab.course.expected.rules import NONE
from pghalab.course.journal import Journal
from pghalab.course.lint import lint
from pghalab.course.load import load_course
from pghalab.course.localise import Names
from pghalab.course.model import Course
from pghalab.lab.host.paths import state_dir
from pghalab.lab.settings import default_settings, save_settings
from pghalab.lab.types import LabError
from tests.fake_lab.course import write_course


def test_what_does_not_fit_is_named_line_by_line() -> None:
    found = compare("one\ntwo 2\nthree at 10:00:00", "two 17\n\nfour\nthree at 11:00:00", NONE, Names())
    assert misfits(found) == [
        "nothing like `one` was printed",
        "expected `two 2`, printed `two 17`",
        "`four` was printed and is not expected",
    ]
    assert misfits(compare("a", "a\n" * 1000, NONE, Names()))[-1].endswith("more were printed than are compared")


@pytest.mark.parametrize(
    ("one", "other", "again"),
    [
        ("at 2026-11-23T02:34:03.460914+00:00 0/5428038", "at 2026-11-25T12:00:00.1+00:00 1/A", False),
        ("target 0xc0003e6000 pid=17", "target 0xc00012 pid=9", False),
        ("member ab6c7f1736bd6eb0", "member fe182c95da186234", False),
        ("postgres 17.11", "postgres 17.12", True),
        ("| TL | 1 |", "| TL | 2 |", True),
    ],
)
def test_what_differs_at_every_run_is_no_reason_to_record(tmp_path: Path, one: str, other: str, again: bool) -> None:
    step = write_course(tmp_path, f"{STEP.partition('expect')[0]}expect: '{one}'\nno_check: x").step("look")
    found = record.Recording(step, tmp_path / "01-one.md", other)
    assert bool(record.rewrite([found])) is again
    assert bool(record.compare([found])) is (again and "postgres" not in one)


def test_a_cleaned_output_has_neither_colours_nor_rows_of_empty_lines() -> None:
    assert record.clean("\x1b[1mone\x1b[0m \r\n\n\n\ntwo\t\n\n") == "one\n\ntwo"


def test_another_labs_names_addresses_and_member_ids_become_those_of_the_lessons() -> None:
    ids = [member_id(f"http://192.168.60.{10 + number}:2380", "pgha-token") for number in range(5)]
    # Recorded from etcd 3.5 with the course's addresses and token.
    ours = ["c96171b99f7cfa68", "4ec2b2668990565b", "cebc84bd6d4d9d4b", "29111f285fc78706", "ab6c7f1736bd6eb0"]
    listed = "\n".join(
        f"{one}, started, rcrd{number}, http://192.168.60.{9 + number}:2380, , false"
        for number, one in sorted(enumerate(ids, 1), key=lambda pair: int(pair[1], 16))
    )
    assert record.as_written(f"of rcrd1 and rcrd12:\n{listed}", Names("rcrd", "192.168.60")) == (
        "of pgha1 and pgha12:\n"
        + "\n".join(
            f"{one}, started, pgha{number}, http://192.168.50.{9 + number}:2380, , false"
            for number, one in sorted(enumerate(ours, 1), key=lambda pair: int(pair[1], 16))
        )
    )


STEP = """id: look
kind: command
node: pgha1
command: |
  cat {{leader}} on pgha1
expect: |2
  pgha1 has 3

    rows
diagnoses: [folders-missing, folders-owner]
notes: "Asked: Why? Because."
checks:
  - path: {path: /x}"""


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return write_course(tmp_path / "lessons", STEP, STEP.replace("id: look", "id: other"))


def ran(journal: Journal, step: str, command: str, text: str, outcome: Outcome = "done") -> None:
    with journal.log(step) as log:
        log.write(text)
        journal.append(CommandStarted(step, "rcrd1", "postgres", command, log.path))
    journal.append(StepEnded(step, outcome, 0.1))


def test_the_last_good_run_of_the_steps_own_command_counts(course: Course, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    names = Names("rcrd", "192.168.60")
    own = "cat rcrd2 on rcrd1"
    ran(journal, "look", own, "rcrd1 has 4\n")
    ran(journal, "look", own, "rcrd1 failed\n", "failed")
    ran(journal, "look", "cat rcrd2 on rcrd1; echo mine", "mine\n")
    ran(journal, "other", own, "it is secret\n")
    ran(journal, "other", own, "PGPASSWORD=abc\n")
    ran(journal, "gone", own, "x\n")
    found = record.recordings(course, journal, names, "secret")
    assert [(one.step.id, one.text) for one in found] == [("look", "pgha1 has 4")]
    ran(journal, "look", own, "rcrd1 has 5\n")
    assert [one.text for one in record.recordings(course, journal, names, "secret")] == ["pgha1 has 5"]
    problems = record.compare(found)
    assert [problem.line for problem in problems] == 2 * [course.step("look").line]
    assert "of `look` does not fit what it prints: expected `pgha1 has 3`, printed `pgha1 has 4`" in problems[0].message
    assert "nothing like `rows` was printed" in problems[1].message


def test_recording_writes_one_steps_block_and_nothing_else(course: Course, tmp_path: Path) -> None:
    path = course.lessons[0].path
    before = path.read_text(encoding="utf-8")
    step = course.step("other")
    text = "  pgha1 has 3\n\n\trows, a lot"
    assert record.rewrite([record.Recording(step, path, text)]) != []
    assert load_course(path.parent, strict=False).step("other").expect == text
    after = path.read_text(encoding="utf-8")
    assert after.replace("    pgha1 has 3\n\n  \trows, a lot\n", "  pgha1 has 3\n\n    rows\n") == before
    assert record.rewrite([record.Recording(load_course(path.parent, strict=False).step("other"), path, text)]) == []


def test_what_is_recorded_tells_of_the_cluster_that_the_other_lessons_print(tmp_path: Path) -> None:
    step = STEP.replace("pgha1 has 3", "Cluster: (7711189186669076972)")
    path = write_course(tmp_path, step).lessons[0].path
    other = "Cluster: (7712057954033313072)\n\n  rows 2"
    (written,) = record.rewrite([record.Recording(load_course(tmp_path, strict=False).step("look"), path, other)])
    assert written.text == "Cluster: (7711189186669076972)\n\n  rows 2"
    assert load_course(tmp_path, strict=False).step("look").expect == written.text


def test_names_of_another_length_are_not_recorded() -> None:
    record.require_width(Names("rcrd", "192.168.60"))
    for names in (Names("rec", "192.168.60"), Names("rcrd", "192.168.160")):
        with pytest.raises(LabError, match="would lose their columns"):
            record.require_width(names)


def test_the_verb_compares_and_records(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    settings = default_settings("rcrd")
    save_settings(settings)
    folder = str(course.lessons[0].path.parent)

    def lint(flag: str) -> int:
        return cli.main(["--lab", "rcrd", "lint", flag, folder])

    assert lint("--against-lab") == 1
    assert "has no outputs of the course's commands" in capsys.readouterr().err
    journal = Journal(state_dir("rcrd") / "journal")
    ran(journal, "look", "cat rcrd1 on rcrd1", "rcrd1 has 4\nlines\n")
    assert lint("--against-lab") == 1
    assert "of `look` does not fit what it prints" in capsys.readouterr().out
    assert lint("--record") == 0
    said = capsys.readouterr().out
    assert "look recorded" in said
    assert "expected `pgha1 has 3`, printed `pgha1 has 4`" in said
    assert "perhaps: - typed number" in said
    assert lint("--against-lab") == 0
    assert "1 outputs fit" in capsys.readouterr().out
    assert lint("--record") == 0
    assert "0 of 1 outputs recorded anew" in capsys.readouterr().out


def test_a_step_that_lacks_an_expected_output_gets_one_where_it_belongs(tmp_path: Path) -> None:
    step = "id: look\nkind: command\nnode: pgha1\ncommand: ls\ntimeout: 9\nno_check: x\nhints: [a]\nnotes: 'Asked: ?'"
    course = write_course(tmp_path, step)
    assert [problem.message for problem in lint(course)] == [
        "the step `look` needs `expect` (`pghalab lint --record` writes it), or `silent: true`"
    ]
    path = course.lessons[0].path
    record.rewrite([record.Recording(course.step("look"), path, "a\n  b")])
    written = load_course(tmp_path)
    assert written.step("look").expect == "a\n  b"
    assert "timeout: 9\nexpect: |2\n  a\n    b\nno_check: x" in path.read_text(encoding="utf-8")
    assert lint(written) == []


def test_a_step_that_is_said_to_be_silent_is_left_alone_and_told(tmp_path: Path) -> None:
    course = write_course(tmp_path, "id: look\nkind: command\nnode: pgha1\ncommand: ls\nsilent: true\nno_check: x")
    found = [record.Recording(course.step("look"), course.lessons[0].path, "a")]
    assert record.rewrite(found) == []
    assert "`a` was printed and is not expected" in record.compare(found)[0].message


def test_a_change_of_the_configuration_is_recorded_by_the_command_that_applied_it(tmp_path: Path) -> None:
    course = write_course(tmp_path / "lessons", "id: look\nkind: edit\nedit: {ttl: 20}\nchecks: [{containers: {}}]")
    journal, names = Journal(tmp_path / "journal"), Names("rcrd", "192.168.60")
    shown = course.step("look").kind.where.command
    ran(journal, "look", shown, "not applied\n")
    assert record.recordings(course, journal, names, "") == []
    ran(journal, "look", course.step("look").kind.typed(shown), "Configuration changed\n")
    assert [one.text for one in record.recordings(course, journal, names, "")] == ["Configuration changed"]
