"""Settings are stored whole, and a file that cannot be used is kept, said and survived."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab.lab.deploy.preflight import World
from pghalab.lab.deploy.recover import from_environment, from_leftovers
from pghalab.lab.deploy.spec import deployment
from pghalab.lab.engine.inventory import FoundNetwork, FoundVolume
from pghalab.lab.host.paths import state_dir
from pghalab.lab.settings import (
    LabSettings,
    checked,
    default_settings,
    load_settings,
    save_settings,
    settings_file,
)
from pghalab.lab.types import LabError


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_default_lab_is_the_tutorials() -> None:
    settings = default_settings("pgha")
    assert (settings.prefix, settings.network, settings.subnet, settings.nodes) == ("pgha", "pghanet", "192.168.50", 5)
    assert settings.addresses == {f"pgha{number}": f"192.168.50.{9 + number}" for number in range(1, 6)}
    assert settings.auth_method == "scram-sha-256"
    assert settings.nodelist.startswith("pgha1:192.168.50.10 pgha2:192.168.50.11 ")


def test_passwords_are_random_and_not_shown() -> None:
    one, other = default_settings("pgha"), default_settings("pgha")
    assert one.password != other.password
    assert one.password not in repr(one)


@pytest.mark.parametrize(("lab", "prefix"), [("demo", "demo"), ("lab2", "lab2-"), ("my_lab", "my-lab")])
def test_another_lab_has_names_of_its_own(lab: str, prefix: str) -> None:
    settings = default_settings(lab)
    assert (settings.prefix, settings.network) == (prefix, f"{lab}net")


def test_what_is_saved_is_loaded_again() -> None:
    settings = replace(default_settings("demo"), subnet="10.1.2", nodes=3, password="s3cr$t'", auth_method="md5")
    save_settings(settings)
    loaded = load_settings("demo")
    assert loaded == settings
    assert (loaded.origin, loaded.notices) == ("file", ())
    assert settings_file("demo").stat().st_mode & 0o777 == 0o600
    assert state_dir("demo").stat().st_mode & 0o777 == 0o700


def test_a_lab_without_a_file_has_the_defaults() -> None:
    assert (load_settings("demo").origin, load_settings("demo").notices) == ("defaults", ())


def _stored(**changes: object) -> str:
    good = {
        "name": "demo", "prefix": "demo", "network": "demonet", "subnet": "10.1.2", "image": "i:1", "nodes": 5,
        "password": "x", "auth_method": "md5",
    }  # fmt: skip
    return json.dumps({**good, **changes})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe\x00",
        _stored(nodes="5").encode(),
        _stored(nodes=True).encode(),
        _stored(nodes=0).encode(),
        _stored(subnet="10.1").encode(),
        _stored(name="other").encode(),
        _stored(auth_method="plain").encode(),
        b'{"name": "demo"}',
    ],
)
def test_a_corrupt_file_is_kept_aside_and_told(content: bytes) -> None:
    state_dir("demo")
    path = settings_file("demo")
    path.write_bytes(content)
    settings = load_settings("demo")
    assert settings.origin == "defaults"
    kept = list(path.parent.glob("settings.json.corrupt-*"))
    assert [one.read_bytes() for one in kept] == [content]
    assert kept[0].name in settings.notices[0]
    assert not path.exists()
    assert load_settings("demo").notices == ()


def test_every_corrupt_file_is_kept() -> None:
    for content in ("one", "two", "three"):
        state_dir("demo")
        settings_file("demo").write_text(content)
        load_settings("demo")
    kept = settings_file("demo").parent.glob("settings.json.corrupt-*")
    assert {one.read_text() for one in kept} == {"one", "two", "three"}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Bad"},
        {"name": "../x"},
        {"name": ""},
        {"prefix": "pg1"},
        {"prefix": "pg_a"},
        {"prefix": "-a"},
        {"network": "a b"},
        {"subnet": "192.168.50.0"},
        {"subnet": "192.168.256"},
        {"subnet": "192.168.050"},
        {"subnet": "127.0.0"},
        {"subnet": "224.1.1"},
        {"nodes": 51},
        {"image": ""},
        {"image": "a b"},
        {"password": ""},
        {"password": "two words"},
        {"password": "line\nbreak"},
        {"password": "pässword"},
        {"auth_method": "plain"},
    ],
)
def test_settings_that_cannot_work_are_refused_with_what_to_do(change: dict[str, Any]) -> None:
    with pytest.raises(LabError) as caught:
        checked(replace(default_settings("pgha"), **change))
    assert caught.value.todo


def test_whoever_looks_moves_no_file_and_makes_no_folder(state: Path) -> None:
    assert load_settings("demo", look_only=True).origin == "defaults"
    assert not state.exists()
    state_dir("demo")
    settings_file("demo").write_text("{")
    loaded = load_settings("demo", look_only=True)
    assert "could not be used" in loaded.notices[0]
    assert [file.name for file in settings_file("demo").parent.iterdir()] == ["settings.json"]


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "file"))
    with pytest.raises(LabError) as caught:
        load_settings("pgha")
    assert "PGHALAB_STATE_DIR" in caught.value.todo


def _other() -> LabSettings:
    return replace(default_settings("demo"), prefix="dm", subnet="10.9.8", nodes=3, password="old", auth_method="md5")


def test_a_nodes_environment_tells_the_settings() -> None:
    was = _other()
    environment = dict(deployment(was, "key").nodes[0].environment)
    found = from_environment(default_settings("demo"), environment, network=was.network, image="own:1")
    assert found == replace(was, image="own:1")
    assert found is not None and found.origin == "engine" and found.notices
    rebuilt = from_environment(default_settings("demo"), environment, network=was.network, image="8c4bb53d88e8")
    assert rebuilt == was


@pytest.mark.parametrize("nodelist", ["", "dm1", "dm1:10.9.8.10 dm3:10.9.8.12", "dm1:10.9.8.77", "x:y"])
def test_an_environment_of_something_else_tells_nothing(nodelist: str) -> None:
    environment = {**dict(deployment(_other(), "key").nodes[0].environment), "NODELIST": nodelist}
    assert from_environment(default_settings("demo"), environment, network="n", image="i:1") is None


def test_what_is_left_of_a_lab_tells_its_names() -> None:
    was = _other()
    volumes = tuple(FoundVolume(volume.name, "demo") for volume in deployment(was, "").volumes)
    world = World((), (FoundNetwork("1", "own", "demo", ("10.9.8.0/24",)),), volumes, ())
    found = from_leftovers(default_settings("demo"), world)
    assert found is not None
    assert (found.prefix, found.network, found.subnet, found.nodes) == ("dm", "own", "10.9.8", 3)
    assert from_leftovers(default_settings("demo"), World((), (), (), ())) is None
