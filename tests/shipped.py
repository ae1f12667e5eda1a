"""The course that is shipped, read once for all tests of a process: nothing changes it."""

from __future__ import annotations

from functools import cache

from pghalab.course.load import load_course
from pghalab.course.model import Course


@cache
def shipped_course() -> Course:
    """The course."""
    return load_course()
