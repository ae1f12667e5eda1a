"""What was printed beside what was expected: by the outputs of a real lab, and by lines and tables of every kind."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from pghalab.cluster.model import NodeHealth
from pghalab.course.expected.compare import LONGEST_LINE, MOST_LINES, compare
from pghalab.course.expected.idle import idle_rules, suggestions
from pghalab.course.expected.model import Comparison, Row, Situation
from pghalab.course.expected.rules import MOST_RULES, NONE, RuleError, Rules, read_rules
from pghalab.course.expected.tables import Table, items
from pghalab.course.expected.values import TYPES, masked
from pghalab.course.expected.words import summary
from pghalab.course.localise import Names
from tests.shipped import shipped_course

RECORDING = json.loads((Path(__file__).parent.parent / "recordings" / "printed.json").read_text(encoding="utf-8"))
PRINTED: dict[str, str] = RECORDING["printed"]
LAB = Names(RECORDING["prefix"], RECORDING["subnet"])
STEPS = {step.id: step for step in shipped_course().steps}
STATUS = STEPS["etcd-status"].expect
LIST = STEPS["replicas-list-final"].expect


def beside(expected: str, printed: str, *rules: str, names: Names | None = None, **situation: Any) -> Comparison:
    return compare(expected, printed, read_rules(rules), names or Names(), Situation(**situation))


def verdicts(comparison: Comparison) -> list[str]:
    return [row.verdict for row in comparison.rows]


def only(comparison: Comparison) -> Row:
    (row,) = [row for row in comparison.rows if row.verdict != "same"]
    return row


def node(name: str, **state: Any) -> NodeHealth:
    given = {"container": "running", "ssh": "up", "etcd": "running", "patroni": "running", "postgres": "running"}
    return NodeHealth(name, address="", **{**given, **state})


# What a real lab printed, with names and a subnet of its own


@pytest.mark.parametrize("step", PRINTED)
def test_what_a_healthy_lab_prints_is_as_expected(step: str) -> None:
    comparison = compare(STEPS[step].expect, PRINTED[step], STEPS[step].match, LAB)
    assert summary(comparison).startswith("as expected"), [row for row in comparison.rows if row.verdict != "same"]


def test_every_step_that_printed_says_what_it_prints() -> None:
    for step, text in PRINTED.items():
        assert bool(text.strip()) == bool(STEPS[step].expect) == (not STEPS[step].silent), step
    assert len(PRINTED) > 70


@pytest.mark.parametrize("step", [step for step, text in PRINTED.items() if text.strip()])
def test_a_line_that_is_taken_away_or_added_is_noticed(step: str) -> None:
    lines, rules = PRINTED[step].rstrip("\n").split("\n"), STEPS[step].match
    tried = 0
    for number, line in enumerate(lines):
        if not line.strip() or set(line) <= set("+- ") or rules.localised(LAB).free_line(line):
            continue
        tried += 1
        without = "\n".join([*lines[:number], *lines[number + 1 :]])
        # Of a table whose headings are gone nothing fits; of any other line exactly this one is missing.
        assert not compare(STEPS[step].expect, without, rules, LAB).fits or rules.more_lines, line
        added = "\n".join([*lines[:number], "zsh: unheard of", *lines[number:]])
        assert not compare(STEPS[step].expect, added, rules, LAB).fits or rules.more_lines, line
    assert tried or step == "etcd-alone"


# Values


@pytest.mark.parametrize(
    ("type", "text"),
    [
        ("time", "2026-11-25T11:00:46.457171+00:00"), ("time", "2026-11-25 13:50:24.990204+00"),
        ("time", "00:00:02.008735"), ("time", "2026-11-23 02:32:20,617"), ("time", "2026-11-25T10:56:56.599475Z"),
        ("duration", "10.969066ms"), ("pointer", "0xc0003e6000"), ("lsn", "0/5428038"), ("lsn", "1A/FF"),
        ("system", "7711189186669076972"), ("id", "c96171b99f7cfa68"), ("id", "a835c51231313c5"),
        ("size", "20 kB"), ("size", "1.2 MB"), ("version", "3.5.16"), ("version", "17.12-0+deb13u1"),
        ("bool", "true"), ("number", "17"), ("node", "pgha3"), ("address", "192.168.50.12"),
        ("state", "creating replica"),
    ],
)  # fmt: skip
def test_a_value_is_told_by_its_shape(type: str, text: str) -> None:  # noqa: A002
    assert masked(text, TYPES, Names()).values == ((type, text),)


@pytest.mark.parametrize("text", ["pghalab", "deadbeef", "192.168.51.1", "10.0.0.0/8", "v3", "5s", "facade", "1/0x"])
def test_what_only_looks_like_a_value_is_none(text: str) -> None:
    assert masked(text, set(TYPES) - {"number"}, Names()).values == ()


@pytest.mark.parametrize(
    ("expected", "printed", "verdict"),
    [
        ("term 2 at 10:00:00", "term 2 at 11:22:33", "typed"),
        ("term 2", "term 3", "differs"),
        ("archive_timeout: 600s", "archive_timeout: 60s", "differs"),
        ("address 192.168.50.10 here", "address 192.168.50.11 here", "differs"),
        ("pgha1 is dead", "pgha2 is dead", "differs"),
        ("target 0xc0003e6000", "target 0xc0001", "typed"),
        ("started with pid=501", "started with pid=7", "typed"),
        ("a   b", " a b", "same"),
        ("version 17.12", "version 17.13", "typed"),
        ("10.0.0.1", "10.0.0.2", "missing"),
    ],
)
def test_values_differ_by_type_and_the_rest_agrees(expected: str, printed: str, verdict: str) -> None:
    assert verdicts(beside(expected, printed))[0] == verdict


# Rules


@pytest.mark.parametrize(
    ("rules", "expected", "printed", "fits"),
    [
        (["typed number"], "term 2", "term 3", True),
        (["typed number in lines with term"], "term 2\nrow 2", "term 3\nrow 2", True),
        (["typed number in lines with term"], "term 2\nrow 2", "term 2\nrow 3", False),
        (["typed node, address"], "pgha1 at 192.168.50.10", "pgha3 at 192.168.50.12", True),
        (["typed node"], "pgha1 at 192.168.50.10", "pgha3 at 192.168.50.12", False),
        (["equal time"], "at 10:00:00", "at 10:00:01", False),
        (["free order"], "a\nb\nc 10:00:00", "c 11:00:00\na\nb", True),
        (["free order"], "a\nb", "b\nb", False),
        ([], "a\nb", "b\na", False),
        (["free more lines"], "a\nb", "a\nx\nb\ny", True),
        (["free more lines"], "a\nb", "a\nx", False),
        (["free in lines with warn"], "a\nwarn: x", "a", True),
        (["free in lines with warn"], "a\nwarn: x", "warn: 1\nwarn: 2\na", True),
        (["free in lines with warn"], "a\nwarn: x", "a\nerror", False),
    ],
)
def test_a_rule_frees_what_it_says_and_nothing_else(rules: list[str], expected: str, printed: str, fits: bool) -> None:
    assert beside(expected, printed, *rules).fits is fits


def test_a_rule_speaks_of_the_labs_own_names() -> None:
    names = Names("rcrd", "192.168.60")
    assert beside("to 192.168.50.11 a", "to 192.168.60.12 b", "free in lines with 192.168.50.", names=names).fits
    assert beside("to pgha1", "to rcrd1", names=names).fits
    assert not beside("to pgha1", "to pgha1", names=names).fits


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("typed nmber", "unknown type `nmber`; known are node, address"),
        ("anything goes", "`anything goes` is no rule"),
        ("free", "is no rule"),
        ("typed number in row 3", "is no rule"),
        ({"typed": "number"}, "a rule is one line of text"),
    ],
)
def test_a_rule_that_cannot_be_read_is_named(rule: object, words: str) -> None:
    with pytest.raises(RuleError, match=re.escape(words)):
        read_rules([rule])
    with pytest.raises(RuleError, match="more than"):
        read_rules(["typed number"] * (MOST_RULES + 1))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("free in column Colour", "no table has the column `Colour`"),
        ("typed number in lines with sum", "no line has `sum`"),
        ("typed lsn in lines with Leader", "is of the type `lsn`"),
        ("typed state in column State", ""),
        ("typed number in lines with Leader", ""),
    ],
)
def test_a_rule_about_nothing_is_found(rule: str, words: str) -> None:
    found = idle_rules(LIST, read_rules([rule]))
    assert [words in each for each in found] == ([True] if words else [])


def test_a_rule_that_is_lacking_is_suggested() -> None:
    assert suggestions(beside("pgha1: term 2", "pgha2: term 3")) == ["typed node, number"]
    assert suggestions(
        beside(LIST, LIST.replace("streaming |  1 |   0/5000060", "running   |  1 |   0/5000060", 1))
    ) == ["typed state in column State"]
    assert suggestions(beside("one", "two")) == []


# Tables


def test_rows_are_known_by_their_key_whatever_their_order_and_widths() -> None:
    head, body, end = STATUS.split("\n")[:3], STATUS.split("\n")[3:-1], STATUS.split("\n")[-1]
    wide = "\n".join([*head, *reversed(body), end]).replace("  2 |", "  2  |").replace("13 |", "1300 |")
    comparison = beside(STATUS, wide)
    assert comparison.fits
    assert {row.about for row in comparison.rows if row.verdict == "typed"} == {f"pgha{n}:2379" for n in range(1, 6)}
    assert {each.column for row in comparison.rows for each in row.differences} == {"RAFT INDEX", "RAFT APPLIED INDEX"}


def test_another_winner_of_the_election_is_fine_and_none_or_two_are_not() -> None:
    other = STATUS.replace("true", "flip").replace("|     false", "|      true", 1).replace(" flip", "false")
    assert other.count(" true ") == 1
    comparison = beside(STATUS, other)
    assert comparison.fits
    changed = [row for row in comparison.rows if row.verdict == "typed"]
    assert [row.about for row in changed] == ["pgha1:2379", "pgha2:2379"]
    assert {row.note for row in changed} == {"another member won the election: that is fine"}
    nobody = beside(STATUS, STATUS.replace(" true", "false"))
    assert (only(nobody).verdict, only(nobody).note) == ("differs", "nobody leads now")
    assert not beside(STATUS, STATUS.replace("false |      false", " true |      false", 1)).fits


def test_another_leader_is_fine_and_its_row_has_other_cells_empty() -> None:
    other = (
        LIST.replace("| pgha1  | pgha1 | Leader  | running  ", "| pgha1  | pgha1 | Replica | streaming")
        .replace("| pgha2  | pgha2 | Replica | streaming |  1 |   0/5000060 |   0 |  0/5000060 |   0 |",
                 "| pgha2  | pgha2 | Leader  | running   |  2 |             |     |            |     |")
    )  # fmt: skip
    comparison = beside(LIST, other)
    assert comparison.fits
    assert [row.note for row in comparison.rows if row.verdict == "typed"] == [
        "another node leads than when this was recorded: that is fine"
    ] * 2


def test_a_state_that_differs_is_explained() -> None:
    comparison = beside(LIST, LIST.replace("Replica | streaming", "Replica | stopped  ", 1))
    assert only(comparison).verdict == "differs"
    assert only(comparison).note == "PostgreSQL on pgha2 does not run"


@pytest.mark.parametrize(
    ("expected", "printed", "note"),
    [
        ("term 2 of 9", "term 3 of 9", "`3` in place of `2`"),
        ("a=1,b=2,c=3", "a=1,c=3", "nothing in place of `b=2,`"),
        ("at 10:00:00 term 2", "at 11:00:00 term 3", "`3` in place of `2`"),
        ("a 2 at 10:00:00 b 2", "a 3 at 11:00:00 b 3", "`3 at 11:00:00 b 3` in place of `2 at 10:00:00 b 2`"),
        ("one two three " + "x" * 200, "one two four " + "y" * 200, ""),
    ],
)
def test_a_line_that_differs_says_where(expected: str, printed: str, note: str) -> None:
    row = only(beside(expected, printed))
    assert (row.verdict, row.note) == ("differs", note)


def test_a_cell_that_differs_says_in_which_column() -> None:
    changed = beside(LIST, LIST.replace("pgha2 | Replica", "pgha2 | Sync   ", 1))
    assert only(changed).note == "Role: `Sync` in place of `Replica`"


@pytest.mark.parametrize(
    ("state", "note"),
    [
        ({"etcd": "no answer"}, "pgha4 has no line here: its etcd does not answer"),
        ({"etcd": "stopped"}, "pgha4 has no line here: its etcd does not run"),
        ({"container": "exited"}, "pgha4 has no line here: its container is exited"),
        ({}, ""),
        ({"etcd": "unknown"}, ""),
    ],
)
def test_a_row_that_is_missing_is_explained_by_what_is_seen(state: dict[str, Any], note: str) -> None:
    without = "\n".join(line for line in STATUS.split("\n") if "pgha4" not in line)
    nodes = tuple(node(f"pgha{number}", **(state if number == 4 else {})) for number in range(1, 6))
    row = only(beside(STATUS, without, nodes=nodes))
    assert (row.verdict, row.about, row.note) == ("missing", "pgha4:2379", note)


def test_what_a_smaller_lab_lacks_is_said() -> None:
    expected, rules = STEPS["names-dns"].expect, NONE
    printed = "\n".join(expected.split("\n")[:3])
    nodes = tuple(node(f"pgha{number}") for number in range(1, 4))
    missing = [
        row for row in compare(expected, printed, rules, Names(), Situation(nodes)).rows if row.verdict != "same"
    ]
    assert [row.note for row in missing] == ["this lab has no pgha4", "this lab has no pgha5"]


def test_a_section_names_the_node_that_is_silent() -> None:
    expected = STEPS["folders-rest"].expect
    lines = expected.split("\n")
    start, end = lines.index("--- pgha3"), lines.index("--- pgha4")
    nodes = tuple(node(f"pgha{number}", container="paused" if number == 3 else "running") for number in range(1, 6))
    comparison = beside(expected, "\n".join([*lines[:start], *lines[end:]]), nodes=nodes)
    missing = [row for row in comparison.rows if row.verdict == "missing"]
    assert [row.expected for row in missing] == lines[start:end]
    assert {row.note for row in missing} == {"pgha3 has no line here: its container is paused"}


def test_other_headings_do_not_fit_and_the_columns_that_both_have_are_compared() -> None:
    renamed = beside(LIST, LIST.replace("Replay LSN", "Applied LSN"))
    assert not renamed.fits
    assert "differs" in verdicts(renamed)
    assert sum(row.verdict != "same" for row in renamed.rows) == 1
    assert not beside(LIST, LIST.replace("pgha_patroni_cluster", "other")).fits


def test_a_table_of_psql_without_a_key_is_compared_row_by_row() -> None:
    expected = STEPS["back-measured"].expect
    assert beside(expected, expected.replace("00:00:30", "00:00:21")).fits
    moved = beside(expected, expected.replace("192.168.50.11 | 192.168.50.12", "192.168.50.11 | 192.168.50.10"))
    assert (only(moved).verdict, only(moved).differences[0].column) == ("differs", "new_server")


def test_a_replica_that_is_missing_is_named_also_where_any_node_may_stand() -> None:
    step = STEPS["replication-stat"]
    lines = step.expect.split("\n")
    without = "\n".join(line for line in lines if " pgha2 " not in line).replace("(2 rows)", "(1 row)")
    comparison = compare(step.expect, without, step.match, Names())
    assert [row.about for row in comparison.rows if row.verdict == "missing"] == ["pgha2"]
    other = step.expect.replace("pgha2", "pgha1").replace("192.168.50.11", "192.168.50.10")
    assert compare(step.expect, other, step.match, Names()).fits


def test_a_replica_that_stopped_does_not_pass_for_one_that_starts() -> None:
    step = STEPS["replicas-list-final"]
    for state, fits in (("running  ", True), ("creating replica", True), ("stopped  ", False), ("crashed  ", False)):
        printed = step.expect.replace("Replica | streaming", f"Replica | {state}", 1)
        assert compare(step.expect, printed, step.match, Names()).fits is fits, state


def test_an_empty_cell_and_a_title_are_part_of_the_table() -> None:
    databases, roles = items(STEPS["replication-replica-after"].expect.split("\n")), STEPS["leader-roles"].expect
    assert isinstance(databases[0], Table)
    assert [row.cells for row in databases[0].rows] == [
        ("",),
        ("postgres",),
        ("foobar",),
        ("template1",),
        ("template0",),
    ]
    assert [type(item).__name__ for item in items(roles.split("\n"))] == ["Table"]
    assert beside(roles, roles.replace("      List of roles", "List of roles")).fits
    assert only(beside(roles, roles.replace("Superuser\n", "\n"))).about == "bubba"


# Explanations of what programs say


@pytest.mark.parametrize(
    ("printed", "note"),
    [
        ("Error: context deadline exceeded", "fewer than a majority"),
        ("Failed to get the status of endpoint pgha5:2379 (context deadline exceeded)", "this member did not answer"),
        ("bash: etcdctll: command not found", "no such command"),
        ("psql: error: connection to server at pgha2 failed: Connection refused", ""),
        ("dial tcp 127.0.0.1:2379: connect: connection refused", "nobody listens there"),
        ("cat: /pgha/config/etcd.yaml: No such file or directory", "the file is not there"),
        ("mkdir: cannot create directory: Permission denied", "another user"),
        ("ERROR:  cannot execute CREATE DATABASE in a read-only transaction", "a replica"),
    ],
)
def test_what_a_program_says_is_explained(printed: str, note: str) -> None:
    rows = beside("OK", printed).rows
    assert [row.verdict for row in rows] == ["missing", "extra"]
    assert note in rows[1].note
    assert bool(rows[1].note) == bool(note)


# In one line


@pytest.mark.parametrize(
    ("expected", "printed", "words"),
    [
        ("a", "a", "as expected"),
        ("at 10:00:00", "at 10:00:01", "as expected; 1 value differs as it may"),
        ("at 10:00:00 11:00:00", "at 10:00:01 12:00:00", "as expected; 2 values differ as they may"),
        ("one two\nb", "one three\nb", "1 line differs"),
        ("a\nb", "a", "1 line is missing"),
        ("a", "a\nb\nc", "2 lines more than expected"),
        ("", "", "as expected"),
    ],
)
def test_a_comparison_in_one_line(expected: str, printed: str, words: str) -> None:
    assert summary(beside(expected, printed)) == words


def test_the_line_says_where_more_is_shown() -> None:
    comparison = beside("one two\nb\nc", "one three\nb\nd\ne\nf")
    assert summary(comparison, "w shows them") == "1 line differs, 1 line is missing, 3 lines more: w shows them"


# Hostile output


@pytest.mark.parametrize(
    "printed",
    [
        "x\n" * 100_000, "a" * 5_000_000, "0" * 1_000_000, ("1" * 999 + "\n") * 1000, "|" * 100_000, "+--+\n" * 50_000,
        " a | b\n---+---\n" * 20_000, ("f0" * 500 + "\n") * 1000, "\x1b]0;x\x07\x1b[2J" * 10_000, "\0id\0\n" * 5000,
        "| a |\n" * 10_000, "12:00:0" * 100_000, ": \n" * 50_000,
    ],
    ids=range(13),
)  # fmt: skip
def test_whatever_was_printed_is_compared_in_bounded_time_and_space(printed: str) -> None:
    expected = "\n".join([STATUS, LIST, *(f"line {number} of it" for number in range(MOST_LINES))])
    started = time.perf_counter()
    comparison = compare(expected, printed, Rules(any_order=False), Names())
    assert time.perf_counter() - started < 2
    assert len(comparison.rows) <= 2 * MOST_LINES
    assert all(len(row.real or "") <= LONGEST_LINE for row in comparison.rows)
    assert all("\x1b" not in (row.real or "") and "\0" not in (row.real or "") for row in comparison.rows)
    assert not comparison.fits


def test_lines_that_are_too_many_are_counted_and_do_not_fit() -> None:
    comparison = beside("x", "x\n" * 1000, "free more lines")
    assert comparison.cut == 1000 - MOST_LINES
    assert "lines were too many to compare" in summary(comparison)


def test_a_text_that_imitates_a_value_is_none() -> None:
    assert not beside("at 10:00:00", "at \0time\0").fits
    assert not beside("at 10:00:00", "at ‹time›").fits
