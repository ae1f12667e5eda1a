"""The registry of verbs: what it names is there, and every place that shows a verb shows that."""

from __future__ import annotations

import importlib
import inspect

import pytest

from pghalab import cli, registry
from pghalab.lab.local import LocalLab


@pytest.mark.parametrize("verb", registry.VERBS, ids=lambda verb: verb.name)
def test_what_a_verb_calls_is_there(verb: registry.Verb) -> None:
    module, _, function = verb.call.partition(".")
    called = getattr(importlib.import_module(f"pghalab.verbs.{module}"), function)
    assert list(inspect.signature(called).parameters) == ["arguments"]


def test_names_and_titles_are_used_once() -> None:
    names = [verb.name for verb in registry.VERBS]
    titles = [way.title for _, way in registry.ways()]
    assert len(set(names)) == len(names) and len(set(titles)) == len(titles)


def test_what_removes_or_ends_something_asks_first() -> None:
    asks = {way.title for _, way in registry.ways() if way.warning}
    assert asks == {
        "Restart",
        "Begin again",
        "Remove nodes",
        "Remove data",
        "Remove lab",
        "Remove all",
        "Jump here",
    }


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("up --auto -n 3 -m", {"auto": True}),
        ("up", {"auto": False}),
        ("down -f --force", {"volumes": True}),
        ("stop --force", {}),
        ("build -i other", {}),
        ("snapshot", {"name": None, "remove": False}),
        ("snapshot a --remove --force", {"name": "a", "remove": True}),
        ("restore a", {"name": "a"}),
    ],
)
def test_a_verb_of_the_lab_takes_the_options_that_the_lab_knows(line: str, taken: dict[str, object]) -> None:
    arguments = cli.parser().parse_args(line.split())
    verb = registry.named(arguments.verb)
    found = verb.takes(vars(arguments))
    assert found == taken
    inspect.signature(getattr(LocalLab, verb.name)).bind(None, **found)


def test_the_options_of_a_way_are_options_of_its_verb() -> None:
    for verb, way in registry.ways():
        dests = {option.how.get("dest") for option in verb.options}
        assert set(way.options) <= dests, way.title


def test_one_of_two_options_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    for line in (["run", "--all", "--to", "x"], ["reset"], ["reset", "--all", "--lesson", "x"]):
        with pytest.raises(SystemExit) as left:
            cli.parser().parse_args(line)
        assert left.value.code == 2
