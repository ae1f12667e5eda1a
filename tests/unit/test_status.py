"""The verb `status` as text and as JSON."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pghalab import cli
from pghalab.cluster import monitor
from pghalab.cluster.model import ClusterEvent, EtcdEndpoint, EtcdView, NodeHealth, PatroniMember, PatroniView, Snapshot
from pghalab.lab import local
from pghalab.lab.settings import LabSettings
from pghalab.verbs import status

NODES = Snapshot((NodeHealth("pgha1", "running", "192.168.50.10", "up", "running", "stopped", "stopped"),), None, 0.0)
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
    assert "5 members, majority 3, 2 alive: quorum LOST" in text
    assert "pgha1:2379  ff  3.5.16   20 kB    true" in text
    assert "pgha_patroni_cluster (75), leader: pgha1" in text
    row = next(line for line in text.splitlines() if line.startswith("pgha2"))
    assert " ".join(row.split()) == (
        "pgha2 pgha2 Replica streaming 1 1/6000060 0 0/6000000 96 pending restart does not answer"
    )


def test_a_lab_with_nothing_in_it() -> None:
    text = status.text(Snapshot((), None, 0.0), Snapshot(None, None, 0.0), Snapshot(None, None, 0.0))
    assert "etcd: it runs on no node that answers" in text
    assert "Patroni: nothing is known without etcd" in text


def test_etcd_that_never_formed_a_cluster() -> None:
    assert "no cluster yet" in status.text(NODES, Snapshot(EtcdView((), 0, 0), None, 0.0), PATRONI)


def test_old_values_are_shown_with_their_age_and_the_reason() -> None:
    old = Snapshot(PATRONI.value, "etcd has no quorum", time.monotonic() - 42)
    assert "Patroni (seen 42 s ago): etcd has no quorum" in status.text(NODES, ETCD, old)


def test_json_has_the_arithmetic_and_an_age_in_place_of_the_clock() -> None:
    plain = json.loads(json.dumps(status._plain(ETCD)))
    assert (plain["value"]["majority"], plain["value"]["has_quorum"], plain["value"]["can_lose"]) == (3, False, 0)
    assert plain["age"] >= 0 and "taken_at" not in plain
    assert status._plain(NODES)["value"][0]["ssh"] == "up"
    assert status._plain(ClusterEvent(1.0, "node", "pgha1 is up", True))["kind"] == "node"


class FakeMonitor:
    """Sees one update, and then fails."""

    def __init__(self, lab: object, tell: Callable[[object], None]) -> None:
        self.tell = tell

    async def look(self) -> tuple[object, ...]:
        return NODES, ETCD, PATRONI

    async def run(self) -> None:
        self.tell(("nodes", NODES))
        raise RuntimeError("the monitor is broken")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any lab is one that has nodes but no engine, and that was found with damaged settings."""

    class FakeLab:
        def __init__(self, settings: LabSettings) -> None:
            self.name = settings.name
            self.notices = ["settings.json was damaged"]

        async def nothing(self) -> None:
            return None

        open = settle = close = nothing

    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(local, "LocalLab", FakeLab)
    monkeypatch.setattr(monitor, "Monitor", FakeMonitor)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_verb_shows_the_lab_it_was_asked_for_and_how_it_was_found(
    lab: None, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status", "--lab", "demo", *(["--json"] if as_json else [])]) == 0
    shown = capsys.readouterr()
    assert shown.err == "settings.json was damaged\n"
    if as_json:
        assert json.loads(shown.out)["lab"] == "demo"
    else:
        assert "leader: pgha1" in shown.out


@pytest.mark.parametrize("as_json", [False, True])
def test_watching_ends_when_nothing_watches_any_more(
    lab: None, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status", "--watch", *(["--json"] if as_json else [])]) == 70
    shown = capsys.readouterr()
    assert "the monitor is broken" in shown.err
    if as_json:
        assert "nodes" in json.loads(shown.out)
