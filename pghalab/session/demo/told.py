"""How a show stands now, in the values that the presenter is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pghalab.cluster.cells import written
from pghalab.cluster.trouble import troubles
from pghalab.course.kinds import Question, Read, Wait
from pghalab.course.model import Step
from pghalab.session.demo.forewarned import forewarned
from pghalab.session.demo.program import is_typed
from pghalab.session.demo.standing import Asked, Command, Held, Standing
from pghalab.session.session import Session

if TYPE_CHECKING:
    from pghalab.session.demo.show import Show

MOST_COMMANDS = 100
LONGEST_COMMAND = 1_000
"""Characters of a command that was run before."""


def standing(show: Show) -> Standing:
    """How it stands."""
    session, program, step = show.session, show.program, show.step
    state = session.state
    lesson = program.course.lesson_of(step.id)
    following = program.steps[show.at + 1] if show.at + 1 < len(program.steps) else None
    page = show.trail.page
    return Standing(
        lesson=lesson.id, number=lesson.number, lesson_title=state.text(lesson.title), step=step.id,
        title=state.text(step.title), at=lesson.steps.index(step) + 1, of=len(lesson.steps), phase=show.phase,
        does=_does(show), command=_command(session, step),
        next_step=following.id if following is not None else "",
        next_title=state.text(following.title) if following is not None else "",
        next_command=_command(session, following) if following is not None else None,
        elapsed=float(int(show.clock() - show.began)), planned=program.planned_from(0),
        remaining=0.0 if show.phase == "over" else program.planned_from(show.at),
        for_step=program.planned_from(show.at) - program.planned_from(show.at + 1),
        headline=cluster_line(session),
        checks=tuple(
            Held(state.text(one.check), one.ok, one.known, one.saw, one.node or "")
            for one in state.results.get(step.id, ())
        ),
        warnings=_warnings(show, following), notes=state.text(step.notes),
        commands=tuple(
            Command(one.step, one.who, one.text[:LONGEST_COMMAND]) for one in show.performing.commands[-MOST_COMMANDS:]
        ),
        question=_asked(show), looking=program.steps[page[0]].id if page is not None else "",
        paused=show.paused, black=show.black, own_shell=show.own_shell, auto=show.auto, speed=show.tempo.speed,
    )  # fmt: skip


def cluster_line(session: Session) -> str:
    """The cluster in one line, without what is wrong on the presenter's own machine: the room sees it too."""
    state = session.state
    return "".join(map(written, state.headline("the lab is not seen" if state.trouble is not None else "")))


def _command(session: Session, step: Step) -> Command | None:
    """A step's command as it is typed, or what is done in its place."""
    card, where = step.kind.card, session.resolve(step) or step.kind.where
    if card is None:
        return None
    if where.command:
        return Command(step.id, where.who, step.kind.typed(where.command))
    return Command(step.id, "", card.words)


def _does(show: Show) -> str:
    step = show.step
    if show.black or show.cluster:
        return "shows the step again"
    if show.trail.back is not None:
        return "looks at the next page"
    match show.phase:
        case "say":
            if isinstance(step.kind, (Read, Question)):
                return "reveals the answer" if isinstance(step.kind, Question) else _onward(show)
            if show.session.state.settled(step.id) and not step.reads_output:
                return "shows that it holds already"
            return (
                "types the command" if is_typed(step) else "waits" if isinstance(step.kind, Wait) else "gets it ready"
            )
        case "typing":
            return "all of the command at once"
        case "ready":
            return "Enter"
        case "running":
            return "nothing until the command has ended"
        case "seen":
            return _onward(show)
        case "stopped":
            return "goes on all the same"
        case "moving":
            return "nothing until the lab is ready"
        case "over":
            return "nothing more: all was shown"


def _onward(show: Show) -> str:
    return "goes to the next step" if show.at + 1 < len(show.program.steps) else "ends the show"


def _asked(show: Show) -> Asked | None:
    kind, text = show.step.kind, show.session.state.text
    if not isinstance(kind, Question):
        return None
    revealed = show.phase not in ("moving", "say")
    choices, explain = tuple(map(text, kind.choices)), tuple(map(text, kind.explain))
    return Asked(text(kind.text), choices, kind.right, explain, revealed, show.votes)


def _warnings(show: Show, following: Step | None) -> tuple[str, ...]:
    """What stops the show, what is wrong with the cluster, what does not fit the next text, and what was told."""
    session = show.session
    state, found = session.state, [show.why] if show.why else []
    if state.trouble is not None:
        found.append(str(state.trouble))
    now = troubles(state.nodes, state.etcd, state.patroni)
    # What is not grave comes and goes with the lessons, but for a node that is away.
    found += [one.text for one in now if one.severity == "critical" or one.kind == "node"]
    if blind := show.board.blind:
        found.append(f"What is typed is not told: {blind}. The checks see what it does.")
    patroni, backend = state.patroni, state.backend
    leader = patroni.value.leader if patroni is not None and patroni.value is not None else None
    begun = show.phase in ("say", "moving")
    for which, step in (("this step", show.step if begun else None), ("the next step", following)):
        if step is not None and backend is not None:
            stands = state.steps[step.id] if state.settled(step.id) else "todo"
            found += forewarned(which, step, leader=leader, nodes=backend.lab.nodes, state=stands, text=state.text)
    return tuple(dict.fromkeys([*found, *show.notices]))
