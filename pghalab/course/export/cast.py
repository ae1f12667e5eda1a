"""A recording for terminal players: asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/).

Its first line is the header, each one behind it an event: seconds since the event before, a code (`o` for what is
shown, `m` for a marker, `x` for the end) and its text. Nothing that is shown comes from a node as it was: all of it is
clean text, and the lines end as a terminal wants it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from pghalab.course.events import CheckResult
from pghalab.course.export.account import Account
from pghalab.course.journal.story import Act

COLUMNS, ROWS = 120, 32
LINES = 60
"""Lines of one output that are shown."""
LONGEST_WAIT = 3.0
"""Seconds that a command is seen to run at most."""
READ = 1.5
"""Seconds to look at what came, before the next step."""


def cast(account: Account) -> Iterator[str]:
    """The recording, a line at a time, with a marker where each step begins."""
    acts = account.acts
    header: dict[str, Any] = {
        "version": 3,
        "term": {"cols": COLUMNS, "rows": ROWS, "type": "xterm-256color"},
        "timestamp": int(acts[0].at) if acts else 0,
        "idle_time_limit": LONGEST_WAIT,
        "title": f"The lab {account.lab}",
    }
    yield json.dumps(header) + "\n"
    # The unevenness of a hand, and the same file for the same journal.
    hand = random.Random(account.lab)
    for act in acts:
        yield from _shown(account, act, hand)
    yield _event(READ, "x", "0")


def _shown(account: Account, act: Act, hand: random.Random) -> Iterator[str]:
    lesson = account.lesson_title(act.step)
    title = account.title(act.step) if act.step else "a command"
    yield _event(READ, "m", f"{lesson} › {title}" if lesson else title)
    user, node = account.where(act)
    prompt = f"{user}@{node}:~$ " if node else "$ "
    yield _event(0.0, "o", f"# {title}\r\n{prompt}")
    first, *rest = account.command(act).split("\n")
    for char in first:
        yield _event(hand.uniform(0.01, 0.06), "o", char)
    for line in rest:
        yield _event(0.1, "o", f"\r\n> {line}")
    yield _event(0.3, "o", "\r\n")
    output = account.output(act).split("\n")
    if len(output) > LINES:
        half = LINES // 2
        output = [*output[:half], f"[… {len(output) - 2 * half} lines are left out here …]", *output[-half:]]
    wait = min(act.seconds, LONGEST_WAIT)
    if output != [""]:
        yield _event(wait, "o", "".join(f"{line}\r\n" for line in output))
        wait = 0.0
    checks = "".join(f"# {_check(account, result)}\r\n" for result in act.results)
    yield _event(wait + 0.2, "o", f"{checks}\r\n")


def _check(account: Account, result: CheckResult) -> str:
    sign = {"holds": "✓", "fails": "✗", "unknown": "?"}[result.verdict]
    node = f"{account.text(result.node)}: " if result.node else ""
    return f"{sign} {node}{account.text(result.check)}: {account.text(result.saw)}"


def _event(seconds: float, code: str, text: str) -> str:
    return json.dumps([round(seconds, 3), code, text]) + "\n"
