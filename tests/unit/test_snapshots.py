"""Snapshots on an engine in memory: what is kept, what is refused, and what is left when one is not finished."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pghalab import cli
from pghalab.lab.deploy import addresses
from pghalab.lab.engine import lease
from pghalab.lab.engine.client import FREEZES, Engine
from pghalab.lab.engine.inventory import FoundContainer, FoundVolume
from pghalab.lab.local import LocalLab
from pghalab.lab.nodes import Nodes
from pghalab.lab.settings import default_settings
from pghalab.lab.snapshots import restore, scripts, store, take
from pghalab.lab.snapshots.model import ABOUT_LABEL, About, Place, automatic_name, data_volume, restore_volume
from pghalab.lab.types import LabError, Output, Part
from tests.fake_lab.engine import FakeDocker, refusal
from tests.unit.test_local_lab import told

SETTINGS = replace(default_settings("pgha"), nodes=3, password="secret", origin="file")
VERSIONS = {"postgresql": "17.6", "etcd": "3.5.16", "patroni": "4.1.0"}
COPIER = "pghalab.pgha.copies"


@dataclass
class Disk:
    """What the scripts of snapshots do to the volumes of the lab in memory, and what they find on its nodes."""

    docker: FakeDocker
    running: dict[str, str] = field(default_factory=dict)
    """The words for what runs on a node."""
    now: str = "today"
    """What the lab's volumes hold."""
    kept: str = ""
    """What the snapshot that was copied last holds."""
    taken: int = 100_000_000
    free: int = 10_000_000_000
    done: list[tuple[str, str]] = field(default_factory=list)
    """Each script by the node that it ran on."""
    still: bool = False
    """Every node stood still while the volumes were copied."""
    fails: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By the name of a script: what it ends with, and prints."""
    versions: dict[str, str] = field(default_factory=lambda: dict(VERSIONS))
    """Of what is in the image."""

    def answers(self, command: list[str]) -> tuple[int, str]:
        """What a script ends with, and prints."""
        name = next((key for key, value in vars(scripts).items() if value == command[2]), "")
        node = self.docker.ran[-1][0] if self.docker.ran[-1][1] is command else "?"
        self.done.append((name, node))
        if name in self.fails:
            return self.fails[name]
        nodes = [one.state for one in self.docker.held.values() if "pghalab.node" in one.labels]
        if name == "COPY":
            self.kept, self.still = self.now, set(nodes) <= {"paused", "exited"}
        if name == "COPY_BACK":
            assert set(nodes) <= {"exited"}, "a node ran while its volumes were replaced"
            self.now = self.kept
        return 0, {
            "MEASURE": f"{self.taken}\n{self.free}\n",
            "KEEP": "42000000\n",
            "SAVE": self.running.get(node, ""),
        }.get(name, "")


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDocker:
    """An engine on which the lab was made."""
    made = FakeDocker(SETTINGS.image)
    made.deploy(SETTINGS)
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("PGHALAB_MIN_FREE_GB", "0")
    monkeypatch.setattr(Engine, "connect", classmethod(lambda cls: made.engine()))
    monkeypatch.setattr(addresses, "host_routes", tuple)
    return made


@pytest.fixture
def disk(docker: FakeDocker) -> Disk:
    """What the lab's volumes hold."""
    made = Disk(docker, {"pgha1": "etcd patroni", "pgha2": "etcd patroni leader", "pgha3": "etcd"})
    docker.answers = made.answers
    return made


@pytest.fixture
async def lab(docker: FakeDocker, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalLab]:
    """The lab, without links."""

    async def versions(lab: LocalLab) -> dict[str, str]:
        return dict(disk.versions)

    async def reached(nodes: Nodes, name: str, found: FoundContainer) -> bool:
        return found.state == "running"

    monkeypatch.setattr(LocalLab, "image_versions", versions)
    monkeypatch.setattr(Nodes, "reached", reached)
    opened = LocalLab(SETTINGS)
    await opened.open(link=False)
    yield opened
    await opened.close()
    lease._given_up.clear()


def states(docker: FakeDocker) -> dict[str, str]:
    return {one.name: one.state for one in docker.held.values()}


def volumes(docker: FakeDocker) -> set[str]:
    return {name for name in docker.vols if name.startswith("pghalab.") and ".change." not in name}


RUNNING = dict.fromkeys(("pgha1", "pgha2", "pgha3"), "running")


