"""Looks at the lab and says of each step whether it is done, still to do, or broken again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pghalab.course.checks import evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts
from pghalab.course.checks.sources import Sources
from pghalab.course.events import CheckResult, StepState
from pghalab.course.localise import Names
from pghalab.course.model import CheckSpec, Course, Step
from pghalab.course.progress import Progress
from pghalab.lab.types import Lab, LabError


@dataclass(frozen=True, slots=True)
class StepStatus:
    """The state of a step, and what its checks saw."""

    state: StepState
    results: tuple[CheckResult, ...] = ()


def explain(result: CheckResult) -> str:
    """A failed check in one line: what was seen where, and what was wanted."""
    where = f"{result.node}: " if result.node and result.node not in result.saw else ""
    return f"{where}{result.saw} (wanted {result.check}: {result.wanted})"


class Look:
    """Looks for one course at one lab."""

    def __init__(self, course: Course, lab: Lab, progress: Progress, sources: Sources | None) -> None:
        self.course = course
        self.lab = lab
        self.progress = progress
        self.answers: dict[str, str] = {"auth_method": lab.auth_method}
        """What the placeholders stood for at the last look."""
        self._sources = sources
        self._steps = {step.id: step for lesson in course.lessons for step in lesson.steps}

    @property
    def names(self) -> Names:
        """The lab's own names now; a lab may take other settings while it is not deployed."""
        return Names(self.lab.prefix, self.lab.subnet, self.lab.auth_method)

    def facts(self) -> Facts:
        """A fresh look at the lab; close it."""
        return Facts(self.lab, self._sources)

    async def checks(
        self, specs: Sequence[CheckSpec], facts: Facts, output: str | None = None
    ) -> tuple[tuple[CheckResult, ...], ...]:
        """What each of some checks sees, all looked at together."""
        context = Context(facts, self.names, output, may_write=not self.progress.read_only)
        return tuple(await asyncio.gather(*(evaluate(spec, context) for spec in specs)))

    async def once(self, specs: Sequence[CheckSpec], output: str | None = None) -> tuple[tuple[CheckResult, ...], ...]:
        """What each of some checks sees in one fresh look."""
        facts = self.facts()
        try:
            return await self.checks(specs, facts, output)
        finally:
            await facts.close()

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

    async def evaluate(self, step_ids: Iterable[str] | None = None) -> dict[str, StepStatus]:
        """Look once at the checks of some steps, by default of all, and remember which are done."""
        wanted = list(self._steps) if step_ids is None else list(step_ids)
        chain = self._with_untils(wanted)
        facts = self.facts()
        try:
            seen = await asyncio.gather(*(self._results(self._steps[step], facts) for step in chain))
            if step_ids is None:
                await self._learn(facts)
        finally:
            await facts.close()
        results = dict(zip(chain, seen, strict=True))
        states: dict[str, StepState] = {}
        for step_id in chain:
            self._state(step_id, results, states)
        for step_id, state in states.items():
            if state == "done":
                self.progress.mark_done(step_id)
        self.progress.save()
        return {step: StepStatus(states[step], results[step]) for step in wanted}

    async def _learn(self, facts: Facts) -> None:
        for word in ("leader", "replica"):
            try:
                await self.ask(facts, [word])
            except LabError:
                self.answers.pop(word, None)

    def _with_untils(self, steps: Iterable[str]) -> list[str]:
        found: dict[str, None] = {}
        waiting = list(steps)
        for step in waiting:
            if step in self._steps and step not in found:
                found[step] = None
                waiting += self._steps[step].until
        return list(found)

    async def _results(self, step: Step, facts: Facts) -> tuple[CheckResult, ...]:
        groups = await self.checks(step.checks, facts, self.progress.record(step.id).output)
        return tuple(result for group in groups for result in group)

    def _state(
        self, step_id: str, results: Mapping[str, tuple[CheckResult, ...]], states: dict[str, StepState]
    ) -> StepState:
        if step_id in states:
            return states[step_id]
        step = self._steps[step_id]
        record = self.progress.record(step_id)
        holds = all(result.ok for result in results[step_id]) if step.checks else step.kind.known(record)
        states[step_id] = "done" if holds else "broken" if record.done else "todo"
        later = [each for each in step.until if each in self._steps]
        if not holds and any(self._state(each, results, states) == "done" for each in later):
            states[step_id] = "done"
        return states[step_id]
