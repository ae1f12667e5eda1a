"""Getting to know a container: its host key is pinned, the console is let in, and a node says whom it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from pghalab.lab.deploy import reach
from pghalab.lab.deploy.adopt import HOST_KEY, Adopter
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.settings import default_settings
from pghalab.lab.types import LabError
from tests.fake_lab.engine import FakeDocker, refusal

SETTINGS = replace(default_settings("pgha"), nodes=2, password="secret")
STATE = "/run/pghalab/filter"


def host_key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode().strip()


@pytest.fixture
def docker() -> FakeDocker:
    """An engine with two nodes that have a host key and are closed."""
    made = FakeDocker()
    made.deploy(SETTINGS)
    for one in made.held.values():
        one.files = {HOST_KEY: host_key() + "\n", STATE: "closed\n"}
    return made


@pytest.fixture
def adopter(tmp_path: Path) -> Adopter:
    """A console that has met nobody yet."""
    return Adopter(tmp_path)


async def found(docker: FakeDocker) -> Mapping[str, FoundContainer]:
    return {one.name: one for one in await docker.engine().containers()}


async def adopt(docker: FakeDocker, adopter: Adopter, name: str = "pgha1") -> None:
    await adopter.adopt(docker.engine(), name, (await found(docker))[name])


async def test_a_container_that_is_new_is_pinned_once(docker: FakeDocker, adopter: Adopter, tmp_path: Path) -> None:
    assert adopter.pin("pgha1") is None
    pinned = docker.named("pgha1").files[HOST_KEY].strip()
    await adopt(docker, adopter)
    assert adopter.pin("pgha1") == pinned
    assert adopter.pin("pgha2") is None
    # A key that changed later is not taken without a word.
    docker.named("pgha1").files[HOST_KEY] = host_key()
    await adopt(docker, adopter)
    assert adopter.pin("pgha1") == pinned
    again = Adopter(tmp_path)
    await adopt(docker, again)
    assert again.pin("pgha1") == pinned


@pytest.mark.parametrize("content", ["", "ssh-ed25519 half", None])
async def test_what_is_no_whole_key_yet_is_not_pinned(
    docker: FakeDocker, adopter: Adopter, content: str | None
) -> None:
    if content is None:
        del docker.named("pgha1").files[HOST_KEY]
    else:
        docker.named("pgha1").files[HOST_KEY] = content
    await adopt(docker, adopter)
    assert adopter.pin("pgha1") is None


async def test_an_engine_that_fails_is_not_a_container_without_a_key(
    docker: FakeDocker, adopter: Adopter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(container: str, path: str) -> tuple[list[bytes], dict[str, object]]:
        raise refusal(500, "broken")

    monkeypatch.setattr(docker, "get_archive", fails)
    with pytest.raises(LabError, match="broken"):
        await adopt(docker, adopter)


async def test_containers_that_are_gone_are_forgotten(docker: FakeDocker, adopter: Adopter) -> None:
    await adopt(docker, adopter, "pgha1")
    await adopt(docker, adopter, "pgha2")
    await adopter.forget_others([docker.named("pgha2").id])
    assert adopter.pin("pgha1") is None and adopter.pin("pgha2") is not None


async def test_the_key_pair_is_made_once(adopter: Adopter, tmp_path: Path) -> None:
    public = await adopter.ensure_key()
    assert public.startswith("ssh-ed25519 ")
    assert adopter.private_key == tmp_path / "console_ed25519" and adopter.private_key.exists()
    assert await adopter.ensure_key() == public


async def test_who_only_looks_makes_no_key_and_no_file(docker: FakeDocker, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    looking = Adopter(folder, look_only=True)
    assert await looking.ensure_key() == ""
    await adopt(docker, looking)
    assert looking.pin("pgha1") is not None
    assert not folder.exists()
    public = await Adopter(folder).ensure_key()
    assert await looking.ensure_key() == public


# Putting right what keeps the console out


async def test_a_host_key_that_changed_is_read_anew_through_the_engine(docker: FakeDocker, adopter: Adopter) -> None:
    await adopt(docker, adopter)
    one = (await found(docker))["pgha1"]
    assert not await adopter.mend(docker.engine(), "pgha1", one, "host-key")
    assert adopter.notices == []
    new = host_key()
    docker.named("pgha1").files[HOST_KEY] = new
    assert await adopter.mend(docker.engine(), "pgha1", one, "host-key")
    assert adopter.pin("pgha1") == new
    assert adopter.notices == ["pgha1 has another host key than before; it was read anew through the engine."]


async def test_a_lost_key_file_is_made_anew_and_said_once(docker: FakeDocker, adopter: Adopter) -> None:
    for name, one in (await found(docker)).items():
        assert await adopter.mend(docker.engine(), name, one, "key-file")
    assert adopter.private_key.exists()
    assert adopter.notices == [f"The console's key {adopter.private_key} was lost; it has a new one."]


async def test_a_node_that_does_not_know_the_key_is_given_it(docker: FakeDocker, adopter: Adopter) -> None:
    one = (await found(docker))["pgha2"]
    docker.answers = lambda command: (0, "")
    assert not await adopter.mend(docker.engine(), "pgha2", one, "key")
    assert adopter.notices == []
    docker.answers = lambda command: (0, "given\n")
    assert await adopter.mend(docker.engine(), "pgha2", one, "key")
    assert adopter.notices == ["pgha2 did not know this console's key and was given it."]
    container, command, environment = docker.ran[-1]
    assert container == "pgha2" and command[:2] == ["/bin/sh", "-c"]
    assert environment == {"PGHALAB_NEW_KEY": await adopter.ensure_key()}


async def test_who_only_looks_gives_nobody_a_key(docker: FakeDocker, tmp_path: Path) -> None:
    looking = Adopter(tmp_path / "lab", look_only=True)
    one = (await found(docker))["pgha1"]
    assert not await looking.mend(docker.engine(), "pgha1", one, "key")
    assert not await looking.mend(docker.engine(), "pgha1", one, "key-file")
    assert docker.ran == []


# Whom a node answers


async def test_a_node_that_is_reached_is_asked_whom_it_answers(docker: FakeDocker, adopter: Adopter) -> None:
    docker.named("pgha2").files[STATE] = "open\n"
    for name, one in (await found(docker)).items():
        await adopter.learn(docker.engine(), name, one)
    (notice,) = adopter.notices
    assert "on pgha2: the lab is open" in notice and "pghalab up --no-open" in notice


async def test_nodes_are_told_only_what_is_not_so_yet(docker: FakeDocker, adopter: Adopter) -> None:
    docker.named("pgha2").files[STATE] = "open\n"
    docker.answers = lambda command: (0, f"flushing\n{command[1]}\n")
    engine = docker.engine()
    assert await adopter.close_or_open(engine, await found(docker), to_open=False) == []
    assert [(name, command) for name, command, _ in docker.ran] == [("pgha2", [reach.FILTER, "closed"])]
    docker.named("pgha2").files[STATE] = "closed\n"
    docker.ran.clear()
    (warning,) = await adopter.close_or_open(engine, await found(docker), to_open=True)
    assert sorted((name, command[1]) for name, command, _ in docker.ran) == [("pgha1", "open"), ("pgha2", "open")]
    assert "on pgha1 and pgha2: the lab is open" in warning
    assert adopter.notices == [warning]


async def test_a_node_without_a_filter_is_not_told_and_said(docker: FakeDocker, adopter: Adopter) -> None:
    del docker.named("pgha1").files[STATE]
    (warning,) = await adopter.close_or_open(docker.engine(), await found(docker), to_open=False)
    assert "on pgha1: made from an older image, which filters nothing" in warning
    assert docker.ran == []


async def test_an_engine_that_fails_is_not_a_node_without_a_filter(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(container: str, path: str) -> tuple[list[bytes], dict[str, object]]:
        raise refusal(500, "broken")

    monkeypatch.setattr(docker, "get_archive", fails)
    with pytest.raises(LabError, match="broken"):
        await reach.said(docker.engine(), docker.named("pgha1").id)


@pytest.mark.parametrize(
    ("state", "to_open", "differs"),
    [
        ("closed", False, False),
        ("closed", True, True),
        ("open", False, True),
        ("open", True, False),
        ("none no module", True, True),
        ("none no module", False, False),
        ("", True, False),
        ("", False, False),
    ],
)
def test_who_has_to_be_told(state: str, to_open: bool, differs: bool) -> None:
    assert reach.differs(state, to_open=to_open) is differs


def test_each_reason_is_one_sentence_with_the_nodes_in_their_order() -> None:
    states = {
        "pgha10": "open",
        "pgha9": "open",
        "pgha2": "open",
        "a": "none x_tables missing",
        "b": "none",
        "c": "closed",
    }
    opened, filterless = reach.warnings(states)
    assert "on pgha2, pgha9 and pgha10: the lab is open. To close it: pghalab up --no-open" in opened
    assert "on a and b: the engine's kernel filters no packets for them (x_tables missing)." in filterless
    assert "(no reason given)" in reach.warnings({"b": "none"})[0]
    assert reach.warnings({"c": "closed"}) == []
