"""A command in rows: the shell reads the same, and no word or number is cut."""

from __future__ import annotations

import re
import subprocess

import pytest

from pghalab.widgets.command import continued
from tests.shipped import shipped_course

COMMANDS = [
    "printf '<%s>' one two three four five six seven eight nine ten eleven twelve",
    "printf '<%s>' pgha1:2379,pgha2:2379,pgha3:2379,pgha4:2379,pgha5:2379",
    "printf '<%s>' 'a quoted text of several words' and more, \"in double quotes it's the same\" end",
    "printf '<%s>' $'tabs\\tand\\nnewlines are kept as they are, whatever the width is' x y z",
    "printf '<%s>' \"$(printf '%s' \"in 'a nested text' of some length\")\" and what comes after it, too",
    "printf '<%s>' one\\ word\\ with\\ spaces\\ in\\ it another\\\\ third",
    "printf '<%s>' 'text\nof two lines that are rather long, too' last",
    "cat <<'PATCH'\n  - a line of a here-document that is longer than the row, and stays whole\nPATCH\nprintf done",
    "# a comment that is longer than any row there is, with 'quotes and $( all\nprintf '<%s>' x",
]


def answer(command: str) -> str:
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("width", [24, 31, 40, 58])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_rows_can_be_typed_back(command: str, width: int) -> None:
    assert answer("\n".join(continued(command, width - 8, width))) == answer(command)


def test_rows_fit_and_cut_no_word() -> None:
    command = "etcdctl --endpoints=pgha1:2379,pgha2:2379,pgha3:2379,pgha4:2379,pgha5:2379 endpoint status"
    rows = continued(command, 30, 40)
    assert len(rows[0]) <= 30 and all(len(row) <= 40 for row in rows)
    assert all(row.endswith("\\") for row in rows[:-1])
    ports = [word for row in rows for word in re.findall(r"\d+", row)]
    assert ports == re.findall(r"\d+", command)


def test_what_fits_stays_as_it_is() -> None:
    assert continued("ls -l\npwd\n", 10, 20) == ["ls -l", "pwd"]


@pytest.mark.parametrize("width", [30, 60, 100])
def test_every_command_of_the_course_comes_together_again(width: int) -> None:
    for lesson in shipped_course().lessons:
        for step in lesson.steps:
            command = step.kind.where.command.rstrip("\n")
            rows = "\n".join(continued(command, width - 17, width))
            assert rows.replace("'\\\n'", "").replace("\\\n", "") == command.replace("\\\n", ""), step.id
            assert subprocess.run(["bash", "-n", "-c", rows], check=False).returncode == 0 or "{{" in command, step.id
