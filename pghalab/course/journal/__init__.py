"""The record of what happened in a lab: what was done in `journal.jsonl`, how the lab stood in `lab.jsonl`, and logs.

Each is a line of JSON for an event, as `kinds` and `states` say; the whole output of a command is a file in `logs/`.
Everything in it is bounded in size and age, and holds no secret. Losing it loses no progress.
"""

from __future__ import annotations

from pghalab.course.journal.journal import Journal
from pghalab.course.journal.logs import LogFile

__all__ = ["Journal", "LogFile"]