async def test_a_snapshot_tells_what_ran_and_leaves_the_lab_running(
    lab: LocalLab, docker: FakeDocker, disk: Disk
) -> None:
    said = await told(lab.snapshot("a"))
    assert "snapshot a: 42 MB\n" in said
    assert "etcd runs on pgha1, pgha2 and pgha3, Patroni on pgha1 and pgha2, pgha2 leads\n" in said
    (about,) = await lab.snapshots()
    assert (about.name, about.etcd, about.patroni, about.leader) == (
        "a", ("pgha1", "pgha2", "pgha3"), ("pgha1", "pgha2"), "pgha2",
    )  # fmt: skip
    assert (about.size, about.versions, about.automatic, about.running) == (
        42_000_000, VERSIONS, False, ("pgha1", "pgha2", "pgha3"),
    )  # fmt: skip
    assert disk.still and states(docker) == RUNNING
    assert volumes(docker) == {"pghalab.pgha.snapshot.a", "pghalab.pgha.snapshot.a.about"}
    assert "secret" not in str(docker.vols)
    assert [node for name, node in disk.done if name == "FORGET"]


async def test_the_lab_goes_back_and_the_last_leader_starts_first(
    lab: LocalLab, docker: FakeDocker, disk: Disk
) -> None:
    await told(lab.snapshot("a"))
    disk.now = "tomorrow"
    disk.done.clear()
    said = await told(lab.restore())
    assert disk.now == "today" and states(docker) == RUNNING
    assert "pgha2 leads again\n" in said and "Patroni was started on pgha1\n" in said
    started = [(words[4], name) for name, words, _ in docker.ran if words[2] == scripts.START]
    assert sorted(started[:3]) == [("etcd", name) for name in ("pgha1", "pgha2", "pgha3")]
    assert started[3:] == [("patroni", "pgha2"), ("patroni", "pgha1")]
    order = [name for name, _ in disk.done]
    assert order.index("COPY_BACK") < order.index("FILES") < order.index("START") < order.index("LEADS")
    assert restore_volume("pgha") not in docker.vols


async def test_the_lab_goes_back_when_its_nodes_and_data_were_removed(
    lab: LocalLab, docker: FakeDocker, disk: Disk
) -> None:
    await told(lab.snapshot("a"))
    await told(lab.down())
    await told(lab.rmvolumes())
    assert not docker.held and len(volumes(docker)) == 2 == len(docker.vols)
    disk.now = ""
    await told(lab.restore("a"))
    assert disk.now == "today" and states(docker) == RUNNING
    await told(lab.down(volumes=True))
    assert docker.vols == {}


async def test_a_node_that_did_not_run_does_not_run_afterwards(lab: LocalLab, docker: FakeDocker, disk: Disk) -> None:
    docker.named("pgha3").state = "exited"
    await told(lab.snapshot("a"))
    docker.named("pgha3").state = "running"
    await told(lab.restore("a"))
    assert states(docker) == {**RUNNING, "pgha3": "exited"}


async def test_a_leader_that_does_not_come_keeps_the_others_from_being_started(
    lab: LocalLab, docker: FakeDocker, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "LEADS_SECONDS", 0.3)
    await told(lab.snapshot("a"))
    disk.fails["LEADS"] = (22, "")
    with pytest.raises(LabError, match="does not lead") as error:
        await told(lab.restore("a"))
    assert error.value.node == "pgha2"
    assert [name for name, words, _ in docker.ran if words[2:] == [scripts.START, "pghalab", "patroni"]] == ["pgha2"]
    # It was told, and is not done again by the next verb.
    assert restore_volume("pgha") not in docker.vols


def still(lab: LocalLab, seen: list[bool]) -> Callable[..., Awaitable[None]]:
    """What makes a snapshot, which only tells whether the lab counts nodes that stand still as running meanwhile."""

    async def take(*_: object, **__: object) -> None:
        seen.append({one.state for one in await lab.containers()} == {"running"})

    return take


