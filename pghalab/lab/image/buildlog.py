"""Reads the stream of a classic image build: steps, the lines between them, the result or the failure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from pghalab.lab.types import LabError, Part

LAST_LINES = 20
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_BUILT = re.compile(r"Successfully built ([0-9a-f]{12,64})")
_NOISE = re.compile(
    r" ---> [0-9a-f]{12}$| ---> Running in |Removing intermediate container |Successfully (built|tagged) "
)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class BuildLog:
    """Fed the decoded chunks of one build, gives the lines to show; `extra` steps follow this build."""

    def __init__(self, extra: int = 0) -> None:
        self.step = 0
        self.steps = 0
        self.instruction = ""
        self.image_id = ""
        """The image that came out; empty until the build succeeded."""
        self.cached = 0
        """How many steps were served from the cache."""
        self._extra = extra
        self._partial = ""
        self._tail: deque[str] = deque(maxlen=LAST_LINES)

    def feed(self, chunk: Mapping[str, Any]) -> list[str]:
        """The lines that became complete with this chunk; raises LabError when the chunk tells of a failure."""
        if "error" in chunk:
            self._close()
            raise self.failure(str(chunk["error"]))
        aux = chunk.get("aux")
        if isinstance(aux, Mapping) and aux.get("ID"):
            self.image_id = str(aux["ID"])
        *whole, self._partial = (self._partial + str(chunk.get("stream", ""))).split("\n")
        return [shown for line in whole if (shown := self._line(line)) is not None]

    def failure(self, error: str) -> LabError:
        """The error that names the failing step and carries the last lines it printed."""
        where = f"step {self.step} of {self.steps + self._extra}" if self.step else "its first step"
        last = "\n".join(f"  {line}" for line in self._tail)
        what = f"Building the image failed in {where}: {_short(self.instruction)}\n{last}\n{_short(clean(error))}"
        return LabError(
            what.replace("\n\n", "\n"),
            todo="Steps that succeeded are kept: once the reason is gone, build again and it continues here.",
        )

    def _close(self) -> None:
        rest, self._partial = self._partial, ""
        self._line(rest)

    def _line(self, raw: str) -> str | None:
        line = clean(raw).rstrip()
        if found := _STEP.match(line):
            self.step, self.steps, self.instruction = int(found[1]), int(found[2]), found[3]
            self._tail.clear()
            of, words = self.steps + self._extra, _short(self.instruction)
            return Part(f"step {self.step} of {of}: {words}", self.step, of, words)
        if found := _BUILT.match(line):
            self.image_id = self.image_id or found[1]
        if line == " ---> Using cache":
            self.cached += 1
            return "  from the cache"
        if not line.strip() or _NOISE.match(line):
            return None
        self._tail.append(line)
        return f"  {line}"


def clean(text: str) -> str:
    """Text without terminal escapes, and of a line that was overwritten only what stayed."""
    return _ESCAPE.sub("", text).rstrip("\r").rsplit("\r", 1)[-1]


def _short(text: str, width: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"
