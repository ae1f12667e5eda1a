"""What the room must not see: covered in what a node prints, and in every line that is painted."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from pghalab.serve.hidden import COVER, Hidden

LETS_GO = 0.05
"""Seconds after which the end of a piece is shown that may have begun a secret: nothing more came."""
LEAST = 6
"""Characters of a secret that is covered wherever it stands: a shorter one stands in many words."""

Draw = Callable[[bytes], Awaitable[None] | None]


class Veil:
    """Covers these secrets in a stream of bytes, also where the screen breaks them into two rows."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets if len(secret) >= LEAST]

    def over(self, draw: Draw, later: Callable[[bytes], object]) -> Draw:
        """Draws the same without them; `later` draws what was held back, and nobody waits for that."""
        if not self._secrets:
            return draw
        held = b""
        timer: asyncio.TimerHandle | None = None

        def let_go() -> None:
            nonlocal held
            rest, held = held, b""
            later(rest)

        async def take(data: bytes) -> None:
            nonlocal held, timer
            if timer is not None:
                timer.cancel()
            data = self._covered(held + data)
            keep = max((self._begun(data, secret) for secret in self._secrets), default=0)
            held = data[len(data) - keep :]
            if held:
                timer = asyncio.get_running_loop().call_later(LETS_GO, let_go)
            if keep < len(data):
                waits = draw(data[: len(data) - keep])
                if inspect.isawaitable(waits):
                    await waits

        return take

    def _covered(self, data: bytes) -> bytes:
        for secret in self._secrets:
            data = data.replace(secret, COVER.encode() * len(secret.decode()))
        return data

    @staticmethod
    def _begun(data: bytes, secret: bytes) -> int:
        """How many bytes at the end begin a secret."""
        longest = min(len(secret) - 1, len(data))
        return next((size for size in range(longest, 0, -1) if data.endswith(secret[:size])), 0)


class Veiled(LineFilter):
    """Covers in every painted line what a room is not shown."""

    def __init__(self, hidden: Hidden) -> None:
        super().__init__()
        self._hidden = hidden

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments of one line, with the same widths."""
        text = "".join(segment.text for segment in segments if not segment.control)
        spans = self._hidden.spans(text)
        if not spans:
            return segments
        found, at = [], 0
        for segment in segments:
            if segment.control:
                found.append(segment)
                continue
            chars = list(segment.text)
            for begin, end in spans:
                for index in range(max(begin - at, 0), min(end - at, len(chars))):
                    chars[index] = COVER
            at += len(chars)
            found.append(Segment("".join(chars), segment.style))
        return found
