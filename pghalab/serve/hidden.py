"""What a room is not shown: passwords and keys, and what names the presenter or the machine."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from pghalab.redact import Secrets

COVER = "•"
"""Stands in each cell of a screen that is not shown."""
SHORTEST = 2
"""Characters of a name that is told from other words; a shorter one would be found everywhere."""
_NOBODYS = {"localhost", "/root", "/"}
"""Names and folders that every machine has, and the nodes too."""


class Hidden:
    """Finds what is not shown: secrets, known ones and what looks like one, and names, each with what stands for it."""

    def __init__(self, secrets: Iterable[str], names: Mapping[str, str]) -> None:
        self._values = frozenset(secrets)
        self._secrets = Secrets(self._values)
        self._names = {name: other for name, other in names.items() if len(name) >= SHORTEST and name not in _NOBODYS}
        longest_first = "|".join(re.escape(name) for name in sorted(self._names, key=len, reverse=True))
        self._named = re.compile(rf"(?<![\w-])(?:{longest_first})(?![\w-])") if self._names else None

    def add(self, secrets: Iterable[str]) -> bool:
        """Hide these too; false where they are hidden already."""
        values = self._values | frozenset(secrets)
        if values == self._values:
            return False
        self._values, self._secrets = values, Secrets(values)
        return True

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where in a text something begins and ends that is not shown."""
        found = self._secrets.spans(text)
        if self._named is not None:
            found += [match.span() for match in self._named.finditer(text)]
        return found

    def text(self, text: str) -> str:
        """A text as it is shown."""
        text = self._secrets.removed(text)
        return text if self._named is None else self._named.sub(lambda match: self._names[match[0]], text)


def of_this_machine() -> dict[str, str]:
    """The names of this machine and the person's home folder, with what is said in their place."""
    name = socket.gethostname()
    return {str(Path.home()): "~", name: "(this machine)", name.partition(".")[0]: "(this machine)"}
