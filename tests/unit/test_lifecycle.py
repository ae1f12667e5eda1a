"""What the verbs do to the containers, networks and volumes of a lab, and to no others, and what they say of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from pghalab.lab.deploy import lifecycle
from pghalab.lab.deploy.spec import deployment
from pghalab.lab.engine.client import REMOVALS
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.settings import default_settings
from pghalab.lab.types import LabError
from tests.fake_lab.engine import FakeContainer, FakeDocker, refusal

SETTINGS = replace(default_settings("pgha"), nodes=3, password="secret")
OTHER = replace(default_settings("b"), nodes=1, subnet="10.9.9")


@pytest.fixture
def docker() -> FakeDocker:
    """An engine with the lab and another one, and a container of nobody."""
    made = FakeDocker()
    made.deploy(SETTINGS)
    made.deploy(OTHER)
    made.add("web", network="bridge", address="172.17.0.2")
    return made


class Said(list[str]):
    """What a verb has printed."""

    def append(self, text: str) -> None:
        # That a part of the work begins need not be printed.
        if text:
            super().append(text)


@pytest.fixture
def said() -> Said:
    return Said()


async def reached(name: str, found: FoundContainer) -> bool:
    """A node whose sshd lets the console in as soon as it runs."""
    return found.state == "running"


def quiet(_: str) -> None:
    """Nobody listens."""


async def never(name: str, found: FoundContainer) -> bool:
    return False


def states(docker: FakeDocker) -> dict[str, str]:
    return {one.name: one.state for one in docker.held.values()}


async def one(docker: FakeDocker, name: str) -> FoundContainer:
    return next(each for each in await docker.engine().containers() if each.name == name)


# Which containers are whose


async def test_a_node_is_known_by_its_label_whatever_it_is_called(docker: FakeDocker) -> None:
    docker.named("pgha2").name = "renamed"
    found = await lifecycle.nodes(docker.engine(), SETTINGS)
    assert {name: each.name for name, each in found.items()} == {
        "pgha1": "pgha1",
        "pgha2": "renamed",
        "pgha3": "pgha3",
    }
    fewer = lifecycle.named(found.values(), replace(SETTINGS, nodes=2))
    assert list(fewer) == ["pgha1", "pgha2", "pgha3"]


# Starting


async def test_start_starts_what_is_stopped_and_wakes_what_is_paused(docker: FakeDocker, said: Said) -> None:
    docker.named("pgha1").state = "exited"
    docker.named("pgha2").state = "paused"
    docker.named("b1").state = "exited"
    await lifecycle.start(docker.engine(), SETTINGS, said.append, reached)
    assert states(docker) == {"pgha1": "running", "pgha2": "running", "pgha3": "running", "b1": "exited"} | {
        "web": "running"
    }
    assert sorted(said) == ["pgha1 started\n", "pgha2 was paused and runs again\n"]


async def test_start_tells_of_nodes_that_are_not_there(docker: FakeDocker, said: Said) -> None:
    docker.remove_container(docker.named("pgha2").id, force=True, v=True)
    await lifecycle.start(docker.engine(), SETTINGS, said.append, reached)
    assert said == ["pgha2 has no container: `pghalab up` creates it\n"]


@pytest.mark.parametrize("verb", [lifecycle.start, lifecycle.restart])
async def test_a_lab_without_nodes_says_how_to_make_them(verb: Callable[..., Awaitable[None]], said: Said) -> None:
    with pytest.raises(LabError) as told:
        await verb(FakeDocker().engine(), SETTINGS, said.append, reached)
    assert (told.value.kind, told.value.what) == ("no-lab", "The lab pgha has no nodes.")
    assert told.value.todo == "Create them: pghalab up"


async def test_start_goes_on_with_the_others_when_one_fails(docker: FakeDocker, said: Said) -> None:
    for name in ("pgha1", "pgha2", "pgha3"):
        docker.named(name).state = "exited"
    docker.fails["start", "pgha1"] = refusal(500, "no")
    with pytest.raises(LabError) as told:
        await lifecycle.start(docker.engine(), SETTINGS, said.append, reached)
    assert told.value.node == "pgha1"
    assert (states(docker)["pgha2"], states(docker)["pgha3"]) == ("running", "running")


async def test_an_address_that_somebody_took_meanwhile_is_told_with_its_holder(docker: FakeDocker) -> None:
    docker.named("pgha2").state = "exited"
    docker.add("guest", network=SETTINGS.network, address="192.168.50.11")
    with pytest.raises(LabError) as told:
        await lifecycle.start(docker.engine(), SETTINGS, quiet, reached)
    error = told.value
    assert (error.node, error.kind) == ("pgha2", "taken")
    assert error.what == "Its address 192.168.50.11 is held by the container guest (running)."
    assert error.todo == ("Remove it (docker rm -f guest), or move the lab: pghalab down, then pghalab up --auto")


async def test_a_failure_for_another_reason_keeps_its_words(docker: FakeDocker) -> None:
    engine = docker.engine()
    lost = await lifecycle.explained(engine, LabError("x", kind="no-network"), "pgha1", "192.168.50.10")
    assert (lost.node, lost.what, lost.kind) == ("pgha1", "x", "no-network")
    assert lost.todo == "Its network was removed. Make it again and connect the nodes to it: pghalab up"
    other = await lifecycle.explained(engine, LabError("x", todo="y", kind="engine-refused"), "pgha1", "")
    assert (other.node, other.what, other.todo, other.kind) == ("pgha1", "x", "y", "engine-refused")
    # Its own container holds the address: that is no reason.
    own = await lifecycle.explained(engine, LabError("x", todo="y", kind="taken"), "pgha1", "192.168.50.10")
    assert (own.what, own.todo, own.kind) == ("x", "y", "taken")


async def test_a_renamed_node_has_its_name_again(docker: FakeDocker, said: Said) -> None:
    docker.named("pgha2").name = "mine"
    docker.named("mine").state = "exited"
    await lifecycle.start(docker.engine(), SETTINGS, said.append, reached)
    assert docker.named("pgha2").state == "running"
    assert said == ["pgha2 had been renamed to mine; it has its name again\n", "pgha2 started\n"]


async def test_a_renamed_node_whose_name_is_taken_says_so(docker: FakeDocker) -> None:
    docker.named("pgha2").name = "mine"
    docker.add("pgha2")
    with pytest.raises(LabError) as told:
        await lifecycle.start(docker.engine(), SETTINGS, quiet, reached)
    assert (told.value.node, told.value.kind) == ("pgha2", "taken")
    assert "was renamed to mine" in told.value.what and "docker rm -f mine" in told.value.todo


# Waiting until the nodes are reached


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "POLL_SECONDS", 0.001)


async def test_ready_are_those_that_are_reached_with_what_they_are_then(docker: FakeDocker, soon: None) -> None:
    asked: list[str] = []

    async def slowly(name: str, found: FoundContainer) -> bool:
        asked.append(name)
        return asked.count(name) > (2 if name == "pgha2" else 0)

    ready = await lifecycle.wait_ready(docker.engine(), SETTINGS, ("pgha1", "pgha2"), slowly)
    assert {name: found.ssh_port for name, found in ready.items()} == {
        name: docker.named(name).port for name in ("pgha1", "pgha2")
    }
    # Who is reached is not asked again.
    assert (asked.count("pgha1"), asked.count("pgha2")) == (1, 3)


async def test_a_node_that_is_not_reached_in_time_is_told_with_its_last_words(
    docker: FakeDocker, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "READY_SECONDS", 0.1)
    monkeypatch.setattr(lifecycle, "READY_PER_NODE", 0.0)
    docker.named("pgha2").printed = "one\nsshd: no hostkeys available\n"

    async def all_but_two(name: str, found: FoundContainer) -> bool:
        return name not in ("pgha2", "pgha3")

    with pytest.raises(LabError) as told:
        await lifecycle.wait_ready(docker.engine(), SETTINGS, SETTINGS.node_names, all_but_two)
    error = told.value
    assert (error.kind, error.todo) == ("timeout", "See: docker logs pgha2")
    assert error.what == (
        "The console could not log in on pgha2, pgha3 within 0 s. pgha2 last said: one\nsshd: no hostkeys available"
    )


async def test_each_node_gives_the_others_more_time(
    docker: FakeDocker, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "READY_SECONDS", 0.0)
    monkeypatch.setattr(lifecycle, "READY_PER_NODE", 1.0)
    with pytest.raises(LabError, match="within 0 s"):
        await lifecycle.wait_ready(docker.engine(), SETTINGS, ("pgha1",), never)
    with pytest.raises(LabError, match=r"within 2 s\. pgha1 last said: nothing"):
        await lifecycle.wait_ready(docker.engine(), SETTINGS, SETTINGS.node_names, never)


async def test_a_node_that_ended_or_is_gone_is_not_waited_for(docker: FakeDocker, soon: None) -> None:
    docker.named("pgha2").state, docker.named("pgha2").printed = "exited", "no such file\n"
    with pytest.raises(LabError) as told:
        await lifecycle.wait_ready(docker.engine(), SETTINGS, ("pgha1", "pgha2"), never)
    assert (told.value.node, told.value.kind) == ("pgha2", "not-running")
    assert told.value.what == "Its container ended right after it started: no such file"
    assert told.value.todo == "See: docker logs pgha2"
    docker.named("pgha2").printed = ""
    with pytest.raises(LabError, match="it printed nothing"):
        await lifecycle.wait_ready(docker.engine(), SETTINGS, ("pgha2",), never)
    docker.remove_container(docker.named("pgha2").id, force=True, v=True)
    with pytest.raises(LabError) as told:
        await lifecycle.wait_ready(docker.engine(), SETTINGS, ("pgha2",), never)
    assert (told.value.node, told.value.kind) == ("pgha2", "gone")
    assert told.value.what == "Its container was removed while it started."
    assert told.value.todo == "Create it again: pghalab up"


async def test_a_node_that_nothing_reaches_says_so_at_once(docker: FakeDocker, soon: None) -> None:
    docker.named("pgha2").networks.clear()
    with pytest.raises(LabError) as told:
        await lifecycle.wait_ready(docker.engine(), SETTINGS, SETTINGS.node_names, never)
    assert (told.value.node, told.value.kind) == ("pgha2", "no-network")
    assert told.value.what == "It is not connected to the lab's network pghanet."
    lifecycle.require_connected(SETTINGS, "pgha1", await one(docker, "pgha1"))


# Stopping and restarting


async def test_stop_stops_what_runs_and_says_what_does_not(docker: FakeDocker, said: Said) -> None:
    docker.named("pgha2").state = "paused"
    docker.named("pgha3").state = "created"
    await lifecycle.stop(docker.engine(), SETTINGS, said.append)
    assert states(docker) == {"pgha1": "exited", "pgha2": "exited", "pgha3": "created", "b1": "running"} | {
        "web": "running"
    }
    assert sorted(said) == ["pgha1 stopped\n", "pgha2 stopped\n", "pgha3 is not running\n"]


async def test_restart_restarts_every_node_and_waits_for_it(docker: FakeDocker, said: Said) -> None:
    docker.named("pgha1").state = "exited"
    docker.named("pgha2").state = "paused"
    before = {each.name: each.port for each in docker.held.values()}
    seen: list[str] = []

    async def noted(name: str, found: FoundContainer) -> bool:
        seen.append(name)
        return True

    await lifecycle.restart(docker.engine(), SETTINGS, said.append, noted)
    assert [name for name, port in before.items() if docker.named(name).port != port] == ["pgha1", "pgha2", "pgha3"]
    assert sorted(said) == [f"pgha{number} restarted\n" for number in (1, 2, 3)]
    assert sorted(seen) == ["pgha1", "pgha2", "pgha3"]


@pytest.mark.parametrize(
    ("call", "doing"), [("stop", "Stopping pgha2"), ("restart", "Restarting pgha2"), ("remove_container", "Removing")]
)
async def test_a_refusal_names_the_node_and_what_was_done_to_it(docker: FakeDocker, call: str, doing: str) -> None:
    docker.fails[call, "pgha2"] = refusal(500, "it does not want to")
    engine = docker.engine()
    verbs = {
        "stop": lambda: lifecycle.stop(engine, SETTINGS, quiet),
        "restart": lambda: lifecycle.restart(engine, SETTINGS, quiet, reached),
        "remove_container": lambda: lifecycle.remove(engine, SETTINGS, quiet),
    }
    with pytest.raises(LabError, match=f"^{doing}.*it does not want to"):
        await verbs[call]()


# Removing


async def test_rm_removes_the_containers_of_this_lab_only(docker: FakeDocker, said: Said) -> None:
    docker.named("pgha2").name = "mine"
    volumes = set(docker.vols)
    await lifecycle.remove(docker.engine(), SETTINGS, said.append)
    assert set(states(docker)) == {"b1", "web"}
    assert set(docker.vols) == volumes
    assert sorted(said) == ["mine removed\n", "pgha1 removed\n", "pgha3 removed\n"]


async def test_what_is_gone_already_is_removed(docker: FakeDocker, said: Said) -> None:
    docker.fails["remove_container", "pgha1"] = refusal(409, "removal of container is already in progress")
    docker.fails["remove_network", "pghanet"] = refusal(404, "network pghanet not found")
    docker.fails["remove_volume", "pgha-keys"] = refusal(404, "no such volume")
    for each in ("pgha1", "pgha2", "pgha3"):
        docker.named(each).networks.clear()
    await lifecycle.remove(docker.engine(), SETTINGS, said.append)
    docker.held = {id_: each for id_, each in docker.held.items() if each.name != "pgha1"}
    await lifecycle.down(docker.engine(), SETTINGS, said.append, volumes=True)
    assert "pgha1 removed\n" in said and "network pghanet removed\n" in said and "volume pgha-keys removed\n" in said


async def test_a_busy_engine_is_asked_again_to_take_the_files_of_a_node_away(
    docker: FakeDocker, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pghalab.lab.engine.client.REMOVE_AGAIN", 0.0)
    remove, asked = docker.remove_container, list[str]()

    def busy(container: str, **words: bool) -> None:
        asked.append(docker.held[container].name)
        if asked[-1] == "pgha1" and asked.count("pgha1") < 3:
            raise refusal(500, "unable to remove filesystem: unlinkat: directory not empty")
        remove(container, **words)

    monkeypatch.setattr(docker, "remove_container", busy)
    await lifecycle.remove(docker.engine(), SETTINGS, said.append)
    assert Counter(asked) == {"pgha1": 3, "pgha2": 1, "pgha3": 1} and set(states(docker)) == {"b1", "web"}


async def test_an_engine_that_never_takes_them_away_is_asked_so_often_and_no_more(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pghalab.lab.engine.client.REMOVE_AGAIN", 0.0)
    asked = []

    def never(container: str, **words: bool) -> None:
        asked.append(container)
        raise refusal(500, "unable to remove filesystem: unlinkat: directory not empty")

    monkeypatch.setattr(docker, "remove_container", never)
    with pytest.raises(LabError, match="the engine refused: unable to remove filesystem"):
        await lifecycle.remove(docker.engine(), SETTINGS, quiet)
    assert set(Counter(asked).values()) == {REMOVALS}


async def test_the_data_is_removed_only_when_nothing_uses_it(docker: FakeDocker, said: Said) -> None:
    with pytest.raises(LabError) as told:
        await lifecycle.remove_volumes(docker.engine(), SETTINGS, said.append)
    assert told.value.kind == "in-use"
    assert told.value.what == "The volumes are in use by pgha1, pgha2, pgha3."
    assert told.value.todo == "Remove the containers first: pghalab rm"
    assert said == []
    await lifecycle.remove(docker.engine(), SETTINGS, quiet)
    await lifecycle.remove_volumes(docker.engine(), SETTINGS, said.append)
    assert {name for name in docker.vols if not name.startswith("b")} == set()
    assert docker.vols and "volume pgha1-pgdata removed\n" in said


async def test_down_removes_the_network_and_the_data_when_that_is_said(docker: FakeDocker, said: Said) -> None:
    volumes = set(docker.vols)
    await lifecycle.down(docker.engine(), SETTINGS, said.append, volumes=False)
    assert set(states(docker)) == {"b1", "web"}
    assert {net.name for net in docker.nets.values()} == {"bnet"}
    assert set(docker.vols) == volumes
    assert said[-1] == "network pghanet removed\n"
    await lifecycle.down(docker.engine(), SETTINGS, said.append, volumes=True)
    assert all(labels["pghalab.lab"] == "b" for labels in docker.vols.values())


async def test_a_guest_on_the_network_is_named_and_keeps_it(docker: FakeDocker) -> None:
    docker.add("guest", network="pghanet", address="192.168.50.77")
    with pytest.raises(LabError) as told:
        await lifecycle.down(docker.engine(), SETTINGS, quiet, volumes=True)
    assert told.value.kind == "in-use"
    assert told.value.what == "The network pghanet is in use by containers of somebody else: guest."
    assert told.value.todo == ("Disconnect them (docker network disconnect pghanet guest), then `pghalab down`.")
    assert "pgha1-pgdata" in docker.vols


async def test_a_network_that_cannot_be_removed_for_another_reason_says_that(docker: FakeDocker) -> None:
    docker.fails["remove_network", "pghanet"] = refusal(500, "a plugin failed")
    with pytest.raises(LabError, match="Removing the network pghanet: the engine refused: a plugin failed"):
        await lifecycle.down(docker.engine(), SETTINGS, quiet, volumes=False)


# Being connected


async def attached(docker: FakeDocker, said: Said, *, anew: bool = False) -> FakeContainer:
    spec = deployment(SETTINGS, "").nodes[1]
    await lifecycle.attach(docker.engine(), await one(docker, "pgha2"), spec, said.append, anew=anew)
    return docker.named("pgha2")


async def test_a_node_that_is_connected_is_left_alone(docker: FakeDocker, said: Said) -> None:
    assert (await attached(docker, said)).aliases == {}
    assert said == []


async def test_a_node_is_connected_again_with_its_own_address(docker: FakeDocker, said: Said) -> None:
    docker.named("pgha2").networks = {"bridge": "172.17.0.9"}
    found = await attached(docker, said)
    assert found.networks == {"bridge": "172.17.0.9", "pghanet": "192.168.50.11"}
    assert found.aliases == {"pghanet": ["pgha2", "etcd2"]}
    assert said == ["pgha2 was not connected to pghanet; it has 192.168.50.11 again\n"]


async def test_a_node_with_another_address_gets_its_own(docker: FakeDocker, said: Said) -> None:
    docker.named("pgha2").networks = {"pghanet": "192.168.50.99"}
    assert (await attached(docker, said)).networks == {"pghanet": "192.168.50.11"}
    assert said == ["pgha2 had the address 192.168.50.99; it has 192.168.50.11 again\n"]


async def test_what_a_node_remembers_of_a_network_that_is_new_is_another_ones(docker: FakeDocker, said: Said) -> None:
    assert (await attached(docker, said, anew=True)).aliases == {"pghanet": ["pgha2", "etcd2"]}
    assert said == ["pgha2 was not connected to pghanet; it has 192.168.50.11 again\n"]


async def test_a_node_that_cannot_be_connected_says_so(docker: FakeDocker, said: Said) -> None:
    docker.named("pgha2").networks = {}
    docker.fails["connect_container_to_network", "pgha2"] = refusal(500, "no")
    with pytest.raises(LabError, match=r"^Connecting pgha2: the engine refused: no$"):
        await attached(docker, said)
    assert said == []


async def test_everything_runs_to_its_end_before_the_first_failure_is_told() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        if number < 2:
            raise LabError(f"failure {number}")
        done.append(number)

    with pytest.raises(LabError, match="failure 0"):
        await lifecycle.together(work(number) for number in range(4))
    assert done == [2, 3]