async def test_that_the_nodes_stand_still_for_it_is_no_news(
    lab: LocalLab, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab._news.publish()
    heard: list[object] = []
    lab.subscribe(heard.append)
    with lab._news.frozen():
        for name in RUNNING:
            docker.pause(docker.named(name).id)
        await lab._news.publish()
        assert heard == [] and {one.state for one in await lab.containers()} == {"running"}
    heard_while_copying: list[bool] = []
    monkeypatch.setattr(take, "take", still(lab, heard_while_copying))
    await told(lab.snapshot("a"))
    assert heard_while_copying == [True]
    await lab._news.publish()
    assert len(heard) == 3 and {one.state for one in await lab.containers()} == {"paused"}


async def test_how_far_it_is_is_told_with_every_part(lab: LocalLab) -> None:
    for stream, of in ((lab.snapshot("a"), 4), (lab.restore("a"), 5)):
        pieces = [piece.text async for piece in stream if isinstance(piece, Output)]
        parts = [text for text in pieces if isinstance(text, Part)]
        assert [(part.number, part.of) for part in parts] == [(number, of) for number in range(1, of + 1)]
        assert all(part.words for part in parts)


async def test_who_goes_back_is_told_before_anything_is_touched_and_not_when_it_is_refused(
    lab: LocalLab, docker: FakeDocker, disk: Disk
) -> None:
    place = Place("leader", "leader-start", ("etcd-start-pgha1",))
    await told(lab.snapshot("a", place=place))
    seen: list[tuple[Place, bool, dict[str, str]]] = []

    def begun(about: About) -> None:
        nodes = {name: docker.named(name).state for name in RUNNING}
        seen.append((about.place, restore_volume("pgha") in docker.vols, nodes))

    disk.free = disk.taken = 0
    with pytest.raises(LabError, match="needs"):
        await told(lab.restore("a", begun=begun))
    with pytest.raises(LabError, match="no snapshot b"):
        await told(lab.restore("b", begun=begun))
    disk.versions |= {"etcd": "4.0"}
    with pytest.raises(LabError, match="holds data of"):
        await told(lab.restore("a", begun=begun))
    assert seen == []
    disk.free, disk.versions = 10_000_000_000, dict(VERSIONS)
    await told(lab.restore("a", begun=begun))
    assert seen == [(place, False, RUNNING)]


# What is refused, before anything was touched


@pytest.mark.parametrize("name", ["A", "a b", "-a", "../a", "a.about", "x" * 42])
async def test_a_name_that_no_volume_can_have(lab: LocalLab, name: str) -> None:
    with pytest.raises(LabError, match="is not a snapshot's name"):
        await told(lab.snapshot(name))


async def test_a_name_twice(lab: LocalLab, disk: Disk) -> None:
    await told(lab.snapshot("a"))
    disk.now = "tomorrow"
    with pytest.raises(LabError, match="There is a snapshot a already"):
        await told(lab.snapshot("a"))
    assert disk.kept == "today"


async def test_a_volume_of_somebody_else_stays_untouched(lab: LocalLab, docker: FakeDocker, disk: Disk) -> None:
    docker.vols[data_volume("pgha", "a")] = {}
    with pytest.raises(LabError, match="stays untouched"):
        await told(lab.snapshot("a"))
    assert docker.vols[data_volume("pgha", "a")] == {} and disk.kept == ""


async def test_a_disk_that_is_too_small_is_told_before(lab: LocalLab, docker: FakeDocker, disk: Disk) -> None:
    disk.free = 400_000_000
    with pytest.raises(LabError, match=r"needs 0\.6 GiB, and the engine's disk has 0\.4 GiB") as error:
        await told(lab.snapshot("a"))
    assert error.value.kind == "no-space"
    assert (volumes(docker), states(docker), disk.kept) == (set(), RUNNING, "")
    disk.free = 10_000_000_000
    await told(lab.snapshot("a"))
    disk.now, disk.free = "tomorrow", 0
    with pytest.raises(LabError, match="The snapshot a needs"):
        await told(lab.restore("a"))
    assert (disk.now, states(docker)) == ("tomorrow", RUNNING)
    assert restore_volume("pgha") not in docker.vols
    await told(lab.down())
    await told(lab.rmvolumes())
    with pytest.raises(LabError, match="The snapshot a needs"):
        await told(lab.restore("a"))
    assert set(docker.vols) == volumes(docker) and len(docker.vols) == 2


async def test_a_node_that_stands_still(lab: LocalLab, docker: FakeDocker) -> None:
    docker.named("pgha2").state = "paused"
    with pytest.raises(LabError, match="pgha2 stands still"):
        await told(lab.snapshot("a"))
    assert states(docker)["pgha2"] == "paused"


async def test_a_snapshot_that_is_not_there_or_of_another_lab(lab: LocalLab, docker: FakeDocker) -> None:
    with pytest.raises(LabError, match="The lab pgha has no snapshots"):
        await told(lab.restore())
    await told(lab.snapshot("a"))
    with pytest.raises(LabError, match="has no snapshot b") as error:
        await told(lab.restore("b"))
    assert "It has a" in error.value.todo
    for name in list(volumes(docker)):
        labels = docker.vols.pop(name)
        about = labels.get(ABOUT_LABEL, "").replace('"lab": "pgha"', '"lab": "other"')
        docker.vols[name.replace("pgha.snap", "other.snap")] = {
            **labels, "pghalab.lab": "other", **({ABOUT_LABEL: about} if about else {}),
        }  # fmt: skip
    with pytest.raises(LabError, match="The snapshot a is of the lab other, not of pgha"):
        await told(lab.restore("a"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subnet": "10.1.2"}, "the subnet 192.168.50 (now 10.1.2)"),
        ({"prefix": "other"}, "the names pgha1, … (now other1, …)"),
        ({"password": "another"}, "another password"),
        ({"auth_method": "md5"}, "passwords stored as scram-sha-256 (now md5)"),
    ],
)
async def test_other_settings(lab: LocalLab, docker: FakeDocker, disk: Disk, change: dict[str, str], said: str) -> None:
    await told(lab.snapshot("a"))
    disk.now = "tomorrow"
    await told(lab.down())
    await told(lab.rmvolumes())
    await lab.configure(replace(SETTINGS, **change))  # type: ignore[arg-type]
    with pytest.raises(LabError) as error:
        await told(lab.restore("a"))
    assert said in error.value.what and error.value.kind == "differs"
    assert disk.now == "tomorrow" and not docker.held


@pytest.mark.parametrize(
    ("now", "refused"),
    [({"postgresql": "18.1"}, True), ({"etcd": "3.6.1"}, True), ({"postgresql": "17.7"}, False), ({}, False)],
)
async def test_other_versions(lab: LocalLab, disk: Disk, now: dict[str, str], refused: bool) -> None:
    await told(lab.snapshot("a"))
    disk.now = "tomorrow"

    disk.versions |= now
    if refused:
        with pytest.raises(LabError, match=r"holds data of .* and the image"):
            await told(lab.restore("a"))
    else:
        await told(lab.restore("a"))
    assert disk.now == ("tomorrow" if refused else "today")


# What is left when something fails, is stopped, or is killed


@pytest.mark.parametrize("failing", ["SAVE", "COPY_FIRST", "COPY", "KEEP"])
async def test_nothing_is_left_of_one_that_fails(lab: LocalLab, docker: FakeDocker, disk: Disk, failing: str) -> None:
    disk.fails[failing] = (1, "it does not want to")
    with pytest.raises(LabError, match="it does not want to"):
        await told(lab.snapshot("a"))
    assert (volumes(docker), states(docker)) == (set(), RUNNING)


async def test_a_copy_that_takes_too_long(lab: LocalLab, docker: FakeDocker, disk: Disk) -> None:
    disk.fails["COPY"] = (scripts.SLOW, "")
    with pytest.raises(LabError, match="took longer than 8 s"):
        await told(lab.snapshot("a"))
    assert (volumes(docker), states(docker)) == (set(), RUNNING)


@pytest.mark.parametrize("times", [1, FREEZES - 1, FREEZES])
async def test_a_node_that_the_engine_is_unable_to_freeze_is_frozen_once_more(
    lab: LocalLab, docker: FakeDocker, disk: Disk, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    left, pause = [times], docker.pause

    def sometimes(container: str) -> None:
        if docker._one(container).name == "pgha2" and left[0]:
            left[0] -= 1
            raise refusal(500, "Cannot pause container 1f: OCI runtime pause failed: unable to freeze: unknown")
        pause(container)

    monkeypatch.setattr(docker, "pause", sometimes)
    if times < FREEZES:
        await told(lab.snapshot("s"))
        assert disk.still and left == [0]
    else:
        with pytest.raises(LabError, match=r"Freezing pgha2: .*unable to freeze"):
            await told(lab.snapshot("s"))
    assert {one.state for one in docker.held.values()} == {"running"}


async def test_a_node_that_cannot_be_frozen_leaves_the_others_running(lab: LocalLab, docker: FakeDocker) -> None:
    docker.fails["pause", "pgha2"] = refusal(500, "no freezer")
    with pytest.raises(LabError, match="no freezer"):
        await told(lab.snapshot("a"))
    assert (volumes(docker), states(docker)) == (set(), RUNNING)


async def half_made(lab: LocalLab, docker: FakeDocker, disk: Disk) -> None:
    """Leave what a snapshot leaves that is killed while the nodes stand still."""
    await told(lab.snapshot("a"))
    del docker.vols["pghalab.pgha.snapshot.a.about"]
    for name in RUNNING:
        docker.pause(docker.named(name).id)
    docker.create_container(
        SETTINGS.image, name=COPIER, labels=dict(docker.vols[data_volume("pgha", "a")]), entrypoint=["sleep"],
        host_config={"Binds": [f"{data_volume('pgha', 'a')}:/snapshot:rw"]},
    )  # fmt: skip


async def test_the_next_verb_takes_back_what_a_killed_one_left(lab: LocalLab, docker: FakeDocker, disk: Disk) -> None:
    await half_made(lab, docker, disk)
    said = await told(lab.snapshot("b"))
    assert "the snapshot a, which was not finished, was removed\n" in said
    assert "pgha1, pgha2 and pgha3 stood still for a snapshot that was not finished\n" in said
    assert states(docker) == RUNNING
    assert volumes(docker) == {"pghalab.pgha.snapshot.b", "pghalab.pgha.snapshot.b.about"}


async def test_a_console_that_opens_takes_it_back(lab: LocalLab, docker: FakeDocker, disk: Disk) -> None:
    await half_made(lab, docker, disk)
    docker.pause(docker.named("pgha1").id)
    await lab._snapshots.mend_left()
    assert (volumes(docker), states(docker)) == (set(), RUNNING)
    assert lab.notices == [
        "Pgha1, pgha2 and pgha3 stood still for a snapshot that was not finished.",
        "The snapshot a, which was not finished, was removed.",
    ]


async def test_a_node_that_the_learner_froze_since_stays_frozen(lab: LocalLab, docker: FakeDocker, disk: Disk) -> None:
    await half_made(lab, docker, disk)
    one = docker.named("pgha2")
    docker.remove_container(one.id, force=True, v=True)
    docker.add("pgha2", state="paused").labels = one.labels
    await told(lab.stop())
    assert states(docker)["pgha2"] == "exited" and volumes(docker) == set()


@pytest.mark.parametrize("verb", ["up", "start", "restart", "snapshot"])
async def test_a_way_back_that_was_killed_is_finished_first(
    lab: LocalLab, docker: FakeDocker, disk: Disk, verb: str
) -> None:
    await told(lab.snapshot("a"))
    disk.now = "half of both"
    docker.vols[restore_volume("pgha")] = {"pghalab.lab": "pgha", "pghalab.restore": "a"}
    for one in docker.held.values():
        one.state = "exited"
    said = await told(getattr(lab, verb)())
    assert "the lab was on its way back to the snapshot a, which is finished first\n" in said
    assert (disk.now, states(docker)) == ("today", RUNNING)
    assert restore_volume("pgha") not in docker.vols


async def test_what_removes_the_lab_does_not_finish_it_before(lab: LocalLab, docker: FakeDocker, disk: Disk) -> None:
    await told(lab.snapshot("a"))
    disk.now = "half of both"
    docker.vols[restore_volume("pgha")] = {"pghalab.lab": "pgha", "pghalab.restore": "a"}
    await told(lab.stop())
    with pytest.raises(LabError, match="on its way back to the snapshot a"):
        await told(lab.snapshot("a", remove=True))
    await told(lab.down(volumes=True))
    assert (disk.now, docker.vols, docker.held) == ("half of both", {}, {})


async def test_a_way_back_that_is_stopped_is_finished_by_the_next_verb(
    lab: LocalLab, docker: FakeDocker, disk: Disk
) -> None:
    await told(lab.snapshot("a"))
    disk.now = "tomorrow"
    disk.fails["LEADS"] = (22, "")
    going = asyncio.ensure_future(told(lab.restore("a")))
    async with asyncio.timeout(10):
        while not any(name == "LEADS" for name, _ in disk.done):
            await asyncio.sleep(0.01)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert restore_volume("pgha") in docker.vols
    disk.fails.clear()
    disk.now = "half of both"
    await told(lab.start())
    assert disk.now == "today" and restore_volume("pgha") not in docker.vols


# How many are kept, and what is listed


@pytest.mark.parametrize("roomy", [True, False])
async def test_the_last_beginning_of_each_lesson_is_kept_while_there_is_room(
    lab: LocalLab, disk: Disk, roomy: bool
) -> None:
    disk.free = store.ROOMY + 42_000_000 - (not roomy)
    lessons = [f"lesson-{number}" for number in range(store.AUTOMATIC + 3)]
    await told(lab.snapshot())
    for lesson in ("lesson-0", *lessons):
        await told(lab.snapshot(place=Place(lesson)))
    kept = [about.name for about in await lab.snapshots()]
    if roomy:
        assert kept[0][:1].isdigit() and kept[1:] == ["before-lesson-0-2", *(f"before-{one}" for one in lessons[1:])]
    else:
        assert kept == [f"before-{one}" for one in lessons[-store.AUTOMATIC :]]


async def test_of_those_without_a_name_the_last_are_kept(
    lab: LocalLab, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take, "automatic_name", lambda now, have, before: f"n{len(have)}-{len(docker.ran)}")
    await told(lab.snapshot("mine"))
    names = []
    for _ in range(store.AUTOMATIC + 2):
        await told(lab.snapshot())
        names.append((await lab.snapshots())[-1].name)
    assert [about.name for about in await lab.snapshots()] == ["mine", *names[-store.AUTOMATIC :]]
    await told(lab.snapshot("mine", remove=True))
    assert [about.name for about in await lab.snapshots()] == names[-store.AUTOMATIC :]
    with pytest.raises(LabError, match="has no snapshot mine"):
        await told(lab.snapshot("mine", remove=True))
    with pytest.raises(LabError, match="Which snapshot"):
        await told(lab.snapshot(remove=True))


def test_a_name_of_the_time_is_another_one_when_it_is_taken() -> None:
    first = automatic_name(0.0, {})
    assert automatic_name(0.0, {first: 1}) == f"{first}-2"
    assert automatic_name(0.0, {first: 1, f"{first}-2": 1}) == f"{first}-3"


async def test_the_verb_lists_them(lab: LocalLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(cli.main, ["snapshots"]) == 0
    assert capsys.readouterr().out == "The lab pgha has no snapshots. To make one: pghalab snapshot\n"
    await told(lab.snapshot("mine"))
    await told(lab.snapshot(place=Place("leader")))
    assert await asyncio.to_thread(cli.main, ["snapshots"]) == 0
    ran = "etcd on pgha1, pgha2 and pgha3; Patroni on pgha1 and pgha2; pgha2 led"
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "BEFORE", "MADE", "SIZE", "KEPT", "RAN"]
    cells = [re.split(" {2,}", row) for row in rows]
    assert cells[0][0::2] == ["mine", "42 MB", ran] and cells[1][0:2] == ["before-leader", "leader"]
    assert [row[-2] for row in cells] == ["until it is removed", "for now"]
    assert await asyncio.to_thread(cli.main, ["snapshots", "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["place"]["before"], each["automatic"]) for each in kept] == [
        ("mine", "", False), ("before-leader", "leader", True),
    ]  # fmt: skip


async def test_what_no_snapshot_can_be_read_from_is_none(lab: LocalLab, docker: FakeDocker) -> None:
    await told(lab.snapshot("a"))
    known = await docker.engine().volumes()
    (about,) = store.whole(known, "pgha").values()
    assert About.told(about.tell()) == about

    def with_label(text: str) -> dict[str, About]:
        changed = [
            FoundVolume(one.name, one.lab, tuple({**dict(one.labels), ABOUT_LABEL: text}.items()))
            if one.name.endswith(".about")
            else one
            for one in known
        ]
        return store.whole(changed, "pgha")

    assert with_label(about.tell()) == {"a": about}
    for text in ("", "{", "[]", "null", '{"name": 1}', about.tell().replace('"name": "a"', '"name": "b"')):
        assert with_label(text) == {}
    newer = about.tell().replace('"format": 1', '"format": 2')
    assert list(with_label(newer)) == ["a"]
    with pytest.raises(LabError, match="newer pghalab"):
        restore._require_fits(SETTINGS, with_label(newer)["a"], VERSIONS)


async def test_a_console_that_only_looks_puts_nothing_right(
    lab: LocalLab, docker: FakeDocker, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await half_made(lab, docker, disk)
    monkeypatch.setattr(Nodes, "start", lambda nodes: None)
    looking = LocalLab(SETTINGS, look_only=True)
    await looking.open()
    assert states(docker)["pgha1"] == "paused" and looking.notices == []
    await looking.close()


@pytest.mark.parametrize(
    "script", ["SAVE", "FORGET", "FILES", "START", "MEASURE", "COPY_FIRST", "COPY", "KEEP", "COPY_BACK"]
)
def test_the_scripts_can_be_read_by_bash(script: str) -> None:
    done = subprocess.run(["bash", "-n", "-c", getattr(scripts, script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
