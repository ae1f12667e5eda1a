"""A runbook: what was done on this cluster on this date, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pghalab.cluster.model import ClusterEvent
from pghalab.course.events import CheckResult
from pghalab.course.export.account import Account, stamp
from pghalab.course.journal.story import Act, Answer, Changed
from pghalab.course.kinds import AS_POSTGRES, Question
from pghalab.redact import MARK

LINES = 200
"""Lines of one output that are told."""
_TICKS = re.compile(r"`+")
_MEANT = re.compile(r"([\\`*_\[\]<>#|~&])")
_OUTCOMES = {"failed": "failed", "stopped": "stopped", "refused": "refused", "past": "nothing was left to do"}


def markdown(account: Account) -> Iterator[str]:
    """The runbook, a piece at a time."""
    yield from _head(account)
    lesson = None
    for one in account.told:
        if isinstance(one, ClusterEvent):
            yield f"{stamp(one.at, '%H:%M:%S')} {'' if one.good else '**!** '}{words(account.text(one.text))}\n\n"
            continue
        if isinstance(one, Changed):
            how = "" if one.well else ", which failed"
            yield f"{stamp(one.at, '%H:%M:%S')} The lab's “{words(account.text(one.title))}” was run{how}.\n\n"
            continue
        if isinstance(one, Act) and one.outcome == "already":
            continue  # nothing was done
        title = account.lesson_title(one.step) or "Beside the lessons"
        if title != lesson:
            lesson = title
            yield f"## {words(title)}\n\n"
        yield from _act(account, one) if isinstance(one, Act) else _answer(account, one)


def _head(account: Account) -> Iterator[str]:
    acts = account.acts
    yield f"# What was done on the lab {words(account.lab)}\n\n"
    if not account.told:
        yield "Nothing is in its journal.\n"
        return
    first, last = account.told[0].at, account.told[-1].at
    until = stamp(last, "%H:%M:%S" if stamp(first, "%Y-%m-%d") == stamp(last, "%Y-%m-%d") else "%Y-%m-%d %H:%M:%S")
    yield f"From {stamp(first)} to {until} ({stamp(last, '%Z')}): {_count(len(acts), 'command')}.\n\n"
    versions = account.versions
    if versions is not None:
        rows = [("pghalab", versions.pghalab), ("course", versions.course), *sorted(versions.image.items())]
        yield "| what | version |\n|---|---|\n"
        yield (
            "".join(f"| {words(account.text(what))} | {words(account.text(which))} |\n" for what, which in rows) + "\n"
        )
    yield (
        "Each command was run as the user and on the node that stand above it; what was not typed in a login shell of "
        f"its own, which for postgres was made in root's by {code(AS_POSTGRES)}."
    )
    if account.created:
        yield (
            " Pasted in this order into new shells like that, on a lab of the same names whose nodes were just made, "
            "each once what was checked before it holds, they make the same cluster."
        )
    yield "\n\n"
    if account.before:
        yield f"{_count(account.before, 'command')} on earlier nodes of this lab are left out.\n\n"


def _act(account: Account, act: Act) -> Iterator[str]:
    yield f"### {words(account.title(act.step) if act.step else 'A command')}\n\n"
    command = account.command(act)
    if command:
        user, node = account.where(act)
        place = f"As {code(user)} on {code(node)}" if node else "On this machine"
        yield f"{place}, at {stamp(act.at, '%H:%M:%S')}{', typed' if act.typed else ''}:\n\n{fenced(command, 'sh')}\n"
        if MARK in command:
            yield f"A secret stood where it says {code(MARK)}.\n\n"
        if output := account.output(act):
            yield fenced(_shortened(output), "text") + "\n"
    said = [_ended(act)] if command else []
    if act.summary:
        said.append(f"Beside what the lesson prints: {words(account.text(act.summary))}.")
    if act.outcome in _OUTCOMES:
        reason = words(account.text(act.reason))
        said.append(f"The step: {_OUTCOMES[act.outcome]}{f': {reason}' if reason else ''}.")
    if said:
        yield " ".join(said) + "\n\n"
    if act.results:
        yield "Checked:\n\n" + "".join(_check(account, result) for result in act.results) + "\n"


def _ended(act: Act) -> str:
    if act.how == "exited":
        return f"Exit status {act.status} after {act.seconds:.1f} s."
    return {
        "timeout": f"It was ended after {act.seconds:.0f} s.",
        "stopped": "It was stopped.",
        "lost": "The connection was lost.",
    }.get(act.how, "How it ended is not known.")


def _check(account: Account, result: CheckResult) -> str:
    sign = {"holds": "✓", "fails": "✗", "unknown": "?"}[result.verdict]
    node = f"{words(account.text(result.node))}: " if result.node else ""
    return f"- {sign} {node}{words(account.text(result.check))}: {words(account.text(result.saw))}\n"


def _answer(account: Account, answer: Answer) -> Iterator[str]:
    yield f"### {words(account.title(answer.step))}\n\n"
    lesson = account.lesson(answer.step)
    kinds = {step.id: step.kind for step in lesson.steps} if lesson is not None else {}
    question = kinds.get(answer.step)
    chosen = ""
    if isinstance(question, Question) and 0 <= answer.choice < len(question.choices):
        chosen = f" “{words(account.names.text(question.choices[answer.choice]))}”"
    yield f"Answered{chosen}: {'right' if answer.right else 'wrong'}.\n\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _shortened(text: str) -> str:
    lines = text.split("\n")
    if len(lines) <= LINES:
        return text
    half = LINES // 2
    return "\n".join([*lines[:half], f"[… {len(lines) - 2 * half} lines are left out here …]", *lines[-half:]])


def fenced(text: str, language: str) -> str:
    """A block of text that nothing in it can end."""
    fence = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}\n"


def code(text: str) -> str:
    """Text within a line as it is, whatever is in it."""
    ticks = "`" * (1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    edge = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{edge}{text}{edge}{ticks}"


def words(text: str) -> str:
    """Text of which nothing is taken for Markdown or HTML."""
    return _MEANT.sub(r"\\\1", text)
