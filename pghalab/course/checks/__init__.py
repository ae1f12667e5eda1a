"""The kinds of checks by the name that lessons call them by, and how one is looked at."""

from __future__ import annotations

import logging

from pghalab.course.checks import drills, etcd, nodes, output, patroni, postgres, services
from pghalab.course.checks.base import CheckType, Context
from pghalab.course.checks.blind import looked
from pghalab.course.events import CheckResult
from pghalab.course.model import CheckSpec
from pghalab.lab.types import LabError

CHECKS: dict[str, CheckType] = {
    **nodes.CHECKS,
    **services.CHECKS,
    **etcd.CHECKS,
    **patroni.CHECKS,
    **postgres.CHECKS,
    **output.CHECKS,
    **drills.CHECKS,
}
"""Every kind of check."""

_log = logging.getLogger(__name__)


async def evaluate(spec: CheckSpec, ctx: Context) -> tuple[CheckResult, ...]:
    """Look once; whatever keeps the check from being looked at is a failed check with its words."""
    kind = CHECKS.get(spec.name)
    if kind is None:
        return (CheckResult(spec.name, False, "there is no such check", "a known check"),)
    params = ctx.names.value(spec.params)
    try:
        results = tuple(await kind.look(ctx, params))
    except LabError as error:
        return (CheckResult(_title(spec), False, error.what, _wanted(params), error.node, looked(error)),)
    except Exception as error:
        _log.exception("check %s in line %d", spec.name, spec.line)
        return (CheckResult(_title(spec), False, f"could not be looked at: {error}", _wanted(params), known=False),)
    return results or (CheckResult(_title(spec), False, "there is no node to look at", _wanted(params)),)


def _title(spec: CheckSpec) -> str:
    return spec.name.replace("_", " ")


def _wanted(params: object) -> str:
    items = params.items() if isinstance(params, dict) else ()
    return ", ".join(_in_words(key, value) for key, value in items) or "that it holds"


def _in_words(key: str, value: object) -> str:
    if isinstance(value, bool):
        return key if value else f"not {key}"
    return f"{key} {', '.join(map(str, value)) if isinstance(value, list) else value}"
