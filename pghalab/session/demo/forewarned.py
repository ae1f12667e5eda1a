"""What a presenter has to know before a step is shown: where its text and the cluster at hand do not go together."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from pghalab.course.events import StepState
from pghalab.course.kinds import Question
from pghalab.course.model import Step
from pghalab.course.placeholders import used

_LEADS = re.compile(
    r"\|\s*(?P<row>[\w-]+)\s*\|[^|\n]*\|\s*Leader\s*\||I am \((?P<log>[\w-]+)\), the leader|\b(?P<prose>[\w-]+) leads\b"
)
"""A row of Patroni's list, a line of its log, and a sentence: each names who leads."""
_PERHAPS = re.compile(r"\b(?:if|when|whether|once|until|unless|as long as|shall|will|would|could|who)\b", re.IGNORECASE)
"""A sentence with such a word does not say that it is so now."""
_SENTENCE = re.compile(r"(?<=[.:;?])\s")


def forewarned(
    which: str,
    step: Step,
    *,
    leader: str | None,
    nodes: Collection[str],
    state: StepState,
    text: Callable[[str], str],
) -> tuple[str, ...]:
    """What does not fit between a step that is not run yet and the cluster, a sentence each.

    `which` says of which step it is told: `the next step`. `text` puts a lesson's words into those of the lab.
    """
    found = []
    said = leads_in(step, nodes, text)
    if leader and said and said != leader:
        found.append(f"The leader is {leader}: the text of {which} says {said}.")
    # What only prints is printed once more.
    if step.kind.acts and state == "done" and not step.reads_output:
        found.append(f"What {which} makes is there already: nothing will move.")
    elif step.kind.acts and state == "past":
        found.append(f"A later step has replaced what {which} makes.")
    return tuple(found)


def leads_in(step: Step, nodes: Collection[str], text: Callable[[str], str]) -> str:
    """The node that leads while a step begins, by its own texts; empty when they name none, or whoever leads.

    A question may be about a cluster of its own, and where a text asks the cluster for the name it cannot be wrong.
    """
    if isinstance(step.kind, Question):
        return ""
    free = any(rule.says == "typed" and "node" in rule.types for rule in step.match.all)
    if not free and not used(step.expect) and (name := _first(text(step.expect), nodes)):
        return name
    sentences = [one for prose in (step.prose, step.after) for one in _SENTENCE.split(" ".join(prose.split()))]
    said = (_first(text(one), nodes) for one in sentences if not used(one) and not _PERHAPS.search(one))
    return next(filter(None, said), "")


def _first(words: str, nodes: Collection[str]) -> str:
    named = (found["row"] or found["log"] or found["prose"] for found in _LEADS.finditer(words))
    return next((name for name in named if name in nodes), "")
