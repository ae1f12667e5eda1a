"""What is frozen behaves as Python's own dataclass does, in everything that anybody sees of it."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, cast

import pytest

from pghalab.values import dataclass


def made(how: Callable[..., Any], **keywords: bool) -> Any:
    """The same class, made by one or the other."""

    class Row:
        """A row."""

        node: str
        lag: int = 0
        tags: tuple[str, ...] = ()
        seen: float = dataclasses.field(default=0.0, compare=False)
        notes: list[str] = dataclasses.field(default_factory=list, compare=False, repr=False)

    return how(**keywords)(Row)


WAYS: tuple[dict[str, bool], ...] = ({"frozen": True, "slots": True}, {"frozen": True}, {"slots": True}, {})


@pytest.mark.parametrize("keywords", WAYS, ids=lambda keywords: " ".join(keywords) or "plain")
def test_a_value_is_as_one_of_pythons_own(keywords: dict[str, bool]) -> None:
    ours, theirs = made(dataclass, **keywords), made(dataclasses.dataclass, **keywords)
    for one, other in ((ours, theirs), (theirs, ours)):
        row = one("pgha1", 3, seen=1.0)
        assert repr(row) == repr(other("pgha1", 3, seen=1.0))
        assert row == one("pgha1", 3, seen=2.0) and row != one("pgha1", 4) and row != other("pgha1", 3)
        assert row != one("pgha1", 3, ("x",)) and (row == "pgha1") is False
        assert dataclasses.replace(row, lag=5) == one("pgha1", 5) and dataclasses.asdict(row)["lag"] == 3
        assert copy.deepcopy(row) == copy.copy(row) == row
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert ours.__match_args__ == theirs.__match_args__ and ours.__doc__ == theirs.__doc__
    assert hasattr(ours, "__slots__") == hasattr(theirs, "__slots__")


@pytest.mark.parametrize("how", [dataclass, dataclasses.dataclass])
def test_what_is_frozen_stays_as_it_is(how: Callable[..., Any]) -> None:
    kind = made(how, frozen=True, slots=True)
    row = kind("pgha1")
    assert len({row, kind("pgha1"), kind("pgha2")}) == 2
    frozen = pytest.raises((dataclasses.FrozenInstanceError, TypeError))
    with frozen:
        row.node = "pgha2"
    with frozen:
        del row.node
    with frozen:
        row.other = 1
    assert row.node == "pgha1"


def test_what_a_class_says_itself_holds() -> None:
    @dataclass(frozen=True, slots=True)
    class Step:
        name: str
        title: str = ""

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Step) and self.name == other.name

        def __hash__(self) -> int:
            return hash(self.name)

        def __str__(self) -> str:
            return self.title

    @dataclass(frozen=True, slots=True)
    class Long(Step):
        minutes: int = 3

    assert Step("a", "one") == Step("a", "two") and str(Step("a", "one")) == "one"
    long = Long("a", "one", 4)
    assert cast("Any", long).minutes == 4 and "minutes=4" in repr(long)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cast("Any", long).minutes = 5


def test_nothing_without_a_field_is_a_field() -> None:
    @dataclass(frozen=True, slots=True)
    class Done:
        """Nothing more to say."""

    assert Done() == Done() and hash(Done()) == hash(Done()) and repr(Done()).endswith("Done()")
