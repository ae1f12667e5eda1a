"""Looks at the lab and says of each step how it stands: to do, done, past or broken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from pghalab.course.checks import evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts
from pghalab.course.checks.sources import Sources
from pghalab.course.events import CheckResult, StepState
from pghalab.course.localise import Names
from pghalab.course.model import CheckSpec, Course, Step
from pghalab.course.progress import Progress
from pghalab.lab.types import Lab, LabError, LinkState
from pghalab.values import dataclass

CONNECTING = 15.0
"""Seconds within which the console is connected to a node that it can reach, and a slow one answers."""
AGAIN = 0.4
"""Seconds until a node that was slow is asked again."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StepStatus:
    """The state of a step, what its checks saw, and for a past one the step that replaced its effect, if one did."""

    state: StepState
    results: tuple[CheckResult, ...] = ()
    replaced_by: str = ""
    unseen: tuple[CheckResult, ...] = ()
    """What nobody could look at of the later steps that may have replaced its effect."""


def slow(results: Iterable[CheckResult], links: Mapping[str, LinkState]) -> bool:
    """Whether a check could not look at what the console is only just reaching, or at a node that is slow to answer.

    `links` are as they were before the look; for a check of the cluster as a whole every one of them counts.
    """
    waiting = ("connecting", "up")

    def may_answer(node: str | None) -> bool:
        return links.get(node) in waiting if node else all(link in waiting for link in links.values())

    return any(not result.known and may_answer(result.node) for result in results)


