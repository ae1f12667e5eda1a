"""Holds every step that starts a Patroni to the one rule of `resume`, whoever runs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

from pghalab.course.events import Code
from pghalab.course.look import Look
from pghalab.course.model import Course, Step
from pghalab.course.positions import situation
from pghalab.course.resume import START, Decision, decide

LEADS = 90.0
"""Seconds within which a member that led last leads again, also after a crash: a lost leader's key lives 30 s."""
ANSWERS = 15.0
"""Seconds within which a node that can be reached answers, however busy it is."""
INTERVAL = 1.0


class Order:
    """Tells whether a step may start the Patroni that it starts, and which step comes first."""

    def __init__(self, course: Course, look: Look) -> None:
        self._course = course
        self._look = look

    async def decide(self, step: Step, without: Collection[str] = ()) -> Decision:
        """Look once; the first node that has to wait for another decides."""
        if not step.kind.patroni:
            return START
        facts = self._look.facts()
        try:
            found = await situation(facts)
        finally:
            await facts.close()
        running = {member.name for member in found.members if member.patroni}
        for node in map(self._look.names.text, step.kind.patroni):
            if node not in running and node in {member.name for member in found.members}:
                decision = decide(found, node, without)
                if decision.verdict != "start":
                    return decision
        return START

    async def settled(self, step: Step, without: Collection[str] = ()) -> Decision:
        """The decision, once whoever led last and is being started leads, or has not done so in time.

        A node that the console is connecting to, or that is only slow to answer, is asked again for a while; only then
        are those in `without` left out.
        """
        started = time.monotonic()
        left_out: Collection[str] = ()
        while True:
            links = self._look.links()
            decision = await self.decide(step, left_out)
            late = any(links.get(name) in ("connecting", "up") for name in decision.unseen)
            limit = LEADS if decision.verdict == "wait" else ANSWERS if late else 0.0
            if time.monotonic() - started >= limit:
                if left_out or not decision.unseen or not set(decision.unseen) <= set(without):
                    return decision
                left_out = without
                continue
            # Nothing tells when a member leads; the next look does.
            await asyncio.sleep(INTERVAL)

    def starter(self, node: str) -> str:
        """The step that starts Patroni on a node; empty when none does."""
        for lesson in self._course.lessons:
            for step in lesson.steps:
                if node in map(self._look.names.text, step.kind.patroni):
                    return step.id
        return ""

    def without(self, step: Step, decision: Decision) -> tuple[str, ...]:
        """The nodes that nobody could look at and without which the step may be run, if what they have may be lost."""
        own = set(map(self._look.names.text, step.kind.patroni))
        return () if own & set(decision.unseen) else decision.unseen

    def refusal(self, step: Step, decision: Decision) -> tuple[Code, str, str]:
        """Why a step may not start its Patroni: the code, the words with the way out, and the step that comes first."""
        if decision.verdict == "wait":
            todo = "Its log says what it waits for: /var/log/patroni/patroni.log. Run this again once it leads."
            return "order", f"{decision.reason} {todo}", ""
        if decision.verdict == "refuse":
            ways = [START_IT] if decision.unseen else []
            if gone := self.without(step, decision):
                ways.append(GO_ON.format(gone=" and ".join(gone), nodes=" ".join(gone)))
            return "unseen", " ".join([decision.reason, *ways]), ""
        first = self.starter(decision.first)
        title = self._look.names.text(self._course.step(first).title) if first else ""
        todo = f"Run “{title}” ({first}) first." if first else f"Start Patroni on {decision.first} first."
        return "order", f"{decision.reason} {todo}", first


START_IT = "`pghalab start` starts or wakes a node."
GO_ON = (
    "If {gone} will not come back, the console asks whether to start without, and so does "
    "`pghalab run --without {nodes}`: what only that data has is lost then."
)
