"""A recording of the course is small, fits the lessons, holds no secret, and is read whatever was done to its file."""

from __future__ import annotations

import json
import re
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from pghalab import cli
from pghalab.codec import tagged
from pghalab.course.expected.step import of_step
from pghalab.course.expected.words import summary
from pghalab.course.export.account import account
from pghalab.course.export.recording import recording
from pghalab.course.journal import Journal
from pghalab.course.journal.kinds import Versions
from pghalab.course.localise import Names
from pghalab.course.recorded import SHIPPED, SIZE, VERSION, Head, Played, Recorded, misfits, read_recorded, written
from pghalab.lab.types import LabError
from pghalab.redact import MARK, Secrets
from pghalab.session.replay.connect import unfit
from pghalab.text import clean
from tests.shipped import shipped_course
from tests.unit.seen import moment
from tests.unit.test_export_journal import OWN, ran

COURSE = shipped_course()
AGAIN = "record it anew: python -m tests.record_course"


@pytest.fixture(scope="module")
def shipped() -> Recorded:
    return read_recorded(SHIPPED)


def test_the_shipped_recording_is_small_and_says_of_when_and_of_what_it_is(shipped: Recorded) -> None:
    assert SHIPPED.stat().st_size <= SIZE
    assert 1_700_000_000 < shipped.head.made < time.time() + 86_400 * 365
    assert {"postgresql", "patroni", "etcd"} <= set(shipped.head.versions.image) and shipped.head.versions.pghalab
    assert shipped.names == Names(), "it is in the names of the lessons"


def test_the_shipped_recording_fits_the_lessons(shipped: Recorded) -> None:
    assert misfits(COURSE, shipped) == [], AGAIN
    off = {}
    for step in COURSE.steps:
        played = shipped.steps.get(step.id)
        if step.kind.acts and played is not None and played.command:
            found = of_step(step, played.output, shipped.names)
            if found is not None and not found.fits:
                off[step.id] = summary(found)
    assert off == {}, AGAIN
    unseen = [step.id for step in COURSE.steps if step.checks and not shipped.steps[step.id].results]
    assert unseen == [], f"what their checks saw is not in it; {AGAIN}"
    assert all(result.ok for played in shipped.steps.values() for result in played.results)


def test_the_shipped_recording_tells_of_the_cluster_from_nothing_to_the_end(shipped: Recorded) -> None:
    timeline = shipped.timeline
    begin, end = timeline.frame(timeline.moments[0]), timeline.frame(timeline.moments[-1])
    assert begin.nodes is not None and {row.container for row in begin.nodes.value or ()} == {"absent"}
    assert end.patroni is not None and end.patroni.value is not None and end.patroni.value.leader
    assert len([member for member in end.patroni.value.members if member.state == "streaming"]) == 2
    leaders = [event.text for event in timeline.events if event.kind == "leader"]
    assert any("leader changed" in text for text in leaders)
    assert len(timeline.events) > 30


def test_the_shipped_recording_is_clean_and_holds_no_secret(shipped: Recorded) -> None:
    data = zlib.decompress(SHIPPED.read_bytes(), 31).decode()
    for played in shipped.steps.values():
        for text in (played.command, played.output, *(result.saw for result in played.results)):
            assert clean(text) == text and Secrets().removed(text) == text and MARK not in text, played.step
    assert "192.168.50." in data and "PRIVATE KEY" not in data and "SCRAM-SHA-256$" not in data
    # Where the packages of the image came from is nobody's business.
    hosts = set(re.findall(r"https?://([^/:\s\"\\]+)", data))
    assert {host for host in hosts if not re.fullmatch(r"pgha\d|192\.168\.50\.\d+|localhost|127\.0\.0\.1", host)} == {
        "mirror"
    }


# Making one


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "labs" / "pghr" / "journal")


def made(journal: Journal, names: Names | None = None) -> Recorded:
    names = names or Names("pghr", "192.168.60", "scram-sha-256", "pghrnet")
    file = journal.folder.parent / "made.gz"
    file.write_bytes(recording(account("pghr", names, COURSE, journal, OWN, whole=True)))
    return read_recorded(file)