class Look:
    """Looks for one course at one lab."""

    def __init__(self, course: Course, lab: Lab, progress: Progress, sources: Sources | None) -> None:
        self.course = course
        self.lab = lab
        self.progress = progress
        self.answers: dict[str, str] = {"auth_method": lab.auth_method}
        """What the placeholders stood for at the last look."""
        self.undone: dict[str, str] = {}
        """The steps that a later one undid for a while, by the last look, each with that step."""
        self.needless: dict[str, str] = {}
        """The steps that have nothing to do, by the last look, each with what was seen."""
        self.listed: Callable[[str, frozenset[str]], object] | None = None
        """Told which processes a node runs, whenever that was seen."""
        self._sources = sources
        self._steps = {step.id: step for step in course.steps}

    @property
    def names(self) -> Names:
        """The lab's own names now; a lab may take other settings while it is not deployed."""
        return Names(self.lab.prefix, self.lab.subnet, self.lab.auth_method, self.lab.network)

    def facts(self) -> Facts:
        """A fresh look at the lab; close it."""
        return Facts(self.lab, self._sources, self.listed)

    async def checks(
        self, specs: Sequence[CheckSpec], facts: Facts, output: str | None = None
    ) -> tuple[tuple[CheckResult, ...], ...]:
        """What each of some checks sees, all looked at together."""
        context = Context(facts, self.names, output, may_write=not self.progress.read_only)
        return tuple(await asyncio.gather(*(evaluate(spec, context) for spec in specs)))

    def links(self) -> dict[str, LinkState]:
        """How the links to the nodes stand now."""
        return {name: node.link for name, node in self.lab.nodes.items()}

    async def once(self, specs: Sequence[CheckSpec], output: str | None = None) -> tuple[tuple[CheckResult, ...], ...]:
        """What each of some checks sees in one fresh look."""
        facts = self.facts()
        try:
            return await self.checks(specs, facts, output)
        finally:
            await facts.close()

    async def patiently(self, look: Callable[[], Awaitable[T]], results: Callable[[T], Iterable[CheckResult]]) -> T:
        """Look until no result is missing only because a node is slow, at most `CONNECTING` seconds."""
        until = time.monotonic() + CONNECTING
        while True:
            links = self.links()
            found = await look()
            if not slow(results(found), links) or time.monotonic() > until:
                return found
            await asyncio.sleep(AGAIN)

    async def ask(self, facts: Facts, words: Iterable[str]) -> Mapping[str, str]:
        """Answer placeholders from the live cluster; raises LabError when it has no answer."""
        for word in sorted(words):
            if word == "leader":
                self.answers["leader"] = (await facts.leader()).name
            elif word == "replica":
                streaming = await facts.streaming()
                if not streaming:
                    raise LabError("no replica streams, so there is none to run this on")
                self.answers["replica"] = streaming[0].name
        return self.answers

    async def evaluate(
        self, step_ids: Iterable[str] | None = None, without: Collection[str] = ()
    ) -> dict[str, StepStatus]:
        """Look once at the checks of some steps, by default of all, and remember which are done.

        `without` are steps that are not looked at, unless they are named: of them counts what was seen before.
        """
        wanted = [step for step in self._steps if step not in without] if step_ids is None else list(step_ids)
        looked = [step for step in self._with_untils(wanted) if step in wanted or step not in without]
        turn = self.progress.turn
        facts = self.facts()
        try:
            seen = await asyncio.gather(*(self._groups(self._steps[step], facts) for step in looked))
            groups = dict(zip(looked, seen, strict=True))
            results = {step: tuple(result for group in groups[step] for result in group) for step in looked}
            holding = {step for step in looked if self._holds(self._steps[step], results[step])}
            marked = {step for step in looked if _is_marked(self._steps[step], groups[step])}
            await self._note_needless([step for step in wanted if step not in holding], facts)
            if any(self._steps[step].until for step in wanted):
                await self._note_nodes(facts)
            if step_ids is None:
                await self._learn(facts)
        finally:
            await facts.close()
        for step_id in holding if turn == self.progress.turn else ():
            self.progress.mark_done(step_id)
        unseen = {step: _unseen(self._steps[step], groups[step]) for step in looked}
        found = {
            step: replace(
                self._state(step, holding, holding | marked, looked, results[step]),
                unseen=tuple(result for later in self._later(step) for result in unseen.get(later, ())),
            )
            for step in wanted
        }
        self.progress.save()
        return found

    def _holds(self, step: Step, results: Sequence[CheckResult]) -> bool:
        return all(result.ok for result in results) if step.checks else step.kind.known(self.progress.record(step.id))

    async def _note_needless(self, steps: Sequence[str], facts: Facts) -> None:
        """Take note of what leaves some steps, whose checks do not hold, nothing to do."""
        asked = [step for step in steps if self._steps[step].needless_if]
        seen = await asyncio.gather(*(self.checks(self._steps[step].needless_if, facts) for step in asked))
        for step, groups in zip(asked, seen, strict=True):
            results = [result for group in groups for result in group]
            self.needless.pop(step, None)
            if all(result.ok for result in results):
                self.needless[step] = "; ".join(dict.fromkeys(result.saw for result in results))

    async def _note_nodes(self, facts: Facts) -> None:
        """What is past belongs to the containers it was seen on; without the engine's word they count as the same."""
        try:
            containers = await facts.containers()
        except LabError:
            return
        self.progress.on_nodes(" ".join(container.id[:12] for container in containers))

    def _state(
        self,
        step_id: str,
        holding: Container[str],
        effective: Container[str],
        looked: Container[str],
        results: tuple[CheckResult, ...],
    ) -> StepStatus:
        record = self.progress.record(step_id)
        # Only a step that is done by its own checks replaces anything: one that is past itself proves nothing.
        by = next((later for later in self._steps[step_id].until if later in effective), "")
        if by:
            record.replaced_by = by
        if step_id in holding:
            return StepStatus("done", results)
        if record.replaced_by:
            return StepStatus("past", results, record.replaced_by)
        before = self.undone.get(step_id) if self.undone.get(step_id) not in looked else None
        for_now = next((later for later in self._steps[step_id].undone_by if later in effective or later == before), "")
        if for_now:
            self.undone[step_id] = for_now
            return StepStatus("past", results, for_now)
        self.undone.pop(step_id, None)
        if step_id in self.needless:
            return StepStatus("past", results)
        return StepStatus("broken" if record.done else "todo", results)

    async def _learn(self, facts: Facts) -> None:
        for word in ("leader", "replica"):
            try:
                await self.ask(facts, [word])
            except LabError:
                self.answers.pop(word, None)

    def _with_untils(self, steps: Iterable[str]) -> list[str]:
        """Some steps, and those that may have replaced their effects or undone them."""
        found: dict[str, None] = {}
        for step in steps:
            found[step] = None
            found.update(dict.fromkeys(self._later(step)))
        return list(found)

    def _later(self, step: str) -> list[str]:
        """The steps that may have replaced the effect of one, or undone it."""
        return [each for each in (*self._steps[step].until, *self._steps[step].undone_by) if each in self._steps]

    async def _groups(self, step: Step, facts: Facts) -> tuple[tuple[CheckResult, ...], ...]:
        return await self.checks(step.checks, facts, self.progress.record(step.id).output)


def _is_marked(step: Step, groups: Sequence[Sequence[CheckResult]]) -> bool:
    """Whether a step that leaves a key of its own in etcd had its effect, whoever typed it and wherever it printed."""
    return leaves_a_key(step) and all(result.ok for result in _lasting(step, groups))


def _unseen(step: Step, groups: Sequence[Sequence[CheckResult]]) -> tuple[CheckResult, ...]:
    """What nobody could look at of a step that may have had its effect; nothing of one that is seen not to have it."""
    results = _lasting(step, groups)
    seen_not_to = any(result.verdict == "fails" for result in results)
    return () if seen_not_to else tuple(result for result in results if not result.known)


def _lasting(step: Step, groups: Sequence[Sequence[CheckResult]]) -> list[CheckResult]:
    """What the checks of a step see of its effect: without its output, if it leaves a key of its own in etcd."""
    return [
        result
        for spec, group in zip(step.checks, groups, strict=True)
        if spec.name != "output" or not leaves_a_key(step)
        for result in group
    ]


def leaves_a_key(step: Step) -> bool:
    """It takes something away or brings it back, and writes down in etcd that it did."""
    return any(spec.name == "etcd_key" for spec in step.checks)
