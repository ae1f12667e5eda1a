"""What a lab printed beside what the lessons expect: told apart by shape, and written anew in the lessons' names."""

from __future__ import annotations

from pathlib import Path

import pytest

from pghalab import cli
from pghalab.cluster.identity import member_id
from pghalab.course import record
from pghalab.course.events import CommandStarted, Outcome, StepEnded
from pghalab.course.journal import Journal
from pghalab.course.load import load_course
from pghalab.course.localise import Names
from pghalab.course.model import Course
from pghalab.course.shape import clean, misfits, same
from pghalab.lab.host.paths import state_dir
from pghalab.lab.settings import default_settings, save_settings
from pghalab.lab.types import LabError
from tests.fake_lab.course import write_course

LIST = """+ Cluster: pgha_patroni_cluster (7711189186669076972) ----+-----+------------+-----+
| Member | Host  | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+-------+---------+-----------+----+-------------+-----+------------+-----+
| pgha1  | pgha1 | Leader  | running   |  1 |             |     |            |     |
| pgha2  | pgha2 | Replica | streaming |  1 |   0/5428038 |   0 |  0/5428038 |   0 |
+--------+-------+---------+-----------+----+-------------+-----+------------+-----+"""


def test_values_of_a_table_may_change_with_their_column_widths() -> None:
    other = """+ Cluster: pgha_patroni_cluster (7711189186669076111) --+-----+------------+-----+
| Member | Host  | Role    | State   | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+-------+---------+---------+----+-------------+-----+------------+-----+
| pgha2  | pgha2 | Leader  | running | 12 |             |     |            |     |
| pgha1  | pgha1 | Replica | stopped |    |     unknown |     |    unknown |     |
| pgha3  | pgha3 | Replica | running |  1 |   1/A428038 |  16 | 1/A4280380 |   0 |
+--------+-------+---------+---------+----+-------------+-----+------------+-----+"""
    assert misfits(LIST, other) == []
    assert not same(LIST, other)
    for border in ("-+-----+---", "------------+-----+", "-+"):
        assert misfits(LIST, LIST.replace("----+-----+------------+-----+\n| Member", f"{border}\n| Member")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Receive LSN", "Received"),
        ("| Host  ", ""),
        ("Lag |\n", "Lag | Tags |\n"),
        ("Leader ", "Primary"),
        ("pgha_patroni_cluster", "other"),
    ],
)
def test_another_heading_column_or_word_does_not_fit(old: str, new: str) -> None:
    assert misfits(LIST, LIST.replace(old, new))


def test_a_line_more_or_less_is_named() -> None:
    assert misfits("one\ntwo 2\n\n\n", "one\n\ntwo 17 \nthree") == ["`three` was printed and is not expected"]
    assert misfits("one\ntwo", "two\x1b[0m\r\n") == ["nothing like `one` was printed"]


def test_a_log_may_have_lines_of_its_own_but_none_may_be_missing() -> None:
    log = "2026-11-23 02:32:20,998 INFO: Lock owner: None; I am pgha1\n"
    more = "2026-11-25 09:30:00,001 INFO: postmaster pid=501\n"
    assert misfits(log, log.replace("pgha1", "pgha3") + more) == []
    assert misfits(log + more, log) == ["nothing like `2026-11-23 02:32:20,998 INFO: postmaster pid=501` was printed"
                                        .replace("2026-11-23 02:32:20,998", "2026-11-25 09:30:00,001")]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("at 2026-11-23T02:34:03.460914+00:00 0/5428038", "at 2026-11-25T12:00:00.1+00:00 1/A", True),
        ("target 0xc0003e6000 pid=17", "target 0xc00012 pid=9", True),
        ("postgres 17.11", "postgres 17.12", False),
        ("| TL | 1 |", "| TL | 2 |", False),
    ],
)
def test_what_differs_at_every_run_is_no_reason_to_record(one: str, other: str, alike: bool) -> None:
    assert same(one, other) is alike


def test_versions_and_sizes_are_values() -> None:
    assert (
        misfits(
            "postgres (PostgreSQL) 17.11 (Debian 17.11-0+deb13u1)", "postgres (PostgreSQL) 18 (Debian 18.1-1+deb14u2)"
        )
        == []
    )
    assert misfits("| 20 kB | false |", "|  1.2 MB |  true |") == []
    assert misfits("Error: context deadline exceeded", "Error: etcdserver: request timed out") == []


def test_a_cleaned_output_has_neither_colours_nor_rows_of_empty_lines() -> None:
    assert clean("\x1b[1mone\x1b[0m \r\n\n\n\ntwo\t\n\n") == "one\n\ntwo"


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
    ran(journal, "gone", own, "x\n")
    found = record.recordings(course, journal, names, "secret")
    assert [(one.step.id, one.text) for one in found] == [("look", "pgha1 has 4")]
    ran(journal, "look", own, "rcrd1 has 5\n")
    assert [one.text for one in record.recordings(course, journal, names, "secret")] == ["pgha1 has 5"]
    problems = record.compare(found)
    assert [problem.line for problem in problems] == [course.step("look").line]
    assert "of `look` does not fit what it prints: nothing like `rows` was printed" in problems[0].message


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
    assert "look recorded" in capsys.readouterr().out
    assert lint("--against-lab") == 0
    assert "1 outputs fit" in capsys.readouterr().out
    assert lint("--record") == 0
    assert "0 of 1 outputs recorded anew" in capsys.readouterr().out
