"""Volumes tell the settings their data was made under, and are not used under others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pghalab.lab.deploy import kept
from pghalab.lab.deploy.preflight import World
from pghalab.lab.deploy.recover import from_leftovers
from pghalab.lab.deploy.spec import deployment
from pghalab.lab.engine.inventory import FoundVolume
from pghalab.lab.settings import LabSettings, default_settings
from pghalab.lab.types import LabError

WAS = replace(default_settings("demo"), subnet="10.9.8", nodes=3, password="old", auth_method="md5")


def volumes(settings: LabSettings, *, labelled: bool = True) -> tuple[FoundVolume, ...]:
    return tuple(
        FoundVolume(volume.name, settings.name, tuple(volume.labels) if labelled else ())
        for volume in deployment(settings, "").volumes
    )


def test_the_same_settings_fit() -> None:
    kept.require_same(WAS, volumes(WAS))
    kept.require_same(WAS, volumes(WAS, labelled=False))
    kept.require_same(WAS, ())
    kept.require_same(replace(WAS, name="other"), volumes(WAS))


@pytest.mark.parametrize(
    ("changes", "said", "option"),
    [
        ({"subnet": "10.9.9"}, "the subnet 10.9.8 (now 10.9.9)", "-s 10.9.8"),
        ({"prefix": "dm"}, "the names demo1, … (now dm1, …)", "-c demo"),
        ({"nodes": 5}, "3 nodes (now 5)", "-n 3"),
        ({"auth_method": "scram-sha-256"}, "stored as md5", "-m"),
        ({"password": "new"}, "another password", "-p PASSWORD"),
    ],
)
def test_each_difference_is_said_with_both_ways_out(changes: dict[str, Any], said: str, option: str) -> None:
    with pytest.raises(LabError) as caught:
        kept.require_same(replace(WAS, **changes), volumes(WAS))
    assert caught.value.kind == "differs"
    assert said in caught.value.what
    assert f"up {option}" in caught.value.todo and "pghalab down -f" in caught.value.todo


def test_volumes_without_labels_tell_by_their_names() -> None:
    old = volumes(WAS, labelled=False)
    kept.require_same(replace(WAS, subnet="10.9.9", password="new"), old)
    for changes in ({"prefix": "dm"}, {"nodes": 5}):
        with pytest.raises(LabError):
            kept.require_same(replace(WAS, **changes), old)


def test_the_password_itself_stands_nowhere_in_the_labels() -> None:
    labels = [label for volume in deployment(replace(WAS, password="s3cret!"), "").volumes for label in volume.labels]
    assert not [value for _, value in labels if "s3cret!" in value]
    assert kept.fingerprint("demo", "s3cret!") in {value for _, value in labels}
    assert kept.fingerprint("demo", "s3cret!") != kept.fingerprint("other", "s3cret!")


def test_a_lost_state_folder_finds_all_but_the_password_again() -> None:
    found = from_leftovers(default_settings("demo"), World((), (), volumes(WAS), ()))
    assert found is not None
    assert (found.subnet, found.nodes, found.auth_method) == ("10.9.8", 3, "md5")
    assert "not its password" in found.notices[-1]
    with pytest.raises(LabError, match="another password"):
        kept.require_same(found, volumes(WAS))
    kept.require_same(replace(found, password="old"), volumes(WAS))
