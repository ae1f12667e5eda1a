"""The verb `status` as text and as JSON."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab import cli
from pghalab.cluster import codec, monitor
from pghalab.cluster.cells import MARKS
from pghalab.cluster.model import (
    Etcd,
    EtcdEndpoint,
    EtcdView,
    NodeHealth,
    Nodes,
    Patroni,
    PatroniMember,
    PatroniView,
    Snapshot,
)
from pghalab.lab import doctor, local
from pghalab.lab.settings import LabSettings
from pghalab.lab.types import LabError
from pghalab.text import in_ascii
from pghalab.verbs import status
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.recording import recording

NODES: Nodes = Snapshot(
    (NodeHealth("pgha1", "running", "192.168.50.10", "up", "running", "stopped", "stopped"),), None, 0.0
)
ETCD = Snapshot(
    EtcdView((EtcdEndpoint("pgha1", "pgha1:2379", "ff", "3.5.16", 20480, True, False, 2, 9, 9),), 5, 2), None, 0.0
)
PATRONI = Snapshot(
    PatroniView(
        "pgha_patroni_cluster",
        "75",
        "pgha1",
        (
            PatroniMember("pgha1", "pgha1", "Leader", "running", 1),
            PatroniMember("pgha2", "pgha2", "Replica", "streaming", 1, 0x1_0600_0060, 0, 0x600_0000, 96, True, False),
        ),
    ),
    None,
    0.0,
)


def test_the_tables_tell_everything_and_the_quorum_is_worked_out() -> None:
    text = status.text(NODES, ETCD, PATRONI)
    assert "members 5, majority 3, alive 2, ✗ NO QUORUM, 1 more needed" in text
    assert "pgha1:2379  ff  3.5.16     20 kB  ★ true" in text
    assert "pgha_patroni_cluster (75)" in text
    row = next(line for line in text.splitlines() if line.startswith("pgha2"))
    assert " ".join(row.split()) == (
        "pgha2 pgha2 ○ Replica ✗ no answer 1 1/6000060 0 0/6000000 96 B pending restart, does not answer"
    )
    assert "critical: etcd has no quorum: 2 of 5 members alive, 3 needed" in text.splitlines()


def test_what_cannot_be_written_is_spelled_otherwise_and_stays_in_its_column() -> None:
    text = status.text(NODES, ETCD, PATRONI)
    assert [len(line) for line in in_ascii(text).splitlines()] == [len(line) for line in text.splitlines()]
    assert [mark for mark in MARKS.values() if in_ascii(mark) == "?"] == ["?"]
    assert "x NO QUORUM, 1 more needed" in in_ascii(text)


def test_a_lab_with_nothing_in_it() -> None:
    text = status.text(Snapshot((), None, 0.0), Snapshot(None, None, 0.0), Snapshot(None, None, 0.0))
    assert [line.split(":")[0] for line in text.splitlines() if line] == [
        "Nodes", "No nodes", "etcd", "No etcd is seen to run", "Patroni", "No cluster is seen",
    ]  # fmt: skip


def test_etcd_that_never_formed_a_cluster() -> None:
    assert "No etcd is seen to run" in status.text(NODES, Snapshot(EtcdView((), 0, 0), None, 0.0), PATRONI)


def test_old_values_are_shown_with_their_age_and_the_reason() -> None:
    old = Snapshot(PATRONI.value, "etcd has no quorum", time.monotonic() - 42)
    text = status.text(NODES, ETCD, old)
    assert "Patroni (42 s old)" in text
    assert "! etcd has no quorum" in text
    assert "? pgha1 held the leader key 42 s ago" in text
    assert "★ Leader" not in text


HEALTHY = Snapshot(
    EtcdView(tuple(EtcdEndpoint(f"pgha{n}", f"pgha{n}:2379", str(n)) for n in range(1, 6)), 5, 5), None, 0.0
)
WELL = Snapshot(PatroniView("s", "75", "pgha1", (PatroniMember("pgha1", "pgha1", "Leader", "running", 1),)), None, 0.0)
WRITES: Nodes = Snapshot(
    tuple(
        NodeHealth(f"pgha{n}", "running", "192.168.50.10", "up", "running", "running", "running", writes=n == 1)
        for n in (1, 2, 3)
    ),
    None,
    0.0,
)
NOBODY: Snapshot[Any] = Snapshot(None, None, 0.0)


def _nodes(**changes: Any) -> Nodes:
    assert WRITES.value is not None
    first, *others = WRITES.value
    return replace(WRITES, value=(replace(first, **changes), *others))


@pytest.mark.parametrize(
    ("nodes", "etcd", "patroni", "expected"),
    [
        (WRITES, HEALTHY, WELL, 0),
        (_nodes(ssh="down"), HEALTHY, WELL, status.DEGRADED),
        (WRITES, ETCD, WELL, status.BROKEN),
        (_nodes(writes=False), HEALTHY, WELL, status.BROKEN),
        (replace(WRITES, error="no engine"), HEALTHY, WELL, status.UNSEEN),
        (WRITES, HEALTHY, replace(WELL, error="etcd's keys are not known"), status.UNSEEN),
        (WRITES, NOBODY, NOBODY, status.NOTHING),
        (Snapshot((), None, 0.0), NOBODY, NOBODY, status.NOTHING),
    ],
)
def test_the_exit_status_tells(nodes: Nodes, etcd: Etcd, patroni: Patroni, expected: int) -> None:
    assert status.exit_status(nodes, etcd, patroni) == expected


def test_the_help_tells_every_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["status", "--help"])
    shown = capsys.readouterr().out
    for number in (0, status.DEGRADED, status.BROKEN, status.UNSEEN, status.NOTHING, 1, 2, 70):
        assert f"{number}  " in shown


class FakeMonitor:
    """Sees one update, and then fails."""

    def __init__(self, lab: object, tell: Callable[[object], None]) -> None:
        self.tell = tell

    async def once(self) -> tuple[object, ...]:
        return WRITES, HEALTHY, WELL

    async def run(self) -> None:
        self.tell(("nodes", NODES))
        raise RuntimeError("the monitor is broken")


class OpenedLab(FakeLab):
    """A lab that was found with damaged settings; etcd was started as root on pgha2, pgha3 is stopped, pgha5 silent."""

    def __init__(self, settings: LabSettings, *, look_only: bool) -> None:
        assert look_only
        super().__init__(name=settings.name)
        self.notices = ["settings.json was damaged"]
        for node in self.nodes.values():
            known = recording("three").commands[node.name]
            kept = {one: told for one, told in known.items() if "/member\n" not in one and "dynamic.json" not in one}
            node.recorded = kept
        self.nodes["pgha2"].processes["etcd"] = "root"
        self.nodes["pgha1"].processes["etcd"] = "postgres"
        self.put("exited", "pgha3")
        self.nodes["pgha5"].link, self.nodes["pgha5"].link_reason = "down", "no answer"

    async def settle(self) -> None:
        """Nothing is to be waited for."""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any lab is `OpenedLab`."""
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(local, "LocalLab", OpenedLab)
    monkeypatch.setattr(monitor, "Monitor", FakeMonitor)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_verb_shows_the_lab_it_was_asked_for_and_how_it_was_found(
    lab: None, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status", "--lab", "demo", *(["--json"] if as_json else [])]) == 0
    shown = capsys.readouterr()
    assert shown.err == "settings.json was damaged\n"
    if as_json:
        told = json.loads(shown.out)
        assert (told["lab"], told["status"], told["troubles"]) == ("demo", 0, [])
        assert (told["etcd"]["value"]["majority"], told["etcd"]["value"]["can_lose"]) == (3, 2)
        assert codec.read_patroni(told["patroni"]).value == WELL.value
        stopped, found = told["why"]["found"]
        assert (stopped["name"], stopped["nodes"]) == ("node-stopped", ["pgha3"])
        assert (found["name"], found["nodes"], found["severity"]) == ("etcd-root", ["pgha2"], "warning")
        assert found["says"].startswith("etcd runs as root on pgha2") and "chown" in found["todo"]
        assert told["why"]["unseen"] == ["pgha5 is out of reach: no answer"]
    else:
        assert "★ Leader" in shown.out
        assert shown.out.splitlines()[-3:] == [
            "why: pgha3 is stopped: nothing on it answers.",
            "why: etcd runs as root on pgha2; what it writes there belongs to root.",
            "not looked at: pgha5 is out of reach: no answer",
        ]


def test_the_doctor_says_what_is_wrong_in_the_lab_when_it_is_asked(
    lab: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def examine(settings: LabSettings) -> list[doctor.Fact]:
        return [doctor.Fact("engine", True, f"answers for {settings.name}")]

    monkeypatch.setattr(doctor, "examine", examine)
    assert cli.main(["--lab", "demo", "doctor"]) == 0
    assert capsys.readouterr().out == "ok  engine  answers for demo\n"
    for words in (["--lab", "demo", "doctor", "--lab"], ["doctor", "--lab", "demo"]):
        assert cli.main(words) == 1
        said = capsys.readouterr().out.splitlines()
        assert said[0] == "ok  engine  answers for demo"
        assert said[1].startswith("NO  lab     pgha3 is stopped")
        assert said[3].startswith("NO  lab     etcd runs as root on pgha2") and "chown" in said[4]
        assert said[5] == "NO  lab     not looked at: pgha5 is out of reach: no answer"
    monkeypatch.setattr(OpenedLab, "settle", _fails)
    assert cli.main(["doctor", "--lab", "demo", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["facts"][-1]["found"] == "not looked at: no engine answers"


async def _fails(_: OpenedLab) -> None:
    raise LabError("no engine answers")


@pytest.mark.parametrize("as_json", [False, True])
def test_watching_ends_when_nothing_watches_any_more(
    lab: None, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status", "--watch", *(["--json"] if as_json else [])]) == 70
    shown = capsys.readouterr()
    assert "the monitor is broken" in shown.err
    if as_json:
        assert "nodes" in json.loads(shown.out)