def test_a_recording_has_the_last_good_run_of_each_step_in_the_names_of_the_lessons(journal: Journal) -> None:
    journal.versions(Versions("1.2", "abc", {"patroni": "4.1.0"}))
    seen = moment("read-only")
    journal.saw(("nodes", seen.nodes))
    ran(journal, "deploy-up", "pghalab up", "made pghr1\n", node="")
    ran(journal, "names-dns", "getent hosts pghr1", "192.168.60.10  pghr1\npghr2\n", node="pghr1")
    ran(journal, "names-dns", "getent hosts pghr1", "nothing\n", node="pghr1", outcome="failed")
    ran(journal, "names-dns", "getent hosts pghr1", f"192.168.60.11  pghr1 {OWN}\npghr2\n", node="pghr1")
    journal.saw(("etcd", seen.etcd))
    found = made(journal)
    assert list(found.steps) == ["deploy-up", "names-dns"]
    played = found.steps["names-dns"]
    assert (played.node, played.command) == ("pgha1", "getent hosts pgha1")
    assert played.output == f"192.168.50.11  pgha1 {MARK}\npgha2"
    assert (found.head.nodes, found.head.versions.image) == (5, {"patroni": "4.1.0"})
    # What was seen before the first command held when it began.
    begin = found.timeline.frame(found.head.made)
    assert begin.nodes is not None and begin.etcd is None
    frame = found.timeline.frame(time.time())
    assert frame.etcd is not None and frame.etcd.value == seen.etcd.value
    nodes = frame.nodes
    assert nodes is not None and nodes.value is not None and seen.nodes.value is not None
    assert [row.container for row in nodes.value] == [row.container for row in seen.nodes.value]


def test_names_that_are_longer_than_those_of_the_lessons_are_refused(journal: Journal) -> None:
    ran(journal, "names-dns", "ls")
    with pytest.raises(LabError, match="not as long as"):
        made(journal, Names("another", "192.168.60"))


def test_without_any_run_there_is_nothing_to_record(journal: Journal) -> None:
    with pytest.raises(LabError, match="has no runs"):
        made(journal)


def test_the_verb_writes_one_and_only_to_a_file(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    ran(journal, "names-dns", "getent hosts pghr1", "x\n")
    assert cli.main(["--lab", "pghr", "journal", "export", "--format", "recording"]) == 1
    assert "needs a FILE" in capsys.readouterr().err
    file = tmp_path / "mine.gz"
    assert cli.main(["--lab", "pghr", "journal", "export", "--format", "recording", str(file)]) == 0
    assert list(read_recorded(file).steps) == ["names-dns"]


# Reading one


HEAD = Head(1_700_000_000.0, 5, Versions("1.0", "abc", {}))


def packed(text: str) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(text.encode()) + packer.flush()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read"),
        (b"\x1f\x8b\x08nonsense", "cannot be read"),
        (written(HEAD, [])[:-20], "cut off"),
        (packed("no json"), "cannot be read"),
        (packed("[]"), "no recording of pghalab's"),
        (packed('{"format": "else"}'), "no recording of pghalab's"),
        (packed(json.dumps({"format": "pghalab-recording", "version": VERSION + 1})), f"reads {VERSION}"),
        (packed(json.dumps({"format": "pghalab-recording", "version": VERSION, "made": "x"})), "cannot be read"),
        (packed("[" * 100_000), "cannot be read"),
        (packed("\n" + "x" * 60_000_000), "too large"),
        (written(HEAD, [b'{"event": "Played", "step": 7}']), "cannot be read"),
    ],
)
def test_what_is_no_recording_is_told_as_that(data: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(data)
    with pytest.raises(LabError, match=words):
        read_recorded(file)


def test_a_recording_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="There is no recording"):
        read_recorded(tmp_path / "none.gz")
    with pytest.raises(LabError, match="it is a folder"):
        read_recorded(tmp_path)


def test_lines_that_make_no_sense_leave_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "x.gz"
    played = Played("a", 1.0, 2.0, "pgha1", "root", "ls", "x", "exited", 0, 1.0, "done")
    step = {**tagged(played), "from the future": [1]}
    happened = {"at": 1.5, "event": "Happened", "kind": "etcd", "text": "well", "good": True}
    lines = [
        json.dumps(step).encode(),
        b"{nonsense",
        b"[]",
        b'{"at": 1, "event": "New"}',
        json.dumps(happened).encode(),
    ]
    file.write_bytes(written(HEAD, lines))
    found = read_recorded(file)
    assert list(found.steps) == ["a"] and [event.text for event in found.timeline.events] == ["well"]


def test_a_recording_of_an_older_course_says_where_it_does_not_fit(shipped: Recorded) -> None:
    assert unfit(COURSE, shipped) == ()
    steps = dict(shipped.steps)
    del steps["etcd-start-pgha1"], steps["names-dns"]
    steps["leader-start"] = replace(steps["leader-start"], command="patroni --old")
    older = replace(
        shipped, steps=steps, head=replace(shipped.head, versions=replace(shipped.head.versions, course="000000000000"))
    )
    (said,) = unfit(COURSE, older)
    assert "`names-dns` is not in it; `etcd-start-pgha1` is not in it; `leader-start` runs another command now" in said
    prose = replace(shipped, head=replace(shipped.head, versions=replace(shipped.head.versions, course="0" * 12)))
    assert unfit(COURSE, prose) == (), "other steps or commands count, and not the version alone"
