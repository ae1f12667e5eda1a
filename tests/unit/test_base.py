"""The base image when there is no registry, or one that refuses: debootstrap, or what to install for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import docker.errors
import pytest

from pghalab.lab import base
from pghalab.lab.longcall import Cancel
from pghalab.lab.types import LabError


class Api:
    """An engine without the base image and with a registry that is not there, or that refuses to give the image."""

    def __init__(self, registry: bool) -> None:
        self.registry = registry
        self.asked: list[str] = []

    def inspect_image(self, tag: str) -> dict[str, Any]:
        raise docker.errors.ImageNotFound(tag)

    def inspect_distribution(self, name: str) -> dict[str, Any]:
        self.asked.append(name)
        if not self.registry:
            raise docker.errors.APIError("dial tcp: lookup failed: no such host")
        return {}

    def pull(self, name: str, **_: object) -> Iterator[dict[str, Any]]:
        self.asked.append(f"pull {name}")
        yield {"error": "toomanyrequests: you have reached your limit"}


def have(monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
    monkeypatch.setattr(base, "open_client", lambda cancel, timeout=None: api)


@pytest.mark.parametrize("registry", [False, True])
def test_without_a_registry_the_base_is_made_here(monkeypatch: pytest.MonkeyPatch, registry: bool) -> None:
    api, said, made = Api(registry), [], []
    have(monkeypatch, api)
    monkeypatch.setattr(base, "bootstrap", lambda *_: made.append("debootstrap"))
    base.ensure_base(said.append, Cancel())
    assert made == ["debootstrap"]
    assert api.asked == [base.PULLED, *(["pull debian"] if registry else [])]
    assert ("toomanyrequests" in json.dumps(said)) == registry


@pytest.mark.parametrize(
    ("tool", "uid", "words", "todo"),
    [
        (None, 0, "debootstrap with Debian's keyring is not here", "apt-get install debootstrap"),
        ("/usr/sbin/debootstrap", 1000, "only root", "sudo debootstrap"),
    ],
)
def test_without_a_registry_and_debootstrap_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tool: str | None, uid: int, words: str, todo: str, tmp_path: Any
) -> None:
    have(monkeypatch, Api(registry=False))
    monkeypatch.setattr(base.shutil, "which", lambda _: tool)
    monkeypatch.setattr(base.os, "geteuid", lambda: uid)
    monkeypatch.setattr(base, "KEYRING", tmp_path)
    with pytest.raises(LabError) as caught:
        base.ensure_base(lambda _: None, Cancel())
    assert "No registry answers" in caught.value.what
    assert words in caught.value.what
    assert todo in caught.value.todo
