"""How a show stands, as a presenter reads it: the notes, what comes, the time, and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual.content import Content

from pghalab.cluster.units import clock
from pghalab.session.demo.desk import Heard
from pghalab.session.demo.standing import Asked, Command, Held, Phase, Standing
from pghalab.widgets.glyphs import ACCENT, BAD, OK, QUIET, WARN
from pghalab.widgets.text import paragraph, plain

LATE = 60.0
"""Seconds behind the plan from which on it is said in colour."""
MOST_CHECKS = 4
"""Lines of checks; those that do not hold come first."""
_LABEL = re.compile(r"(Say|Asked|Point at): ")
_QUESTION = re.compile(r"[^?]*\?")
_PHASES: dict[Phase, tuple[str, str]] = {
    "say": ("is said", ""), "typing": ("is typed", ""), "ready": ("ready: Enter comes next", ACCENT),
    "running": ("runs", ACCENT), "seen": ("was seen", OK), "stopped": ("STOPPED", f"bold {BAD}"),
    "moving": ("the lab is brought here", ACCENT), "over": ("all was shown", OK),
}  # fmt: skip


def place(standing: Standing) -> Content:
    """Lesson, step and its title."""
    where = f"{standing.number} {standing.lesson_title} · step {standing.at} of {standing.of} · "
    return Content.assemble(plain(where, QUIET), plain(standing.title, "bold"))


def times(standing: Standing) -> list[Content]:
    """Three lines beside the clock: what is left, how that fits the plan, and what the room sees."""
    begins = standing.planned - standing.remaining
    if (behind := standing.elapsed - begins - standing.for_step) > 0:
        fits = plain(f"{clock(behind)} behind the plan", f"bold {WARN}" if behind > LATE else WARN)
    elif standing.elapsed < begins:
        fits = plain(f"{clock(begins - standing.elapsed)} ahead of the plan", OK)
    else:
        fits = plain("as planned", OK)
    left = plain(f"{clock(standing.remaining)} planned for what is left, {clock(standing.planned)} for all")
    return [left, fits, Content("  ").join(signs(standing))]


def signs(standing: Standing) -> list[Content]:
    """How far the step is, and what is otherwise than usual."""
    words, style = _PHASES[standing.phase]
    found = [plain(words, style)]
    if standing.looking:
        found.append(plain("◂ the room looks back", WARN))
    if standing.paused:
        found.append(plain("‖ paused", f"bold {WARN}"))
    if standing.black:
        found.append(plain("■ the room sees nothing", f"bold {WARN}"))
    if standing.own_shell:
        found.append(plain("your own shell", WARN))
    if standing.auto:
        found.append(plain("▸ by itself", QUIET))
    if standing.speed != 1.0:
        found.append(plain(f"{standing.speed:.2g}×", QUIET))
    return found


def notes(standing: Standing) -> Content:
    """The answer of a question that the room is asked, then what to say, what the room asks and where to point."""
    parts = [_asked(standing.question)] if standing.question is not None else []
    parts += [_note(part) for part in standing.notes.split("\n\n") if part.strip()]
    return Content("\n\n").join(parts) if parts else plain("No notes for this step.", QUIET)


def _note(text: str) -> Content:
    label = _LABEL.match(text)
    if label is None:
        return paragraph(text)
    rest = text[label.end() :]
    head = plain(label.group(), f"bold {ACCENT}")
    question = _QUESTION.match(rest) if label[1] == "Asked" else None
    if question is None:
        return Content.assemble(head, paragraph(rest))
    answer = rest[question.end() :].lstrip()
    return Content.assemble(head, paragraph(question.group()).stylize("bold"), " ", paragraph(answer))


def _asked(question: Asked) -> Content:
    """The room sees the question and its options; the presenter the right one, and how many chose which."""
    told = "The room knows: " if question.revealed else "The room is asked: "
    if not 0 <= question.right < len(question.options):
        return plain(told.rstrip(), ACCENT)
    right = Content.assemble(
        plain(told, f"bold {ACCENT}"), plain(f"{_letter(question.right)} is right: ", f"bold {OK}"),
        paragraph(question.options[question.right]),
    )  # fmt: skip
    if not question.votes:
        return right
    votes = ", ".join(f"{_letter(number)} {count}" for number, count in enumerate(question.votes))
    return Content.assemble(right, plain(f" Votes: {votes}.", ACCENT))


def _letter(number: int) -> str:
    return chr(ord("a") + number % 26)


def checks(held: Iterable[Held]) -> Content:
    """Those that do not hold first, and then how many do."""
    rows = list(held)
    open_ones = [one for one in rows if not one.ok]
    lines = []
    for one in open_ones[:MOST_CHECKS]:
        mark = plain("✗ " if one.known else "? ", BAD if one.known else WARN)
        where = f" ({one.node})" if one.node and one.node not in one.saw else ""
        lines.append(Content.assemble(mark, plain(_line(f"{one.check}: {one.saw}{where}"))))
    if len(open_ones) > MOST_CHECKS:
        lines.append(plain(f"and {len(open_ones) - MOST_CHECKS} more that do not hold", QUIET))
    well = len(rows) - len(open_ones)
    if well:
        lines.append(plain(f"✓ {well} of {len(rows)} checks hold" if open_ones else f"✓ {_all(rows)}", OK))
    return Content("\n").join(lines)


def _all(rows: list[Held]) -> str:
    return _line("; ".join(dict.fromkeys(one.check for one in rows)))


def onward(standing: Standing, key: str) -> Content:
    """What the key for going on does now, and the command of the step."""
    head = Content.assemble(plain(f"{key} ", f"bold {ACCENT}"), plain(standing.does))
    return _with_command(head, standing.command)


def following(standing: Standing) -> Content:
    """The step that follows, and its command."""
    if not standing.next_step:
        return plain("Then: nothing more, this is the last step.", QUIET)
    return _with_command(plain(f"Then: {_line(standing.next_title)}", "bold"), standing.next_command)


def _with_command(head: Content, command: Command | None) -> Content:
    if command is None:
        return head
    where = f"{command.who}$ " if command.who else "the lab: "
    return Content.assemble(head, "\n", plain(where, QUIET), plain(command.text.strip()))


def warnings(heard: Heard, silent: int) -> Content:
    """What is wrong: with the console itself first; `silent` is for how many seconds it has said nothing."""
    lines = []
    if heard.console == "away":
        lines.append("The console is away. This goes on by itself once it is back.")
    elif heard.console == "strange":
        lines.append("What the console says is not understood: is it of the same version?")
    elif silent:
        lines.append(f"No word from the console for {silent} s.")
    if heard.standing is not None:
        lines += map(_line, heard.standing.warnings)
    return Content("\n").join(plain(f"! {line}", f"bold {WARN}") for line in lines)


def _line(text: str) -> str:
    return " ".join(text.split())
