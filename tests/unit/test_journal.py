"""The journal survives a crash, and a log says where it had to stop."""

from pathlib import Path

from pghalab.course.events import CheckResult, ChecksSeen, CommandStarted, Printed, StepEnded, StepStarted
from pghalab.course.journal import Journal
from pghalab.course.journal.kinds import Versions
from pghalab.course.journal.logs import LOGS_KEPT
from pghalab.course.tail import Tail
from pghalab.lab.types import Output


def test_events_are_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert list(journal.entries()) == []
    journal.append(StepStarted("a", "A"))
    journal.append(CommandStarted("a", "pgha1", "postgres", "ls", tmp_path / "x.log"))
    journal.append(Printed("a", Output("stdout", "noise")))
    journal.append(ChecksSeen("a", (CheckResult("etcd", True, "s", "w", "pgha1"),), True))
    journal.append(StepEnded("a", "done", 1.0))
    entries = list(journal.entries())
    assert [entry["event"] for entry in entries] == ["StepStarted", "CommandStarted", "ChecksSeen", "StepEnded"]
    assert entries[2]["results"][0]["node"] == "pgha1"


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(StepStarted("a", "A"))
    with journal.path.open("ab") as file:
        file.write(b'{"at": 1, "event": "StepEn')
    assert len(list(journal.entries())) == 1
    journal.append(StepStarted("b", "B"))
    assert [entry["step"] for entry in journal.entries()] == ["a", "b"]


def test_a_log_is_capped_and_says_so(tmp_path: Path) -> None:
    with Journal(tmp_path).log("a", limit=1000) as log:
        for _ in range(100):
            log.write("x" * 99 + "\n")
    data = log.path.read_bytes()
    assert data.startswith(b"x" * 99)
    assert len(data) < 1100
    assert b"the log ends here, after 1000 bytes" in data


def test_two_runs_have_two_logs(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.log("a") as first, journal.log("a") as second:
        first.write("1")
        second.write("2")
    assert (first.path.read_text(), second.path.read_text()) == ("1", "2")


def test_a_log_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    with Journal(tmp_path).log("a") as log:
        log.write("one\n")
        log.write("two")
        assert log.path.read_text() == "one\n", "the line that is being written may turn out to hold a secret"
        log.write(", three\nfour")
        assert log.path.read_text() == "one\ntwo, three\n"
    assert log.path.read_text() == "one\ntwo, three\nfour"


def test_no_secret_is_written(tmp_path: Path) -> None:
    journal, passwords = Journal(tmp_path), ["Tr0ub4dor"]
    journal.hide(lambda: tuple(passwords))
    with journal.log("a") as log:
        for piece in ("x Tr0ub", "4dor y\nPGPASS", "WORD=hun", "ter2\n", "z Tr0ub4dor"):
            log.write(piece)
    journal.append(CommandStarted("a", "pgha1", "postgres", "PGPASSWORD=Tr0ub4dor psql; : other-one", log.path))
    passwords[0] = "other-one"
    journal.append(StepEnded("a", "failed", 1.0, "it said other-one; postgres://a:b@c"))
    assert log.path.read_text() == "x (removed) y\nPGPASSWORD=(removed)\nz (removed)"
    begun, ended = journal.entries()
    assert begun["command"] == "PGPASSWORD=(removed) psql; : other-one"
    assert ended["reason"] == "it said (removed); postgres://a:(removed)@c"


def test_the_oldest_logs_go(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for number in range(LOGS_KEPT + 5):
        (folder / f"20250101-{number:06}-a.log").touch()
    with Journal(tmp_path).log("a") as log:
        kept = sorted(folder.iterdir())
    assert len(kept) == LOGS_KEPT
    assert (kept[0].name, kept[-1]) == ("20250101-000006-a.log", log.path)


def test_a_folder_that_refuses_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file")
    journal.append(StepStarted("a", "A"))
    with journal.log("a") as log:
        log.write("lost")
    assert (tmp_path / "file").read_text() == ""


def test_a_long_output_keeps_both_ends_in_bounded_memory() -> None:
    tail = Tail(half=10)
    tail.add("begin-")
    for number in range(1000):
        tail.add(f"{number},")
    text = tail.text()
    assert text.startswith("begin-0,1,")
    assert text.endswith("998,999,")
    assert "[…]" in text
    assert len(text) < 40
    short = Tail(half=10)
    short.add("a" * 20)
    assert short.text() == "a" * 20


def test_what_is_at_work_is_told_once_and_again_when_it_changes(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for patroni in ("4.1.0", "4.1.0", "4.1.1"):
        journal.versions(Versions("1.0", "abc", {"patroni": patroni}))
    told = [(entry["event"], entry["image"]["patroni"]) for entry in journal.stood.entries()]
    assert told == [("Versions", "4.1.0"), ("Versions", "4.1.1")]
    assert list(journal.entries()) == []
