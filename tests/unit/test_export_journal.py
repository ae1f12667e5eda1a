"""A journal is told as a runbook, JSON and asciicast v3: whole, readable, without secrets and without hostile bytes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab import cli
from pghalab.cluster.model import ClusterEvent
from pghalab.course.events import (
    CheckResult,
    ChecksSeen,
    CommandEnded,
    CommandStarted,
    Outcome,
    RunEvent,
    StepEnded,
    StepStarted,
)
from pghalab.course.export.account import Account, account
from pghalab.course.export.cast import cast
from pghalab.course.export.markdown import code, fenced, markdown, words
from pghalab.course.export.plain import as_json
from pghalab.course.journal import Journal
from pghalab.course.journal.kinds import Answered, Compared, Entry, StepSeen, VerbRan, Versions
from pghalab.course.journal.story import SHOWN, Act, read_story
from pghalab.course.localise import Names
from pghalab.lab.host.paths import lab_folder
from pghalab.lab.settings import default_settings, save_settings
from pghalab.lab.types import Ended, LabError
from tests.shipped import shipped_course
from tests.unit.seen import moment

COURSE = shipped_course()
OWN = "Tr0ub4dor&3"
START = COURSE.step("etcd-start-pgha1")
HOSTILE = "\x1b]0;title\x07\x1b[31mred\x1b[0m ``` </script> \u202eevil [x](http://a) \x9b2J\n````\nend"


class Clock:
    """Time that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = time.mktime((2026, 3, 1, 14, 0, 0, 0, 0, -1))
        monkeypatch.setattr(time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "labs" / "pgha" / "journal")


def ran(
    journal: Journal,
    step: str,
    command: str,
    text: str = "",
    *,
    node: str = "pgha1",
    outcome: Outcome = "done",
    status: int = 0,
    checks: tuple[CheckResult, ...] = (),
) -> None:
    """What a run leaves in the journal."""
    with journal.log(step) as log:
        log.write(text)
    events: list[RunEvent] = [
        StepStarted(step, "A step"),
        CommandStarted(step, node, "postgres" if node else "", command, log.path),
        CommandEnded(step, Ended("exited", status, 1.5)),
    ]
    events += [ChecksSeen(step, checks, True)] if checks else []
    for event in (*events, StepEnded(step, outcome, 2.0, "" if outcome == "done" else "it is not so")):
        journal.append(event)


def typed(journal: Journal, step: str, command: str, *more: Entry) -> None:
    """What a command that was typed leaves."""
    with journal.log("typed") as log:
        log.write("typed\n")
    journal.append(CommandStarted(step, "pgha2", "root", command, log.path, typed=True))
    journal.append(CommandEnded(step, Ended("exited", 0, 3.0)))
    for event in more:
        journal.append(event)


def told(
    journal: Journal, *, since: str = "", until: str = "", whole: bool = False, names: Names | None = None
) -> Account:
    return account("pgha", names or Names(), COURSE, journal, OWN, since=since, until=until, whole=whole)


def check(saw: str, *, ok: bool = True) -> CheckResult:
    return CheckResult("etcd runs as postgres", ok, saw, "runs", "pgha1")


def test_the_story_has_each_act_with_all_that_belongs_to_it(journal: Journal, clock: Clock) -> None:
    ran(journal, START.id, "start etcd", "started\n", checks=(check("runs as postgres"),))
    journal.append(StepStarted("etcd-status", "A step that was done already"))
    journal.append(StepEnded("etcd-status", "already", 0.1))
    clock.now += 60
    typed(journal, "etcd-members", "etcdctl member list", StepSeen("etcd-members", "done", (check("listed"),)))
    journal.append(Compared("etcd-members", False, "1 line differs", ("expected `a`, printed `b`",)))
    journal.append(Answered("etcd-question-format", 1, True))
    journal.append(VerbRan("Restart", False, 4.0))
    first, already, second = read_story(journal).acts
    assert (already.step, already.outcome, already.command) == ("etcd-status", "already", "")
    assert (first.command, first.how, first.status, first.outcome) == ("start etcd", "exited", 0, "done")
    assert first.results == (check("runs as postgres"),) and not first.typed
    assert (second.command, second.typed, second.node, second.user) == ("etcdctl member list", True, "pgha2", "root")
    assert (second.outcome, second.results, second.summary) == ("done", (check("listed"),), "1 line differs")
    assert second.at == clock.now - 3.0, "it is told of when it has ended"
    assert [type(one).__name__ for one in read_story(journal).told] == ["Act", "Act", "Act", "Answer", "Changed"]


