"""Tells an answer that was not what a check wants from no look at all."""

from __future__ import annotations

from pghalab.lab.types import ErrorKind, LabError

BLIND: frozenset[ErrorKind] = frozenset(
    (
        "no-engine", "no-permission", "engine-settings", "engine-refused", "engine-silent", "paused", "no-network",
        "connecting", "out-of-reach", "refused", "busy", "timeout", "no-answer",
    )
)  # fmt: skip
"""Kinds of errors that keep anybody from looking."""


def looked(*errors: object) -> bool:
    """False when one of some errors kept a check from looking: what nobody has seen is unknown, and not a failure."""
    return not any(isinstance(error, LabError) and error.kind in BLIND for error in errors)
