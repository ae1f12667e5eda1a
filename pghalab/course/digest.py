"""A course in a few characters: they change with what is run and in which order, and not with the prose."""

from __future__ import annotations

import hashlib
import json

from pghalab.course.model import Course


def digest(course: Course) -> str:
    """Twelve hexadecimal digits of the steps, in order, with what each runs where."""
    steps = [
        [step.id, step.kind.name, step.kind.where.node, step.kind.where.user, step.kind.where.command]
        for step in course.steps
    ]
    return hashlib.sha256(json.dumps(steps).encode()).hexdigest()[:12]
