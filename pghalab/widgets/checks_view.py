"""The results of a step's checks, with what was seen and what was wanted on each node."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from pghalab.course.events import CheckResult
from pghalab.text import shortened
from pghalab.widgets.glyphs import BAD, OK, QUIET, WARN
from pghalab.widgets.steady import SteadyText
from pghalab.widgets.text import node_list, plain


class ChecksView(SteadyText):
    """One line for each check that holds, and reasons for each that does not."""

    DEFAULT_CSS = """
    ChecksView { height: auto; width: 1fr; margin: 1 0 0 0; }
    """

    def show(
        self,
        results: Sequence[CheckResult],
        *,
        expected: int,
        running: bool = False,
        untried: bool = False,
        past: bool = False,
        why_none: str = "",
    ) -> None:
        """Show the last look; `expected` is how many checks the step has.

        `untried`: nobody ran it yet; `past`: nothing is left to do, whatever they see.
        """
        if not expected:
            self.display = bool(why_none)
            self.say(Content.assemble(("No check: ", QUIET), plain(why_none, QUIET)))
            return
        self.display = True
        self.say(_text(results, expected, running=running, untried=untried, past=past))


def _text(results: Sequence[CheckResult], expected: int, *, running: bool, untried: bool, past: bool) -> Content:
    if not results:
        word = "checking…" if running else f"{expected} not looked at yet"
        return Content.assemble(("Checks  ", "bold"), (word, QUIET))
    groups: dict[str, list[CheckResult]] = {}
    for result in results:
        groups.setdefault(result.check, []).append(result)
    holding = sum(all(result.ok for result in group) for group in groups.values())
    head_style = OK if holding == len(groups) else QUIET if untried or past else WARN
    need_not = ", and need not: the step is past" if past and holding < len(groups) else ""
    head = f"{holding} of {len(groups)} hold{' now' if past else ''}{need_not}"
    lines = [Content.assemble(("Checks  ", "bold"), (head, head_style))]
    for check, group in groups.items():
        good = [result.node for result in group if result.ok and result.node]
        bad = [result for result in group if not result.ok]
        if not bad:
            where = f"  {node_list(good)}" if good else ""
            lines.append(Content.assemble(("✓ ok  ", OK), plain(check), (where, QUIET)))
            continue
        unknown = not any(result.known for result in bad)
        if (untried or past) and not unknown:
            # What nobody has begun is no failure, nor what is past.
            more = f" · and {len(bad) - 1} more" if len(bad) > 1 else ""
            saw = f"  {_where(bad[:1])}{shortened(bad[0].saw, 120)}{more}"
            sign = "» past  " if past else "○ not yet  "
            lines.append(Content.assemble((sign, QUIET), plain(check), plain(saw, QUIET)))
            continue
        glyph = ("? cannot be checked  ", WARN) if unknown else ("◐ not yet  ", WARN) if running else ("✗ no  ", BAD)
        where = f"  holds on {node_list(good)}" if good else ""
        lines.append(Content.assemble(glyph, plain(check), (where, QUIET)))
        for same in _alike(bad):
            if not same[0].known:
                # Its words name the node.
                lines.append(Content.assemble("     ", plain(shortened(same[0].saw, 300))))
                continue
            lines.append(
                Content.assemble(
                    ("     ", ""),
                    (_where(same), "bold"),
                    plain(shortened(same[0].saw, 300)),
                    ("; wanted: ", QUIET),
                    plain(shortened(same[0].wanted, 300)),
                )
            )
    return Content("\n").join(lines)


def _alike(results: Sequence[CheckResult]) -> list[list[CheckResult]]:
    """Results that saw and wanted the same, each in one group."""
    groups: dict[tuple[str, str], list[CheckResult]] = {}
    for result in results:
        groups.setdefault((result.saw, result.wanted), []).append(result)
    return list(groups.values())


def _where(results: Sequence[CheckResult]) -> str:
    names = [result.node for result in results if result.node and result.node not in result.saw]
    return f"{node_list(names)}: " if names else ""
