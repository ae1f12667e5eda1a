"""What a room must not see, in a stream that comes in any pieces and in lines that are painted."""

from __future__ import annotations

import asyncio

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from pghalab.serve.hidden import COVER, Hidden
from pghalab.widgets.veil import Veil, Veiled

SECRET = "s3cret-of-16-ch."
STREAM = f"before {SECRET} and {SECRET}{SECRET} after\r\n".encode()
COVERED = STREAM.decode().replace(SECRET, COVER * len(SECRET))


class Drawn:
    """What was drawn."""

    def __init__(self) -> None:
        self.data = b""

    async def draw(self, data: bytes) -> None:
        self.data += data

    def later(self, data: bytes) -> None:
        self.data += data


@pytest.mark.parametrize("size", [1, 3, 4, 7, 16, 17, 1000])
async def test_a_secret_is_covered_wherever_the_stream_is_cut(size: int) -> None:
    drawn = Drawn()
    take = Veil([SECRET]).over(drawn.draw, drawn.later)
    for start in range(0, len(STREAM), size):
        waits = take(STREAM[start : start + size])
        if waits is not None:
            await waits
    assert drawn.data.decode() == COVERED


async def test_what_only_begins_like_a_secret_is_shown_all_the_same() -> None:
    drawn = Drawn()
    take = Veil([SECRET]).over(drawn.draw, drawn.later)
    for piece in (b"$ s3cr", b"et-pond\r\n$ s3cret-"):
        waits = take(piece)
        assert waits is not None
        await waits
    assert drawn.data == b"$ s3cret-pond\r\n$ "
    async with asyncio.timeout(5):
        while drawn.data != b"$ s3cret-pond\r\n$ s3cret-":
            await asyncio.sleep(0.01)


async def test_without_a_secret_nothing_stands_in_the_way() -> None:
    drawn = Drawn()
    assert Veil([]).over(drawn.draw, drawn.later) == drawn.draw
    assert Veil(["short"]).over(drawn.draw, drawn.later) == drawn.draw, "a word like any other"


def test_a_painted_line_keeps_its_width_and_its_styles() -> None:
    bold = Style(bold=True)
    line = [Segment("a s3cret-"), Segment("of-16-ch. ", bold), Segment("ada@engine-room")]
    found = Veiled(Hidden([SECRET], {"engine-room": "(here)"})).apply(line, Color(0, 0, 0))
    assert [segment.text for segment in found] == ["a " + COVER * 7, COVER * 9 + " ", "ada@" + COVER * 11]
    assert found[1].style == bold
    plain = [Segment("nothing of it")]
    assert Veiled(Hidden([SECRET], {})).apply(plain, Color(0, 0, 0)) is plain
