"""The beginning and the end of a long output, in bounded memory."""

from __future__ import annotations

from collections import deque


class Tail:
    """Keeps the first and the last `half` characters of what is added."""

    def __init__(self, half: int = 32_768) -> None:
        self._half = half
        self._head = ""
        self._tail: deque[str] = deque()
        self._size = 0
        self._dropped = False

    def add(self, text: str) -> None:
        """Take more text."""
        room = self._half - len(self._head)
        if room > 0:
            self._head += text[:room]
            text = text[room:]
        if not text:
            return
        self._tail.append(text)
        self._size += len(text)
        while self._size - len(self._tail[0]) >= self._half:
            self._size -= len(self._tail.popleft())
            self._dropped = True

    def text(self) -> str:
        """What is kept, with a line where the middle is missing."""
        tail = "".join(self._tail)
        cut = self._dropped or len(tail) > self._half
        return f"{self._head}\n[…]\n{tail[-self._half :]}" if cut else self._head + tail
