"""The recorded run of a slow step, shown to a room while the real one goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pghalab.codec import tagged
from pghalab.course.journal.kinds import Versions
from pghalab.course.recorded import SHIPPED, Head, Played, read_recorded, written
from pghalab.session.demo import stand_in
from pghalab.session.demo.stand_in import LASTS, SLOW, StandIn
from tests.shipped import shipped_course

COURSE = shipped_course()
BUILD, READ = COURSE.step("image-build"), COURSE.step("image-inside")


class Room:
    """A stand-in over a recording of one build, and its clock."""

    def __init__(self, path: Path, output: str, seconds: float = 100.0) -> None:
        self.now, self.notes = 0.0, list[str]()
        head = Head(1_700_000_000.0, 5, Versions("1.0", "abc", {"postgresql": "17.5"}))
        played = Played(
            BUILD.id, head.made, head.made + seconds, "", "", "pghalab build", output, "exited", 0, seconds, "done"
        )  # fmt: skip
        path.write_bytes(written(head, [json.dumps(tagged(played)).encode()]))
        self.stand_in = StandIn(lambda: self.now, self.notes.append)

    @property
    def lines(self) -> tuple[str, ...] | None:
        seen = self.stand_in.seen
        return None if seen is None else seen.lines


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recording that comes with pghalab is one of the test's own."""
    path = tmp_path / "some.gz"
    monkeypatch.setattr(stand_in, "SHIPPED", path)
    return path


def test_all_of_it_is_played_in_less_time_and_marked(elsewhere: Path) -> None:
    room = Room(elsewhere, "\n".join(f"line {number}" for number in range(10)))
    room.stand_in.runs(BUILD)
    assert room.lines is None
    room.stand_in.turn()
    assert room.lines == ("line 0",)
    room.now += LASTS / 2
    assert room.lines is not None and len(room.lines) == 5
    room.now += LASTS
    assert room.lines is not None and room.lines[-1] == "line 9"
    seen = room.stand_in.seen
    assert seen is not None and seen.title.startswith("RECORDED 20") and "PostgreSQL 17.5" in seen.title
    room.stand_in.turn()
    assert room.lines is None and room.notes == []


def test_the_real_one_is_seen_as_soon_as_it_has_ended(elsewhere: Path) -> None:
    room = Room(elsewhere, "built")
    room.stand_in.runs(BUILD)
    room.stand_in.turn()
    assert room.lines == ("built",)
    room.stand_in.runs(None)
    assert room.lines is None
    room.stand_in.turn()
    assert room.lines is None and "now nothing runs" in room.notes[0]


def test_the_presenter_is_told_of_it_once_when_the_step_is_slow(elsewhere: Path) -> None:
    room = Room(elsewhere, "built")
    for _ in range(2):
        room.stand_in.runs(BUILD)
        room.now += SLOW - 0.1
        room.stand_in.tick()
        assert room.notes == []
        room.now += 0.2
        room.stand_in.tick()
        room.stand_in.tick()
        assert len(room.notes) == 1 and "takes a while" in room.notes.pop()


@pytest.mark.parametrize("output", ["", "\n \n"])
def test_what_printed_nothing_stands_in_for_nothing(elsewhere: Path, output: str) -> None:
    room = Room(elsewhere, output)
    room.stand_in.runs(BUILD)
    room.now += 2 * SLOW
    room.stand_in.tick()
    assert room.notes == []
    room.stand_in.turn()
    assert room.lines is None and "No recorded run" in room.notes[0]


def test_a_step_that_is_not_in_it_and_a_file_that_is_none(elsewhere: Path) -> None:
    room = Room(elsewhere, "built")
    room.stand_in.runs(READ)
    room.stand_in.turn()
    assert room.lines is None and "No recorded run" in room.notes.pop(0)
    elsewhere.write_bytes(b"torn")
    room.stand_in.runs(BUILD)
    room.stand_in.turn()
    assert room.lines is None and "cannot be read" in room.notes[0]


def test_the_shipped_recording_has_the_build_to_show() -> None:
    """It is made with every layer built anew: a build from the cache says nothing worth a look."""
    played = read_recorded(SHIPPED).steps["image-build"]
    assert "step 2 of" in played.output and played.seconds > SLOW
