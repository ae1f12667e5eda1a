"""The words in double braces that a lesson leaves to the live cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping

KNOWN = ("leader", "replica", "auth_method")
"""Answered by the cluster (who holds the leader key, a streaming replica) and by the lab."""

WORD = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")


def used(*texts: str) -> frozenset[str]:
    """The placeholders that occur in some texts."""
    return frozenset(word for text in texts for word in WORD.findall(text))


def fill(text: str, answers: Mapping[str, str]) -> str:
    """Put the answers in; a placeholder without an answer stays as it is."""
    return WORD.sub(lambda match: answers.get(match[1], match[0]), text)
