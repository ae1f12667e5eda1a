"""The check of what a step's own command printed the last time it ran."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pghalab.course.checks.base import TEXTS, CheckType, Context, Param
from pghalab.course.events import CheckResult
from pghalab.course.patterns import PatternError, found

CHECK = "the command's output"
"""What its results are called."""
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")


async def output(ctx: Context, params: Mapping[str, Any]) -> Sequence[CheckResult]:
    """The last run printed these texts, and something that the expression matches; `words` say what that is."""
    contains = [str(text) for text in params.get("contains", [])]
    matches = str(params.get("matches", ""))
    meant = str(params.get("words", "")) or "what the step is about"
    wanted = f"prints {', '.join([f'`{text}`' for text in contains] + ([meant] if matches else []))}"
    if ctx.output is None:
        return [CheckResult(CHECK, False, "the step's command has not run yet", wanted)]
    text = _CONTROL.sub("", ctx.output)
    missing = [f"`{item}` was not printed" for item in contains if item not in text]
    try:
        if matches and not await found(matches, text):
            missing.append(f"it did not print {meant}")
    except PatternError as error:
        missing.append(f"the lesson's pattern cannot be used: {error}")
    return [CheckResult(CHECK, not missing, "; ".join(missing) or "printed as wanted", wanted)]


CHECKS = {"output": CheckType(output, {"contains": TEXTS, "matches": Param((str,)), "words": Param((str,))})}