def test_runs_side_by_side_and_one_that_a_crash_ended_are_kept_apart(journal: Journal) -> None:
    for event in (
        StepStarted("a", ""),
        StepStarted("b", ""),
        CommandStarted("a", "pgha1", "postgres", "one", Path("a.log")),
        CommandStarted("b", "pgha2", "postgres", "two", Path("b.log")),
        CommandEnded("b", Ended("exited", 1, 1.0)),
        CommandEnded("a", Ended("exited", 0, 1.0)),
        StepEnded("a", "done", 1.0),
        CommandStarted("c", "pgha3", "postgres", "three", Path("c.log")),
    ):
        journal.append(event)
    found = {act.command: (act.step, act.status, act.outcome, act.how) for act in read_story(journal).acts}
    assert found == {
        "one": ("a", 0, "done", "exited"), "two": ("b", 1, "", "exited"), "three": ("c", None, "", ""),
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "{}", "[]", "null", '{"at": 1}', '{"at": "x", "event": "StepStarted", "step": "a"}', '{"at": true}',
        '{"at": 1, "event": "CommandStarted", "step": 1}', '{"at": 1, "event": "CommandStarted", "step": {}}',
        '{"at": 1, "event": "CommandStarted", "step": "a", "command": ["x"]}',
        '{"at": 1, "event": "StepEnded", "step": []}', '{"at": 1, "event": "CommandEnded", "step": "", "ended": 3}',
        '{"at": 1, "event": "ChecksSeen", "step": "a", "results": [{"check": 3}]}',
        '{"at": 1, "event": "Answered", "step": "a", "choice": "b"}', '{"at": 1, "event": "FromTheFuture", "x": []}',
        '{"at": 1, "event": "CommandSta', "\x00\x01",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_passed_over(line: str, journal: Journal) -> None:
    journal.append(StepStarted("a", ""))
    for path in (journal.done.path, journal.stood.path):
        with path.open("a") as file:
            file.write(line + "\n")
    ran(journal, "b", "ls")
    assert "ls" in [act.command for act in read_story(journal).acts]
    for writer in (markdown, as_json, cast):
        assert "".join(writer(told(journal)))


def test_only_a_log_of_its_own_is_read(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.log").write_text("not yours")
    journal.append(StepStarted("a", ""))
    journal.append(CommandStarted("a", "pgha1", "root", "ls", tmp_path / "elsewhere.log"))
    journal.append(StepEnded("a", "done", 1.0))
    found = told(journal)
    (act,) = found.acts
    assert found.output(act) == ""
    ran(journal, "b", "ls", "mine\n")
    moved = journal.folder.rename(tmp_path / "moved")
    found = told(Journal(moved, read_only=True))
    assert [found.output(act) for act in found.acts] == ["", "mine"]


def test_a_long_output_keeps_its_ends_and_says_so(journal: Journal) -> None:
    ran(journal, "a", "seq", "first line\n" + "x" * 100 + "\n" + "y\n" * 2 * SHOWN + "last line\n")
    found = told(journal)
    text = found.output(found.acts[0])
    assert text.startswith("first line\n") and text.endswith("\nlast line") and len(text) < 2 * SHOWN + 100
    assert re.search(r"\[… \d+ bytes are left out here …\]", text)
    assert len("".join(markdown(found))) < 3000 and "lines are left out here" in "".join(markdown(found))


def test_what_was_done_on_earlier_nodes_is_left_out(journal: Journal, clock: Clock) -> None:
    ran(journal, "a", "old command")
    clock.now += 10
    there = moment("read-only").nodes
    assert there.value is not None
    nobody = replace(there, value=tuple(replace(row, container="absent") for row in there.value))
    for nodes in (there, nobody):
        journal.saw(("nodes", nodes))
        clock.now += 10
    journal.saw(("nodes", there))
    clock.now += 10
    ran(journal, "b", "new command")
    found = told(journal)
    assert ([act.command for act in found.acts], found.before) == (["new command"], 1)
    assert "1 command on earlier nodes" in "".join(markdown(found))
    assert "make the same cluster" in " ".join("".join(markdown(found)).split())
    assert [act.command for act in told(journal, whole=True).acts] == ["old command", "new command"]


def test_a_part_is_chosen_by_lessons_and_by_times(journal: Journal, clock: Clock) -> None:
    def between(since: str = "", until: str = "") -> list[str]:
        return [
            getattr(one, "command", getattr(one, "text", "")) for one in told(journal, since=since, until=until).told
        ]

    for name in ("etcd-config", "etcd-start", "patroni-config"):
        lesson = next(one for one in COURSE.lessons if one.id == name)
        step = next(step.id for step in lesson.steps if step.kind.acts)
        ran(journal, step, name)
        clock.now += 30
        journal.saw(("event", ClusterEvent(clock.now, "etcd", f"after {name}", True)))
        clock.now += 3570
    assert between("etcd-start", "etcd-start") == ["etcd-start"]
    assert between("etcd-start") == ["etcd-start", "after etcd-start", "patroni-config"]
    assert between("", "8") == ["etcd-config", "after etcd-config", "etcd-start"]
    assert between("15:00") == [*between("etcd-start"), "after patroni-config"]
    assert between("", "2026-03-01 14:59")[-1] == "after etcd-config"
    assert len(between("2026-03-01", "2026-03-01")) == 6 and between("2026-03-02") == []
    assert between("17") == []
    with pytest.raises(LabError, match="neither a lesson nor a time"):
        between("nonsense")


# Markdown


def test_the_runbook_says_what_was_run_where_what_came_and_what_was_checked(journal: Journal, clock: Clock) -> None:
    journal.versions(Versions("1.2", "abcdef", {"postgresql": "17.5", "patroni": "4.1.0"}))
    ran(journal, START.id, "nohup etcd &", "[1] 17\n", checks=(check("runs as postgres"), check("no", ok=False)))
    journal.append(Compared(START.id, True, "as expected"))
    clock.now += 1
    journal.saw(("event", ClusterEvent(clock.now, "quorum", "etcd lost its quorum", False)))
    clock.now += 1
    ran(journal, "leader-start", "a; b", outcome="failed", status=3)
    clock.now += 10
    typed(journal, "", "ls -l")
    journal.append(VerbRan("Restart", True, 4.0))
    text = "".join(markdown(told(journal)))
    assert text.startswith("# What was done on the lab pgha\n\nFrom 2026-03-01 14:00:00 to 14:00:12")
    assert "| postgresql | 17.5 |" in text and "| pghalab | 1.2 |" in text
    lesson = COURSE.lesson_of(START.id)
    assert f"## {lesson.number} {lesson.title}\n\n### {START.title}\n\n" in text
    assert "As `postgres` on `pgha1`, at 14:00:00:\n\n```sh\nnohup etcd &\n```\n" in text
    assert "```text\n[1] 17\n```" in text
    assert "- ✓ pgha1: etcd runs as postgres: runs as postgres\n- ✗ pgha1: etcd runs as postgres: no\n" in text
    assert "14:00:01 **!** etcd lost its quorum" in text
    assert "Exit status 3 after 1.5 s. The step: failed: it is not so." in text
    assert "## Beside the lessons\n\n### A command\n\nAs `root` on `pgha2`, at 14:00:09, typed:" in text
    assert "The lab's “Restart” was run." in text


def test_names_of_the_lab_stand_in_the_titles(journal: Journal) -> None:
    step = next(step for step in COURSE.steps if "pgha2" in step.title)
    ran(journal, step.id, "ls", node="lab2")
    text = "".join(markdown(told(journal, names=Names("lab", "192.168.60"))))
    assert step.title.replace("pgha2", "lab2") in text and "pgha2" not in text


def test_nothing_ends_a_block_or_becomes_markup() -> None:
    assert fenced("a\n```\nb\n`````", "sh") == "``````sh\na\n```\nb\n`````\n``````\n"
    assert code("a`b") == "``a`b``" and code("`a") == "`` `a ``"
    assert words("a_b <script> [x](y) | `c` #") == r"a\_b \<script\> \[x\](y) \| \`c\` \#"


# asciicast v3, by https://docs.asciinema.org/manual/asciicast/v3/


def require_asciicast(text: str) -> list[tuple[float, str, str]]:
    """The events of a recording that keeps to the specification; fails for any other."""
    head, *lines = text.splitlines()
    header = json.loads(head)
    kinds: dict[str, Any] = {
        "version": int, "term": dict, "timestamp": int, "idle_time_limit": float, "command": str, "title": str,
        "env": dict, "tags": list,
    }  # fmt: skip
    assert header["version"] == 3 and set(header) <= set(kinds)
    assert all(isinstance(value, kinds[key]) for key, value in header.items())
    term = header["term"]
    assert set(term) <= {"cols", "rows", "type", "version", "theme"}
    assert all(type(term[key]) is int and 0 < term[key] < 65536 for key in ("cols", "rows"))
    events = []
    for line in lines:
        if line.startswith("#"):
            continue
        interval, name, data = json.loads(line)
        assert isinstance(interval, float) and 0 <= interval < 3600
        assert name in ("o", "i", "m", "r", "x") and isinstance(data, str)
        assert name != "r" or re.fullmatch(r"\d+x\d+", data)
        assert name != "x" or re.fullmatch(r"\d+", data)
        events.append((interval, name, data))
    assert [name for _, name, _ in events].count("x") <= 1 and (not events or events[-1][1] in ("x", "o"))
    return events


def test_the_recording_keeps_to_the_specification_and_has_a_marker_for_each_step(
    journal: Journal, clock: Clock
) -> None:
    ran(journal, START.id, "etcd \\\n  --x", "started\nwell\n", checks=(check("runs"),))
    ran(journal, "patroni-start", "ls", "a b\n")
    clock.now += 10
    typed(journal, "", "uptime")
    text = "".join(cast(told(journal)))
    events = require_asciicast(text)
    lesson = COURSE.lesson_of(START.id)
    markers = [data for _, name, data in events if name == "m"]
    assert markers == [f"{lesson.number} {lesson.title} › {START.title}", "patroni-start", "a command"]
    shown = "".join(data for _, name, data in events if name == "o")
    assert (
        "postgres@pgha1:~$ etcd \\\r\n>   --x\r\nstarted\r\nwell\r\n# ✓ pgha1: etcd runs as postgres: runs\r\n" in shown
    )
    assert "root@pgha2:~$ uptime\r\ntyped\r\n" in shown
    assert re.search(r"(?<!\r)\n|\r(?!\n)", shown) is None
    assert "".join(cast(told(journal))) == text, "the same journal makes the same recording"


def test_an_empty_journal_makes_an_empty_recording(journal: Journal) -> None:
    assert [name for _, name, _ in require_asciicast("".join(cast(told(journal))))] == ["x"]


# All of them


def test_json_has_everything(journal: Journal) -> None:
    journal.versions(Versions("1.2", "abcdef", {"patroni": "4.1.0"}))
    ran(journal, START.id, "start etcd", "started\n", checks=(check("runs"),))
    journal.append(Answered("etcd-question-format", 1, True))
    found = json.loads("".join(as_json(told(journal))))
    assert (found["format"], found["version"], found["lab"]) == ("pghalab-journal", 1, "pgha")
    assert found["versions"]["image"] == {"patroni": "4.1.0"}
    act, answer = found["told"]
    assert (act["what"], act["lesson"], act["step"], act["command"]) == ("act", "etcd-start", START.id, "start etcd")
    assert (act["output"], act["well"], act["results"][0]["saw"]) == ("started", True, "runs")
    assert (answer["what"], answer["choice"], answer["right"]) == ("answer", 1, True)


@pytest.mark.parametrize("writer", [markdown, as_json, cast])
def test_no_hostile_byte_and_no_secret_gets_out(writer: Callable[[Account], Any], journal: Journal) -> None:
    secret = f"PGPASSWORD={OWN} x; password=hunter2; postgres://a:hunter2@b"
    # As an older pghalab wrote it, which removed nothing.
    (journal.folder / "logs").mkdir(parents=True)
    log = journal.folder / "logs" / "20260101-000000-a.log"
    log.write_text(f"{HOSTILE}\n{secret}\n-----BEGIN PRIVATE KEY-----\nMIIEvQabc\n-----END PRIVATE KEY-----\n")
    lines: list[dict[str, Any]] = [
        {"event": "StepStarted", "step": "a\x1b[2J", "title": HOSTILE},
        {"event": "CommandStarted", "step": "a\x1b[2J", "node": "pgha1\n# x", "user": "ro`ot",
         "command": f"{HOSTILE}\n{secret}", "log": str(log)},
        {"event": "ChecksSeen", "step": "a\x1b[2J", "results": [
            {"check": HOSTILE, "ok": True, "saw": secret, "wanted": HOSTILE, "node": HOSTILE}], "final": True},
        {"event": "Compared", "step": "a\x1b[2J", "fits": True, "summary": f"{HOSTILE} {secret}", "misfits": [secret]},
        {"event": "StepEnded", "step": "a\x1b[2J", "outcome": "failed", "seconds": 1.0,
         "reason": f"{HOSTILE} {secret}"},
        {"event": "VerbRan", "title": f"{HOSTILE} {secret}", "well": True, "seconds": 1.0},
    ]  # fmt: skip
    journal.path.write_text("".join(json.dumps({"at": 1.0, **line}) + "\n" for line in lines))
    happened = {"at": 1.0, "event": "Happened", "kind": "etcd", "text": f"{HOSTILE} {secret}", "good": True}
    versions = {"at": 1.0, "event": "Versions", "pghalab": HOSTILE, "course": secret, "image": {HOSTILE: secret}}
    journal.stood.path.write_text("".join(json.dumps(one) + "\n" for one in (happened, versions)))
    text = "".join(writer(told(journal)))
    assert OWN not in text and "hunter2" not in text and "MIIEvQ" not in text and "(removed)" in text
    shown = json.dumps(json.loads(text)) if writer is as_json else text
    if writer is markdown:
        assert re.search(r"[^\n\x20-\x7e\u00a0-\uffff]", shown) is None and "\u202e" not in shown
    else:
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', shown)
        raw = "".join(json.loads(f'"{one}"') for one in strings).replace("\r\n", "").replace("\n", "")
        assert raw.isprintable(), [char for char in raw if not char.isprintable()]
    if writer is cast:
        require_asciicast(text)


# The verb


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: Journal) -> Path:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    save_settings(replace(default_settings("pgha"), password=OWN))
    assert journal.folder == lab_folder("pgha") / "journal"
    return tmp_path


def test_the_verb_says_where_and_how_much(lab: Path, journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["journal"]) == 0
    assert "has no journal yet" in capsys.readouterr().out
    ran(journal, START.id, "start etcd", "x" * 1000)
    assert cli.main(["journal"]) == 0
    shown = capsys.readouterr().out
    assert str(journal.folder) in shown and "1.0 kB in 1 outputs" in shown
    assert f"since {time.strftime('%Y-%m-%d')}" in shown and "90 days" in shown
    assert cli.main(["journal", "--format", "md"]) == 1
    assert "goes with an export" in capsys.readouterr().err


def test_the_verb_exports(lab: Path, journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["journal", "export"]) == 1
    assert "has nothing to export" in capsys.readouterr().err
    ran(journal, START.id, f"PGPASSWORD={OWN} start etcd", "started\n")
    before = sorted(path for path in lab.rglob("*"))
    assert cli.main(["journal", "export"]) == 0
    shown = capsys.readouterr().out
    assert "```sh\nPGPASSWORD=(removed) start etcd\n```" in shown
    assert sorted(path for path in lab.rglob("*")) == before, "it only looks"
    file = lab / "run.cast"
    assert cli.main(["journal", "export", "--format", "cast", str(file)]) == 0
    require_asciicast(file.read_text())
    assert file.stat().st_mode & 0o777 == 0o600
    assert cli.main(["journal", "export", "--format", "json", str(file)]) == 1
    assert "exists" in capsys.readouterr().err
    assert cli.main(["journal", "export", "--format", "json", "--force", str(file)]) == 0
    assert json.loads(file.read_text())["lab"] == "pgha"
    assert cli.main(["journal", "export", "--from", "yesteryear"]) == 1
    assert "neither a lesson nor a time" in capsys.readouterr().err


def test_an_act_that_was_stopped_lost_or_timed_out_says_so(journal: Journal) -> None:
    for how in ("stopped", "lost", "timeout"):
        journal.append(StepStarted(how, ""))
        journal.append(CommandStarted(how, "pgha1", "root", how, Path("x.log")))
        journal.append(CommandEnded(how, Ended(how, None, 7.0)))
        journal.append(StepEnded(how, "failed", 7.0))
    text = "".join(markdown(told(journal)))
    assert all(said in text for said in ("It was stopped.", "The connection was lost.", "It was ended after 7 s."))
    assert not Act(1.0, "a", status=1).well and Act(1.0, "a", status=0).well
