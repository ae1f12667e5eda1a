"""Checks of what a drill wrote down, seen holding and seen failing."""

from __future__ import annotations

import pytest

from pghalab.lab.types import Result
from tests.unit.fakes import FakeLab, FakeSources
from tests.unit.test_checks import failed, look

KEY = {"key": "/lesson/members", "equals": "three of five"}


def answers(lab: FakeLab, node: str, text: str, status: int = 0) -> None:
    lab.nodes[node].processes["etcd"] = "postgres"
    lab.nodes[node].answers["--consistency=s /lesson/members"] = Result(status, text, "", 0.0)


async def test_a_key_is_told_by_every_member_that_answers(lab: FakeLab, sources: FakeSources) -> None:
    assert failed(await look(lab, sources, "etcd_key", **KEY)) == "no etcd member answers"
    answers(lab, "pgha1", "three of five\n")
    answers(lab, "pgha2", "", status=1)
    assert failed(await look(lab, sources, "etcd_key", **KEY)) == ""
    answers(lab, "pgha3", "five of five\n")
    assert failed(await look(lab, sources, "etcd_key", **KEY)) == "five of five and three of five"


@pytest.mark.parametrize("value", ["", "\n", "two of five\n"])
async def test_another_value_or_none_is_not_the_one_that_is_wanted(
    lab: FakeLab, sources: FakeSources, value: str
) -> None:
    answers(lab, "pgha1", value)
    assert failed(await look(lab, sources, "etcd_key", **KEY)) == (value.strip() or "no such key")
